"""What promtool is to hold of each alert: the same things, each in a world of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from dashboards.source.alerts import alerts
from dashboards.source.hand_overs import handed_over
from dashboards.source.objectives import OBJECTIVES
from dashboards.source.timelines import Count, Level, Line, Once, Span, Stamp, notation

ORG = 'org="acme"'
ACTION = f'{ORG}, action_id="a1"'
LIMIT = f'{ORG}, limit="executions_per_minute"'
INFO = Level(
    f'genesys_data_action_info{{{ACTION}, action_name="Order Status", integration_id="i1", '
    'integration_name="Orders", category="Web"}',
    1,
    1,
    1,
)
READ = Stamp(
    f'timeout_monitor_watermark_timestamp_seconds{{{ORG}, source="actions"}}', ("hole", "gap")
)
AFTER_LATE = 40
"""Minutes after late data has come in which nothing may fire."""


@dataclass(frozen=True, slots=True)
class Situation:
    """The world of one alert.

    Attributes:
        lines: Its series.
        lead: Minutes as usual before anything happens.
        bad: Minutes until it fires.
        below: Minutes of what is just not enough.
        over: Minutes until it has resolved.
        labels: Of the alert that fires, but for its name and severity.
        every: Minutes between two scrapes and between two evaluations; more where hours pass.
    """

    lines: tuple[Line, ...]
    lead: int
    bad: int
    below: int
    over: int
    labels: str = f'{ORG}, action_name="Order Status"'
    every: int = 1


def calls(
    good: tuple[float, float], bad: tuple[float, float], below: tuple[float, float]
) -> tuple[Line, ...]:
    """Successes and timeouts a minute."""
    return tuple(
        Count(
            f'genesys_data_action_executions_total{{{ACTION}, outcome="{outcome}"}}',
            good=good[place],
            bad=bad[place],
            below=below[place],
        )
        for place, outcome in enumerate(("success", "timeout"))
    )


def refused(good: float, bad: float, below: float) -> Count:
    """Executions a minute that the platform refuses to run."""
    return Count(
        f'genesys_data_action_executions_total{{{ACTION}, outcome="throttled"}}', good, bad, below
    )


USED = Level(f'genesys_data_action_flow_info{{{ACTION}, flow_id="f1", flow_name="Main"}}', 1, 1, 1)


def lost_callers(good: float, bad: float, below: float, flow: str = "f1") -> Count:
    """Callers a minute whom a flow loses."""
    series = f'genesys_flow_errors_total{{{ORG}, flow_id="{flow}", exit_reason="FLOW_ERROR_EXIT"}}'
    return Count(series, good, bad, below)


def verdict(name: str) -> tuple[Line, ...]:
    """The verdict of an action that comes to be this one; the one before it leaves."""
    return (
        Level(f'genesys_data_action_verdict{{{ACTION}, verdict="healthy"}}', 1, None, 1),
        Level(f'genesys_data_action_verdict{{{ACTION}, verdict="{name}"}}', None, 1, None),
    )


def _polls(result: str, good: float, bad: float, below: float) -> Count:
    series = f'timeout_monitor_polls_total{{{ORG}, result="{result}"}}'
    return Count(series, good, bad, below, of_process=True)


def _requests(status: str, good: float, bad: float, below: float) -> Count:
    series = (
        f'timeout_monitor_api_requests_total{{{ORG}, endpoint="POST /oauth/token", '
        f'status="{status}"}}'
    )
    return Count(series, good, bad, below, of_process=True)


def _changes(result: str) -> str:
    return f'timeout_monitor_remediation_changes_total{{{ORG}, result="{result}"}}'


def _set_back(why: str) -> str:
    return f'timeout_monitor_remediation_set_back_total{{{ORG}, why="{why}"}}'


def _available(source: str, good: float, bad: float, below: float) -> Level:
    series = f'timeout_monitor_source_available{{{ORG}, source="{source}"}}'
    return Level(series, good, bad, below)


def _required(good: float, bad: float, below: float) -> Level:
    series = f'timeout_monitor_required_source_available{{{ORG}, source="actions"}}'
    return Level(series, good, bad, below)


def _leased(host: str, good: float, bad: float, below: float) -> Level:
    return Level(f'timeout_monitor_org_leased{{{ORG}, host="{host}"}}', good, bad, below)


SITUATIONS: dict[str, Situation] = {
    # 5 of 10 calls a minute, against 14 of 100 for as long as it likes.
    "GenesysDataActionTimeoutsBurningFast": Situation(
        (INFO, READ, *calls((10, 0.05), (5, 5), (86, 14))), 120, 30, 180, 30
    ),
    # 8 of 100, against 5.9 of 100.
    "GenesysDataActionTimeoutsBurningSlowly": Situation(
        (INFO, READ, *calls((10, 0.05), (92, 8), (94.1, 5.9))), 120, 420, 600, 90, every=5
    ),
    # Twelve times the usual, against less than four times; an hour of late data is three times.
    "GenesysDataActionTimeoutSpike": Situation(
        (INFO, READ, *calls((10, 0.5), (10, 6), (10, 1.9))), 420, 40, 60, 40, every=2
    ),
    # Six calls an hour of which one times out, against four in six hours.
    "GenesysDataActionTimeoutsAtLowTraffic": Situation(
        (INFO, READ, *calls((0.1, 0.01), (0.08, 0.02), (0.1, 0.011))), 400, 400, 400, 340, every=5
    ),
    "GenesysDataActionTimeoutBudgetUsed": Situation(
        (
            INFO,
            READ,
            *calls((10, 0), (10, 0), (10, 0)),
            Level(f"genesys_data_action_timeout_budget_used_ratio{{{ACTION}}}", 0.5, 0.81, 0.8),
        ),
        90,
        40,
        90,
        5,
    ),
    "GenesysDataActionOutage": Situation(
        (INFO, READ, *calls((10, 0.05), (5, 5), (5, 5)), *verdict("outage")), 60, 20, 90, 10
    ),
    "GenesysDataActionHangs": Situation(
        (INFO, READ, *calls((10, 0), (9.5, 0.5), (9.5, 0.5)), *verdict("hangs")), 60, 120, 120, 10
    ),
    "GenesysDataActionUnclear": Situation(
        (INFO, READ, *calls((10, 0), (9.5, 0.5), (9.5, 0.5)), *verdict("unclear")), 60, 120, 120, 10
    ),
    # 2 of 100 refused, against 0.9 of 100.
    "GenesysDataActionThrottled": Situation(
        (INFO, READ, *calls((98, 0), (98, 0), (99.1, 0)), refused(0.3, 2, 0.9)), 60, 40, 120, 40
    ),
    # Both rise to twelve times the usual, against timeouts that do while callers lost stay below
    # four times.
    "GenesysDataActionLosesCallers": Situation(
        (INFO, READ, USED, *calls((10, 0.5), (10, 6), (10, 6)), lost_callers(0.5, 6, 1.9)),
        420,
        50,
        60,
        50,
        every=2,
    ),
    "GenesysDataActionsConcurrencyHigh": Situation(
        (
            Level(f"genesys_data_actions_concurrency_estimate{{{ORG}}}", 10, 36, 35),
            Level(f"genesys_data_actions_concurrency_limit{{{ORG}}}", 50, 50, 50),
        ),
        30,
        10,
        60,
        5,
        ORG,
    ),
    "GenesysDataActionsLimitNear": Situation(
        (Level(f"genesys_data_actions_limit_used_ratio{{{LIMIT}}}", 0.5, 0.81, 0.8),),
        30,
        30,
        60,
        5,
        LIMIT,
    ),
    "TimeoutMonitorChangeRolledBack": Situation(
        # Somebody's own rollbacks, all the time, are none of it.
        (
            Once(_set_back("not_helped")),
            Count(_set_back("asked"), 0.1, 0.1, 0.1),
            Count(_changes("rolled_back"), 0.1, 0.1, 0.1),
        ),
        30,
        5,
        90,
        75,
        ORG,
    ),
    "TimeoutMonitorChangeConflict": Situation(
        (Once(_changes("conflict")), Count(_changes("applied"), 0.1, 0.1, 0.1)), 30, 5, 90, 75, ORG
    ),
    "TimeoutMonitorRemediationTripped": Situation(
        (
            Level(f"timeout_monitor_remediation_tripped{{{ORG}}}", 0, 1, 0),
            Count(
                f"timeout_monitor_remediation_decisions_total{{{ORG}, "
                'decision="keep", reason="cooldown"}',
                1,
                1,
                1,
            ),
        ),
        30,
        5,
        90,
        2,
        ORG,
    ),
    "TimeoutMonitorAbsent": Situation(
        (Level('timeout_monitor_build_info{version="0.1.0"}', 1, None, None),), 30, 15, 8, 5, ""
    ),
    "TimeoutMonitorDataStale": Situation(
        (
            Stamp(
                f'timeout_monitor_last_success_timestamp_seconds{{{ORG}, source="actions"}}',
                ("bad", "below"),
                0,
            ),
            Level(f'timeout_monitor_source_available{{{ORG}, source="actions"}}', 1, 1, 1),
        ),
        30,
        25,
        19,
        2,
        f'{ORG}, source="actions"',
    ),
    # Two of three polls, against one of two.
    "TimeoutMonitorCollectionFailing": Situation(
        (
            _polls("ok", 1, 1 / 3, 0.5),
            _polls("failed", 0, 1 / 3, 0.5),
            _polls("partial", 0, 1 / 3, 0),
        ),
        60,
        25,
        120,
        20,
        ORG,
    ),
    # Every minute, against one an hour, which is a token that has expired.
    "TimeoutMonitorCredentialsRefused": Situation(
        (_requests("200", 1 / 60, 0, 1 / 60), _requests("401", 0, 1, 1 / 60)), 60, 15, 180, 20, ORG
    ),
    # Half of the time, against 4 s a minute.
    "TimeoutMonitorRateLimited": Situation(
        (
            Count(
                f'timeout_monitor_rate_limited_seconds_total{{{ORG}, endpoint="POST /query"}}',
                0.1,
                30,
                4,
                of_process=True,
            ),
        ),
        60,
        30,
        120,
        90,
        ORG,
    ),
    "TimeoutMonitorRecordsDropped": Situation(
        (
            Count(
                f'timeout_monitor_dropped_records_total{{{ORG}, source="actions", reason="shape"}}',
                0,
                1,
                0,
                of_process=True,
            ),
        ),
        90,
        20,
        120,
        75,
        f'{ORG}, source="actions"',
    ),
    "TimeoutMonitorRequiredSourceOff": Situation(
        (
            _required(1, 0, 1),
            _available("actions", 1, 0, 1),
            _available("conversations", 1, 1, 0),
        ),
        30,
        10,
        60,
        2,
        f'{ORG}, source="actions"',
    ),
    # The required one has an alert of its own.
    "TimeoutMonitorSourceOff": Situation(
        (
            _required(1, 1, 0),
            _available("actions", 1, 1, 0),
            _available("conversations", 1, 0, 1),
        ),
        120,
        40,
        60,
        2,
        f'{ORG}, source="conversations"',
    ),
    # Just over five intervals of two minutes, and just these.
    "TimeoutMonitorNoPoll": Situation(
        (
            Level(f"timeout_monitor_poll_age_seconds{{{ORG}}}", 90, 601, 600),
            Level("timeout_monitor_poll_interval_seconds", 120, 120, 120),
        ),
        30,
        10,
        60,
        2,
        ORG,
    ),
    # None of two daemons, against the one that stood by.
    "TimeoutMonitorOrgNotRead": Situation(
        (_leased("a", 1, 0, 0), _leased("b", 0, 0, 1)), 30, 20, 60, 2, ORG
    ),
    "TimeoutMonitorClockWrong": Situation(
        (Level(f"timeout_monitor_clock_skew_seconds{{{ORG}}}", 0.5, -301, 300),),
        30,
        10,
        60,
        2,
        ORG,
    ),
    "TimeoutMonitorClockStepped": Situation(
        (Once('timeout_monitor_clock_steps_total{found="back"}'),),
        30,
        5,
        90,
        75,
        'found="back"',
    ),
    "TimeoutMonitorCatalogueOld": Situation(
        (Level(f"timeout_monitor_catalogue_age_seconds{{{ORG}}}", 600, 3601, 3600),),
        60,
        40,
        90,
        2,
        ORG,
    ),
    "TimeoutMonitorNotDiagnosed": Situation(
        (Level(f"timeout_monitor_diagnosis_age_seconds{{{ORG}}}", 300, 10_801, 10_800),),
        60,
        40,
        90,
        2,
        ORG,
    ),
    # As long as it takes, and an hour less.
    "TimeoutMonitorPauseForgotten": Situation(
        (
            Level(f"timeout_monitor_remediation_paused{{{ORG}}}", 0, 1, 1),
            Level(f"timeout_monitor_remediation_mode{{{ORG}}}", 2, 2, 2),
        ),
        60,
        1_460,
        1_380,
        20,
        ORG,
        every=10,
    ),
    "TimeoutMonitorTrialOverdue": Situation(
        (Level(f"timeout_monitor_remediation_trial_overdue_seconds{{{ORG}}}", 0, 3_601, 3_600),),
        60,
        40,
        90,
        2,
        ORG,
    ),
    "TimeoutMonitorStateNotWritable": Situation(
        (
            Level("timeout_monitor_state_writable", 1, 0, 1),
            _polls("failed", 0, 1, 1),
        ),
        30,
        10,
        60,
        2,
        "",
    ),
}

GAP = 3
"""Minutes that a restart takes, at most: a scrape or three are missed."""


def unit_test(name: str, situation: Situation) -> dict[str, Any]:
    """The file of tests for one alert."""
    lead, bad, over = situation.lead, situation.bad, situation.over
    usual: Span = ("good", lead)
    ill: Span = ("bad", bad)
    reset: Span = ("restart", situation.every)
    restart: Span = ("restart", max(GAP, situation.every))
    after: Span = ("good", AFTER_LATE)
    return {
        "rule_files": ["../rules.yml", "../alerts.yml"],
        "evaluation_interval": f"{situation.every}m",
        "tests": [
            _test(name, situation, "it fires", [usual, ill], fires=[lead + bad], never=lead),
            _test(name, situation, "just below it does not", [usual, ("below", situation.below)]),
            _test(
                name,
                situation,
                "it resolves",
                [usual, ill, ("good", over)],
                fires=[lead + bad],
                not_=[lead + bad + over],
                never=lead,
            ),
            _test(
                name,
                situation,
                "counters that begin anew raise no alert",
                [usual, reset, usual],
                new_state=True,
            ),
            _test(
                name,
                situation,
                "counters that begin anew hide none",
                [usual, ill, reset, ill],
                fires=[lead + bad, lead + bad + reset[1] + bad],
                never=lead,
                new_state=True,
            ),
            _test(name, situation, "without traffic it does not fire", [("idle", lead + bad)]),
            _test(
                name, situation, "a daemon that restarts raises no alert", [usual, restart, usual]
            ),
            _test(
                name,
                situation,
                "a daemon that restarts hides none",
                [usual, ill, restart, ill],
                fires=[lead + bad, lead + bad + restart[1] + bad],
                never=lead,
            ),
            _test(
                name,
                situation,
                "an hour of data that comes late, all at once, is no reason",
                [usual, ("late", 60), after],
            ),
            _test(
                name,
                situation,
                "six hours that are caught up with, all at once, are none either",
                [usual, ("hole", 360), after],
            ),
            *_of_several_daemons(name, situation),
            *(_of_its_own(name, situation)),
        ],
    }


def _of_several_daemons(name: str, situation: Situation) -> list[dict[str, Any]]:
    """An org that goes from one daemon to another; where it is about an org at all."""
    if ORG not in situation.labels:
        return []
    lead, bad, every = situation.lead, situation.bad, situation.every
    middle = lead + bad // 2 // every * every
    over = replace(situation, lines=handed_over(situation.lines, middle))
    back = replace(
        situation, lines=handed_over(situation.lines, lead, lead + lead // 4 // every * every)
    )
    return [
        _test(
            name,
            over,
            "an org that another daemon takes over in the middle hides none",
            [("good", lead), ("bad", bad)],
            fires=[lead + bad],
            never=lead,
        ),
        _test(
            name,
            over,
            "an org that another daemon takes over raises none",
            [("good", lead + bad)],
        ),
        _test(
            name,
            back,
            "an org that goes over and comes back raises none",
            [("good", lead + lead)],
        ),
    ]


def _of_its_own(name: str, situation: Situation) -> list[dict[str, Any]]:
    if name == "GenesysDataActionLosesCallers":
        return _apart(name, situation)
    if name == "TimeoutMonitorSourceOff":
        never = replace(situation, lines=(_available("conversations", 0, 0, 0),))
        return [_test(name, never, "what was never granted is not missed", [("good", 300)])]
    if name == "TimeoutMonitorOrgNotRead":
        what = "a hand-over that takes longer than two lease times, and less than it may, is none"
        return [_test(name, situation, what, [("good", 30), ("bad", 9), ("good", 30)])]
    if name != "GenesysDataActionTimeoutSpike":
        return []
    bad, rest = situation.bad, 1_440 - situation.bad
    spans: list[Span] = [("good", 420), ("bad", bad), ("good", rest), ("bad", bad)]
    what = "what was so at the same time of the day before is usual"
    usual = _test(name, situation, what, spans, fires=[420 + bad], not_=[420 + 1_440 + bad])
    spans = [("good", 420), ("below", bad), ("good", rest), ("bad", bad)]
    return [usual, _test(name, situation, "so is three times of what was then", spans)]


def _apart(name: str, situation: Situation) -> list[dict[str, Any]]:
    """Each half alone, and both where they have nothing to do with each other."""
    known: tuple[Line, ...] = (INFO, READ, USED)
    calm = calls((10, 0.5), (10, 0.5), (10, 0.5))
    ill = calls((10, 0.5), (10, 6), (10, 6))
    worlds: dict[str, tuple[Line, ...]] = {
        "callers lost alone, without timeouts, are another matter": (
            *known,
            *calm,
            lost_callers(0.5, 6, 6),
        ),
        "timeouts alone, which a flow copes with, lose nobody": (
            *known,
            *ill,
            lost_callers(0.5, 0.5, 0.5),
        ),
        "callers lost in a flow that does not use the action are not laid to it": (
            *known,
            *ill,
            lost_callers(0.5, 6, 6, "f2"),
        ),
    }
    spans: list[Span] = [("good", situation.lead), ("bad", situation.bad)]
    return [
        _test(name, replace(situation, lines=lines), what, spans) for what, lines in worlds.items()
    ]


def _test(  # noqa: PLR0913 - one row of the list above
    name: str,
    situation: Situation,
    what: str,
    spans: Sequence[Span],
    *,
    fires: Sequence[int] = (),
    not_: Sequence[int] = (),
    never: int | None = None,
    new_state: bool = False,
) -> dict[str, Any]:
    """One test.

    Args:
        name: The alert.
        situation: Its world.
        what: What the test says.
        spans: What happens.
        fires: Minutes at which it fires, each with its labels.
        not_: Minutes at which it does not fire.
        never: Up to this minute it has never fired; the whole time where it never fires.
        new_state: Whether counters begin anew with a restart.
    """
    severity = next(one.severity for one in alerts(OBJECTIVES) if one.name == name)
    labels = f'alertname="{name}", severity="{severity}"'
    if situation.labels:
        labels += f", {situation.labels}"
    kept = ", ".join(label.split("=")[0] for label in labels.split(", "))
    firing = f'ALERTS{{alertname="{name}", alertstate="firing"}}'
    one = [{"labels": f"{{{labels}}}", "value": 1}]
    checks = [(minute, f"count by ({kept}) ({firing})", one) for minute in fires]
    checks += [(minute, firing, []) for minute in not_]
    if not fires:
        never = sum(minutes for _, minutes in spans)
    if never is not None:
        checks.append((never, f"count_over_time({firing}[{never + 1}m])", []))
    return {
        "name": f"{name}: {what}",
        "interval": f"{situation.every}m",
        "input_series": [
            {
                "series": line.series,
                "values": notation(line.samples(spans, new_state=new_state)[:: situation.every]),
            }
            for line in situation.lines
        ],
        "promql_expr_test": [
            {"expr": expression, "eval_time": f"{minute}m", "exp_samples": samples}
            for minute, expression, samples in sorted(checks, key=lambda check: check[0])
        ],
    }
