"""What holds for the summary of any executions, in any order and in any pieces."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from random import Random

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.contract import Contract
from monitor.counts import Counts, SeriesKey, Tally
from monitor.ledger import OrgState
from monitor.model import NO_ERROR, UNKNOWN_ACTION, Action, Incident
from monitor.render import report_document
from monitor.summary.model import Summary, SummaryInput
from monitor.summary.query import assemble_summary
from tests.answers import as_json
from tests.evidence import BROKEN, ORG, T0, THROTTLED, TIMED_OUT, bands_of, timed_out
from tests.filled_ledger import CLASSIFIER, HOUR

CATALOGUE = (
    Action("crm", "Get customer", "i1", "Customers", configured_timeout_ms=5_000),
    Action("pay", "Take payment", "i2", "Payments", configured_timeout_ms=8_000),
    Action("refund", "Refund", "i2", "Payments"),
    Action("idle", "Idle"),
)
STATE = OrgState(
    ORG,
    actions=CATALOGUE,
    flow_names={"main": "Main menu"},
    coverage={"actions": (HOUR,), "conversations": (HOUR,)},
)


@st.composite
def tally_sums(draw: st.DrawFn) -> Tally:
    """Executions of one action that ended one way; whole milliseconds, so that sums are exact."""
    durations_ms = draw(st.lists(st.integers(1, 70_000), min_size=1, max_size=8))
    error_type, status = draw(
        st.sampled_from(
            [(NO_ERROR, "200"), (NO_ERROR, ""), (TIMED_OUT, ""), (BROKEN, "504"), (THROTTLED, "")]
        )
    )
    return Tally(
        SeriesKey(draw(st.sampled_from(["crm", "pay", "refund", "ghost"])), error_type, status),
        T0,
        Counts(
            count=len(durations_ms),
            duration_ms=float(sum(durations_ms)),
            min_ms=float(min(durations_ms)),
            max_ms=float(max(durations_ms)),
            bands=bands_of(*durations_ms),
        ),
    )


FEWER_EXAMPLES = settings(max_examples=25)
"""Each one builds a dozen tables, which is slow beside anything else that is tried here."""

TALLIES = st.lists(tally_sums(), max_size=12)
INCIDENTS = st.lists(
    st.builds(
        timed_out,
        st.sampled_from(["c1", "c2", "c3"]),
        action_id=st.sampled_from(["crm", "pay", UNKNOWN_ACTION]),
        flow_id=st.sampled_from(["main", "f-17", ""]),
    ),
    max_size=8,
)


def summary_of(tallies: Sequence[Tally], incidents: Sequence[Incident] = ()) -> Summary:
    """The summary of these rows."""
    day_before = Counter[SeriesKey]()
    for row in tallies:
        day_before[row.key] += row.counts.count
    return assemble_summary(
        SummaryInput(ORG, Contract.PLATFORM, HOUR, STATE, tallies, day_before, incidents),
        CLASSIFIER,
    )


@FEWER_EXAMPLES
@given(tallies=TALLIES, incidents=INCIDENTS, random=st.randoms(use_true_random=False))
def test_the_order_of_rows_changes_nothing(
    tallies: list[Tally], incidents: list[Incident], random: Random
) -> None:
    """A database may answer in any order."""
    shuffled, jumbled = [*tallies], [*incidents]
    random.shuffle(shuffled)
    random.shuffle(jumbled)
    assert summary_of(shuffled, jumbled) == summary_of(tallies, incidents)


@FEWER_EXAMPLES
@given(first=TALLIES, second=TALLIES)
def test_two_halves_give_the_summary_of_the_whole(first: list[Tally], second: list[Tally]) -> None:
    """Rows of one series may come in pieces: together they are the series."""
    assert summary_of([*first, *second]) == summary_of(merged([*first, *second]))


@FEWER_EXAMPLES
@given(tallies=TALLIES, incidents=INCIDENTS)
def test_outcomes_of_an_action_add_up_to_its_executions(
    tallies: list[Tally], incidents: list[Incident]
) -> None:
    """Each execution has one outcome; failures are all that did not succeed."""
    for action in summary_of(tallies, incidents).actions:
        assert action.successes is not None
        assert action.errors is not None
        assert action.throttled is not None
        failures = action.timeouts + action.errors + action.throttled
        assert action.executions == action.successes + failures
        assert sum(count for _, _, count in action.error_types) == failures


@FEWER_EXAMPLES
@given(tallies=TALLIES, incidents=INCIDENTS)
def test_integrations_and_actions_add_up_to_the_total(
    tallies: list[Tally], incidents: list[Incident]
) -> None:
    """Nothing is lost or doubled by grouping."""
    summary = summary_of(tallies, incidents)
    assert summary.total.executions == sum(row.counts.count for row in tallies)
    assert summary.total.actions == sum(group.actions for group in summary.integrations)
    for count in ("executions", "successes", "timeouts", "errors", "throttled"):
        total = getattr(summary.total, count)
        assert total == sum(getattr(group, count) for group in summary.integrations)
        assert total == sum(getattr(action, count) for action in summary.actions)


@FEWER_EXAMPLES
@given(incidents=INCIDENTS)
def test_flows_add_up_to_the_timeouts_that_hit_conversations(incidents: list[Incident]) -> None:
    """Each hit belongs to one flow, known or not."""
    summary = summary_of([], incidents)
    assert sum(flow.timeouts for flow in summary.flows) == len(incidents)
    assert summary.total.conversations == len({one.conversation_id for one in incidents})


@FEWER_EXAMPLES
@given(tallies=TALLIES)
def test_each_action_stands_once(tallies: list[Tally]) -> None:
    """The catalogue and the data together, without doubles."""
    ids = [action.action_id for action in summary_of(tallies).actions]
    expected = {action.action_id for action in CATALOGUE} | {row.key.action_id for row in tallies}
    assert sorted(ids) == sorted(expected)


@FEWER_EXAMPLES
@given(tallies=TALLIES)
def test_percentiles_rise_and_the_budget_is_that_of_the_p99(tallies: list[Tally]) -> None:
    """p50 <= p95 <= p99, and the ratio is p99 / timeout wherever both are known."""
    for action in summary_of(tallies).actions:
        if action.p50_seconds is None or action.p95_seconds is None or action.p99_seconds is None:
            assert action.budget_used_ratio is None
            assert action.successes == action.timeouts == 0
            continue
        assert action.p50_seconds <= action.p95_seconds <= action.p99_seconds
        if action.timeout_seconds is not None:
            assert action.budget_used_ratio == action.p99_seconds / action.timeout_seconds


@FEWER_EXAMPLES
@given(tallies=TALLIES, incidents=INCIDENTS)
def test_no_number_is_nan_or_infinite(tallies: list[Tally], incidents: list[Incident]) -> None:
    """Every report is JSON by the letter, which knows neither."""
    document = report_document([summary_of(tallies, incidents)], T0)
    assert as_json(document) == msgspec.to_builtins(document)


def merged(rows: Sequence[Tally]) -> list[Tally]:
    """One row for each series, summed the plain way."""
    series: dict[SeriesKey, Tally] = {}
    for row in rows:
        key = row.key
        known = series.get(key)
        series[key] = (
            row if known is None else Tally(key, known.window_start, known.counts + row.counts)
        )
    return [*series.values()]
