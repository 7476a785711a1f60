"""Who changed a timeout outside the program, as the ledger puts it together."""

from __future__ import annotations

from dataclasses import replace

import pytest

from monitor.journal import ChangeState, SetBy
from monitor.ledger import Ledger
from monitor.model import UNKNOWN, Action, ActionKind, TimeoutEdit
from tests.evidence import ORG, T0
from tests.journal.changing import begun, leased, moved, sent

OURS = frozenset({"writer"})
MINUTE = 60.0
REFRESH = 600.0
ADA = {"user_id": "u1", "user_name": "Ada Lovelace"}
BEN = {"user_id": "u2"}


def edit(at: float, who: dict[str, str], *values_ms: int, action_id: str = "a1") -> TimeoutEdit:
    """An entry of the audit log, with the values before and after where it tells them."""
    told = dict(zip(("from_ms", "to_ms"), values_ms, strict=False))
    return TimeoutEdit(f"{at}-{who}", at, action_id, **who, **told)  # type: ignore[arg-type]


def refreshed(ledger: Ledger, timeout_ms: int | None, at: float) -> None:
    """The catalogue was read; None where it could not tell the kind, and so not the timeout."""
    kind = ActionKind.UNDETERMINED if timeout_ms is None else ActionKind.CUSTOM
    ledger.save_catalogue(
        ORG, [Action("a1", "Look Up", kind=kind, configured_timeout_ms=timeout_ms)], at
    )


def kept(ledger: Ledger, *edits: TimeoutEdit, until: float = T0 + REFRESH) -> None:
    """The audit log was read."""
    ledger.journal.platform_audit.save_edits(ORG, edits, until, OURS)


def outside(ledger: Ledger) -> list[tuple[int | None, int | None, float, str]]:
    """From, to, seconds after the beginning, and who; the newest first."""
    return [
        (one.from_ms, one.to_ms, one.at - T0, one.set_by.who)
        for one in ledger.journal.platform_audit.outside_changes(ORG, 100)
    ]


def test_a_change_that_the_audit_log_tells_is_known_to_the_second(ledger: Ledger) -> None:
    """And in force since then, though the catalogue noticed it minutes later."""
    refreshed(ledger, 5_000, T0)
    refreshed(ledger, 9_000, T0 + REFRESH)
    assert outside(ledger) == [(5_000, 9_000, REFRESH, UNKNOWN)]

    kept(ledger, edit(T0 + MINUTE, ADA, 5_000, 9_000))

    assert outside(ledger) == [(5_000, 9_000, MINUTE, "Ada Lovelace")]
    assert ledger.timeouts_in_force(ORG) == [("a1", T0, 5_000), ("a1", T0 + MINUTE, 9_000)]


def test_a_change_there_and_back_between_two_refreshes_is_known_too(ledger: Ledger) -> None:
    """Only the audit log has seen it."""
    refreshed(ledger, 5_000, T0)
    kept(
        ledger,
        edit(T0 + MINUTE, ADA, 5_000, 9_000),
        edit(T0 + 2 * MINUTE, BEN, 9_000, 5_000),
    )
    refreshed(ledger, 5_000, T0 + REFRESH)

    assert outside(ledger) == [
        (9_000, 5_000, 2 * MINUTE, "user u2"),
        (5_000, 9_000, MINUTE, "Ada Lovelace"),
    ]


def test_an_entry_that_tells_no_values_names_whoever_saved_between_two_refreshes(
    ledger: Ledger,
) -> None:
    """One is named with the moment; of several, nobody knows which."""
    refreshed(ledger, 5_000, T0)
    refreshed(ledger, 9_000, T0 + REFRESH)
    kept(
        ledger,
        edit(T0 + MINUTE, ADA),
        edit(T0 - MINUTE, BEN),
        edit(T0 + MINUTE, BEN, action_id="b"),
    )
    assert outside(ledger) == [(5_000, 9_000, MINUTE, "Ada Lovelace")]

    kept(ledger, edit(T0 + 2 * MINUTE, {"client_id": "terraform"}))
    assert outside(ledger) == [(5_000, 9_000, REFRESH, "Ada Lovelace or client terraform")]


def test_an_entry_of_another_value_does_not_name_anybody(ledger: Ledger) -> None:
    """Whoever set 7 s did not set the 9 s that are in force; their own change stands beside it."""
    refreshed(ledger, 5_000, T0)
    refreshed(ledger, 9_000, T0 + REFRESH)
    kept(ledger, edit(T0 + MINUTE, ADA, 5_000, 7_000))

    assert outside(ledger) == [
        (5_000, 9_000, REFRESH, UNKNOWN),
        (5_000, 7_000, MINUTE, "Ada Lovelace"),
    ]


def test_the_same_entries_again_add_nothing(ledger: Ledger) -> None:
    """Readings of the log overlap, for entries come late."""
    refreshed(ledger, 5_000, T0)
    refreshed(ledger, 9_000, T0 + REFRESH)
    for until in (T0 + REFRESH, T0 + 2 * REFRESH, T0 + REFRESH):
        kept(ledger, edit(T0 + MINUTE, ADA, 5_000, 9_000), until=until)

    assert len(outside(ledger)) == 1
    assert ledger.journal.platform_audit.read_until(ORG) == T0 + 2 * REFRESH


def applied(ledger: Ledger) -> None:
    """Change 1 of ours: from 3 s to 4 s, sent a minute after the beginning."""
    refreshed(ledger, 3_000, T0)
    lease, at = leased(ledger), T0 + MINUTE
    change = sent(ledger, lease, begun(ledger, lease, at=at), at=at)
    moved(ledger, lease, change, ChangeState.APPLIED, ChangeState.WATCHING, at=at + 2)
    ledger.journal.give_back(lease)


@pytest.mark.parametrize("values_ms", [(3_000, 4_000), ()])
def test_our_own_write_is_no_change_outside(ledger: Ledger, values_ms: tuple[int, ...]) -> None:
    """Told by the client, the value and the time."""
    applied(ledger)
    kept(ledger, edit(T0 + MINUTE + 1, {"client_id": "writer"}, *values_ms))
    refreshed(ledger, 4_000, T0 + REFRESH)

    assert outside(ledger) == []


@pytest.mark.parametrize(
    "other",
    [
        edit(T0 + MINUTE + 1, {"client_id": "terraform"}, 3_000, 4_000),
        edit(T0 + MINUTE + 1, {"client_id": "writer"}, 3_000, 7_000),
        edit(T0 + MINUTE + 1, {"client_id": "writer"}, 3_000, 4_000, action_id="b"),
        edit(T0 + MINUTE + 3_600, {"client_id": "writer"}, 3_000, 4_000),
        edit(T0 + MINUTE + 1, {**ADA, "client_id": "writer"}, 3_000, 4_000),
    ],
    ids=["another client", "another value", "another action", "another hour", "a person"],
)
def test_what_only_looks_like_our_write_is_a_change_outside(
    ledger: Ledger, other: TimeoutEdit
) -> None:
    """A client may be shared with other programs, and a person may set our value."""
    applied(ledger)
    kept(ledger, other)

    assert [one[3] for one in outside(ledger)] == [other.who]


def test_our_own_undoing_is_no_change_outside(ledger: Ledger) -> None:
    """Hours after the write."""
    applied(ledger)
    at = T0 + 7_200
    lease, change = leased(ledger, now=at), ledger.journal.change(ORG, 1)
    moved(ledger, lease, change, ChangeState.UNDOING, ChangeState.ROLLED_BACK, at=at)
    kept(ledger, edit(at - 1, {"client_id": "writer"}, 4_000, 3_000), until=at)
    refreshed(ledger, 3_000, at + REFRESH)

    assert outside(ledger) == []


def test_a_timeout_that_others_took_back_is_a_change_outside(ledger: Ledger) -> None:
    """Also where it is the value that was there before ours."""
    applied(ledger)
    at = T0 + 7_200
    refreshed(ledger, 3_000, at)
    lease, change = leased(ledger, now=at), ledger.journal.change(ORG, 1)
    moved(ledger, lease, change, ChangeState.SUPERSEDED, at=at)

    assert outside(ledger) == [(4_000, 3_000, 7_200.0, UNKNOWN)]


def superseded(ledger: Ledger, note: str) -> None:
    """Change 1 stood down two hours later."""
    applied(ledger)
    at = T0 + 7_200
    lease, change = leased(ledger, now=at), ledger.journal.change(ORG, 1)
    entry = replace(ledger.journal.audit.newest(ORG, 1)[0], at=at, detail=note)
    ledger.journal.move(lease, change, ChangeState.SUPERSEDED, entry)


def test_who_made_a_change_stand_down_is_noted_when_the_log_tells(ledger: Ledger) -> None:
    """Entries show later than the catalogue."""
    superseded(ledger, "somebody has set 9 s; who is unknown")
    at = T0 + 7_100

    kept(ledger, edit(at, BEN, 4_000, 7_000), until=at)
    assert ledger.journal.change(ORG, 1).note == "somebody has set 9 s; who is unknown"

    kept(ledger, edit(at + 1, ADA, 7_000, 9_000), until=at + REFRESH)
    assert ledger.journal.change(ORG, 1).note == "Ada Lovelace has set 9 s at 2027-01-15 09:58 UTC"


def test_a_state_tells_who_saved_what_we_have_changed(ledger: Ledger) -> None:
    """And nothing of other actions."""
    applied(ledger)
    kept(ledger, edit(T0 + REFRESH, ADA, 4_000, 9_000), edit(T0, BEN, action_id="b"))

    remediation_state = ledger.journal.remediation_state(ORG, T0 + REFRESH)
    assert [one.who for one in remediation_state.edits] == ["Ada Lovelace"]


def test_what_is_older_than_the_retention_is_forgotten(ledger: Ledger) -> None:
    """With the windows of its time."""
    kept(ledger, edit(T0, ADA, 5_000, 9_000), edit(T0 + REFRESH, BEN, 9_000, 5_000))
    ledger.housekeeping.prune(int(T0 + MINUTE))

    assert [one[3] for one in outside(ledger)] == ["user u2"]


def test_an_org_that_nobody_knows_has_none(ledger: Ledger) -> None:
    """Neither entries nor changes."""
    assert ledger.journal.platform_audit.outside_changes("nowhere", 5) == []
    assert ledger.journal.platform_audit.read_until("nowhere") == 0.0
    assert SetBy().who == UNKNOWN


def test_a_timeout_that_could_not_be_read_for_a_while_was_not_changed(ledger: Ledger) -> None:
    """Nor was it when it can be read again; another value then is compared with the last known."""
    refreshed(ledger, 60_000, T0)
    refreshed(ledger, None, T0 + REFRESH)
    assert outside(ledger) == []
    refreshed(ledger, 60_000, T0 + 2 * REFRESH)
    assert outside(ledger) == []
    refreshed(ledger, None, T0 + 3 * REFRESH)
    refreshed(ledger, 9_000, T0 + 4 * REFRESH)
    assert outside(ledger) == [(60_000, 9_000, 4 * REFRESH, UNKNOWN)]


def test_when_a_timeout_last_became_another_one(ledger: Ledger) -> None:
    """The first one of an action is no change, nor what could not be read for a while."""
    last = ledger.journal.last_timeout_change
    assert last(ORG) == 0.0
    refreshed(ledger, 5_000, T0)
    refreshed(ledger, None, T0 + REFRESH)
    refreshed(ledger, 5_000, T0 + 2 * REFRESH)
    assert last(ORG) == 0.0

    refreshed(ledger, 9_000, T0 + 3 * REFRESH)
    assert last(ORG) == T0 + 3 * REFRESH
    refreshed(ledger, 9_000, T0 + 4 * REFRESH)
    assert last(ORG) == T0 + 3 * REFRESH
    refreshed(ledger, 5_000, T0 + 5 * REFRESH)
    assert last(ORG) == T0 + 5 * REFRESH


def test_a_change_of_ours_is_one_as_well(ledger: Ledger) -> None:
    """The log may tell that somebody else has saved the action since."""
    refreshed(ledger, 3_000, T0 - REFRESH)
    lease = leased(ledger)
    moved(ledger, lease, sent(ledger, lease, begun(ledger, lease)), ChangeState.APPLIED, at=T0 + 60)

    assert ledger.journal.last_timeout_change(ORG) == T0 + 60
