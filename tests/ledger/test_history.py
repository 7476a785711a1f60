"""The past is streamed in an order that can be written down, on both databases."""

from __future__ import annotations

from itertools import groupby

from monitor.ledger import Ledger
from tests.evidence import ORG, SOURCE, T0, incident, reading, tally, windows

MANY = 2_500
"""More rows than are fetched at once."""


def filled(ledger: Ledger) -> None:
    """Three actions with two endings in every one of many windows."""
    rows = [
        tally(1, window=window, action_id=action_id, error_type=error_type)
        for window in range(MANY // 6)
        for action_id in ("b", "A", "_")
        for error_type in ("NONE", "Timeout")
    ]
    ledger.record(ORG, SOURCE, reading(*rows, covered=windows(0, MANY // 6)))


def test_windows_of_an_action_come_together_and_in_order(ledger: Ledger) -> None:
    """No action comes twice, and none of its windows before an earlier one."""
    filled(ledger)

    with ledger.history() as history:
        rows = list(history.windows(ORG, windows(0, MANY), by_series=False))

    assert sum(row.counts.count for row in rows) == MANY // 6 * 6
    groups = [
        (key, [r.window_start for r in g])
        for key, g in groupby(rows, lambda row: row.key.action_id)
    ]
    assert sorted(key for key, _ in groups) == ["A", "_", "b"]
    assert all(starts == sorted(starts) for _, starts in groups)


def test_windows_of_a_series_come_together_and_in_order(ledger: Ledger) -> None:
    """No series comes twice, and none of its windows before an earlier one."""
    filled(ledger)

    with ledger.history() as history:
        rows = list(history.windows(ORG, windows(1, 3), by_series=True))

    groups = [
        (key, [row.window_start for row in group])
        for key, group in groupby(rows, lambda row: (row.key.action_id, row.key.error_type))
    ]
    assert len(groups) == len(dict(groups)) == 6
    assert all(starts == [T0 + 300, T0 + 600] for _, starts in groups)


def test_a_poll_in_the_middle_changes_nothing(ledger: Ledger) -> None:
    """Everything is as of the moment at which the reading began, and the writer does not wait."""
    ledger.record(ORG, SOURCE, reading(tally(3)))

    with ledger.history() as history:
        before = history.state(ORG).totals
        ledger.record(ORG, SOURCE, reading(tally(5)))
        [row] = history.windows(ORG, windows(0, 1), by_series=True)
        assert (row.counts.count, history.state(ORG).totals) == (3, before)

    assert ledger.state(ORG).totals[row.key].count == 5


def test_a_conversation_is_hit_first_once(ledger: Ledger) -> None:
    """For each pair of flow and action, at its earliest."""
    hits = [
        incident("c1", at=T0 + 50.0),
        incident("c1", at=T0 + 20.0),
        incident("c2", at=T0 + 30.0),
        incident("c1", at=T0 + 60.0, flow_id="f2"),
        incident("c3", at=T0 - 10.0),
        incident("c3", at=T0 + 10.0),
    ]
    ledger.record(ORG, SOURCE, reading(incidents=hits))

    with ledger.history() as history:
        found = [(hit.flow_id, hit.at - T0) for hit in history.first_hits(ORG, T0)]

    assert found == [("f1", 20.0), ("f1", 30.0), ("f2", 60.0)]


def test_an_org_that_nobody_knows_has_no_past(ledger: Ledger) -> None:
    """Nothing is found, and nothing fails."""
    with ledger.history() as history:
        assert list(history.windows("nobody", windows(0, 9), by_series=True)) == []
        assert list(history.first_hits("nobody", 0)) == []
        assert history.sums_since("nobody", 0) == []
        assert history.timeouts_in_force("nobody") == []
        assert history.read_time_ranges("nobody", SOURCE) == ()
