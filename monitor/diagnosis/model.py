"""What a diagnosis says, as frozen values: verdicts, recommendations, and all of an org's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from monitor.contract import Contract
from monitor.diagnosis.editable import Editable
from monitor.diagnosis.timeout_curve import TimeoutCurve
from monitor.diagnosis.verdict_period import VerdictPeriod
from monitor.time_ranges import TimeRange


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
    UNCLEAR = "unclear"
    INSUFFICIENT = "insufficient"


@dataclass(frozen=True, slots=True)
class LatencyDrift:
    """How the latency moved within what was judged.

    Attributes:
        median_before_ms: Half of the calls took at most this long in the week before.
        median_recent_ms: The same in the last 24 hours.
        ratio: The latter per the former.
        drifting: Whether it moved, beyond chance and beyond the load of a day.
    """

    median_before_ms: float
    median_recent_ms: float
    ratio: float
    drifting: bool


@dataclass(frozen=True, slots=True)
class Recommendation:
    """A timeout, and what it would do. Shares are of successes and timeouts together.

    Attributes:
        timeout_ms: The timeout in force.
        raw_ms: What the data ask for; never beyond twice the largest timeout observed.
        capped_ms: What the bounds allow: at most the cap, at least the value in force; None where
            the value in force is above the cap, which is never raised.
        low_ms: The least that may meet the target, by the bounds on what is rescued.
        high_ms: The least that surely does; the reach where more may be needed.
        guards: What clamped it: ``reach``, ``cap``, ``in_force``, ``above_cap``.
        success_share: Success share now.
        expected_success_share: Success share at ``capped_ms``, by the likeliest law.
        never_share: Share of calls that no timeout can save, by the likeliest law.
        timeouts_per_day: Timeouts a day now.
        avoided_per_day: Timeouts a day that become successes, by estimate.
        avoided_low_per_day: As many at least, by what was seen.
        avoided_high_per_day: As many at most.
        extra_caller_seconds_per_day: Seconds a day that callers wait longer, in all.
        slots_before: Executions under way at a time: successes/s x mean + timeouts/s x timeout.
        slots_after: The same with the new timeout for each timeout of today: an upper bound.
        busiest_slots_before: The same in the busiest window.
        busiest_slots_after: The same in the busiest window.
        next_ms: What would be set now, one step towards ``capped_ms``; None where nothing would:
            for another verdict than ``slow_tail``, or where no step is within what is allowed.
    """

    timeout_ms: float
    raw_ms: float
    capped_ms: float | None
    low_ms: float
    high_ms: float
    guards: tuple[str, ...]
    success_share: float
    expected_success_share: float
    never_share: float
    timeouts_per_day: float
    avoided_per_day: float
    avoided_low_per_day: float
    avoided_high_per_day: float
    extra_caller_seconds_per_day: float
    slots_before: float
    slots_after: float
    busiest_slots_before: float
    busiest_slots_after: float
    next_ms: float | None = None


@dataclass(frozen=True, slots=True)
class JudgedEvidence:
    """What a verdict was given of, where it is but a part of what was looked at.

    Attributes:
        since: When it begins; epoch seconds.
        seconds: How long it is, to the newest window, without what was left out.
        executions: Executions of any outcome.
        timeouts: Executions that timed out.
        steady_timeouts: Those of them outside outages.
        left_out_outages: Whether outages that are over were left out of it.
    """

    since: float
    seconds: float
    executions: float
    timeouts: float
    steady_timeouts: float
    left_out_outages: bool = False


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """A verdict with its evidence. Shares are of successes and timeouts together.

    Attributes:
        verdict: Why it times out.
        rule: The name of the rule that said so, in ``monitor.diagnosis.verdict``.
        why: One sentence.
        advice: What to do.
        notes: What a reader must know beside it.
        missing: What the evidence lacks, in words; empty where it is enough.
        executions: Executions of any outcome.
        successes: Executions that succeeded.
        timeouts: Executions that timed out.
        errors: Executions that failed otherwise.
        throttled: Executions that the platform refused.
        timeout_ms: The timeout in force; None where unknown.
        timeout_share: Share of the calls that take longer, outside outages; None where unknown.
        outages: Start and end of each outage; epoch seconds.
        outage_share: Timeouts in outages per timeout.
        early_share: Timeouts that ended before ours per timeout under the timeout in force.
        early_at_ms: Mean duration of those; None where there are none.
        drift: How latency moved; None where it can't be known.
        families: The laws that describe the tail, the likeliest first; empty where none was asked.
        editable: Whether its timeout can be changed.
        recommendation: What to set; only for ``slow_tail`` and ``at_cap``.
        rescue_bounds: Share of the timeouts that a raise would rescue, at least and at most, by
            what was seen: a raise as far as may be claimed, to the cap at most; (0, 1) where
            nothing bounds it, None where it was not asked.
        curve: What each timeout would do, as far as may be claimed; None where nothing may.
        period: Since when the verdict holds; None for ``healthy`` and ``insufficient``.
        incidents: The outages as what happened: to the window, those that wavered as one, and
            whether the newest goes on; oldest first.
        changed_at: When it began to behave otherwise the last time; epoch seconds, None where it
            did not in what was looked at.
        judged: What the verdict was given of; None where that is all that was looked at. It begins
            at ``changed_at``, or earlier where too little came since that, and lacks the outages
            that are over for long.
        last_called_at: The end of the newest window in which anything was executed; epoch seconds,
            None where there is none.
        timeouts_in_force: Timeouts under the timeout in force, or a longer one, of what the verdict
            was given of, outside outages: those that show what a raise from it would be for.
        misses_target: Whether too many calls outlast the timeout by what was measured alone. What
            was told before may stay while it is no longer so; then nothing is to be raised.
    """

    verdict: Verdict
    rule: str
    why: str
    advice: str
    notes: tuple[str, ...]
    missing: tuple[str, ...]
    executions: float
    successes: float
    timeouts: float
    errors: float
    throttled: float
    timeout_ms: float | None
    timeout_share: float | None
    outages: tuple[tuple[int, int], ...]
    outage_share: float
    early_share: float
    early_at_ms: float | None
    drift: LatencyDrift | None
    families: tuple[str, ...]
    editable: Editable
    recommendation: Recommendation | None
    rescue_bounds: tuple[float, float] | None = None
    curve: TimeoutCurve | None = None
    period: VerdictPeriod | None = None
    incidents: tuple[VerdictPeriod, ...] = ()
    changed_at: float | None = None
    judged: JudgedEvidence | None = None
    last_called_at: float | None = None
    timeouts_in_force: float = 0.0
    misses_target: bool = True

    @property
    def speaks_of_now(self) -> bool:
        """Whether the verdict is of how it behaves now: of what came since the newest change."""
        if self.changed_at is None:
            return True
        return self.judged is not None and self.judged.since >= self.changed_at


@dataclass(frozen=True, slots=True)
class Concurrency:
    """Executions that run at the same time in an org, by Little's law.

    Attributes:
        mean: On average over what was read.
        busiest: In its busiest period of ``busiest_seconds``.
        busiest_seconds: How long that period is.
        limit: The org's own limit; None where it was never read.
        recommended: What the recommended timeouts would add on average, as an upper bound.
    """

    mean: float
    busiest: float
    busiest_seconds: int
    limit: int | None
    recommended: float


@dataclass(frozen=True, slots=True)
class OrgDiagnosis:
    """Every action of an org, diagnosed.

    Attributes:
        org: The org's configured name.
        contract: ``platform`` or ``flow``.
        time_range: The settled windows that were looked at, from the first that was read.
        taken_at: When; epoch seconds.
        missing_seconds: How much of the period was not read.
        diagnoses: By action id: every action that the catalogue lists or that had executions.
        concurrency: Executions at a time; None where durations are not known.
    """

    org: str
    contract: Contract
    time_range: TimeRange
    taken_at: float
    missing_seconds: int
    diagnoses: Mapping[str, Diagnosis]
    concurrency: Concurrency | None

    @property
    def complete(self) -> bool:
        """Whether nothing is missing between the first window and the last."""
        return self.missing_seconds == 0
