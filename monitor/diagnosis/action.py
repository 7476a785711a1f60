"""Why an action times out and whether more time would help: from evidence to a diagnosis.

Total: whatever the evidence, the answer is a verdict, or ``insufficient`` with the reason.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import inf

import numpy as np

from monitor.config import LARGEST_STEP
from monitor.diagnosis.change_points import Changed, first_under_the_timeout
from monitor.diagnosis.editable import Editable
from monitor.diagnosis.evidence import DAY_SECONDS, ActionEvidence
from monitor.diagnosis.judged_period import JudgedPeriod, periods_to_judge, told_until
from monitor.diagnosis.latency_drift import latency_drift
from monitor.diagnosis.load import load_of
from monitor.diagnosis.model import Diagnosis, JudgedEvidence, Verdict
from monitor.diagnosis.outages import find_outages
from monitor.diagnosis.pooling import Pooled
from monitor.diagnosis.recommendation import TimeoutBounds, advise
from monitor.diagnosis.severity import ONGOING_SECONDS
from monitor.diagnosis.survival import SurvivalCurve, pool_observed, survival_curve
from monitor.diagnosis.tail import estimate_tail
from monitor.diagnosis.tail_model import has_second_mode
from monitor.diagnosis.timeout_effects import timeout_curve
from monitor.diagnosis.told import ToldVerdict
from monitor.diagnosis.verdict import ANSWERED_SHARE, Findings, decide
from monitor.diagnosis.verdict_onset import (
    UNCALLED_SECONDS,
    Judged,
    ended_with_its_calls,
    incidents,
    verdict_period,
)
from monitor.diagnosis.verdict_words import (
    change_notes,
    diagnosis_notes,
    uncalled_notes,
    verdict_advice,
    verdict_reason,
)
from monitor.model import CAP_MS


@dataclass(frozen=True, slots=True)
class DiagnosisSettings:
    """``[recommend]``: the target, and the floor of evidence.

    Attributes:
        target_success: Successes per success and timeout to be reached.
        min_executions: Fewer are no evidence.
        min_timeouts: Fewer have no shape.
        min_windows: Fewer windows with executions could be one moment.
        min_span_seconds: A shorter span could be one moment.
        cap_ms: The largest timeout that may be set; never more than 30 s.
        step_ms: Timeouts are set in steps of this size: 1000 on the platform, less in flows.
        max_step: The largest raise at a time, as a multiple of the timeout in force.
    """

    target_success: float = 0.99
    min_executions: int = 200
    min_timeouts: int = 10
    min_windows: int = 6
    min_span_seconds: float = 3600.0
    cap_ms: float = float(CAP_MS)
    step_ms: float = 100.0
    max_step: float = LARGEST_STEP


@dataclass(frozen=True, slots=True)
class JudgedAction:
    """A diagnosis, and for how long it holds while the evidence is the same.

    Attributes:
        diagnosis: The diagnosis.
        holds_until: With windows settled up to this it may be another one, without anything new;
            epoch seconds, infinite where time alone changes nothing.
    """

    diagnosis: Diagnosis
    holds_until: float


def diagnose(
    evidence: ActionEvidence,
    settings: DiagnosisSettings | None = None,
    editable: Editable = Editable.YES,
    settled_until: float | None = None,
    told: ToldVerdict | None = None,
) -> Diagnosis:
    """Return the diagnosis of one action; see ``judge``."""
    return judge(evidence, settings, editable, settled_until, told).diagnosis


def judge(
    evidence: ActionEvidence,
    settings: DiagnosisSettings | None = None,
    editable: Editable = Editable.YES,
    settled_until: float | None = None,
    told: ToldVerdict | None = None,
) -> JudgedAction:
    """Judge one action.

    Args:
        evidence: Its settled windows.
        settings: The target, and the floor of evidence; None for the defaults.
        editable: Whether its timeout can be changed; a fact beside the verdict.
        settled_until: The end of the newest settled window, whether or not anything was executed
            in it; epoch seconds, None where that is the end of the evidence.
        told: What was told of it before; None where nothing was.
    """
    settings = settings or DiagnosisSettings()
    timeout_ms = evidence.current_timeout_ms
    told = _told_of_this_timeout(told, evidence)
    outages = find_outages(evidence)
    until = evidence.end if settled_until is None else settled_until
    happened = Findings(
        incidents=incidents(evidence, outages.outages, settled_until, outages.slow_spells),
        slow_spells=incidents(evidence, outages.slow_spells, settled_until, outages.outages),
        incident_share=outages.share,
        target=settings.target_success,
        min_timeouts=settings.min_timeouts,
        told=None if told is None else told.verdict,
    )
    periods = periods_to_judge(evidence, outages, until)
    for period in periods:
        steady = period.evidence.where(period.outages.steady)
        pooled = pool_observed(steady, timeout_ms)
        curve = survival_curve(pooled)
        findings = _find(period, pooled, curve, happened, settings)
        verdict, rule = decide(findings)
        if verdict is not Verdict.INSUFFICIENT:
            break
    tail = findings.tail
    load = load_of(evidence.where(outages.steady), timeout_ms)
    effects = (
        None
        if verdict is Verdict.INSUFFICIENT
        else timeout_curve(pooled, curve, tail, load, timeout_ms)
    )
    recommendation = (
        advise(
            tail,
            effects,
            load,
            TimeoutBounds(settings.cap_ms, settings.step_ms, settings.max_step),
            target=settings.target_success,
            told_ms=None if told is None else told.recommended_ms,
        )
        if tail is not None
        and effects is not None
        and verdict in {Verdict.SLOW_TAIL, Verdict.AT_CAP}
        else None
    )
    if recommendation is not None and (
        verdict is not Verdict.SLOW_TAIL or not findings.misses_target
    ):
        # What it would take is told; but a raise to the cap is not what it needs, nor one from
        # where the target is met by now.
        recommendation = replace(recommendation, next_ms=None)
    newest = periods[0].change
    called_at = _last_called_at(evidence)
    speaks_of = verdict_period(
        evidence,
        outages,
        Judged(verdict, findings.timeout_share, settings.target_success, findings.incidents),
    )
    uncalled = ended_with_its_calls(verdict, speaks_of, called_at, until)
    found = Diagnosis(
        verdict=verdict,
        rule=rule,
        why=verdict_reason(verdict, findings, timeout_ms, pooled.early_at_ms),
        advice=verdict_advice(verdict, findings),
        notes=(
            *diagnosis_notes(verdict, findings, recommendation),
            *change_notes(newest, period.change),
            *uncalled_notes(uncalled),
            *_oddities(evidence),
        ),
        missing=findings.missing,
        executions=evidence.executions,
        successes=float(evidence.successes.sum()),
        timeouts=float(evidence.timeouts.sum()),
        errors=float(evidence.errors.sum()),
        throttled=float(evidence.throttled.sum()),
        timeout_ms=timeout_ms or None,
        timeout_share=findings.timeout_share if curve.at_ms.size else None,
        outages=outages.outages,
        outage_share=outages.share,
        early_share=pooled.early_share,
        early_at_ms=pooled.early_at_ms or None,
        drift=latency_drift(period.evidence),
        families=tail.families if tail is not None else (),
        editable=editable,
        recommendation=recommendation,
        rescue_bounds=findings.rescue_bounds,
        curve=effects,
        period=uncalled or speaks_of,
        incidents=findings.incidents,
        changed_at=None if newest is None else newest.at,
        judged=_judged_evidence(period, evidence),
        last_called_at=called_at,
        timeouts_in_force=_timeouts_in_force(steady),
        misses_target=findings.misses_target,
    )
    return JudgedAction(found, _holds_until(found, evidence, findings, until))


def _holds_until(
    found: Diagnosis, evidence: ActionEvidence, findings: Findings, until: float
) -> float:
    """Return when time alone may change what was found.

    That is when a bunch of timeouts that goes on by now is over, when an outage is told of for the
    last time, and when it was not called for so long that nothing is said to go on.
    """
    ends = [inf]
    if any(one.is_ongoing for one in (*findings.incidents, *findings.slow_spells)):
        ends.append(evidence.end + ONGOING_SECONDS)
    if found.outages:
        ends.append(told_until(found.outages))
    if found.period is not None and found.period.is_ongoing and found.last_called_at is not None:
        ends.append(found.last_called_at + UNCALLED_SECONDS)
    return min(at for at in ends if at >= until)


def _told_of_this_timeout(told: ToldVerdict | None, evidence: ActionEvidence) -> ToldVerdict | None:
    """Return what was told, unless of another timeout.

    A raise must not be followed by the next one for no better reason than that it was advised.
    """
    first = first_under_the_timeout(evidence)
    if told is None or (first and told.since < evidence.start[first]):
        return None
    return told


def _find(
    period: JudgedPeriod,
    pooled: Pooled,
    curve: SurvivalCurve,
    happened: Findings,
    settings: DiagnosisSettings,
) -> Findings:
    """Work out what the rules look at; the tail, which costs most, only where it can matter."""
    evidence, outages = period.evidence, period.outages
    timeout_ms = evidence.current_timeout_ms
    successes, timeouts = float(evidence.successes.sum()), float(evidence.timeouts.sum())
    share = curve.at(timeout_ms) if curve.at_ms.size else 0.0
    findings = replace(
        happened,
        missing=_missing(evidence, pooled, settings),
        executions=evidence.executions,
        throttled=float(evidence.throttled.sum()),
        timeouts=timeouts,
        steady_timeouts=pooled.timeouts,
        in_force_calls=pooled.calls_that_tell(timeout_ms, share),
        success_share=successes / (successes + timeouts) if successes + timeouts else 1.0,
        outage_share=outages.share,
        untold_share=outages.untold_share,
        slow_share=outages.slow_share,
        early_share=pooled.early_share,
        timeout_share=share,
        answered_ratio=_answered_ratio(curve, timeout_ms),
        is_new=period.change is not None and evidence.end < period.change.at + DAY_SECONDS,
        is_rise=period.change.is_rise
        if period.change is not None and period.change.what is Changed.TIMEOUTS
        else None,
    )
    judged = decide(findings)[0]
    if judged is not Verdict.UNCLEAR:
        return findings
    two_kinds = has_second_mode(pooled)
    tail = estimate_tail(
        pooled,
        curve,
        timeout_ms=timeout_ms,
        cap_ms=min(settings.cap_ms, CAP_MS),
        target=settings.target_success,
        second_mode=two_kinds,
    )
    return replace(
        findings,
        tail=tail,
        second_mode=two_kinds,
        # Without a shape nothing is known but that what ended early is beyond our rescue.
        rescue_bounds=tail.rescued_at(tail.raise_to_ms)
        if tail is not None
        else (0.0, 1.0 - curve.lost_share(timeout_ms)),
    )


def _missing(
    evidence: ActionEvidence, pooled: Pooled, settings: DiagnosisSettings
) -> tuple[str, ...]:
    if not evidence.successes_known:
        return ("success counts, which this contract does not show",)
    found = []
    if evidence.executions < settings.min_executions:
        found.append(f"{evidence.executions:.0f} of {settings.min_executions} executions")
    in_force = evidence.where(evidence.timeout_ms >= evidence.current_timeout_ms).executions
    if in_force < settings.min_executions <= evidence.executions:
        found.append(
            f"{in_force:.0f} of {settings.min_executions} executions under the timeout in force"
        )
    if evidence.busy_windows < settings.min_windows:
        found.append(f"{evidence.busy_windows} of {settings.min_windows} windows with executions")
    if evidence.span_seconds < settings.min_span_seconds:
        hours = (
            f"{evidence.span_seconds / 3600:.1f} of {settings.min_span_seconds / 3600:.1f} hours"
        )
        found.append(hours)
    if evidence.timeouts.sum() > 0 and evidence.current_timeout_ms <= 0:
        found.append("the timeout in force, which nobody knows")
    elif evidence.successes.sum() > 0 and pooled.successes <= 0 and pooled.timeout_ms.size:
        found.append("how long the successes took")
    return tuple(found)


def _answered_ratio(curve: SurvivalCurve, timeout_ms: float) -> float | None:
    """Return the 99.9th percentile of the answers per timeout in force."""
    if not curve.at_ms.size or timeout_ms <= 0:
        return None
    never = float(curve.share[-1])
    at_ms = curve.quantile_ms(never + (1 - never) * (1 - ANSWERED_SHARE))
    return None if at_ms is None else at_ms / timeout_ms


def _timeouts_in_force(evidence: ActionEvidence) -> float:
    """Return the timeouts under the timeout in force, or a longer one."""
    in_force = evidence.where(evidence.timeout_ms >= evidence.current_timeout_ms)
    return float(in_force.timeouts.sum())


def _judged_evidence(period: JudgedPeriod, every: ActionEvidence) -> JudgedEvidence | None:
    """Return what a verdict was given of; None where that is all that was looked at."""
    evidence, change = period.evidence, period.change
    if change is None and evidence.start.size == every.start.size:
        return None
    since = float(every.start[0]) if change is None else change.at
    left_out = float(every.seconds[every.start >= since].sum() - evidence.seconds.sum())
    return JudgedEvidence(
        since=since,
        seconds=max(every.end - since - left_out, 0.0),
        executions=evidence.executions,
        timeouts=float(evidence.timeouts.sum()),
        steady_timeouts=float(evidence.where(period.outages.steady).timeouts.sum()),
        left_out_outages=left_out > 0,
    )


def _last_called_at(evidence: ActionEvidence) -> float | None:
    """Return the end of the newest window in which anything was executed; epoch seconds."""
    called = evidence.successes + evidence.timeouts + evidence.errors + evidence.throttled > 0
    rows = np.flatnonzero(called)
    return float((evidence.start + evidence.seconds)[rows[-1]]) if rows.size else None


def _oddities(evidence: ActionEvidence) -> tuple[str, ...]:
    found = []
    if evidence.unusable:
        found.append(f"{evidence.unusable} numbers were NaN or negative and count as unknown")
    # Parts of a sum that was divided stray by a rounding.
    if (evidence.bands.sum(axis=1) > evidence.successes * (1 + 1e-9)).any():
        found.append("Some windows show more executions by latency than in total")
    return tuple(found)
