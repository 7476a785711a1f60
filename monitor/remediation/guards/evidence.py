"""Guards about what is known: the verdict, its evidence, and the data under it."""

from __future__ import annotations

from monitor.diagnosis import Verdict
from monitor.formats import count_of, exact_seconds, utc_minute
from monitor.remediation.decision import GuardInput, GuardResult

LEAST_EXECUTIONS = 200
LEAST_TIMEOUTS = 10
"""The floor for a write, whatever ``[recommend]`` says: it may lower the floor of a report."""

DAY_SECONDS = 86_400.0

CLOCK_SLACK_SECONDS = 5.0
"""Data may be this much younger than now: two machines' clocks are never quite the same."""


def verdict(case: GuardInput) -> GuardResult:
    """Only of a slow tail was it shown that a longer timeout helps; what is unclear is tried."""
    said = case.candidate.diagnosis.verdict
    allowed = (Verdict.SLOW_TAIL, Verdict.UNCLEAR) if case.is_trial else (Verdict.SLOW_TAIL,)
    only = f"{' or '.join(allowed)} is {'tried' if case.is_trial else 'raised'}"
    if said in allowed and not case.candidate.diagnosis.misses_target:
        words = f"the verdict is still {said}, but by what was measured the target is met by now"
        return GuardResult("verdict", passed=False, detail=words)
    return GuardResult(
        "verdict",
        said in allowed,
        f"the verdict is {said}" + ("" if said in allowed else f", and only {only}"),
    )


def evidence(case: GuardInput) -> GuardResult:
    """Few executions can look like anything."""
    diagnosis = case.candidate.diagnosis
    if diagnosis.missing:
        return GuardResult("evidence", passed=False, detail=f"only {', '.join(diagnosis.missing)}")
    judged = diagnosis.judged
    executions = diagnosis.executions if judged is None else judged.executions
    timeouts = diagnosis.timeouts if judged is None else judged.timeouts
    # Those under a shorter timeout tell nothing of the next step.
    timeouts = min(timeouts, diagnosis.timeouts_in_force)
    enough = executions >= LEAST_EXECUTIONS and timeouts >= LEAST_TIMEOUTS
    since = ""
    if judged is not None:
        without = ", without outages that are over" if judged.left_out_outages else ""
        since = f" since {utc_minute(judged.since)} UTC{without}"
    return GuardResult(
        "evidence",
        enough,
        f"{count_of(executions, 'execution')} and {count_of(timeouts, 'timeout')} "
        f"under the timeout in force{since}"
        + ("" if enough else f"; a change needs {LEAST_EXECUTIONS} and {LEAST_TIMEOUTS}"),
    )


def current(case: GuardInput) -> GuardResult:
    """What it did before it changed says nothing of what it does now."""
    diagnosis = case.candidate.diagnosis
    if not diagnosis.speaks_of_now:
        since = utc_minute(diagnosis.changed_at or 0.0)
        words = f"it behaves otherwise since {since} UTC, and that is too little to judge yet"
        return GuardResult("current", passed=False, detail=words)
    drift = diagnosis.drift
    if drift is not None and drift.drifting:
        words = (
            f"in the last day its median was {drift.ratio:.1f} times that of the week before, and "
            "the verdict is of both"
        )
        return GuardResult("current", passed=False, detail=words)
    return GuardResult("current", passed=True, detail="the verdict is of how it behaves now")


def recent(case: GuardInput) -> GuardResult:
    """What nobody calls any more needs no change, and what it did says how it was."""
    last = case.candidate.diagnosis.last_called_at
    if last is None:
        return GuardResult("recent", passed=False, detail="nothing was executed")
    ago = case.now - last
    hours = f"the newest execution is {max(ago, 0.0) / 3_600:.0f} h old"
    is_recent = ago <= DAY_SECONDS
    told = hours if is_recent else f"{hours}, and a change needs one of the last day"
    return GuardResult("recent", is_recent, told)


def in_force(case: GuardInput) -> GuardResult:
    """What was measured under another timeout says nothing about a step from this one."""
    now_ms, measured_ms = case.from_ms, case.candidate.diagnosis.timeout_ms
    if now_ms is None:
        return GuardResult("in_force", passed=False, detail="nobody knows the timeout in force")
    same = measured_ms is not None and round(measured_ms) == now_ms
    return GuardResult(
        "in_force",
        same,
        f"{_seconds(now_ms)} is in force"
        + ("" if same else f", and the newest data were measured under {_seconds(measured_ms)}"),
    )


def fresh(case: GuardInput) -> GuardResult:
    """Old data tell how it was; and data from the future tell that a clock is wrong."""
    data = case.data
    return (
        _recent(case.now, data.last_success_at, data.stale_after_seconds, "read")
        or _recent(case.now, data.diagnosed_at, data.diagnosis_lasts_seconds, "diagnosed")
        or GuardResult(
            "fresh", passed=True, detail=f"read {case.now - data.last_success_at:.0f} s ago"
        )
    )


def _recent(now: float, at: float, lasts_seconds: float, what: str) -> GuardResult | None:
    """What the guard says of something that is too old or too new; None where it is neither."""
    if at <= 0:
        return GuardResult("fresh", passed=False, detail=f"the executions were never {what}")
    if now - at < -CLOCK_SLACK_SECONDS:
        return GuardResult(
            "fresh", passed=False, detail=f"the executions were {what} in the future"
        )
    if now - at > lasts_seconds:
        words = f"{what} {now - at:.0f} s ago, and after {lasts_seconds:.0f} s that is stale"
        return GuardResult("fresh", passed=False, detail=words)
    return None


def complete(case: GuardInput) -> GuardResult:
    """What was not read could say anything."""
    missing = case.data.missing_seconds
    return GuardResult(
        "complete",
        missing <= 0,
        "nothing is missing" if missing <= 0 else f"{missing} s of the data were never read",
    )


def _seconds(value_ms: float | None) -> str:
    return "an unknown timeout" if value_ms is None else exact_seconds(value_ms)
