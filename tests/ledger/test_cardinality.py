"""Names without end: each is a row, a label and a part of each reading, so there is a bound."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import structs

from monitor.ledger import Ledger, cardinality
from monitor.ledger.cardinality import OTHER, error_type_without_ids
from monitor.model import BY_AGGREGATES, NO_ERROR, UNKNOWN_ACTION, FlowErrorTally, TimeoutEdit
from tests.evidence import ORG, SOURCE, T0, incident, reading, tally


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Room for three of everything, and for two words without their ids."""
    for name in ("MAX_ERROR_TYPES", "MAX_ACTIONS", "MAX_FLOWS"):
        monkeypatch.setattr(cardinality, name, 3)
    monkeypatch.setattr(cardinality, "MAX_MASKED_ERROR_TYPES", 2)


def totals(ledger: Ledger) -> dict[tuple[str, str], int]:
    """Executions by action and error type."""
    return {
        (key.action_id, key.error_type): total.count
        for key, total in ledger.state(ORG).totals.items()
    }


@pytest.mark.parametrize(
    ("word", "kept"),
    [
        ("TIMEOUT", "TIMEOUT"),
        ("TIMEOUT of 7f3ab1c2-1111-4222-8333-444455556666", "TIMEOUT of *"),
        ("TIMEOUT_REMOTE 12 ms", "TIMEOUT_REMOTE * ms"),
        ("error 5f2a9 at a1b2c3", "error * at *"),
    ],
)
def test_ids_are_taken_out_of_a_word_and_the_words_stay(word: str, kept: str) -> None:
    """What tells a timeout from an error is still there."""
    assert error_type_without_ids(word) == kept


def test_an_id_in_every_error_type_makes_few_names(ledger: Ledger) -> None:
    """All of them are counted; the first under their own names."""
    many = [tally(1, error_type=f"TIMEOUT {number:04d}") for number in range(50)]

    recorded = ledger.record(ORG, SOURCE, reading(*many))

    assert totals(ledger) == {
        **{("a1", f"TIMEOUT {number:04d}"): 1 for number in range(3)},
        ("a1", "TIMEOUT *"): 47,
    }
    assert (recorded.executions_added, recorded.folded) == (50, 47)
    assert recorded.new_error_types == ("TIMEOUT *", *(f"TIMEOUT {n:04d}" for n in range(3)))


def test_words_without_end_become_one(ledger: Ledger) -> None:
    """Where not even their ids make them many."""
    words = [chr(ord("A") + number) * 3 for number in range(26)]

    ledger.record(ORG, SOURCE, reading(*(tally(2, error_type=word) for word in words)))

    kept = totals(ledger)
    assert kept.pop(("a1", OTHER)) == 2 * 21
    assert kept == {("a1", word): 2 for word in words[:5]}


def test_success_stays_success(ledger: Ledger) -> None:
    """It is no error type, whatever there is of those."""
    ledger.record(ORG, SOURCE, reading(*(tally(1, error_type=f"E{n}") for n in range(9))))
    ledger.record(ORG, SOURCE, reading(tally(7)))
    assert totals(ledger)["a1", NO_ERROR] == 7


def test_actions_without_end_are_counted_as_unknown(ledger: Ledger) -> None:
    """And those that are known go on being counted as themselves."""
    first = [tally(1, action_id=f"a{number}") for number in range(3)]
    ledger.record(ORG, SOURCE, reading(*first))

    more = [tally(4, action_id=f"a{number}") for number in range(2, 9)]
    recorded = ledger.record(ORG, SOURCE, reading(*more))

    assert totals(ledger) == {
        ("a0", NO_ERROR): 1,
        ("a1", NO_ERROR): 1,
        ("a2", NO_ERROR): 4,
        (UNKNOWN_ACTION, NO_ERROR): 24,
    }
    assert recorded.folded == 6
    assert "a8" not in {one.action_id for one in ledger.state(ORG).actions}


def test_endings_without_end_become_one_an_action(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A status that holds anything makes no more rows."""
    monkeypatch.setattr(cardinality, "MAX_SERIES", 4)
    failed, good = tally(1, error_type="E"), tally(1)
    many = [
        structs.replace(one, key=one.key._replace(response_status=str(number)))
        for one, numbers in ((failed, range(100, 140)), (good, range(200, 210)))
        for number in numbers
    ]

    ledger.record(ORG, SOURCE, reading(*many))

    assert totals(ledger)["a1", OTHER] + totals(ledger).get(("a1", "E"), 0) <= 40
    state = ledger.state(ORG)
    assert sum(one.count for one in state.totals.values()) == 50
    assert sum(one.count for key, one in state.totals.items() if key.error_type == NO_ERROR) == 10
    assert len(state.totals) <= 4 + 2


def test_flows_without_end_are_the_one_without_an_id(ledger: Ledger) -> None:
    """Timeouts in them, and callers lost."""
    hit = [incident(f"c{number}", flow_id=f"f{number}") for number in range(8)]
    lost = [FlowErrorTally(f"g{n}", "FLOW_ERROR_EXIT", T0, 2) for n in range(8)]

    ledger.record(
        ORG,
        "conversations",
        replace(reading(), incidents=hit, flow_errors=lost, flow_error_basis=BY_AGGREGATES),
    )

    state = ledger.state(ORG)
    assert sum(one.incidents for one in state.incident_totals) == 8
    assert sum(one.callers for one in state.flow_error_totals) == 16
    assert len({one.flow_id for one in state.incident_totals}) <= 4
    assert len(state.flow_names) <= 4


WORDS = st.lists(
    st.tuples(
        st.text("AB12 ", min_size=1, max_size=6), st.sampled_from("xyzuvw"), st.integers(1, 5)
    ),
    max_size=12,
    unique_by=lambda drawn: drawn[:2],
)


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.lists(WORDS, min_size=1, max_size=3))
def test_a_reading_that_is_read_again_adds_nothing(
    ledger: Ledger, drawn: list[list[tuple[str, str, int]]]
) -> None:
    """However full it is: what has no room the second time had none the first time."""
    before = sum(one.count for one in ledger.state(ORG).totals.values())
    test_a_reading_that_is_read_again_adds_nothing.windows += 10  # type: ignore[attr-defined]
    window = test_a_reading_that_is_read_again_adds_nothing.windows  # type: ignore[attr-defined]
    added = 0
    readings = [
        reading(
            *(
                tally(count, window=window + at, action_id=action_id, error_type=word)
                for word, action_id, count in one
            )
        )
        for at, one in enumerate(drawn)
    ]
    for one in readings:
        added += ledger.record(ORG, SOURCE, one).executions_added
    assert added == sum(count for one in drawn for _, _, count in one)
    for one in readings:
        again = ledger.record(ORG, SOURCE, one)
        assert (again.executions_added, again.restatements) == (0, 0)
    assert sum(one.count for one in ledger.state(ORG).totals.values()) == before + added


test_a_reading_that_is_read_again_adds_nothing.windows = 0  # type: ignore[attr-defined]


def test_an_entry_of_the_audit_log_is_made_fit_by_the_ledger(ledger: Ledger) -> None:
    """Whoever calls: half a character in a name is no reason to lose the others."""
    edit = TimeoutEdit("e\0", 1.0, "a\ud83c", "u\0", "Al\ud83cice\0" + "x" * 900, "c\0", 1, 2)

    ledger.journal.platform_audit.save_edits(ORG, [edit], 2.0, frozenset())

    (found,) = ledger.journal.platform_audit.outside_changes(ORG, 5)
    assert "\\x00" not in repr(found)
    assert "\ufffd" in repr(found)
    assert "x" * 301 not in repr(found)
