"""The last look before a write: what no caller, however mistaken, gets past."""

from __future__ import annotations

from monitor.analysis.editable import HOW, Editable
from monitor.errors import RefusedError
from monitor.model import CAP_MS
from monitor.remediation.targets.target import Reading

ASYNCHRONOUS = (
    "A back end that needs more time wants an asynchronous call: let it answer at once, do the "
    "work, and call back through a webhook."
)


def insist_on_a_write(reading: Reading, timeout_ms: int) -> None:
    """Refuse a write that must not be sent.

    Args:
        reading: What it was decided upon.
        timeout_ms: What would be sent, a whole step.

    Raises:
        RefusedError: It can't be edited, has no lock, or the value is out of range.
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
    if not reading.lock:
        raise RefusedError(
            f"The platform gave no {reading.lock_name} for {name}, so a change that somebody else "
            "makes meanwhile would be lost",
            f"{reading.by_hand}.",
            guard="lock",
        )


_WHY: dict[Editable, str] = {
    Editable.STATIC: "it is a static action",
    Editable.FUNCTION: "it is a function data action, whose timeout lives in its function",
    Editable.CUSTOM_AUTH: "it is a custom authentication action",
    Editable.TERRAFORM: "Terraform manages it",
    Editable.ABOVE_CAP: HOW[Editable.ABOVE_CAP],
    Editable.UNKNOWN: "nobody knows where it is",
}
