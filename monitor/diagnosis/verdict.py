"""The eleven verdicts: each a rule with its threshold, in order of precedence.

What was told before is left only for a reason: its own thresholds are a little lower than those of
the others, and a target that was missed or met must clearly be otherwise, unless the back end
itself changed. So a verdict doesn't waver at a border; to have been told what is so anyway changes
nothing.

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

MIN_CLEAR_ERRORS = 2.5
"""Where it was told that the target is missed it must be met by so many standard errors to be
told otherwise, and the other way round: with nothing changed, eight days that are looked at again
and again stray so far in one of twenty weeks."""

TOLD_EASE = 0.9
"""What was told stays while what it needs is there to this part."""

TOO_LONG_RATIO = 1 / 3
"""Too long: 99.9 % of the answers came within this part of the timeout. A timeout half as long
would still leave room for a day that is half slower."""

ANSWERED_SHARE = 0.999
"""Too long looks at this percentile of the answers."""

TARGET_MET = frozenset({Verdict.HEALTHY, Verdict.TOO_LONG})
"""What is told where few enough calls outlast the timeout."""

TARGET_MISSED = frozenset(
    {Verdict.SLOW_TAIL, Verdict.AT_CAP, Verdict.BIMODAL, Verdict.HANGS, Verdict.UNCLEAR}
)
"""What is told where too many do."""


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
        incident_share: The same of all that is known, of outages that are over for long too.
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
        target: The success share to be reached.
        min_timeouts: Fewer are no evidence.
        incidents: When the outages were; oldest first.
        slow_spells: When the answers were slower too, likewise.
        told: The verdict that was told before; None where none was.
        is_new: Whether what is judged began with a change less than a day ago.
        is_rise: Whether what is judged began with more timeouts than were before, or with fewer;
            None where it began with no change of these.
    """

    missing: tuple[str, ...] = ()
    executions: float = 0.0
    throttled: float = 0.0
    timeouts: float = 0.0
    steady_timeouts: float = 0.0
    in_force_calls: float = 0.0
    success_share: float = 1.0
    outage_share: float = 0.0
    incident_share: float = 0.0
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
    told: Verdict | None = None
    is_new: bool = False
    is_rise: bool | None = None

    @property
    def target_met(self) -> bool:
        """Whether the target is met where the back end is not down, or missed by chance."""
        return self._meets_target(self.timeout_share, self.in_force_calls)

    @property
    def misses_target(self) -> bool:
        """Whether more calls outlast the timeout than may, whatever was told and by chance."""
        return self.timeout_share > 1 - self.target

    @property
    def success_target_met(self) -> bool:
        """Whether so many succeeded, whenever and under whatever timeout; by chance as told."""
        if self.told in TARGET_MET and not self.is_rise:
            calls = self.timeouts / max(1 - self.success_share, 1e-12)
            return self._meets_target(1 - self.success_share, calls)
        return self.success_share >= self.target

    @property
    def least_timeouts(self) -> float:
        """So many have a shape: a few less where they were seen to have one."""
        is_judged = self.told not in {None, Verdict.INSUFFICIENT}
        return self.min_timeouts * (TOLD_EASE if is_judged else 1.0)

    def least(self, verdict: Verdict, usual: float) -> float:
        """Return what a verdict needs: a little less where it was told before."""
        return usual * (TOLD_EASE if self.told is verdict else 1.0)

    def _meets_target(self, share: float, calls: float) -> bool:
        aim = 1 - self.target
        error = sqrt(share * (1 - share) / calls) if calls > 0 else 0.0
        if self.told in TARGET_MISSED and self.is_rise is not False:
            return share <= aim - MIN_CLEAR_ERRORS * error
        if self.told in TARGET_MET and not self.is_rise:
            usual = sqrt(aim * (1 - aim) / calls) if calls > 0 else 0.0
            return share <= aim + MIN_CLEAR_ERRORS * max(usual, error)
        return share <= aim + MAX_CHANCE_ERRORS * error


def insufficient(findings: Findings) -> bool:
    """Return whether the evidence is below the floor of the settings, or its timeout unknown."""
    return bool(findings.missing)


def throttled(findings: Findings) -> bool:
    """Return whether the platform refused so many calls that this alone breaks the target.

    Seen before anything else: what was refused was not measured, and a longer timeout would hold
    more of the very slots that ran out.
    """
    least = findings.least(Verdict.THROTTLED, 1.0)
    return (
        findings.throttled >= least * findings.min_timeouts
        and findings.throttled >= least * (1 - findings.target) * findings.executions
    )


def undecided(findings: Findings) -> bool:
    """Return whether there are too few timeouts to have a shape, yet too many for the target."""
    if findings.timeouts < findings.least_timeouts:
        return not findings.success_target_met
    few_left = findings.steady_timeouts < findings.least_timeouts
    return not outage(findings) and few_left and not findings.target_met


def outage(findings: Findings) -> bool:
    """Return whether timeouts came bunched in time."""
    enough = findings.timeouts >= findings.least(Verdict.OUTAGE, findings.min_timeouts)
    return enough and findings.outage_share >= findings.least(Verdict.OUTAGE, MIN_OUTAGE_SHARE)


def remote_timeout(findings: Findings) -> bool:
    """Return whether timed-out executions ended well before our timeout."""
    least = findings.least(Verdict.REMOTE_TIMEOUT, 1.0)
    enough = findings.steady_timeouts >= least * findings.min_timeouts
    return enough and findings.early_share >= least * MIN_EARLY_SHARE


def slow_tail(findings: Findings) -> bool:
    """Return whether it was shown that a raise rescues half of the timeouts.

    Of a whole day: what was slow for some hours may be over before a raise is made. And not first
    of all where the target is met by now: it is no time to begin to advise one.
    """
    tail = findings.tail
    if findings.target_met or tail is None or findings.is_new:
        return False
    if findings.told is not Verdict.SLOW_TAIL and not findings.misses_target:
        return False
    least = findings.least(Verdict.SLOW_TAIL, MIN_RESCUED)
    return tail.rescued_at(tail.capped_ms)[0] >= least


def at_cap(findings: Findings) -> bool:
    """Return whether the cap cuts off a slow tail.

    It was shown that no raise to the cap rescues half of the timeouts, and that a longer one would.
    """
    tail = findings.tail
    if findings.target_met or tail is None:
        return False
    to_cap, to_reach = tail.rescued_at(tail.capped_ms), tail.rescued_at(tail.reach_ms)
    least = findings.least(Verdict.AT_CAP, MIN_RESCUED)
    return to_cap[1] < 1 - findings.least(Verdict.AT_CAP, 1 - MIN_RESCUED) and to_reach[0] >= least


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
    return tail.rescued_at(tail.reach_ms)[1] < 1 - findings.least(Verdict.HANGS, 1 - MIN_RESCUED)


def unclear(findings: Findings) -> bool:
    """Return whether too many time out, and nothing shows whether more time would rescue half."""
    return not findings.target_met


def too_long(findings: Findings) -> bool:
    """Return whether answers come far below the timeout, while rare hangs hold a slot for it."""
    least = findings.least(Verdict.TOO_LONG, 1.0)
    return (
        findings.steady_timeouts >= least * findings.min_timeouts
        and findings.answered_ratio is not None
        and findings.answered_ratio <= TOO_LONG_RATIO / least
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
