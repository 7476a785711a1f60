"""The ten verdicts: each a rule with its threshold and its reason, in order of precedence.

A rule looks at findings, which are numbers, and says yes or no. The first that says yes gives the
verdict; where none does, the action is healthy.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from math import sqrt

from monitor.diagnosis.tail import Tail


class Verdict(StrEnum):
    """Why an action times out, or that it does not."""

    HEALTHY = "healthy"
    SLOW_TAIL = "slow_tail"
    HANGS = "hangs"
    BIMODAL = "bimodal"
    OUTAGE = "outage"
    THROTTLED = "throttled"
    REMOTE_TIMEOUT = "remote_timeout"
    AT_CAP = "at_cap"
    TOO_LONG = "too_long"
    INSUFFICIENT = "insufficient"


MIN_OUTAGE_SHARE = 0.5
"""Outage: at least half of the timeouts came in outages, so that no setting would have helped
against most of them. The others are judged by the windows outside them."""

MIN_EARLY_SHARE = 0.5
"""Remote timeout: at least half of the timeouts ended before our timeout did."""

MIN_POSTERIOR_SLOW_TAIL = 0.925
"""Slow tail: by laws of this weight a raise rescues half of the timeouts. Said of a hang it makes
callers wait for nothing, so it takes more than likelihood; the benchmark counts both errors."""

MIN_POSTERIOR_SLOW_TAIL_FROM_EDGE = 0.985
"""The same where the laws describe only what took longer than some band edge: the bands below have
not tested them."""

MIN_POSTERIOR_SLOW_TAIL_SECOND_MODE = 0.995
"""The same where that is a second kind of call running into the timeout: its few bands hardly tell
what lies beyond, and there is a verdict for what they do tell."""

MIN_POSTERIOR_LIKELY = 0.5
"""What only the cap stands against needs no such certainty: nothing is raised on its word."""

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
        success_share: Successes per success and timeout, over all windows.
        outage_share: Timeouts in outages per timeout.
        early_share: Timeouts that ended before ours per timeout, outside outages.
        timeout_share: Share of the calls that take longer than the timeout in force, outside
            outages.
        answered_ratio: The 99.9th percentile of the answers per timeout in force; None where it
            can't be seen.
        second_mode: Whether a second kind of call runs into the timeout.
        tail: What lies beyond the timeout; None where nobody asked or no shape can be seen.
        target: The success share that is wanted.
        min_timeouts: Fewer are no evidence.
    """

    missing: tuple[str, ...] = ()
    executions: float = 0.0
    throttled: float = 0.0
    timeouts: float = 0.0
    steady_timeouts: float = 0.0
    success_share: float = 1.0
    outage_share: float = 0.0
    early_share: float = 0.0
    timeout_share: float = 0.0
    answered_ratio: float | None = None
    second_mode: bool = False
    tail: Tail | None = None
    target: float = 0.99
    min_timeouts: float = 10.0

    @property
    def target_met(self) -> bool:
        """Whether the target is met where the back end is not down, or missed by chance."""
        share, aim = self.timeout_share, 1 - self.target
        calls = self.steady_timeouts / share if share > 0 else 0.0
        error = sqrt(share * (1 - share) / calls) if calls > 0 else 0.0
        return share <= aim + MAX_CHANCE_ERRORS * error


def insufficient(findings: Findings) -> bool:
    """The evidence is below the floor of the settings, or nobody knows what it was cut at."""
    return bool(findings.missing)


def throttled(findings: Findings) -> bool:
    """The platform refused so many calls that this alone breaks the target.

    Seen before anything else: what was refused was not measured, and a longer timeout would hold
    more of the very slots that ran out.
    """
    return (
        findings.throttled >= findings.min_timeouts
        and findings.throttled >= (1 - findings.target) * findings.executions
    )


def undecided(findings: Findings) -> bool:
    """Too few timeouts to have a shape, yet too many for the target."""
    if findings.timeouts < findings.min_timeouts:
        return findings.success_share < findings.target
    few_left = findings.steady_timeouts < findings.min_timeouts
    return not outage(findings) and few_left and not findings.target_met


def outage(findings: Findings) -> bool:
    """Timeouts bunched in time."""
    enough = findings.timeouts >= findings.min_timeouts
    return enough and findings.outage_share >= MIN_OUTAGE_SHARE


def remote_timeout(findings: Findings) -> bool:
    """Timed-out executions ended well before our timeout."""
    enough = findings.steady_timeouts >= findings.min_timeouts
    return enough and findings.early_share >= MIN_EARLY_SHARE


def slow_tail(findings: Findings) -> bool:
    """The density runs smoothly into the timeout: a raise within the cap rescues half."""
    tail = findings.tail
    if findings.target_met or tail is None:
        return False
    needed = MIN_POSTERIOR_SLOW_TAIL
    if tail.from_ms > 0:
        needed = (
            MIN_POSTERIOR_SLOW_TAIL_SECOND_MODE
            if findings.second_mode
            else MIN_POSTERIOR_SLOW_TAIL_FROM_EDGE
        )
    return tail.rescuable >= needed and tail.rescuable_capped >= MIN_POSTERIOR_LIKELY


def at_cap(findings: Findings) -> bool:
    """A slow tail that the cap cuts off: a raise would rescue half, but only beyond the cap."""
    tail = findings.tail
    if findings.target_met or tail is None:
        return False
    return tail.rescuable >= MIN_POSTERIOR_LIKELY > tail.rescuable_capped


def bimodal(findings: Findings) -> bool:
    """A second kind of call runs into the timeout, and a raise is not known to reach it."""
    return not findings.target_met and findings.second_mode


def hangs(findings: Findings) -> bool:
    """Too many timeouts, and nothing shows that a longer timeout would rescue half of them."""
    return not findings.target_met


def too_long(findings: Findings) -> bool:
    """Answers come far below the timeout, and rare hangs hold a slot until it ends."""
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
    (Verdict.TOO_LONG, too_long),
)
"""In order of precedence; what none of them says is ``healthy``. ``at_cap`` stands beside
``slow_tail``, whose tail it shares."""


def decide(findings: Findings) -> tuple[Verdict, str]:
    """Return the verdict and the name of the rule that gave it."""
    said = ((verdict, rule.__name__) for verdict, rule in RULES if rule(findings))
    return next(said, (Verdict.HEALTHY, "healthy"))
