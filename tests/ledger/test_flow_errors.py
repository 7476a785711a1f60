"""Callers lost in flows in the ledger: each counted once, whatever is read again, late or anew."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.ledger import FlowErrorTotal, Ledger, Reading
from monitor.model import FlowErrorTally
from monitor.time_ranges import TimeRange
from tests.evidence import ORG, T0, WINDOW_SECONDS

SOURCE = "flow-errors"
EXIT = "FLOW_ERROR_DISCONNECT"
HOUR = TimeRange(T0, T0 + 3_600)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """A fresh ledger."""
    with Ledger.open(f"sqlite:///{tmp_path / 'ledger.db'}") as opened:
        yield opened


def lost(callers: int, window: int = 0, *, flow_id: str = "f1") -> FlowErrorTally:
    """Callers lost in a window of the hour."""
    return FlowErrorTally(flow_id, EXIT, T0 + window * WINDOW_SECONDS, callers)


def record(
    ledger: Ledger, *seen: FlowErrorTally, covered: TimeRange = HOUR, basis: str = "aggregates"
) -> int:
    """Read them; how many were new."""
    reading = Reading(
        covered,
        WINDOW_SECONDS,
        float(covered.end),
        flow_errors=seen,
        flow_error_basis=basis,
        flow_names={"f1": "Main Menu"},
    )
    return ledger.record(ORG, SOURCE, reading).flow_errors_added


def total(ledger: Ledger) -> int:
    """Everybody lost since the ledger began."""
    return sum(one.callers for one in ledger.state(ORG).flow_error_totals)


def test_reading_the_same_again_adds_nobody(ledger: Ledger) -> None:
    """What is late adds the difference; what shrinks is a restatement."""
    assert record(ledger, lost(3), lost(1, 2)) == 4
    assert record(ledger, lost(3), lost(1, 2)) == 0
    assert record(ledger, lost(5), lost(1, 2)) == 2
    assert record(ledger, lost(4)) == 0
    state = ledger.state(ORG)
    assert state.flow_error_totals == (FlowErrorTotal("f1", EXIT, 6),)
    assert state.sources[SOURCE].restatements == 1
    assert state.flow_names == {"f1": "Main Menu"}


def test_totals_outlive_the_windows(ledger: Ledger) -> None:
    """What was forgotten is not counted a second time."""
    record(ledger, lost(3), lost(1, 2))
    ledger.housekeeping.prune(T0 + WINDOW_SECONDS)
    assert ledger.impact.flow_errors(ORG, HOUR) == [lost(1, 2)]
    record(ledger, lost(3), lost(1, 2))
    assert total(ledger) == 4


def test_nobody_counts_before_the_first_window(ledger: Ledger) -> None:
    """A reading may tell of more than it was asked for; once that was read too, it counts."""
    assert record(ledger, lost(2, -1), lost(1)) == 1
    before = TimeRange(T0 - 3_600, T0)
    assert record(ledger, lost(2, -1), lost(1), covered=before) == 2


def test_another_basis_counts_only_what_the_first_did_not_read(ledger: Ledger) -> None:
    """It may date the same caller in another window."""
    record(ledger, lost(3, 11))
    later = TimeRange(T0 + 3_000, T0 + 7_200)
    assert record(ledger, lost(3, 10), lost(2, 12), covered=later, basis="records") == 2
    assert record(ledger, lost(9, 11), lost(3, 12), covered=later, basis="records") == 1
    long_ago = TimeRange(T0 - 7_200, T0 - 3_600)
    assert record(ledger, lost(4, -20), covered=long_ago, basis="records") == 4


@given(
    st.lists(
        st.dictionaries(
            st.tuples(st.sampled_from(["f1", "f2"]), st.integers(0, 3)), st.integers(0, 9)
        ),
        max_size=6,
    )
)
def test_totals_are_the_sum_of_the_largest_counts(
    tmp_path_factory: pytest.TempPathFactory, readings: list[dict[tuple[str, int], int]]
) -> None:
    """Whatever was read, in whatever order."""
    folder = tmp_path_factory.mktemp("ledger")
    largest: dict[tuple[str, int], int] = {}
    with Ledger.open(f"sqlite:///{folder / 'ledger.db'}") as ledger:
        for seen in readings:
            record(ledger, *(lost(n, window, flow_id=flow) for (flow, window), n in seen.items()))
            for key, callers in seen.items():
                largest[key] = max(largest.get(key, 0), callers)
        assert total(ledger) == sum(largest.values())
        kept = ledger.impact.flow_errors(ORG, HOUR)
    assert sum(one.callers for one in kept) == sum(largest.values())


def test_what_aggregates_date_at_the_beginning_of_a_call_is_not_late(ledger: Ledger) -> None:
    """Nobody sets ``settle`` by the length of calls; what detail records show late is late."""
    record(ledger, lost(3))
    record(ledger, lost(5))
    assert ledger.state(ORG).lateness == {}


def test_what_detail_records_show_late_is_late(ledger: Ledger) -> None:
    """They date a caller by the end of the flow."""
    record(ledger, lost(3), basis="records")
    record(ledger, lost(5), basis="records")
    assert sum(ledger.state(ORG).lateness[SOURCE].executions) == 2
