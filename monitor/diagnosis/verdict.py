"""The eleven verdicts: each a rule with its threshold, in order of precedence, and its sentences.

A rule looks at findings, which are numbers, and says yes or no. The first that says yes gives the
verdict; where none does, the action is healthy.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import sqrt

from monitor.diagnosis.model import Recommendation, Verdict
from monitor.diagnosis.tail import MIN_RESCUED, Tail
from monitor.diagnosis.verdict_period import VerdictPeriod, describe_periods
from monitor.formats import count_of, percent, seconds, share_between

MIN_OUTAGE_SHARE = 0.5
"""Outage: at least half of the timeouts came in outages, so that no setting would have helped
against most of them. The others are judged by the windows outside them."""

MIN_UNTOLD_SHARE = 0.25
"""Of so many timeouts is told that nothing tells their cause: half of those of an outage."""

MIN_EARLY_SHARE = 0.5
"""Remote timeout: at least half of the timeouts ended before our timeout did."""

MAX_CHANCE_ERRORS = 0.5
"""A target missed by no more than this many standard errors is as likely met, near enough."""

TOO_LONG_RATIO = 1 / 3
"""Too long: 99.9 % of the answers came within this part of the timeout. A timeout half as long
would still leave room for a day that is half slower."""

ANSWERED_SHARE = 0.999
"""Too long looks at this percentile of the answers."""


@dataclass(frozen=True, slots=True)
class Findings:
    """What the rules look at.

    Attributes:
        missing: What the evidence lacks, each in words; empty where it reaches the floor.
        executions: Executions of any outcome.
        throttled: Those that the platform refused.
        timeouts: Those that timed out, outages included.
        steady_timeouts: Those that timed out outside outages.
        in_force_calls: Successes and timeouts outside outages under the timeout in force, or a
            longer one: those that show what outlasts it.
        success_share: Successes per success and timeout, over all windows.
        outage_share: Timeouts in outages per timeout.
        untold_share: Timeouts in outages of which nothing tells whether calls were lost or all
            slower than the timeout, per timeout.
        slow_share: Timeouts in spells in which the answers were slower too, per timeout.
        early_share: Timeouts that ended before ours per timeout, outside outages.
        timeout_share: Share of the calls that take longer than the timeout in force, outside
            outages.
        answered_ratio: The 99.9th percentile of the answers per timeout in force; None where it
            can't be seen.
        second_mode: Whether a second kind of call runs into the timeout.
        tail: What lies beyond the timeout; None where it was not asked for or no shape can be seen.
        rescue_bounds: Share of the timeouts that a raise would rescue, at least and at most; None
            where it was not asked for.
        target: The success share that is wanted.
        min_timeouts: Fewer are no evidence.
        incidents: When the outages were; oldest first.
        slow_spells: When the answers were slower too, likewise.
    """

    missing: tuple[str, ...] = ()
    executions: float = 0.0
    throttled: float = 0.0
    timeouts: float = 0.0
    steady_timeouts: float = 0.0
    in_force_calls: float = 0.0
    success_share: float = 1.0
    outage_share: float = 0.0
    untold_share: float = 0.0
    slow_share: float = 0.0
    early_share: float = 0.0
    timeout_share: float = 0.0
    answered_ratio: float | None = None
    second_mode: bool = False
    tail: Tail | None = None
    rescue_bounds: tuple[float, float] | None = None
    target: float = 0.99
    min_timeouts: float = 10.0
    incidents: tuple[VerdictPeriod, ...] = ()
    slow_spells: tuple[VerdictPeriod, ...] = ()

    @property
    def target_met(self) -> bool:
        """Whether the target is met where the back end is not down, or missed by chance."""
        share, aim, calls = self.timeout_share, 1 - self.target, self.in_force_calls
        error = sqrt(share * (1 - share) / calls) if calls > 0 else 0.0
        return share <= aim + MAX_CHANCE_ERRORS * error


def insufficient(findings: Findings) -> bool:
    """Return whether the evidence is below the floor of the settings, or its timeout unknown."""
    return bool(findings.missing)


def throttled(findings: Findings) -> bool:
    """Return whether the platform refused so many calls that this alone breaks the target.

    Seen before anything else: what was refused was not measured, and a longer timeout would hold
    more of the very slots that ran out.
    """
    return (
        findings.throttled >= findings.min_timeouts
        and findings.throttled >= (1 - findings.target) * findings.executions
    )


def undecided(findings: Findings) -> bool:
    """Return whether there are too few timeouts to have a shape, yet too many for the target."""
    if findings.timeouts < findings.min_timeouts:
        return findings.success_share < findings.target
    few_left = findings.steady_timeouts < findings.min_timeouts
    return not outage(findings) and few_left and not findings.target_met


def outage(findings: Findings) -> bool:
    """Return whether timeouts came bunched in time."""
    enough = findings.timeouts >= findings.min_timeouts
    return enough and findings.outage_share >= MIN_OUTAGE_SHARE


def remote_timeout(findings: Findings) -> bool:
    """Return whether timed-out executions ended well before our timeout."""
    enough = findings.steady_timeouts >= findings.min_timeouts
    return enough and findings.early_share >= MIN_EARLY_SHARE


def slow_tail(findings: Findings) -> bool:
    """Return whether it was shown that a raise rescues half of the timeouts."""
    tail = findings.tail
    if findings.target_met or tail is None:
        return False
    return tail.rescued_at(tail.capped_ms)[0] >= MIN_RESCUED


def at_cap(findings: Findings) -> bool:
    """Return whether the cap cuts off a slow tail.

    It was shown that no raise to the cap rescues half of the timeouts, and that a longer one would.
    """
    tail = findings.tail
    if findings.target_met or tail is None:
        return False
    to_cap, to_reach = tail.rescued_at(tail.capped_ms), tail.rescued_at(tail.reach_ms)
    return to_cap[1] < MIN_RESCUED <= to_reach[0]


def bimodal(findings: Findings) -> bool:
    """Return whether a second kind of call runs into the timeout, not known to be in reach."""
    return not findings.target_met and findings.second_mode


def hangs(findings: Findings) -> bool:
    """Return whether too many time out, and it was shown that more time rescues less than half.

    Beyond the cap too: what is too slow for the cap alone does not hang.
    """
    tail = findings.tail
    if findings.target_met or tail is None:
        return False
    return tail.rescued_at(tail.reach_ms)[1] < MIN_RESCUED


def unclear(findings: Findings) -> bool:
    """Return whether too many time out, and nothing shows whether more time would rescue half."""
    return not findings.target_met


def too_long(findings: Findings) -> bool:
    """Return whether answers come far below the timeout, while rare hangs hold a slot for it."""
    return (
        findings.steady_timeouts >= findings.min_timeouts
        and findings.answered_ratio is not None
        and findings.answered_ratio <= TOO_LONG_RATIO
    )


RULES: tuple[tuple[Verdict, Callable[[Findings], bool]], ...] = (
    (Verdict.INSUFFICIENT, insufficient),
    (Verdict.THROTTLED, throttled),
    (Verdict.INSUFFICIENT, undecided),
    (Verdict.OUTAGE, outage),
    (Verdict.REMOTE_TIMEOUT, remote_timeout),
    (Verdict.SLOW_TAIL, slow_tail),
    (Verdict.AT_CAP, at_cap),
    (Verdict.BIMODAL, bimodal),
    (Verdict.HANGS, hangs),
    (Verdict.UNCLEAR, unclear),
    (Verdict.TOO_LONG, too_long),
)
"""In order of precedence; what none of them says is ``healthy``. ``at_cap`` stands beside
``slow_tail``, whose tail it shares. The tail is estimated only where the rules without one say
``unclear``: one that needs it stands before ``unclear``, and says no while there is none."""


def decide(findings: Findings) -> tuple[Verdict, str]:
    """Return the verdict and the name of the rule that gave it."""
    given = ((verdict, rule.__name__) for verdict, rule in RULES if rule(findings))
    return next(given, (Verdict.HEALTHY, "healthy"))


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


def diagnosis_notes(
    verdict: Verdict, findings: Findings, advice: Recommendation | None
) -> tuple[str, ...]:
    """Return what a reader must know beside a verdict."""
    found: list[str] = []
    tail = findings.tail
    if tail is not None and verdict in {Verdict.UNCLEAR, Verdict.BIMODAL}:
        found += _not_shown(tail, findings)
    if verdict is Verdict.HANGS:
        found.append(
            "Calls of a kind that takes longer than the timeout throughout look the same; a "
            "supervised test call with a long timeout would tell"
        )
    if findings.outage_share > 0 and verdict is not Verdict.OUTAGE:
        found.append(f"{_bunched(findings.outage_share, findings.incidents)}: left out here")
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


def _not_shown(tail: Tail, findings: Findings) -> list[str]:
    found = []
    if findings.second_mode:
        found.append(
            f"By what was seen, {share_between(*tail.rescued_at(tail.raise_to_ms))} of those "
            f"would answer within {seconds(tail.raise_to_ms)}"
        )
    if tail.rescued_at(tail.reach_ms)[0] >= MIN_RESCUED > tail.rescued_at(tail.capped_ms)[0]:
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
