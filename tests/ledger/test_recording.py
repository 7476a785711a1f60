"""What one reading changes: totals, restatements, names, error types, lateness."""

from __future__ import annotations

import pytest
from msgspec import structs

from monitor.counts import Counts
from monitor.errors import LedgerError
from monitor.ledger import LATENESS_EDGES_SECONDS, Lateness, Ledger, OrgState
from monitor.model import Action, ActionKind
from tests.evidence import (
    ORG,
    SOURCE,
    T0,
    WINDOW_SECONDS,
    bands,
    count_of,
    incident,
    reading,
    tally,
    totals,
    windows,
)

TIMEOUT = "Timeout"


def test_a_first_reading_counts_everything(ledger: Ledger) -> None:
    """Each tally is added to the total of its action and ending."""
    recorded = ledger.record(
        ORG, SOURCE, reading(tally(3), tally(4, window=1), tally(2, error_type=TIMEOUT))
    )

    assert recorded.executions_added == 9
    assert totals(ledger) == {
        ("a1", "NONE"): Counts(7, 1400.0, bands=bands(b2=7)),
        ("a1", TIMEOUT): Counts(2, 400.0, bands=bands(b2=2)),
    }


def test_the_same_reading_twice_adds_nothing(ledger: Ledger) -> None:
    """A replay changes neither totals nor restatements."""
    once = reading(tally(3), tally(2, error_type=TIMEOUT))
    ledger.record(ORG, SOURCE, once)
    before = ledger.state(ORG)

    recorded = ledger.record(ORG, SOURCE, once)

    assert (recorded.executions_added, recorded.restatements) == (0, 0)
    assert ledger.state(ORG) == before


def test_a_larger_count_adds_the_difference(ledger: Ledger) -> None:
    """A window that was read early grows by what came since."""
    ledger.record(ORG, SOURCE, reading(tally(3)))

    recorded = ledger.record(ORG, SOURCE, reading(tally(5)))

    assert recorded.executions_added == 2
    assert count_of(ledger) == 5


def test_bands_that_an_earlier_reading_lacked_are_filled_in(ledger: Ledger) -> None:
    """The executions are known: nothing is added but how long they took."""
    whole = tally(5)
    lacking = structs.replace(whole, counts=structs.replace(whole.counts, bands=bands(b2=3)))
    ledger.record(ORG, SOURCE, reading(lacking))

    recorded = ledger.record(ORG, SOURCE, reading(whole))

    assert (recorded.executions_added, recorded.restatements) == (0, 0)
    assert totals(ledger) == {("a1", "NONE"): Counts(5, 1000.0, bands=bands(b2=5))}


def test_a_smaller_count_is_a_restatement(ledger: Ledger) -> None:
    """What the platform takes back stays counted, and is noted."""
    ledger.record(ORG, SOURCE, reading(tally(5)))

    recorded = ledger.record(ORG, SOURCE, reading(tally(3)))

    state = ledger.source_state(ORG, SOURCE)
    assert (recorded.executions_added, recorded.restatements) == (0, 1)
    assert count_of(ledger) == 5
    assert state is not None
    assert state.restatements == 1


def test_detail_reads_after_a_restatement_counts_from_the_largest(ledger: Ledger) -> None:
    """5, 3, 6 are six executions."""
    for count in (5, 3, 6):
        ledger.record(ORG, SOURCE, reading(tally(count)))

    assert count_of(ledger) == 6


def test_a_tally_repeated_in_one_answer_counts_once(ledger: Ledger) -> None:
    """Repeated rows of one key are one tally, and no restatement."""
    recorded = ledger.record(ORG, SOURCE, reading(tally(2), tally(5), tally(3)))

    assert (recorded.executions_added, recorded.restatements) == (5, 0)


def test_a_tally_of_nothing_leaves_no_trace(ledger: Ledger) -> None:
    """A count of zero makes no series."""
    ledger.record(ORG, SOURCE, reading(tally(0)))

    assert ledger.state(ORG).totals == {}


def test_totals_never_get_more_in_bands_than_they_count(ledger: Ledger) -> None:
    """Bands that contradict each other from reading to reading stay within the count."""
    ledger.record(ORG, SOURCE, reading(tally(3, in_bands=bands(b1=3))))
    ledger.record(ORG, SOURCE, reading(tally(4, in_bands=bands(b2=4))))

    assert totals(ledger)["a1", "NONE"].bands == bands(b1=3, b2=1)


def test_orgs_do_not_mix(ledger: Ledger) -> None:
    """The same action id in two orgs is two actions."""
    ledger.record("one", SOURCE, reading(tally(3)))
    ledger.record("two", SOURCE, reading(tally(4)))

    assert [total.count for total in ledger.state("one").totals.values()] == [3]
    assert [total.count for total in ledger.state("two").totals.values()] == [4]


def test_an_unknown_org_is_empty(ledger: Ledger) -> None:
    """Asking about an org that was never read is no error."""
    assert ledger.state("nobody") == OrgState("nobody")
    assert ledger.coverage("nobody", SOURCE) == ()
    assert ledger.source_state("nobody", SOURCE) is None
    assert ledger.tallies.sums("nobody", windows(0, 12)) == []
    assert ledger.impact.incidents("nobody", windows(0, 12)) == []
    assert ledger.timeouts_in_force("nobody") == []


def test_a_ledger_opened_again_knows_everything(ledger: Ledger, url: str) -> None:
    """What was written outlives the process."""
    ledger.record(ORG, SOURCE, reading(tally(3), incidents=[incident(flow_name="Main")]))
    before = ledger.state(ORG)
    ledger.close()

    with Ledger.open(url) as again:
        assert again.state(ORG) == before


def test_windows_of_another_length_are_refused(ledger: Ledger) -> None:
    """The executions of five minutes would count again within those of fifteen."""
    ledger.record(ORG, SOURCE, reading(tally(3)))

    with pytest.raises(LedgerError, match=r"windows of 300 s.*windows of 900 s") as caught:
        ledger.record(ORG, SOURCE, reading(tally(9), window_seconds=900))

    assert "[collect] window" in caught.value.hint
    assert count_of(ledger) == 3


def test_each_source_has_its_own_windows(ledger: Ledger) -> None:
    """A source may be coarser than another one."""
    ledger.record(ORG, SOURCE, reading(tally(3)))
    ledger.record(ORG, "conversations", reading(window_seconds=900))

    states = ledger.state(ORG).sources
    assert {name: state.window_seconds for name, state in states.items()} == {
        "actions": 300,
        "conversations": 900,
    }


def test_new_error_types_are_told_once(ledger: Ledger) -> None:
    """A word is new the first time that an org says it; NONE never is."""
    first = ledger.record(
        ORG, SOURCE, reading(tally(1), tally(1, error_type="B"), tally(1, error_type="A"))
    )
    second = ledger.record(
        ORG, SOURCE, reading(tally(2, error_type="B"), incidents=[incident(error_type="C")])
    )

    assert first.new_error_types == ("A", "B")
    assert second.new_error_types == ("C",)


def test_an_action_only_seen_in_data_is_known_by_its_id(ledger: Ledger) -> None:
    """Every total has an action."""
    ledger.record(ORG, SOURCE, reading(tally(1)))

    assert ledger.state(ORG).actions == (Action("a1", "a1", kind=ActionKind.UNKNOWN),)


def test_an_action_only_seen_in_data_goes_by_the_name_given_there(ledger: Ledger) -> None:
    """Names come with the reading, and a name replaces a bare id later too."""
    named = Action("a1", "Get Customer", "i1", "CRM", kind=ActionKind.UNKNOWN)
    ledger.record(ORG, SOURCE, reading(tally(1)))

    ledger.record(ORG, SOURCE, reading(tally(1), names={"a1": named}))

    assert ledger.state(ORG).actions == (named,)


@pytest.mark.parametrize("name", ["Get Customer", "a1"])
def test_names_in_data_do_not_replace_the_catalogue(ledger: Ledger, name: str) -> None:
    """What the catalogue says of an action stands, even where it is a bare id."""
    listed = Action("a1", name, configured_timeout_ms=5_000)
    ledger.save_catalogue(ORG, [listed], T0)

    named = Action("a1", "Old Name", kind=ActionKind.UNKNOWN)
    ledger.record(ORG, SOURCE, reading(tally(1), names={"a1": named}))

    assert ledger.state(ORG).actions == (listed,)


def test_first_readings_are_not_late(ledger: Ledger) -> None:
    """History is old when it is first read, and on time for all anybody knows."""
    ledger.record(ORG, SOURCE, reading(tally(3), read_at=T0 + 86_400.0))

    assert ledger.state(ORG).lateness == {}


def test_a_window_still_open_when_read_is_not_late(ledger: Ledger) -> None:
    """What comes into a window that had not ended at the last reading is on time."""
    until_open = windows(0, 1)
    half = type(until_open)(until_open.start, until_open.end - 60)
    ledger.record(ORG, SOURCE, reading(tally(3), covered=half))

    ledger.record(ORG, SOURCE, reading(tally(5), covered=until_open))

    assert ledger.state(ORG).lateness == {}


def test_an_increase_after_a_whole_reading_is_late(ledger: Ledger) -> None:
    """Late executions count by the time between the end of their window and their reading."""
    ledger.record(ORG, SOURCE, reading(tally(3)))

    ledger.record(ORG, SOURCE, reading(tally(5), read_at=T0 + WINDOW_SECONDS + 200.0))

    edge = next(i for i, seconds in enumerate(LATENESS_EDGES_SECONDS) if seconds >= 200)
    assert ledger.state(ORG).lateness == {
        SOURCE: Lateness(tuple(2 * (i == edge) for i in range(11)), 400.0)
    }


@pytest.mark.parametrize(
    ("late_seconds", "band"), [(0, 0), (60, 0), (60.5, 1), (86_400, 9), (90_000, 10)]
)
def test_lateness_edges_are_inclusive(ledger: Ledger, late_seconds: float, band: int) -> None:
    """A lateness that equals an edge counts below it, as a histogram's ``le`` does."""
    ledger.record(ORG, SOURCE, reading(tally(3)))

    ledger.record(ORG, SOURCE, reading(tally(4), read_at=T0 + WINDOW_SECONDS + late_seconds))

    executions = ledger.state(ORG).lateness[SOURCE].executions
    assert [index for index, count in enumerate(executions) if count] == [band]


def test_lateness_adds_up_over_readings(ledger: Ledger) -> None:
    """Each late reading counts into the same histogram."""
    ledger.record(ORG, SOURCE, reading(tally(3)))
    for count in (4, 6):
        ledger.record(ORG, SOURCE, reading(tally(count), read_at=T0 + WINDOW_SECONDS + 30.0))

    assert ledger.state(ORG).lateness[SOURCE] == Lateness((3, *(0,) * 10), 90.0)


def test_late_incidents_are_late_data_of_their_source(ledger: Ledger) -> None:
    """A detail record that an earlier reading lacked counts as one late execution."""
    ledger.record(ORG, "conversations", reading())

    ledger.record(
        ORG,
        "conversations",
        reading(incidents=[incident()], read_at=T0 + WINDOW_SECONDS + 90.0),
    )

    assert ledger.state(ORG).lateness["conversations"].seconds_sum == 90.0


def test_what_was_skipped_is_not_late_when_read_after_all(ledger: Ledger) -> None:
    """A period that was given up was never read."""
    ledger.skip(ORG, SOURCE, windows(0, 12), 12)

    ledger.record(ORG, SOURCE, reading(tally(3)))

    assert ledger.state(ORG).lateness == {}
    assert count_of(ledger) == 3


def test_an_answer_that_repeats_itself_counts_its_largest(ledger: Ledger) -> None:
    """Of two tallies with one key the one with more executions stands."""
    recorded = ledger.record(ORG, SOURCE, reading(tally(2), tally(5), tally(3)))

    assert recorded.executions_added == 5
