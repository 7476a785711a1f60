"""When failures in a row stop everything."""

from __future__ import annotations

from dataclasses import replace

import pytest

from monitor.journal import Change, ChangeState, Switch
from monitor.remediation.circuit_breaker import trip_reason
from tests.remediation.guard_inputs import NOW, change, remediation_state

S = ChangeState


def ended(change_id: int, state: ChangeState, at: float) -> Change:
    """A change that came to this state so many seconds ago."""
    return change(state, change_id=change_id, touched_at=NOW - at)


@pytest.mark.parametrize(
    ("states", "trips"),
    [
        ([S.ROLLED_BACK, S.FAILED, S.UNHELPFUL], True),
        ([S.ROLLED_BACK, S.FAILED], False),
        ([S.ROLLED_BACK, S.VERIFIED, S.FAILED, S.FAILED], False),
        ([S.VERIFIED, S.FAILED, S.FAILED, S.FAILED], True),
        ([S.FAILED, S.SUPERSEDED, S.FAILED, S.ABANDONED, S.FAILED, S.CONFLICT], True),
        ([S.FAILED, S.FAILED, S.WATCHING, S.WRITING], False),
    ],
)
def test_three_failures_in_a_row_trip(states: list[ChangeState], *, trips: bool) -> None:
    """One that helped ends the row; one that says nothing neither ends nor makes it."""
    changes = [ended(at + 1, state, 1_000 - at) for at, state in enumerate(states)]
    assert bool(trip_reason(remediation_state(*changes), 3)) is trips


def test_the_row_goes_by_when_changes_ended() -> None:
    """One that began early and was rolled back late is the newest failure."""
    began_first = ended(1, S.ROLLED_BACK, 10)
    changes = remediation_state(began_first, ended(2, S.FAILED, 20), ended(3, S.VERIFIED, 30))
    assert trip_reason(changes, 2) == "2 changes in a row failed or did not help"


def test_what_ended_before_somebody_resumed_is_forgotten() -> None:
    """They have looked at it, whenever the changes began."""
    old = [ended(at, S.FAILED, 100) for at in (1, 2, 4)]
    resumed = replace(remediation_state(*old, ended(3, S.FAILED, 10)), resumed_at=NOW - 50)
    assert trip_reason(resumed, 2) == ""
    assert trip_reason(resumed, 1) != ""


def test_what_has_tripped_does_not_trip_again() -> None:
    """It is told once."""
    failed = [ended(at, S.FAILED, 10) for at in range(1, 5)]
    tripped = replace(remediation_state(*failed), tripped=Switch(NOW, "auto@host", "enough"))
    assert trip_reason(tripped, 3) == ""
