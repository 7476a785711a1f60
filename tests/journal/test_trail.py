"""What happened to timeouts, read piece by piece."""

from __future__ import annotations

from dataclasses import replace

import pytest

from monitor.journal import (
    AuditEntry,
    ChangeState,
    Switch,
    Trail,
    TrailKind,
    TrailPlace,
    TrailQuery,
)
from monitor.ledger import Ledger
from monitor.model import Action
from tests.evidence import ORG, T0
from tests.journal.changing import begun, leased, moved, sent

QUERY = TrailQuery((ORG, "of-nobody"), limit=100)


@pytest.fixture
def written(ledger: Ledger) -> Ledger:
    """A change that is in force, one of another action, a refusal, a pause, and one by others."""
    lease = leased(ledger)
    ledger.save_catalogue(ORG, [Action("o1", "Other", configured_timeout_ms=5_000)], T0)
    ledger.save_catalogue(ORG, [Action("o1", "Other", configured_timeout_ms=9_000)], T0 + 15)
    first = sent(ledger, lease, begun(ledger, lease, "a1", T0 + 10), T0 + 11)
    moved(ledger, lease, first, ChangeState.APPLIED, ChangeState.WATCHING, at=T0 + 12)
    begun(ledger, lease, "a2", T0 + 20)
    ledger.journal.audit.note_refusals(
        [AuditEntry(T0 + 30, ORG, "refused", "auto@h", "a3", "Pay 100%", reason="cooldown")]
    )
    ledger.journal.pause(ORG, Switch(T0 + 40, "ada@ops", "a release"))
    return ledger


def told(trail: Trail) -> list[tuple[float, str]]:
    """When, after the beginning, and what."""
    return [(piece.at - T0, piece.kind.value) for piece in trail.pieces]


def test_everything_stands_in_one_order(written: Ledger) -> None:
    """Own changes, others', what was not made and switches: the newest first."""
    trail = written.journal.trail(QUERY)

    assert told(trail) == [
        (40, "switches"),
        (30, "not-made"),
        (20, "changes"),
        (15, "outside"),
        (10, "changes"),
    ]
    assert trail.older is None
    assert trail.paused == {ORG: Switch(T0 + 40, "ada@ops", "a release")}
    assert trail.tripped == {}


def test_a_change_has_its_lines_with_it(written: Ledger) -> None:
    """How it came where it is, the earliest first; they don't stand by themselves, too."""
    *_, first = written.journal.trail(QUERY).pieces

    assert first.change
    assert first.change.state is ChangeState.WATCHING
    assert [line.event for line in first.lines] == ["planned", "writing", "applied", "watching"]


@pytest.mark.parametrize("limit", [1, 2, 3, 4])
def test_it_is_read_in_parts_without_loss(written: Ledger, limit: int) -> None:
    """However many come at once, every piece comes once; the place survives an address."""
    query, found = replace(QUERY, limit=limit), []
    while True:
        trail = written.journal.trail(query)
        found += told(trail)
        if trail.older is None:
            break
        after = TrailPlace.parse(trail.older.text)
        assert after is not None
        query = replace(query, after=after)

    assert found == told(written.journal.trail(QUERY))


@pytest.mark.parametrize("text", ["", "1", "1-2", "a-b-c", "1-2-3-4", "-1-2-3", "1-2-" + "9" * 40])
def test_what_is_no_place_is_none(text: str) -> None:
    """Whatever somebody types into an address."""
    assert TrailPlace.parse(text) is None


@pytest.mark.parametrize(
    ("action", "moments"),
    [("a1", [10]), ("look up", [20, 10]), ("OTHER", [15]), ("100%", [30]), ("%", [30]), ("x", [])],
)
def test_an_action_is_meant_by_its_id_or_a_part_of_its_name(
    written: Ledger, action: str, moments: list[int]
) -> None:
    """In any case; a sign that databases match by is itself."""
    assert [at for at, _ in told(written.journal.trail(replace(QUERY, action=action)))] == moments


@pytest.mark.parametrize("kind", TrailKind)
def test_one_kind_can_be_asked_for(written: Ledger, kind: TrailKind) -> None:
    """And nothing else comes."""
    found = written.journal.trail(replace(QUERY, kinds=frozenset({kind})))

    assert {one.kind for one in found.pieces} == {kind}


def test_an_org_of_which_nothing_is_known_has_none(ledger: Ledger) -> None:
    """It is no error: nothing was ever changed there."""
    assert ledger.journal.trail(replace(QUERY, orgs=("of-nobody",))) == Trail(())
