"""The journal of changes, in SQLite and in PostgreSQL."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace

import pytest
from sqlalchemy import create_engine, make_url, text

from monitor.errors import BusyError, LedgerError
from monitor.journal import Change, ChangeState, Quarantine, Switch
from monitor.journal.leases import LONGEST_SECONDS
from monitor.ledger import Ledger
from monitor.model import Action
from tests.evidence import ORG, T0
from tests.journal.changing import (
    HOLDER,
    LEASE_SECONDS,
    begun,
    entry,
    intent,
    leased,
    moved,
    revision,
    sent,
)


def events(ledger: Ledger) -> list[str]:
    """What the audit trail tells, the oldest first."""
    return [one.event for one in reversed(ledger.journal.audit.newest(ORG, 100))]


def test_a_change_is_followed_from_intent_to_proof(ledger: Ledger) -> None:
    """Each state has its moment, its locks and its line in the audit trail."""
    lease = leased(ledger)
    change = sent(ledger, lease, begun(ledger, lease), at=T0 + 1)
    change = moved(ledger, lease, change, ChangeState.APPLIED, ChangeState.WATCHING, at=T0 + 2)

    assert (change.began_at, change.sent_at, change.applied_at) == (T0, T0 + 1, T0 + 2)
    assert (change.lock_before, change.lock_after, change.ended_at) == ("7", "8", None)
    change = moved(ledger, lease, change, ChangeState.VERIFIED, at=T0 + 9)
    assert (change.ended_at, change.is_open, change.left_ms) == (T0 + 9, False, 4_000)
    assert ledger.journal.change(ORG, change.change_id) == change
    assert events(ledger) == ["planned", "writing", "applied", "watching", "verified"]


def test_what_a_change_is_to_be_held_against_and_for_how_long_is_kept(ledger: Ledger) -> None:
    """Another program may be the one that judges it."""
    tried = replace(intent(), trial_seconds=7_200.0, alike_since=T0 - 900.0)
    change = ledger.journal.begin(
        leased(ledger), tried, entry(), revision=revision(ledger), machine_now=T0
    )

    assert change is not None
    assert ledger.journal.change(ORG, change.change_id) == change
    assert (change.trial_seconds, change.alike_since) == (7_200.0, T0 - 900.0)


@pytest.mark.parametrize("thrown", ["pause", "trip", "resume", "release"])
def test_what_was_decided_before_the_record_went_on_is_not_recorded(
    ledger: Ledger, thrown: str
) -> None:
    """A switch that is thrown after a decision stops what follows from it."""
    lease = leased(ledger)
    journal = ledger.journal
    change = begun(ledger, lease)
    quarantine = Quarantine("a9", "not_helpful", T0, T0 + 60, change.change_id)
    other = sent(ledger, lease, begun(ledger, lease, "a9"))
    other = moved(ledger, lease, other, ChangeState.APPLIED, ChangeState.WATCHING)
    journal.move(lease, other, ChangeState.UNHELPFUL, entry(), quarantine=quarantine)
    before, switch = revision(ledger), Switch(T0, "ann@desk")
    throw: dict[str, Callable[[], object]] = {
        "pause": lambda: journal.pause(ORG, switch),
        "trip": lambda: journal.trip(lease, switch),
        "resume": lambda: journal.resume(ORG, switch),
        "release": lambda: journal.release(ORG, "a9", entry()),
    }
    throw[thrown]()

    sending = ChangeState.WRITING
    assert journal.send(lease, change, sending, entry(), revision=before, machine_now=T0) is None
    assert journal.begin(lease, intent(), entry(), revision=before, machine_now=T0) is None
    assert journal.change(ORG, change.change_id).state is ChangeState.PLANNED
    assert sent(ledger, lease, change).state is sending


def test_two_programs_that_begin_at_once_see_each_other(url: str) -> None:
    """Of eight that decided upon the same state, one makes its change."""
    made: list[Change | None] = []
    with Ledger.open(url) as first:
        lease = leased(first)
        before = revision(first)
        ready = threading.Barrier(8)

        def begin(number: int) -> None:
            with Ledger.open(url) as own:
                ready.wait()
                made.append(
                    own.journal.begin(
                        lease, intent(f"a{number}"), entry(), revision=before, machine_now=T0
                    )
                )

        threads = [threading.Thread(target=begin, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(first.journal.changes(ORG, 10)) == 1
    assert made.count(None) == 7


def test_whoever_takes_too_long_may_not_write_any_more(ledger: Ledger) -> None:
    """But may still say what became of a write, as long as nobody has taken over."""
    lease = leased(ledger)
    change = sent(ledger, lease, begun(ledger, lease))
    late = T0 + LEASE_SECONDS

    with pytest.raises(BusyError, match="longer than its lease"):
        ledger.journal.begin(
            lease, intent("a2"), entry(), revision=revision(ledger), machine_now=late
        )
    with pytest.raises(BusyError, match="longer than its lease"):
        ledger.journal.send(
            lease, change, ChangeState.UNDOING, entry(), revision=revision(ledger), machine_now=late
        )
    assert moved(ledger, lease, change, ChangeState.APPLIED).state is ChangeState.APPLIED


def test_a_lease_from_before_the_clock_was_set_back_is_void(ledger: Ledger) -> None:
    """Its dead holder would otherwise keep everybody out for a day; one who lives is told."""
    holder = leased(ledger)
    change = sent(ledger, holder, begun(ledger, holder))
    ten_minutes_before_its_end = T0 + LEASE_SECONDS - LONGEST_SECONDS

    assert ledger.journal.take_lease(ORG, "host:2", ten_minutes_before_its_end, 60) is None
    leased(ledger, "host:2", ten_minutes_before_its_end - 1)
    with pytest.raises(BusyError, match="taken over"):
        moved(ledger, holder, change, ChangeState.APPLIED)


def test_the_last_look_tells_whether_a_lease_is_still_held(ledger: Ledger) -> None:
    """It says nothing where all is well, and why where it is not."""
    lease = leased(ledger)
    state = ledger.journal.last_look(lease, T0, T0 + LEASE_SECONDS - 1)
    assert state.org == ORG

    with pytest.raises(BusyError, match="longer than its lease"):
        ledger.journal.last_look(lease, T0, T0 + LEASE_SECONDS)
    leased(ledger, "host:2", T0 + LEASE_SECONDS)
    with pytest.raises(BusyError, match="taken over"):
        ledger.journal.last_look(lease, T0, T0)


def test_a_lease_that_is_given_back_can_be_taken_at_once(ledger: Ledger) -> None:
    """And giving back one that somebody else has by now takes nothing from them."""
    old = leased(ledger)
    ledger.journal.give_back(old)
    new = leased(ledger, "host:2")
    ledger.journal.give_back(old)

    assert ledger.journal.take_lease(ORG, HOLDER, T0, 60) is None
    assert leased(ledger, "host:2").token > new.token


def test_orgs_have_leases_of_their_own(ledger: Ledger) -> None:
    """One that is busy holds up no other."""
    leased(ledger)

    assert ledger.journal.take_lease("zebra", "host:2", T0, 60) is not None


def test_pausing_tells_which_write_is_on_its_way(ledger: Ledger) -> None:
    """It holds until somebody resumes, whoever opens the state meanwhile."""
    lease = leased(ledger)
    change = sent(ledger, lease, begun(ledger, lease))
    begun(ledger, lease, "a2")

    on_its_way = ledger.journal.pause(ORG, Switch(T0 + 5, "ann@desk", "too many calls"))
    ledger.journal.pause(ORG, Switch(T0 + 6, "bob@desk"))

    assert on_its_way == (change,)
    assert ledger.journal.remediation_state(ORG, T0).paused == Switch(
        T0 + 5, "ann@desk", "too many calls"
    )
    ledger.journal.trip(lease, Switch(T0 + 7, "auto@h", "3 changes failed"))
    ledger.journal.resume(ORG, Switch(T0 + 8, "bob@desk"))
    remediation_state = ledger.journal.remediation_state(ORG, T0)
    assert (remediation_state.paused, remediation_state.tripped, remediation_state.resumed_at) == (
        None,
        None,
        T0 + 8,
    )
    assert events(ledger)[3:] == ["paused", "paused", "tripped", "resumed"]


def test_a_quarantine_is_kept_until_it_is_lifted(ledger: Ledger) -> None:
    """Together with the end of the change that led to it."""
    lease = leased(ledger)
    change = sent(ledger, lease, begun(ledger, lease))
    quarantine = Quarantine("a1", "changed_by_others", T0, T0 + 60, change.change_id)
    ledger.journal.move(lease, change, ChangeState.SUPERSEDED, entry(), quarantine=quarantine)

    assert ledger.journal.remediation_state(ORG, T0).quarantines == {"a1": quarantine}
    assert ledger.journal.release(ORG, "a1", entry())
    assert not ledger.journal.release(ORG, "a1", entry())
    assert ledger.journal.remediation_state(ORG, T0).quarantines == {}


def test_the_latest_change_is_the_one_that_took_effect(ledger: Ledger) -> None:
    """One that was refused has left no value behind."""
    lease = leased(ledger)
    first = sent(ledger, lease, begun(ledger, lease))
    first = moved(
        ledger, lease, first, ChangeState.APPLIED, ChangeState.WATCHING, ChangeState.VERIFIED
    )
    second = sent(ledger, lease, begun(ledger, lease))
    moved(ledger, lease, second, ChangeState.CONFLICT)

    assert ledger.journal.remediation_state(ORG, T0).latest == {"a1": first}


def test_a_timeout_that_we_set_is_known_at_once(ledger: Ledger) -> None:
    """What is measured before the next catalogue is measured against it."""
    ledger.save_catalogue(ORG, [Action("a1", "Look Up", configured_timeout_ms=3_000)], T0)
    lease = leased(ledger)
    change = sent(ledger, lease, begun(ledger, lease))
    change = moved(ledger, lease, change, ChangeState.APPLIED, at=T0 + 60)

    (action,) = ledger.state(ORG).actions
    assert action.timeout_ms == 4_000
    change = moved(ledger, lease, change, ChangeState.UNHELPFUL, at=T0 + 90)
    undoing = ledger.journal.send(
        lease, change, ChangeState.UNDOING, entry(), revision=revision(ledger), machine_now=T0
    )
    assert isinstance(undoing, Change)
    moved(ledger, lease, undoing, ChangeState.ROLLED_BACK, at=T0 + 120)
    assert ledger.timeouts_in_force(ORG) == [
        ("a1", T0, 3_000),
        ("a1", T0 + 60, 4_000),
        ("a1", T0 + 120, 3_000),
    ]


def test_the_same_refusal_is_written_once(ledger: Ledger) -> None:
    """And again only when it says something else."""

    def refuse(reason: str, to_ms: int = 4_000) -> int:
        line = entry(reason=reason, from_ms=3_000, to_ms=to_ms)
        return ledger.journal.audit.note_refusals([line])

    assert [refuse("cooldown"), refuse("cooldown"), refuse("paused")] == [1, 0, 1]
    assert [refuse("paused", 5_000), refuse("cooldown", 5_000)] == [1, 1]
    assert len(ledger.journal.audit.newest(ORG, 10)) == 4


@pytest.mark.parametrize("statement", ["UPDATE audit SET actor = 'x'", "DELETE FROM audit"])
def test_the_database_itself_keeps_the_audit_trail(
    url: str, ledger: Ledger, statement: str
) -> None:
    """Nobody who has only this program's access can change a line."""
    begun(ledger, leased(ledger))
    address = make_url(url)
    if address.get_backend_name() == "postgresql":
        address = address.set(drivername="postgresql+psycopg")
    engine = create_engine(address)
    with pytest.raises(Exception, match="can only grow"), engine.begin() as connection:
        connection.execute(text(statement))
    engine.dispose()

    assert events(ledger) == ["planned"]


def test_evidence_is_kept_as_it_was_given(ledger: Ledger) -> None:
    """Numbers, lists and words alike."""
    evidence = {"verdict": "slow_tail", "guards": [{"name": "cap", "passed": True}], "share": 0.25}
    ledger.journal.audit.note([entry(evidence=evidence)])

    (line,) = ledger.journal.audit.after(0, 10)
    assert line.evidence == evidence
    assert ledger.journal.audit.after(line.entry_id, 10) == []


def test_an_unknown_change_is_told(ledger: Ledger) -> None:
    """Of this org or of none."""
    change = begun(ledger, leased(ledger))

    with pytest.raises(LedgerError, match="has no change 99"):
        ledger.journal.change(ORG, 99)
    with pytest.raises(LedgerError, match="zebra has no change"):
        ledger.journal.change("zebra", change.change_id)
