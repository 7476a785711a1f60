"""Summaries of what a real ledger holds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.contract import Contract
from monitor.ledger import Ledger
from monitor.model import UNKNOWN_ACTION, Action, ActionKind, Classifier
from monitor.summary.model import ActionSummary, Summary, empty_summary
from monitor.summary.query import settled, summarise
from monitor.time_ranges import TimeRange
from tests.evidence import (
    BROKEN,
    ORG,
    T0,
    THROTTLED,
    TIMED_OUT,
    WINDOW_SECONDS,
    executions,
    timed_out,
)
from tests.filled_ledger import CLASSIFIER, DAY_SECONDS, HOUR, HOUR_SECONDS, FilledLedger

CRM = Action("crm", "Get customer", "i1", "Customers", "Web Services", configured_timeout_ms=5_000)
PAY = Action("pay", "Take payment", "i2", "Payments", configured_timeout_ms=8_000)
YESTERDAY = TimeRange(HOUR.start - DAY_SECONDS, HOUR.end - DAY_SECONDS)


@pytest.fixture
def org(ledger: Ledger) -> FilledLedger:
    """An org of contract ``platform``, nothing read yet."""
    return FilledLedger(ledger)


@pytest.fixture
def flow_org(ledger: Ledger) -> FilledLedger:
    """An org of contract ``flow``, nothing read yet."""
    return FilledLedger(ledger, "flow")


def action(summary: Summary, action_id: str = "crm") -> ActionSummary:
    """The summary of one action."""
    return next(one for one in summary.actions if one.action_id == action_id)


def test_each_outcome_is_counted(org: FilledLedger) -> None:
    """Executions fall into successes, timeouts, errors and throttled ones, by the classifier."""
    org.read_actions(
        executions("crm", [200.0] * 90, response_status="200"),
        executions("crm", [200.0] * 2, response_status="201"),
        executions("crm", [5_001.0] * 4, error_type=TIMED_OUT),
        executions("crm", [300.0], error_type=BROKEN, response_status="504"),
        executions("crm", [300.0] * 3, error_type=BROKEN, response_status="500"),
        executions("crm", [1.0] * 2, error_type=THROTTLED, response_status="429"),
    )
    found = action(org.summary())
    assert (found.executions, found.successes) == (102, 92)
    assert (found.timeouts, found.errors, found.throttled) == (5, 3, 2)
    assert found.timeout_share == pytest.approx(5 / 102)


def test_failures_are_listed_most_frequent_first(org: FilledLedger) -> None:
    """Every failure stands under the platform's own words; successes are none."""
    org.read_actions(
        executions("crm", [200.0] * 90, response_status="200"),
        executions("crm", [300.0], error_type=BROKEN, response_status="504"),
        executions("crm", [300.0] * 3, error_type=BROKEN, response_status="500"),
        executions("crm", [300.0], error_type="ANOTHER", response_status="500"),
    )
    assert action(org.summary()).error_types == (
        (BROKEN, "500", 3),
        ("ANOTHER", "500", 1),
        (BROKEN, "504", 1),
    )


def test_only_windows_of_the_period_count(org: FilledLedger) -> None:
    """A period is half-open: the window that begins at its end is not part of it."""
    org.read_actions(
        executions("crm", [200.0], window_start=HOUR.start - WINDOW_SECONDS),
        executions("crm", [200.0] * 2, window_start=HOUR.start),
        executions("crm", [200.0] * 3, window_start=HOUR.end - WINDOW_SECONDS),
        executions("crm", [200.0] * 4, window_start=HOUR.end),
    )
    assert action(org.summary()).executions == 5


def test_a_quiet_action_of_the_catalogue_stands_at_zero(org: FilledLedger) -> None:
    """Every action of the catalogue appears; what needs executions is unknown."""
    org.catalogue(CRM)
    org.read_actions()
    found = action(org.summary())
    assert (found.executions, found.successes, found.timeouts) == (0, 0, 0)
    assert found.timeout_share is found.p99_seconds is found.budget_used_ratio is None
    assert found.timeout_seconds == 5
    assert found.mean_concurrency == 0


def test_the_catalogue_names_an_action(org: FilledLedger) -> None:
    """Name, integration, category and kind come from the catalogue."""
    org.catalogue(CRM)
    found = action(org.summary())
    assert (found.action_name, found.category) == ("Get customer", "Web Services")
    assert (found.integration_id, found.integration_name) == ("i1", "Customers")
    assert found.kind is ActionKind.CUSTOM


def test_an_action_outside_the_catalogue_appears_with_its_counts(org: FilledLedger) -> None:
    """Nothing that was counted is left out for want of a name."""
    org.read_actions(executions("ghost", [200.0]))
    found = action(org.summary(), "ghost")
    assert (found.action_name, found.kind) == ("ghost", ActionKind.UNKNOWN)
    assert found.executions == 1


def test_an_action_gone_from_the_catalogue_appears_only_while_it_has_counts(
    org: FilledLedger,
) -> None:
    """A deleted action does not stay in the report for good."""
    org.catalogue(CRM, PAY)
    org.read_actions(executions("pay", [200.0]), executions("crm", [200.0]))
    org.catalogue(CRM, at=T0)
    assert [one.action_id for one in org.summary().actions] == ["crm", "pay"]
    later = TimeRange(HOUR.end, HOUR.end + HOUR_SECONDS)
    assert [one.action_id for one in org.summary(later).actions] == ["crm"]


def test_actions_come_with_most_timeouts_first(org: FilledLedger) -> None:
    """The reader sees the worst first, and names in order where none is worse."""
    org.catalogue(CRM, PAY, Action("z", "A quiet one"))
    org.read_actions(executions("pay", [8_001.0], error_type=TIMED_OUT))
    names = [one.action_name for one in org.summary().actions]
    assert names == ["Take payment", "A quiet one", "Get customer"]


def test_percentiles_are_of_successes_and_timeouts(org: FilledLedger) -> None:
    """Fast errors and refused calls don't make an action look quick."""
    org.catalogue(CRM)
    org.read_actions(
        executions("crm", [2_100.0] * 90, response_status="200"),
        executions("crm", [5_001.0] * 10, error_type=TIMED_OUT),
        executions("crm", [1.0] * 500, error_type=BROKEN, response_status="500"),
        executions("crm", [1.0] * 500, error_type=THROTTLED),
    )
    found = action(org.summary())
    assert found.p50_seconds == pytest.approx(2.1)
    assert found.p95_seconds == found.p99_seconds == 5


def test_a_budget_is_used_up_where_the_p99_timed_out(org: FilledLedger) -> None:
    """The ratio reaches 1, and no measuring error keeps it below."""
    org.catalogue(CRM)
    org.read_actions(
        executions("crm", [2_100.0] * 90), executions("crm", [4_998.0] * 10, error_type=TIMED_OUT)
    )
    assert action(org.summary()).budget_used_ratio == 1


def test_the_timeout_is_that_of_the_period(org: FilledLedger) -> None:
    """A timeout raised later does not judge what happened before."""
    org.catalogue(CRM)
    org.catalogue(
        Action("crm", "Get customer", configured_timeout_ms=9_000), at=HOUR.end + HOUR_SECONDS
    )
    org.read_actions(executions("crm", [5_001.0], error_type=TIMED_OUT))
    found = action(org.summary())
    assert (found.timeout_seconds, found.p99_seconds) == (5, 5)


def test_an_unset_timeout_is_the_platform_default(org: FilledLedger) -> None:
    """An action without a timeout waits for 60 s."""
    org.catalogue(Action("crm", "Get customer"))
    assert action(org.summary()).timeout_seconds == 60


def test_the_trend_compares_with_the_same_hour_of_the_day_before(org: FilledLedger) -> None:
    """Three times as many timeouts as yesterday are a ratio of 3."""
    org.read_actions(
        executions("crm", [5_001.0] * 2, error_type=TIMED_OUT, window_start=YESTERDAY.start),
        covered=YESTERDAY,
    )
    org.read_actions(executions("crm", [5_001.0] * 6, error_type=TIMED_OUT))
    found = action(org.summary())
    assert (found.timeouts_day_before, found.trend_ratio) == (2, 3)


def test_no_ratio_to_a_day_without_timeouts(org: FilledLedger) -> None:
    """More than nothing has no ratio."""
    org.read_actions(covered=YESTERDAY)
    org.read_actions(executions("crm", [5_001.0] * 6, error_type=TIMED_OUT))
    found = action(org.summary())
    assert (found.timeouts_day_before, found.trend_ratio) == (0, None)


def test_no_trend_against_a_day_that_was_not_read_completely(org: FilledLedger) -> None:
    """Half an hour of yesterday is not compared with an hour of today."""
    org.read_actions(
        executions("crm", [5_001.0] * 2, error_type=TIMED_OUT, window_start=YESTERDAY.start),
        covered=TimeRange(YESTERDAY.start, YESTERDAY.end - WINDOW_SECONDS),
    )
    org.read_actions(executions("crm", [5_001.0] * 6, error_type=TIMED_OUT))
    found = action(org.summary())
    assert found.timeouts_day_before is found.trend_ratio is None


def test_no_ratio_of_a_period_that_was_not_read_completely(org: FilledLedger) -> None:
    """Half of today is not an improvement on yesterday."""
    org.read_actions(
        executions("crm", [5_001.0] * 2, error_type=TIMED_OUT, window_start=YESTERDAY.start),
        covered=YESTERDAY,
    )
    org.read_actions(
        executions("crm", [5_001.0], error_type=TIMED_OUT),
        covered=TimeRange(HOUR.start, HOUR.end - WINDOW_SECONDS),
    )
    found = action(org.summary())
    assert (found.timeouts_day_before, found.trend_ratio) == (2, None)


def test_a_conversation_hit_twice_counts_once(org: FilledLedger) -> None:
    """Conversations are counted, not the timeouts that hit them."""
    org.read_details(
        timed_out("c1", at=T0 + 10), timed_out("c1", at=T0 + 20), timed_out("c2", at=T0 + 30)
    )
    summary = org.summary()
    assert action(summary).conversations == 2
    assert summary.total.conversations == 2


def test_a_conversation_hit_by_two_actions_counts_once_in_the_org(org: FilledLedger) -> None:
    """The org's conversations are no sum of its actions'."""
    org.read_details(timed_out("c1", at=T0 + 10), timed_out("c1", action_id="pay", at=T0 + 20))
    summary = org.summary()
    assert [one.conversations for one in summary.actions] == [1, 1]
    assert summary.total.conversations == 1


def test_without_detail_records_conversations_are_unknown(org: FilledLedger) -> None:
    """A source that was never read does not say that nobody was hit."""
    org.read_actions(executions("crm", [5_001.0], error_type=TIMED_OUT))
    summary = org.summary()
    assert action(summary).conversations is None
    assert summary.total.conversations is None
    assert [one.conversations for one in summary.integrations] == [None]


def test_flows_are_those_it_timed_out_in(org: FilledLedger) -> None:
    """Named where named, sorted, each once."""
    org.read_details(
        timed_out("c1", flow_id="main"),
        timed_out("c2", flow_id="billing"),
        timed_out("c3", flow_id="billing"),
        timed_out("c4", flow_id="f-17"),
        timed_out("c5", flow_id=""),
    )
    assert action(org.summary()).flows == ("Billing", "Main menu", "f-17")


def test_flows_that_use_an_action_are_told_apart_from_those_hit(org: FilledLedger) -> None:
    """Dependency tracking names flows that no timeout has hit."""
    org.catalogue(CRM)
    org.ledger.save_flow_use(ORG, "crm", {"night": "Night desk"}, float(T0))
    org.read_details(timed_out("c1", flow_id="main"))
    found = action(org.summary())
    assert found.flows == ("Main menu",)
    assert found.used_by == ("Main menu", "Night desk")


def test_timeouts_that_name_no_action_have_a_row_of_their_own(org: FilledLedger) -> None:
    """They are seen, though nobody knows which action it was."""
    org.read_details(timed_out("c1", action_id=UNKNOWN_ACTION))
    summary = org.summary()
    assert action(summary, UNKNOWN_ACTION).conversations == 1
    assert summary.total.actions == 0


def test_mean_concurrency_is_time_spent_per_time(org: FilledLedger) -> None:
    """Little's law: 900 executions of 2 s in an hour are half an execution at a time."""
    org.read_actions(executions("crm", [2_000.0] * 900))
    assert action(org.summary()).mean_concurrency == pytest.approx(0.5)


def test_mean_concurrency_is_over_what_was_read(org: FilledLedger) -> None:
    """A period of which half was read is no half as busy one."""
    half = TimeRange(HOUR.start, HOUR.start + HOUR_SECONDS // 2)
    org.read_actions(executions("crm", [2_000.0] * 900), covered=half)
    assert action(org.summary()).mean_concurrency == pytest.approx(1.0)


def test_integrations_sum_up_their_actions(org: FilledLedger) -> None:
    """Two actions of one integration are one group; the worst group comes first."""
    org.catalogue(CRM, PAY, Action("refund", "Refund", "i2", "Payments"), Action("own", "Own"))
    org.read_actions(
        executions("crm", [200.0] * 10),
        executions("pay", [200.0] * 5),
        executions("pay", [8_001.0] * 2, error_type=TIMED_OUT),
        executions("refund", [200.0] * 3, error_type=BROKEN),
    )
    org.read_details(timed_out("c1", action_id="pay"), timed_out("c1", action_id="refund"))
    payments, customers, nameless = org.summary().integrations
    assert (payments.group_id, payments.name, payments.actions) == ("i2", "Payments", 2)
    assert (payments.executions, payments.successes) == (10, 5)
    assert (payments.timeouts, payments.errors, payments.throttled) == (2, 3, 0)
    assert payments.timeout_share == pytest.approx(0.2)
    assert payments.conversations == 1
    assert (customers.name, customers.executions, customers.conversations) == ("Customers", 10, 0)
    assert (nameless.group_id, nameless.name, nameless.actions) == ("", "unknown", 1)


def test_flows_count_the_timeouts_that_hit_them(org: FilledLedger) -> None:
    """Of a flow only timeouts are seen; how often it called an action is not."""
    org.read_details(
        timed_out("c1", at=T0 + 10),
        timed_out("c1", at=T0 + 20),
        timed_out("c2", action_id="pay"),
        timed_out("c3", action_id=UNKNOWN_ACTION),
        timed_out("c4", flow_id=""),
    )
    main, nameless = org.summary().flows
    assert (main.group_id, main.name) == ("main", "Main menu")
    assert (main.timeouts, main.conversations, main.actions) == (4, 3, 2)
    assert main.executions is main.successes is main.errors is main.throttled is None
    assert main.timeout_share is None
    assert (nameless.group_id, nameless.name, nameless.timeouts) == ("", "unknown", 1)


def test_a_period_that_was_read_is_complete(org: FilledLedger) -> None:
    """Nothing is missing, and nothing is noted."""
    org.read_actions(executions("crm", [200.0]))
    org.read_details()
    summary = org.summary()
    assert (summary.complete, summary.missing_seconds, summary.notes) == (True, 0, ())


def test_holes_make_a_period_incomplete(org: FilledLedger) -> None:
    """The missing part is told in seconds and in words."""
    org.read_actions(covered=TimeRange(HOUR.start - 900, HOUR.start + 900))
    org.read_actions(covered=TimeRange(HOUR.end - 1_800, HOUR.end + 900))
    org.read_details()
    summary = org.summary()
    assert (summary.complete, summary.missing_seconds) == (False, 900)
    assert summary.notes == ("15 min of 1 h were not read: counts are too low.",)


def test_a_better_pattern_mends_the_past(org: FilledLedger) -> None:
    """The ledger keeps the platform's words: a new reading of them applies to old data."""
    org.read_actions(executions("crm", [5_001.0] * 3, error_type="GAVE_UP"))
    org.read_details(timed_out("c1", error_type="GAVE_UP"))
    assert action(org.summary()).timeouts == 0
    better = Classifier.from_patterns(["GAVE_UP"], [], [])
    mended = action(summarise(org.ledger, ORG, Contract.PLATFORM, HOUR, better))
    assert (mended.timeouts, mended.errors, mended.conversations) == (3, 0, 1)


def test_the_flow_contract_shows_timeouts_and_nothing_else(flow_org: FilledLedger) -> None:
    """Without successes there is no share, no percentile and no count of other failures."""
    flow_org.catalogue(Action("crm", "Get customer", kind=ActionKind.FLOW))
    flow_org.read_details(timed_out("c1"), timed_out("c2", at=T0 + 400))
    found = action(flow_org.summary())
    assert (found.executions, found.timeouts, found.conversations) == (2, 2, 2)
    assert found.successes is found.errors is found.throttled is None
    assert found.timeout_share is found.p50_seconds is found.budget_used_ratio is None


def test_the_flow_contract_is_complete_by_its_detail_records(flow_org: FilledLedger) -> None:
    """Its only source decides; that action aggregates are not read is no hole."""
    flow_org.read_details(covered=YESTERDAY)
    flow_org.read_details(timed_out("c1"))
    summary = flow_org.summary()
    assert summary.complete
    assert action(summary).timeouts_day_before == 0


def test_flows_of_the_flow_contract_add_up_to_its_total(flow_org: FilledLedger) -> None:
    """There each timeout is one execution, so flows can be counted fully."""
    flow_org.read_details(timed_out("c1"), timed_out("c2", flow_id="billing"), timed_out("c3"))
    summary = flow_org.summary()
    assert [(one.name, one.executions) for one in summary.flows] == [
        ("Main menu", 2),
        ("Billing", 1),
    ]
    assert summary.total.executions == 3
    assert summary.total.successes is None


def test_an_org_that_nothing_is_known_of_is_empty(org: FilledLedger) -> None:
    """Counts are 0, everything else is unknown, and the period is missing as a whole."""
    summary = org.summary()
    assert (summary.actions, summary.flows, summary.integrations) == ((), (), ())
    assert (summary.total.executions, summary.total.timeout_share) == (0, None)
    assert (summary.complete, summary.missing_seconds) == (False, HOUR_SECONDS)


@pytest.mark.parametrize("contract", ["platform", "flow"])
def test_the_empty_summary_equals_that_of_an_unread_org(ledger: Ledger, contract: str) -> None:
    """What is shown before the first poll differs from an unread ledger only in its note."""
    read = summarise(ledger, ORG, Contract(contract), HOUR, CLASSIFIER)
    shown = empty_summary(ORG, Contract(contract), HOUR)
    assert (shown.total, shown.complete) == (read.total, read.complete)
    assert shown.missing_seconds == read.missing_seconds
    assert shown.notes == ("Nothing has been read yet.",)


@given(
    now=st.floats(1e9, 2e9),
    seconds=st.integers(1, 7 * DAY_SECONDS),
    window_seconds=st.sampled_from([60, 300, 900, 3600]),
    settle_seconds=st.integers(0, 7200),
)
def test_a_settled_period_is_long_enough_and_old_enough(
    now: float, seconds: int, window_seconds: int, settle_seconds: int
) -> None:
    """It lies on window boundaries, and one window more would not have settled."""
    time_range = settled(now, seconds, window_seconds, settle_seconds)
    assert time_range.start % window_seconds == time_range.end % window_seconds == 0
    assert seconds <= time_range.seconds < seconds + window_seconds
    assert time_range.end <= now - settle_seconds < time_range.end + window_seconds
