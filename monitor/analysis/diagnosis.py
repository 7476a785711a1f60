"""Draft."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from monitor.analysis.bunching import bunching
from monitor.analysis.evidence import ActionEvidence
from monitor.analysis.modes import second_mode
from monitor.analysis.pooling import pool
from monitor.analysis.survival import survival
from monitor.analysis.tail import Tail, look_beyond
from monitor.analysis.verdict import Verdict

CAP_MS = 30_000.0
SURE_SLOW = 2.0
SURE_HANG = 0.0
SMOOTH = -1.0


@dataclass(frozen=True, slots=True)
class Settings:
    target_success: float = 0.99
    min_executions: int = 200
    min_timeouts: int = 10
    min_windows: int = 6
    min_span_seconds: int = 3600


@dataclass(frozen=True, slots=True)
class Diagnosis:
    verdict: Verdict
    why: str
    tail: Tail | None = None
    outage_share: float = 0.0
    share: float = 0.0


def diagnose(evidence: ActionEvidence, settings: Settings) -> Diagnosis:
    n = evidence.executions
    if n < settings.min_executions or evidence.busy_windows < settings.min_windows or evidence.span_seconds < settings.min_span_seconds:
        return Diagnosis(Verdict.INSUFFICIENT, "floor")
    thr = evidence.throttled.sum()
    if thr >= settings.min_timeouts and thr / n >= 1 - settings.target_success:
        return Diagnosis(Verdict.THROTTLED, "thr")
    k = evidence.timeouts.sum()
    s = evidence.successes.sum()
    T = evidence.current_timeout_ms
    few = k / max(1, k + s) <= 1 - settings.target_success
    if k < settings.min_timeouts:
        return Diagnosis(Verdict.HEALTHY, "few") if few else Diagnosis(Verdict.INSUFFICIENT, "timeouts")
    b = bunching(evidence)
    if b.share >= 0.5:
        return Diagnosis(Verdict.OUTAGE, "bunched", outage_share=b.share)
    steady = evidence.where(b.steady)
    p = pool(steady)
    if p.early_share >= 0.5:
        return Diagnosis(Verdict.REMOTE_TIMEOUT, "early", outage_share=b.share)
    sv = survival(p)
    share = sv.at(T)
    if share <= 1 - settings.target_success:
        q = sv.quantile_ms(share + (1 - share) * 0.001)
        if q is not None and q <= T / 3:
            return Diagnosis(Verdict.TOO_LONG, "p99.9", outage_share=b.share, share=share)
        return Diagnosis(Verdict.HEALTHY, "few", outage_share=b.share, share=share)
    tail = look_beyond(p, sv, timeout_ms=T, cap_ms=CAP_MS, target=settings.target_success)
    v = Verdict.INSUFFICIENT
    if tail is None:
        v = Verdict.HANGS
    elif tail.evidence >= SURE_SLOW:
        v = Verdict.SLOW_TAIL if tail.evidence_capped >= 0 else Verdict.AT_CAP
    elif second_mode(p):
        v = Verdict.BIMODAL
    elif tail.smooth >= SMOOTH and tail.smooth_part >= 0.5 and tail.near <= 3 and tail.smooth_value >= 0.5:
        v = Verdict.SLOW_TAIL if tail.smooth_rescue >= .5 else Verdict.AT_CAP
    else:
        v = Verdict.HANGS
    return Diagnosis(v, "", tail=tail, outage_share=b.share, share=share)
