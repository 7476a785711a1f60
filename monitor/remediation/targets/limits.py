"""The last look before a write: what no caller, however mistaken, gets past."""

from __future__ import annotations

from monitor.diagnosis import HOW_TO_CHANGE, Editable
from monitor.errors import RefusedError
from monitor.model import CAP_MS
from monitor.remediation.targets.target import TargetState

ASYNCHRONOUS = (
    "A back end that needs more time wants an asynchronous call: let it answer at once, do the "
    "work, and call back through a webhook."
)


def validate_write(reading: TargetState, timeout_ms: int) -> None:
    """Refuse a write that must not be sent.

    Args:
        reading: What it was decided upon.
        timeout_ms: What would be sent, a whole step.

    Raises:
        RefusedError: It can't be edited, has no lock, can't be sent back whole, or the value is out
            of range.
    """
    name = reading.action_name
    if reading.editable is not Editable.YES:
        raise RefusedError(
            f"The timeout of {name} can't be changed here: {_WHY[reading.editable]}",
            f"{reading.by_hand}.",
            guard=f"editable_{reading.editable}",
        )
    if timeout_ms > CAP_MS:
        raise RefusedError(
            f"{timeout_ms} ms is above the limit of {CAP_MS} ms", ASYNCHRONOUS, guard="cap"
        )
    if timeout_ms < 1:
        raise RefusedError(
            f"{timeout_ms} ms is no timeout", f"Choose 1 to {CAP_MS} ms.", guard="positive"
        )
    validate_lock(reading)
    if reading.unfit is not None:
        raise reading.unfit


def validate_lock(reading: TargetState) -> None:
    """Refuse a write that could undo somebody else's.

    Raises:
        RefusedError: The platform gave no lock.
    """
    if not reading.lock:
        raise RefusedError(
            f"The platform gave no {reading.lock_name} for {reading.action_name}, so a change that "
            "somebody else makes meanwhile would be lost",
            f"{reading.by_hand}.",
            guard="lock",
        )


def validate_whole(what: str, *, is_whole: bool) -> None:
    """Refuse an answer that may have been cut on its way.

    Args:
        what: What was read, for people.
        is_whole: Whether the end of the answer was seen.

    Raises:
        RefusedError: It was not.
    """
    if not is_whole:
        raise RefusedError(
            f"Nothing shows that {what} came whole: it may have been cut on its way, and would be "
            "written back so",
            "Let the proxy or gateway between here and the platform pass on Content-Length or the "
            "last chunk, and whole compressed bodies; else set the timeout by hand.",
            guard="whole_answer",
        )


_WHY: dict[Editable, str] = {
    Editable.STATIC: "it is a static action",
    Editable.FUNCTION: "it is a function data action, whose timeout lives in its function",
    Editable.CUSTOM_AUTH: "it is a custom authentication action",
    Editable.TERRAFORM: "Terraform manages it",
    Editable.ABOVE_CAP: HOW_TO_CHANGE[Editable.ABOVE_CAP],
    Editable.UNKNOWN: "the type of its integration is not known, which tells functions",
}
