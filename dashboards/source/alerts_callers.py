"""Alerts about what callers meet: timeouts, outages, hangs and what may be, too little room."""

from __future__ import annotations

from dashboards.source.alerting import ACTION, Alert
from dashboards.source.objectives import OBJECTIVES, Objectives, Seconds
from dashboards.source.promql import ACTION as BY_ACTION
from dashboards.source.promql import WATERMARK, joined, named
from dashboards.source.recording import executions, read_on, share, throttled, timeouts


def alerts_about_callers(aims: Objectives) -> list[Alert]:
    """Every alert about an action or an org's room for executions."""
    return [
        _burning_fast(aims),
        _burning_slowly(aims),
        _spike(aims),
        _at_low_traffic(aims),
        _budget_used(aims),
        _outage(aims),
        _hangs(aims),
        _unclear(aims),
        _throttled(aims),
        _concurrency(aims),
        _limit(aims),
    ]


def data_seconds(window: str) -> int:
    """The length of a window in the clock of the data, which is what watermarks show."""
    length: Seconds = getattr(OBJECTIVES, window)
    return round(length.value)


def _burning_fast(aims: Objectives) -> Alert:
    burn = aims.fast
    threshold = f"{burn.factor} * {aims.timeout_share}"
    return Alert(
        "GenesysDataActionTimeoutsBurningFast",
        "critical",
        named(
            joined(
                f"{share(burn.long)} > {threshold}",
                f"and {share(burn.short)} > {threshold}",
                f"and {timeouts(burn.long)} >= {burn.least_timeouts}",
            )
        ),
        burn.hold,
        f"{ACTION}: {{{{ $value | humanizePercentage }}}} of its calls time out",
        f"{{{{ $value | humanizePercentage }}}} of the executions of the last {burn.long} ran into "
        f"their timeout, and it is still going on. {aims.timeout_share:.0%} is the objective. "
        f"Callers "
        "hear silence for as long as the timeout lasts, and then the flow's error path.",
        about_action=True,
    )


def _burning_slowly(aims: Objectives) -> Alert:
    burn = aims.slow
    threshold = f"{burn.factor:g} * {aims.timeout_share}"
    return Alert(
        "GenesysDataActionTimeoutsBurningSlowly",
        "warning",
        named(
            joined(
                f"{share(burn.long)} > {threshold}",
                f"and {share(burn.short)} > {threshold}",
                f"and {timeouts(burn.long)} >= {burn.least_timeouts}",
            )
        ),
        burn.hold,
        f"{ACTION}: {{{{ $value | humanizePercentage }}}} of its calls time out, for hours",
        f"{{{{ $value | humanizePercentage }}}} of the executions of the last {burn.long} ran into "
        f"their timeout; {aims.timeout_share:.0%} is the objective. It is no sudden failure: the "
        "verdict says whether a longer timeout would help.",
        about_action=True,
    )


def _spike(aims: Objectives) -> Alert:
    counted = timeouts(aims.spike)
    recent = f"avg_over_time({counted}[{aims.spike_recent}] offset {aims.spike})"
    back = aims.day - Seconds(aims.spike_around.value / 2)
    day_before = f"max_over_time({counted}[{aims.spike_around}] offset {back})"
    return Alert(
        "GenesysDataActionTimeoutSpike",
        "critical",
        named(
            joined(
                f"{counted} >= {aims.spike_least}",
                f"and {counted} > {aims.spike_factor:g} * {recent}",
                f"unless {counted} <= {aims.spike_factor:g} * {day_before}",
                # A Prometheus younger than that does not know what is usual.
                f"and on (org) present_over_time({WATERMARK}[{aims.hour}] offset "
                f"{aims.spike_recent})",
                f"and on (org) {read_on(aims.spike)} < {data_seconds('spike') + aims.caught_up}",
            )
        ),
        aims.fast.hold,
        f"{ACTION}: {{{{ $value | humanize }}}} timeouts in {aims.spike}, far more than usual",
        f"{{{{ $value | humanize }}}} executions ran into their timeout in the last {aims.spike}: "
        f"more than {aims.spike_factor:g} times its mean of the {aims.spike_recent} before, and "
        f"than the same "
        "time of the day before. Something has changed just now.",
        about_action=True,
    )


def _at_low_traffic(aims: Objectives) -> Alert:
    counted, ran = timeouts(aims.count), executions(aims.count)
    return Alert(
        "GenesysDataActionTimeoutsAtLowTraffic",
        "warning",
        named(
            joined(
                "(",
                f"  {counted} >= {aims.count_least}",
                f"  and {ran} < {aims.count_executions}",
                ")",
                "or",
                "(",
                f"  {counted} >= {aims.count_least_flow}",
                f"  unless {ran}",
                ")",
                f"unless on (org) {read_on(aims.count)} > {data_seconds('count') + aims.caught_up}",
            )
        ),
        aims.hold_long,
        f"{ACTION}: {{{{ $value | humanize }}}} timeouts in {aims.count}",
        f"{{{{ $value | humanize }}}} executions ran into their timeout in the last {aims.count}. "
        f"Too little runs for a share to mean something (fewer than {aims.count_executions} "
        f"executions), or "
        "the org shows no successes to divide by (contract flow), so they are simply counted.",
        about_action=True,
    )


def _budget_used(aims: Objectives) -> Alert:
    return Alert(
        "GenesysDataActionTimeoutBudgetUsed",
        "warning",
        named(
            joined(
                f"max by ({BY_ACTION}) (genesys_data_action_timeout_budget_used_ratio) > "
                f"{aims.budget}",
                f"and {executions(aims.hour)} >= {aims.budget_executions}",
            )
        ),
        aims.hold_long,
        f"{ACTION}: its p99 has used {{{{ $value | humanizePercentage }}}} of its timeout",
        f"The slowest hundredth of its executions of the last {aims.hour} needs "
        "{{ $value | humanizePercentage }} of the timeout in force (100% and more: it times out). "
        "A little more load, and callers will feel it.",
        about_action=True,
    )


def _outage(aims: Objectives) -> Alert:
    return Alert(
        "GenesysDataActionOutage",
        "critical",
        named(
            joined(
                f'max by ({BY_ACTION}) (genesys_data_action_verdict{{verdict="outage"}}) == 1',
                f"and {timeouts(aims.spike)} >= {aims.spike_least}",
            )
        ),
        aims.fast.hold,
        f"{ACTION}: its back end has an outage",
        f"Its timeouts are bunched in time, and at least {aims.spike_least} of them are of the "
        f"last {aims.spike}. It is an incident before it is a setting: find out what happened.",
        about_action=True,
    )


def _hangs(aims: Objectives) -> Alert:
    return Alert(
        "GenesysDataActionHangs",
        "warning",
        named(
            joined(
                f'max by ({BY_ACTION}) (genesys_data_action_verdict{{verdict="hangs"}}) == 1',
                f"and {timeouts(aims.slow.long)} >= {aims.slow.least_timeouts}",
            )
        ),
        aims.hold_verdict,
        f"{ACTION}: most of the calls that time out do not answer soon after",
        "Going by the calls that answer, less than half of those that reach the timeout would "
        "have ended within a longer one, which would mostly make callers wait. The back end must "
        "answer or fail fast.",
        about_action=True,
    )


def _unclear(aims: Objectives) -> Alert:
    verdicts = "genesys_data_action_verdict"
    return Alert(
        "GenesysDataActionUnclear",
        "warning",
        named(
            joined(
                # At the border between the two each window may say the other one.
                f'max by ({BY_ACTION}) (max_over_time({verdicts}{{verdict="unclear"}}'
                f"[{aims.hold_verdict}])) == 1",
                f'and max by ({BY_ACTION}) ({verdicts}{{verdict=~"hangs|unclear"}}) == 1',
                f"and {timeouts(aims.slow.long)} >= {aims.slow.least_timeouts}",
            )
        ),
        aims.hold_verdict,
        f"{ACTION}: too many calls time out, and it is unclear whether more time would help",
        "What was counted bounds what a longer timeout would rescue neither below nor above half "
        "of the timeouts; timeout-monitor report says between what. One experiment settles it: "
        "repeat calls that timed out, supervised and with a long timeout.",
        about_action=True,
    )


def _throttled(aims: Objectives) -> Alert:
    refused, ran = throttled(aims.spike), executions(aims.spike)
    return Alert(
        "GenesysDataActionThrottled",
        "warning",
        named(
            joined(
                f"{refused} >= {aims.throttled_least}",
                f"and {refused} >= {aims.throttled_share} * {ran}",
            )
        ),
        aims.hold_soon,
        f"{ACTION}: the platform refused {{{{ $value | humanize }}}} executions in {aims.spike}",
        f"Genesys Cloud itself refused {{{{ $value | humanize }}}} executions in the last "
        f"{aims.spike}, "
        "because too many ran at a time or in a minute. Longer timeouts hold slots longer and "
        "make it worse.",
        about_action=True,
    )


def _concurrency(aims: Objectives) -> Alert:
    return Alert(
        "GenesysDataActionsConcurrencyHigh",
        "warning",
        joined(
            "max by (org) (genesys_data_actions_concurrency_estimate)",
            "/",
            "(max by (org) (genesys_data_actions_concurrency_limit) > 0)",
            f"> {aims.concurrency}",
        ),
        aims.hold_soon,
        "{{ $labels.org }}: {{ $value | humanizePercentage }} of the concurrent executions are in "
        "use",
        "On average of the last hour {{ $value | humanizePercentage }} of the org's limit of "
        "concurrent executions was in use; its peaks are higher. At the limit the platform "
        "refuses to run any action.",
    )


def _limit(aims: Objectives) -> Alert:
    return Alert(
        "GenesysDataActionsLimitNear",
        "warning",
        joined(
            "max by (org, limit) (genesys_data_actions_limit_used_ratio)",
            f"> {aims.limit}",
        ),
        aims.hold_limit,
        "{{ $labels.org }}: {{ $value | humanizePercentage }} of the limit {{ $labels.limit }} was "
        "used",
        "In the busiest window of the last hour {{ $value | humanizePercentage }} of the org's "
        "limit {{ $labels.limit }} was used. At the limit the platform refuses to run any action.",
    )
