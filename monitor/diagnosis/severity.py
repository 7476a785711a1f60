"""How much a verdict matters: in one word that can be sorted, coloured and filtered by."""

from __future__ import annotations

from enum import StrEnum

from monitor.diagnosis.model import Diagnosis, Verdict

CRITICAL_SHARE = 0.05
"""From one failed call in twenty on, every agent meets it several times a day."""

ONGOING_SECONDS = 1_800
"""An outage whose last timeouts are not older than this may still be going on."""


class Severity(StrEnum):
    """How much it matters; what can't be judged stands below what is known to be good."""

    UNKNOWN = "unknown"
    GOOD = "good"
    WARNING = "warning"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """The higher, the more it matters."""
        return _RANKS[self]


_RANKS = {severity: rank for rank, severity in enumerate(Severity)}


def usual_severity(verdict: Verdict) -> Severity:
    """Return how much a verdict matters, whatever its numbers."""
    if verdict is Verdict.INSUFFICIENT:
        return Severity.UNKNOWN
    return Severity.GOOD if verdict in {Verdict.HEALTHY, Verdict.TOO_LONG} else Severity.WARNING


def severity_of(diagnosis: Diagnosis, end: int) -> Severity:
    """Return how much a verdict matters.

    ``insufficient`` is unknown, ``healthy`` and ``too_long`` are good, others warn. A warning
    is critical where at least one call in twenty timed out or was throttled, since it last began
    to behave otherwise and without outages that are over, and where one has not ended yet.

    Args:
        diagnosis: The verdict with its evidence.
        end: The end of what was looked at; epoch seconds.
    """
    usual = usual_severity(diagnosis.verdict)
    if usual is not Severity.WARNING:
        return usual
    lost = diagnosis.timeouts + diagnosis.throttled
    often = lost >= CRITICAL_SHARE * diagnosis.executions
    if diagnosis.judged is not None and diagnosis.verdict is not Verdict.THROTTLED:
        # How it is now, and not how it was before it changed, or in an outage that is over.
        often = diagnosis.judged.timeouts >= CRITICAL_SHARE * diagnosis.judged.executions
    last = max((end for _, end in diagnosis.outages), default=0)
    ongoing = diagnosis.verdict is Verdict.OUTAGE and last >= end - ONGOING_SECONDS
    return Severity.CRITICAL if often or ongoing else Severity.WARNING
