"""The sentences of each verdict: why it was given, what to do, and what to know beside it."""

from __future__ import annotations

from monitor.diagnosis.change_points import Changed, ChangePoint
from monitor.diagnosis.model import Recommendation, Verdict
from monitor.diagnosis.tail import MIN_RESCUED, Tail
from monitor.diagnosis.verdict import TARGET_MISSED, Findings
from monitor.diagnosis.verdict_period import VerdictPeriod, describe_periods
from monitor.formats import count_of, percent, seconds, share_between, utc_minute

MIN_UNTOLD_SHARE = 0.25
"""Of so many timeouts is told that nothing tells their cause: half of those of an outage."""

ADVICE: dict[Verdict, str] = {
    Verdict.HEALTHY: "Nothing to do",
    Verdict.SLOW_TAIL: "Raise the timeout in steps and measure again after each",
    Verdict.HANGS: (
        "A longer timeout would mostly make callers wait: fix the back end, or fail fast"
    ),
    Verdict.BIMODAL: (
        "Split the action by kind of call, or raise if supervised calls of the slow kind answer "
        "soon enough"
    ),
    Verdict.OUTAGE: (
        "Find out what happened in those hours: it is an incident before it is a setting"
    ),
    Verdict.THROTTLED: "Shorten or cache calls; a longer timeout would hold more slots",
    Verdict.REMOTE_TIMEOUT: (
        "The limit is the back end's or a gateway's own: for those calls ours changes nothing"
    ),
    Verdict.AT_CAP: "Make the call asynchronous, with a callback",
    Verdict.TOO_LONG: "A shorter timeout would free slots that rare timeouts hold",
    Verdict.UNCLEAR: (
        "One experiment settles it: a trial, one step up for a while (timeout-monitor trial), or "
        "calls that timed out repeated, supervised and with a long timeout"
    ),
    Verdict.INSUFFICIENT: "Wait for more evidence",
}

MET_BY_NOW = (
    "Nothing for now: by what was measured the target is met, though not so clearly that what was "
    "told before is over"
)
"""What to do where a verdict is told that would not be given anew."""


def verdict_advice(verdict: Verdict, findings: Findings) -> str:
    """Return what to do, in one sentence."""
    if verdict in TARGET_MISSED and not findings.misses_target:
        return MET_BY_NOW
    return ADVICE[verdict]


OTHER_LIMITS = (
    "A limit of the back end's or a gateway's own above our timeout can't be seen, and would turn "
    "the timeouts that reach it into errors"
)
"""What no data under today's timeout could show of a longer one."""


def verdict_reason(
    verdict: Verdict, findings: Findings, timeout_ms: float, early_at_ms: float
) -> str:
    """Return why the verdict was given, in one sentence."""
    late, given = percent(findings.timeout_share), seconds(timeout_ms)
    if verdict is Verdict.INSUFFICIENT:
        missing = findings.missing or (
            f"only {findings.steady_timeouts:.0f} of {findings.min_timeouts:.0f} timeouts",
        )
        return f"Not enough to judge: {'; '.join(missing)}"
    share = findings.throttled / findings.executions if findings.executions else 0.0
    early = percent(findings.early_share)
    near = findings.tail.near_ratio if findings.tail else 0.0
    return {
        Verdict.HEALTHY: f"{late} of the calls take longer than {given}",
        Verdict.SLOW_TAIL: (
            f"{late} of the calls take longer than {given}, where a second, slower kind of call is "
            f"under way: going by those of it that answer, {_answered_later(findings)}"
            if findings.second_mode
            else f"{late} of the calls take longer than {given}, and answers come right up to it: "
            f"{near:.1f} timeouts per success that came near it"
        ),
        Verdict.HANGS: (
            f"{late} of the calls do not answer within {given}, and going by those that do, "
            f"{_answered_later(findings)}"
        ),
        Verdict.UNCLEAR: (
            f"{late} of the calls do not answer within {given}, and whether a longer timeout "
            f"would help is unclear: by what was seen, {_answered_later(findings)}"
        ),
        Verdict.BIMODAL: (
            f"{late} of the calls take longer than {given}, where a second, slower kind of call is "
            "under way"
        ),
        Verdict.OUTAGE: _bunched(findings.outage_share, findings.incidents),
        Verdict.THROTTLED: f"The platform refused {percent(share)} of the executions",
        Verdict.REMOTE_TIMEOUT: (
            f"{early} of the timeouts ended after {seconds(early_at_ms)}, well before our {given}"
        ),
        Verdict.AT_CAP: (
            f"{late} of the calls take longer than {given}, and by what was seen, "
            f"{_answered_later(findings)}"
        ),
        Verdict.TOO_LONG: (
            f"99.9 % of the answers come within {percent(findings.answered_ratio or 0.0)} of "
            f"{given}, and {count_of(findings.steady_timeouts, 'call')} that timed out held a slot "
            "each for up to all of it"
        ),
    }[verdict]


def _bunched(share: float, periods: tuple[VerdictPeriod, ...]) -> str:
    """Return how many of the timeouts came together, and when."""
    when = f" ({describe_periods(periods)})" if periods else ""
    return f"{percent(share)} of the timeouts came bunched in time{when}"


def _answered_later(findings: Findings) -> str:
    """Return how many of the timeouts more time would rescue, in words."""
    tail = findings.tail
    if tail is None:
        shares = share_between(*(findings.rescue_bounds or (0.0, 1.0)))
        return f"{shares} of them would answer with more time"
    told = f"{share_between(*tail.rescued_at(tail.raise_to_ms))} of them would within "
    told += seconds(tail.raise_to_ms)
    if tail.raise_to_ms < tail.reach_ms:
        # What the cap stands against is told besides: another design could wait for it.
        told += f", the cap, and {share_between(*tail.rescued_at(tail.reach_ms))} within "
        told += seconds(tail.reach_ms)
    return told


_OPEN = frozenset({Verdict.UNCLEAR, Verdict.BIMODAL})
"""Verdicts that leave open what a raise rescues."""


def diagnosis_notes(
    verdict: Verdict, findings: Findings, advice: Recommendation | None
) -> tuple[str, ...]:
    """Return what a reader must know beside a verdict."""
    found: list[str] = []
    tail = findings.tail
    if tail is not None:
        found += _closer_look(verdict, tail)
        found += _not_shown(tail, findings) if verdict in _OPEN else []
    if verdict is Verdict.HANGS:
        found.append(
            "Calls of a kind that takes longer than the timeout throughout look the same; a "
            "supervised test call with a long timeout would tell"
        )
    if findings.incident_share > 0 and verdict is not Verdict.OUTAGE:
        found.append(f"{_bunched(findings.incident_share, findings.incidents)}: left out here")
    if findings.untold_share >= MIN_UNTOLD_SHARE and verdict is Verdict.OUTAGE:
        found.append(
            f"Of {percent(findings.untold_share)} of the timeouts nothing tells whether the back "
            "end was down, or slower than the timeout for a time: too little answered in those "
            "hours"
        )
    if findings.slow_share > 0:
        found.append(
            f"{_bunched(findings.slow_share, findings.slow_spells)}, when the answers were slower "
            "too: slowness, and counted here, not an outage"
        )
    if advice is not None:
        if tail is not None:
            found += _of_a_raise(tail)
        if verdict is Verdict.SLOW_TAIL:
            found.append(OTHER_LIMITS)
        if advice.never_share > 0:
            found.append(
                f"An estimated {percent(advice.never_share)} of the calls never answer; no timeout "
                "saves those"
            )
    return tuple(found)


def change_notes(newest: ChangePoint | None, judged: ChangePoint | None) -> tuple[str, ...]:
    """Return that an action began to behave otherwise, and whether that is judged alone.

    Args:
        newest: When it last did; None for never.
        judged: The change since which it was judged; None for all that is known.
    """
    if newest is None:
        return ()
    counted = {
        Changed.TIMEOUTS: "of the calls time out",
        Changed.THROTTLING: "of the calls are refused by the platform",
        Changed.LATENCY: f"of the answers take more than {seconds(newest.slow_ms)}",
    }[newest.what]
    what = (
        f"Since {utc_minute(newest.at)} UTC {percent(newest.after)} {counted}, and "
        f"before that it were {percent(newest.before)}"
    )
    if newest == judged:
        return (f"{what}: it is judged by what came since",)
    still = "what came before is judged too, for what came since is too little by itself"
    return (f"{what}: {still}",)


def uncalled_notes(period: VerdictPeriod | None) -> tuple[str, ...]:
    """Return that what was so has ended with the calls; nothing where it goes on (None)."""
    if period is None or period.until is None:
        return ()
    since = utc_minute(period.until)
    return (f"It was not called since {since} UTC: whether it is still so shows when it is",)


def _closer_look(verdict: Verdict, tail: Tail) -> list[str]:
    """Return what looking closely at the answers just below the timeout has shown."""
    if not tail.seen_closely:
        return []
    looked = (
        f"A closer look at {count_of(tail.seen_closely, 'answer')} that took nearly as long as the "
        f"timeout, {seconds(float(tail.at_ms[0]))},"
    )
    if tail.shown_closely and verdict in {Verdict.SLOW_TAIL, Verdict.AT_CAP}:
        return [f"{looked} shows how densely they come right up to it: the lower bound rests on it"]
    return [f"{looked} did not settle it"] if verdict is Verdict.UNCLEAR else []


def _not_shown(tail: Tail, findings: Findings) -> list[str]:
    found = []
    if findings.second_mode:
        found.append(
            f"By what was seen, {share_between(*tail.rescued_at(tail.raise_to_ms))} of those "
            f"would answer within {seconds(tail.raise_to_ms)}"
        )
    if findings.is_new and tail.rescued_at(tail.capped_ms)[0] >= MIN_RESCUED:
        found.append(
            "That a raise would rescue half of them was shown of the hours since it behaves "
            "otherwise: no raise is advised before that is a whole day"
        )
    elif tail.rescued_at(tail.reach_ms)[0] >= MIN_RESCUED > tail.rescued_at(tail.capped_ms)[0]:
        found.append(
            f"That half of them would answer within {seconds(tail.reach_ms)} was shown, but not "
            "whether the cap leaves time enough"
        )
    elif tail.middle_rescued >= MIN_RESCUED:
        found.append(
            "By most of the laws that describe the calls a longer timeout would rescue half of "
            "them, but all of those may be wrong: an estimate, and not shown"
        )
    return found


def _of_a_raise(tail: Tail) -> list[str]:
    rescued = (
        f"Going by the calls that answer, a raise to {seconds(tail.raise_to_ms)} would rescue "
        f"{share_between(*tail.rescued_at(tail.raise_to_ms))} of the timeouts"
    )
    reach = (
        f"Nothing is claimed beyond {seconds(tail.reach_ms)}, twice the largest timeout observed"
    )
    return [rescued, reach]
