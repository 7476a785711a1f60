"""Writes an investigation down as one JSON document, in the words of the report.

Words are snake_case, durations seconds, times ISO 8601 in UTC; what can't be known is null.
"""

from __future__ import annotations

import msgspec

from monitor.formats import iso_time
from monitor.investigation import (
    DiagnosisInPeriod,
    ExecutionStatistics,
    Investigation,
    LatencyBand,
    SlowExecution,
)
from monitor.model import Incident, Outcome
from monitor.render.diagnosis import diagnosis_document
from monitor.render.documents import (
    DiagnosisDocument,
    EndingDocument,
    ExecutionDocument,
    FlowUseDocument,
    HitDocument,
    InvestigationDocument,
    LatencyBandDocument,
)


def investigation_document(
    investigation: Investigation, generated_at: float
) -> InvestigationDocument:
    """Return the investigation as a document.

    Args:
        investigation: What was found.
        generated_at: Now; epoch seconds.
    """
    action, statistics = investigation.action, investigation.executions
    counts = statistics.by_outcome if statistics else dict.fromkeys(Outcome)
    return InvestigationDocument(
        generated_at=iso_time(generated_at),
        from_=iso_time(investigation.time_range.start),
        to=iso_time(investigation.time_range.end),
        org=investigation.org,
        action_id=action.action_id,
        action_name=action.name,
        integration_name=action.integration_name,
        timeout_seconds=investigation.timeout_seconds,
        **msgspec.structs.asdict(_diagnosed(investigation.diagnosed)),
        executions=statistics.total if statistics else None,
        successes=counts[Outcome.SUCCESS],
        timeouts=counts[Outcome.TIMEOUT],
        errors=counts[Outcome.ERROR],
        throttled=counts[Outcome.THROTTLED],
        truncated=statistics.truncation if statistics else None,
        p50_seconds=statistics.p50_seconds if statistics else None,
        p95_seconds=statistics.p95_seconds if statistics else None,
        p99_seconds=statistics.p99_seconds if statistics else None,
        granularity_seconds=statistics.granularity_seconds if statistics else None,
        endings=_endings(statistics),
        slowest=[_execution(one) for one in (statistics.slowest if statistics else ())],
        timed_out=[_execution(one) for one in (statistics.timed_out if statistics else ())],
        latency=[_band(band) for band in (statistics.latency if statistics else ())],
        flows=[
            FlowUseDocument(
                flow_id=flow.flow_id,
                flow_name=flow.name,
                tracked=flow.is_tracked,
                conversations=flow.conversations,
            )
            for flow in investigation.flows
        ],
        conversations=investigation.conversations,
        hits=[_hit(hit) for hit in investigation.hits],
        notes=list(investigation.notes),
    )


def _diagnosed(diagnosed: DiagnosisInPeriod | None) -> DiagnosisDocument:
    """Return the words of the report; null where there is no verdict."""
    if diagnosed is None:
        return diagnosis_document(None, None)
    return diagnosis_document(diagnosed.diagnosis, diagnosed.time_range)


def _endings(statistics: ExecutionStatistics | None) -> list[EndingDocument]:
    return [
        EndingDocument(
            outcome=ending.outcome,
            error_type=ending.error_type,
            response_status=ending.response_status,
            executions=ending.executions,
        )
        for ending in (statistics.endings if statistics else ())
    ]


def _execution(one: SlowExecution) -> ExecutionDocument:
    execution = one.execution
    return ExecutionDocument(
        correlation_id=execution.correlation_id,
        at=iso_time(execution.at),
        duration_seconds=execution.duration_ms / 1000,
        exact=execution.is_exact,
        outcome=one.outcome,
        error_type=execution.error_type,
        response_status=execution.response_status,
    )


def _band(band: LatencyBand) -> LatencyBandDocument:
    return LatencyBandDocument(
        from_seconds=band.from_ms / 1000,
        to_seconds=None if band.to_ms is None else band.to_ms / 1000,
        executions=band.executions,
        successes=band.successes,
        timeouts=band.timeouts,
        others=band.others,
    )


def _hit(hit: Incident) -> HitDocument:
    return HitDocument(
        conversation_id=hit.conversation_id,
        at=iso_time(hit.at),
        flow_id=hit.flow_id,
        flow_name=hit.flow_name,
        error_type=hit.error_type,
    )
