"""What remediation has written while a clock was ahead: brought back to now, in its order."""

from __future__ import annotations

import pytest

from monitor.clock import CLOCK_TOLERANCE_SECONDS
from monitor.journal import ChangeState, Quarantine, Switch
from monitor.ledger import Ledger
from monitor.remediation.circuit_breaker import trip_reason
from tests.evidence import ORG, T0
from tests.journal.changing import begun, entry, leased, moved, sent

HOURS = 7_200
LATER = T0 + HOURS
"""What the clock showed at T0, when it was wrong."""

S = ChangeState


def failed(ledger: Ledger, action_id: str, at: float) -> None:
    """A change that the platform refuses."""
    lease = leased(ledger)
    moved(
        ledger, lease, sent(ledger, lease, begun(ledger, lease, action_id), at=at), S.FAILED, at=at
    )
    ledger.journal.give_back(lease)


def test_a_resumption_in_the_future_forgets_nothing(ledger: Ledger) -> None:
    """Failures since then would else be forgotten until the clock comes there."""
    ledger.journal.resume(ORG, Switch(LATER, "ann@desk"))
    for at, action_id in enumerate(["a1", "a2", "a3"]):
        failed(ledger, action_id, T0 + at)

    assert trip_reason(ledger.journal.remediation_state(ORG, T0 + 10), 3)


def test_a_resumption_is_brought_back_and_what_failed_before_stays_forgotten(
    ledger: Ledger,
) -> None:
    """They had looked at it; what fails from now on counts."""
    failed(ledger, "a1", LATER - 20)
    failed(ledger, "a2", T0 - 10)
    ledger.journal.resume(ORG, Switch(LATER, "ann@desk"))

    assert ledger.journal.bring_back_from_future(ORG, T0) == pytest.approx(HOURS)
    assert ledger.journal.bring_back_from_future(ORG, T0) == 0.0

    state = ledger.journal.remediation_state(ORG, T0)
    assert state.resumed_at == T0
    assert not trip_reason(state, 1)
    failed(ledger, "a3", T0 + 1)
    assert trip_reason(ledger.journal.remediation_state(ORG, T0 + 10), 1)


def test_one_that_helped_in_the_future_does_not_end_every_row(ledger: Ledger) -> None:
    """Whatever fails after it has failed since."""
    lease = leased(ledger)
    change = sent(ledger, lease, begun(ledger, lease), at=LATER)
    moved(ledger, lease, change, S.APPLIED, S.WATCHING, S.VERIFIED, at=LATER)
    ledger.journal.give_back(lease)
    ledger.journal.bring_back_from_future(ORG, T0)
    failed(ledger, "a2", T0 + 1)

    state = ledger.journal.remediation_state(ORG, T0 + 2)
    assert trip_reason(state, 1)
    assert max(one.sent_at or 0.0 for one in state.changes) == T0 + 1


def test_a_quarantine_lasts_no_longer_than_its_own_length(ledger: Ledger) -> None:
    """It begins anew: nobody can tell when it was begun."""
    lease = leased(ledger)
    change = sent(ledger, lease, begun(ledger, lease), at=LATER)
    quarantine = Quarantine("a1", "changed_by_others", LATER, LATER + 60, change.change_id)
    ledger.journal.move(lease, change, S.SUPERSEDED, entry(at=LATER), quarantine=quarantine)

    ledger.journal.bring_back_from_future(ORG, T0)

    found = ledger.journal.remediation_state(ORG, T0).quarantines["a1"]
    assert (found.since, found.until) == pytest.approx((T0, T0 + 60))


def test_what_is_ahead_by_less_than_clocks_may_be_apart_stays(ledger: Ledger) -> None:
    """Hosts that share a state are."""
    ledger.journal.resume(ORG, Switch(T0 + CLOCK_TOLERANCE_SECONDS, "ann@desk"))

    assert ledger.journal.bring_back_from_future(ORG, T0) == 0.0
    assert ledger.journal.remediation_state(ORG, T0).resumed_at == T0 + CLOCK_TOLERANCE_SECONDS


def test_an_org_that_was_never_seen_has_nothing_to_bring_back(ledger: Ledger) -> None:
    """And is not made known by it."""
    assert ledger.journal.bring_back_from_future("nobody", T0) == 0.0
