"""The guards of a timeout that a person sets to a value of their own.

They have looked at the action themselves, so nothing is asked of the evidence; what protects the
org, and the switches that people set, hold all the same.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from monitor.config import RemediationSettings
from monitor.errors import RefusedError
from monitor.journal import UNSETTLED_STATES, RemediationState
from monitor.model import CAP_MS
from monitor.remediation.decision import GuardResult, Initiator
from monitor.remediation.guards.permission import change_window, mode, paused, tripped
from monitor.remediation.targets import ASYNCHRONOUS, TargetState, validate_write


@dataclass(frozen=True, slots=True)
class ManualGuardInput:
    """One change as somebody asked for it, and the circumstances.

    Attributes:
        reading: What was read.
        to_ms: The timeout that it is to have.
        allow_lower: Whether it may be lowered.
        remediation_state: What was changed, and what stands in the way.
        settings: ``[remediation]``.
        now: Epoch seconds.
        place: Kind and container of the target.
    """

    reading: TargetState
    to_ms: int
    allow_lower: bool
    remediation_state: RemediationState
    settings: RemediationSettings
    now: float
    place: tuple[str, str]

    @property
    def initiator(self) -> Initiator:
        """A person."""
        return Initiator.HUMAN

    @property
    def largest_ms(self) -> int:
        """The largest timeout that may be set."""
        return min(CAP_MS, self.settings.max_timeout_ms)


@dataclass(frozen=True, slots=True)
class ManualGuards:
    """What must hold for a timeout that a person sets, whenever it is asked.

    Attributes:
        reading: What was read.
        to_ms: The timeout that it is to have.
        allow_lower: Whether it may be lowered.
        settings: ``[remediation]``.
        place: Kind and container of the target.
    """

    reading: TargetState
    to_ms: int
    allow_lower: bool
    settings: RemediationSettings
    place: tuple[str, str]

    def results(self, state: RemediationState, now: float) -> tuple[GuardResult, ...]:
        """Return what every guard says; the first that refuses gives the reason."""
        asked = self._input(state, now)
        return tuple(guard(asked) for guard in _GUARDS)

    def objection(self, state: RemediationState, now: float) -> str:
        """Return the name of the first guard that refuses; empty where none does."""
        return next((one.name for one in self.results(state, now) if not one.passed), "")

    def refusal(self, state: RemediationState, now: float) -> RefusedError | None:
        """Return the error for the first guard that refuses; None where none does."""
        refused = next((one for one in self.results(state, now) if not one.passed), None)
        if refused is None:
            return None
        hint = _hint(self._input(state, now), refused.name)
        return RefusedError(refused.detail, hint, guard=refused.name)

    def _input(self, state: RemediationState, now: float) -> ManualGuardInput:
        return ManualGuardInput(
            self.reading, self.to_ms, self.allow_lower, state, self.settings, now, self.place
        )


def cap(asked: ManualGuardInput) -> GuardResult:
    """Beyond half a minute of silence callers are gone, whatever the back end says then."""
    to_ms, largest_ms = asked.to_ms, asked.largest_ms
    above = to_ms > largest_ms
    words = "above" if above else "within"
    return GuardResult("cap", not above, f"{to_ms} ms is {words} the limit of {largest_ms} ms")


def raise_only(asked: ManualGuardInput) -> GuardResult:
    """A lower timeout cuts off calls that succeed today; a person may want that, and says so."""
    to_ms, reading = asked.to_ms, asked.reading
    now = shown(reading)
    if to_ms > reading.timeout_ms:
        return GuardResult("raise_only", passed=True, detail=f"{to_ms} ms is more than {now}")
    if to_ms < reading.timeout_ms:
        words = f"{to_ms} ms is less than the {now} that {reading.action_name} has now"
    else:
        words = f"{reading.action_name} has {now} already"
    return GuardResult("raise_only", asked.allow_lower, words)


def writable(asked: ManualGuardInput) -> GuardResult:
    """Some timeouts can't be set, belong to another program, or come without a lock."""
    try:
        validate_write(asked.reading, min(max(asked.to_ms, 1), CAP_MS))
    except RefusedError as error:
        return GuardResult(error.guard, passed=False, detail=error.message)
    return GuardResult("editable", passed=True, detail="its timeout can be set, under a lock")


def settled(asked: ManualGuardInput) -> GuardResult:
    """Two changes at once can't be told apart by the value that is there."""
    reading = asked.reading
    unsettled = [
        one
        for one in asked.remediation_state.changes
        if one.action_id == reading.action_id
        and one.state in UNSETTLED_STATES
        and (one.target, one.container_id) == asked.place
    ]
    words = "no other change of it is under way"
    if unsettled:
        one = unsettled[0]
        words = f"change {one.change_id} of it, by {one.actor}, is {one.state}"
    return GuardResult("settled", not unsettled, words)


def positive(asked: ManualGuardInput) -> GuardResult:
    """Zero would let every call time out."""
    return GuardResult("positive", asked.to_ms > 0, f"{asked.to_ms} ms")


_GUARDS: tuple[Callable[[ManualGuardInput], GuardResult], ...] = (
    writable,
    positive,
    cap,
    raise_only,
    settled,
    change_window,
    tripped,
    paused,
    mode,
)


def shown(reading: TargetState) -> str:
    """A timeout for people."""
    return f"{reading.timeout_ms} ms" + ("" if reading.is_set else " (the default)")


def _hint(asked: ManualGuardInput, guard: str) -> str:
    to_ms, reading = asked.to_ms, asked.reading
    if guard == "raise_only" and to_ms == reading.timeout_ms:
        return "There is nothing to do."
    if guard == "raise_only" and to_ms * 1_000 <= asked.largest_ms:
        return f"Values are milliseconds: {to_ms} s are {to_ms * 1_000}."
    if guard in {"lock", "unambiguous_document"} or guard.startswith("editable"):
        return f"{reading.by_hand}."
    if reading.unfit is not None and guard == reading.unfit.guard:
        return reading.unfit.hint
    return _HINTS.get(guard, "")


_HINTS = {
    "positive": "Values are milliseconds, 1 at least.",
    "cap": ASYNCHRONOUS,
    "raise_only": (
        "A lower timeout cuts off calls that succeed today; --allow-lower does it all the same."
    ),
    "settled": "Wait two minutes: until then its write may still arrive.",
    "change_window": "Wait for it, or change remediation.window.",
    "tripped": "Look at timeout-monitor history for what failed, then run timeout-monitor resume.",
    "paused": "timeout-monitor resume ends the pause.",
    "mode": "Set remediation.mode to recommend where a person may change timeouts.",
}
