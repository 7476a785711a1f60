"""A listing of the catalogue that began before a write of ours, and is kept after it."""

from __future__ import annotations

import pytest

from monitor.journal import Change, ChangeState, Lease
from monitor.ledger import Ledger
from monitor.model import Action, ActionKind
from tests.evidence import ORG, T0
from tests.journal.changing import begun, entry, leased, moved, sent

S = ChangeState
RAISED_AT = T0 + 60.0


def listed(ledger: Ledger, timeout_ms: int, began_at: float) -> None:
    """Keep a listing that has begun at some moment."""
    action = Action("a1", "Look Up", kind=ActionKind.CUSTOM, configured_timeout_ms=timeout_ms)
    ledger.save_catalogue(ORG, [action], began_at, now=max(began_at, T0 + 7_000.0))


def in_force(ledger: Ledger) -> tuple[int | None, int | None]:
    """Return the timeout that the catalogue knows, and the newest of the history; ms."""
    (action,) = ledger.state(ORG).actions
    return action.configured_timeout_ms, ledger.timeouts_in_force(ORG)[-1][2]


@pytest.fixture
def lease(ledger: Ledger) -> Lease:
    """The right to change timeouts of an org whose action had 3 s an hour ago."""
    listed(ledger, 3_000, T0 - 3_600)
    return leased(ledger)


@pytest.fixture
def raised(ledger: Ledger, lease: Lease) -> Change:
    """A raise to 4 s that the platform has accepted at ``RAISED_AT``."""
    change = sent(ledger, lease, begun(ledger, lease))
    return moved(ledger, lease, change, S.APPLIED, at=RAISED_AT)


@pytest.mark.usefixtures("raised")
def test_a_listing_that_began_before_a_write_does_not_replace_it(ledger: Ledger) -> None:
    """What it shows was so before the write; the next one tells what is so now."""
    listed(ledger, 3_000, RAISED_AT - 1)

    assert in_force(ledger) == (4_000, 4_000)


@pytest.mark.usefixtures("raised")
def test_a_listing_that_began_after_a_write_counts(ledger: Ledger) -> None:
    """Somebody has set another value since."""
    listed(ledger, 5_000, RAISED_AT + 1)

    assert in_force(ledger) == (5_000, 5_000)


def test_a_listing_that_began_before_a_write_was_undone_does_not_replace_that(
    ledger: Ledger, lease: Lease, raised: Change
) -> None:
    """It still shows the value that is undone by now."""
    undoing = ledger.journal.send(
        lease,
        moved(ledger, lease, raised, S.WATCHING, S.UNHELPFUL, at=RAISED_AT),
        S.UNDOING,
        entry(RAISED_AT),
        revision=None,
        machine_now=T0,
    )
    assert undoing is not None
    moved(ledger, lease, undoing, S.ROLLED_BACK, at=RAISED_AT + 100)

    listed(ledger, 4_000, RAISED_AT + 50)

    assert in_force(ledger) == (3_000, 3_000)
    listed(ledger, 4_000, RAISED_AT + 101)
    assert in_force(ledger) == (4_000, 4_000)


@pytest.mark.usefixtures("raised")
def test_a_write_in_a_flow_says_nothing_of_an_action_outside_it(ledger: Ledger) -> None:
    """An action may stand in a document, too, and has a timeout of its own there."""
    in_a_flow = Action("a1", "Look Up", kind=ActionKind.FLOW, configured_timeout_ms=3_000)

    ledger.save_catalogue(ORG, [in_a_flow], RAISED_AT - 1, now=RAISED_AT + 1)

    assert in_force(ledger) == (3_000, 3_000)


@pytest.mark.usefixtures("lease")
def test_a_listing_that_began_before_another_does_not_replace_it(ledger: Ledger) -> None:
    """Two programs list at once, and the slower one keeps what it has read last."""
    listed(ledger, 5_000, T0 + 60)
    listed(ledger, 3_000, T0 + 50)

    assert in_force(ledger) == (5_000, 5_000)


@pytest.mark.usefixtures("lease")
def test_a_listing_counts_after_the_clock_was_set_back(ledger: Ledger) -> None:
    """What began later than now was dated by a clock that was wrong."""
    listed(ledger, 5_000, T0 + 10_000)
    listed(ledger, 6_000, T0 + 50)

    assert in_force(ledger)[0] == 6_000


@pytest.mark.usefixtures("raised")
def test_a_program_that_was_stopped_in_the_middle_of_a_listing_keeps_no_old_timeout(
    ledger: Ledger,
) -> None:
    """It wakes an hour after another one has raised it."""
    listed(ledger, 3_000, RAISED_AT - 3_000)

    assert in_force(ledger) == (4_000, 4_000)


@pytest.mark.usefixtures("raised")
def test_what_was_read_long_before_its_listing_counts_as_old_as_it_is(ledger: Ledger) -> None:
    """A document for which there was no time this time is as it was read before."""
    action = Action("a1", "Look Up", kind=ActionKind.CUSTOM, configured_timeout_ms=3_000)

    ledger.save_catalogue(ORG, [action], RAISED_AT + 600, began={"a1": RAISED_AT - 1})

    assert in_force(ledger) == (4_000, 4_000)


def test_a_write_of_a_wrong_clock_hides_none_of_the_right_one(
    ledger: Ledger, lease: Lease, raised: Change
) -> None:
    """The later one is void, and the one before it still is newer than the listing."""
    moved(ledger, lease, raised, S.WATCHING, S.SUPERSEDED, at=RAISED_AT)
    ahead = sent(ledger, lease, begun(ledger, lease, at=T0 + 90_000), T0 + 90_000)
    moved(ledger, lease, ahead, S.APPLIED, at=T0 + 90_000)

    listed(ledger, 3_000, RAISED_AT - 1)

    assert in_force(ledger)[0] == 4_000
