"""The eleven verdicts: each a rule with its threshold, in order of precedence.

A rule looks at findings, which are numbers, and says yes or no. The first that says yes gives the
verdict; where none does, the action is healthy.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import sqrt

from monitor.diagnosis.model import Verdict
from monitor.diagnosis.tail import MIN_RESCUED, Tail
from monitor.diagnosis.verdict_period import VerdictPeriod

MIN_OUTAGE_SHARE = 0.5
"""Outage: at least half of the timeouts came in outages, so that no setting would have helped
against most of them. The others are judged by the windows outside them."""

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
