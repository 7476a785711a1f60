"""Snapshots to export: small ones by hand, and real ones from a real ledger."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from monitor.contract import Contract
from monitor.counts import Tally
from monitor.diagnosis import Concurrency, Diagnosis, OrgDiagnosis
from monitor.ledger import Ledger, OrgState, Reading, SourceState
from monitor.model import (
    CONCURRENT_EXECUTIONS,
    LIMITS,
    NO_ERROR,
    Action,
    ActionKind,
    FlowErrorTally,
    Incident,
)
from monitor.snapshot import OrgSnapshot, PollHealth, RemediationSnapshot, Snapshot
from monitor.summary import empty_summary, limits_in_use, summarise
from monitor.time_ranges import TimeRange
from tests.diagnosis.diagnoses import healthy, slow_tail
from tests.evidence import executions, incident
from tests.filled_ledger import CLASSIFIER

if TYPE_CHECKING:
    from prometheus_client import Metric

NOW = 1_790_000_100.0
"""The moment of every test; on a window's boundary."""

HOUR = TimeRange(int(NOW) - 3600, int(NOW))
DAY = TimeRange(int(NOW) - 86400, int(NOW))
ORG = "acme"

CRM = Action("custom_-_crm", "CRM lookup", "int-1", "CRM", "Web Services", ActionKind.CUSTOM, 3_000)
PAYMENT = Action("custom_-_payment", "Payment", "int-2", "Bank", "Web Services", ActionKind.CUSTOM)
STATIC = Action("static_-_get", "Get user", "int-3", "Genesys", "Genesys", ActionKind.STATIC)

HEALTHY = PollHealth(
    polls={"ok": 3, "failed": 1},
    duration_seconds=0.5,
    durations_sum_seconds=2.5,
    source_available={"actions": True, "conversations": False},
    api_requests={("POST /query", "200"): 7, ("POST /query", "429"): 2},
    api_retries={"POST /query": 2},
    rate_limited_seconds={"POST /query": 1.5},
    dropped_records={("actions", "number"): 2},
    clock_skew_seconds=0.5,
)

REMEDIATED = RemediationSnapshot(
    mode="auto",
    paused=True,
    tripped=False,
    decisions={("raise", "ok"): 2, ("keep", "verdict"): 40, ("keep", "paused"): 0},
    results={"applied": 2, "verified": 1, "planned": 3},
    set_back={"asked": 1},
)


@dataclass
class Scrape:
    """A parsed scrape: every sample by its name and its labels."""

    families: dict[str, Metric]
    samples: dict[tuple[str, frozenset[tuple[str, str]]], float] = field(default_factory=dict)

    @classmethod
    def of(cls, families: list[Metric]) -> Scrape:
        """Index ``families``; a series that is there twice is an error."""
        scrape = cls({family.name: family for family in families})
        assert len(scrape.families) == len(families), "a family is there twice"
        for family in families:
            for sample in family.samples:
                key = sample.name, frozenset(sample.labels.items())
                assert key not in scrape.samples, f"{sample} is there twice"
                scrape.samples[key] = sample.value
        return scrape

    def value(self, name: str, /, **labels: str) -> float | None:
        """The value of exactly this series; None where there is none."""
        return self.samples.get((name, frozenset(labels.items())))

    def series(self, name: str) -> dict[tuple[str, ...], float]:
        """Every series of a name: values by the values of its labels, in the labels' order."""
        return {
            tuple(value for _, value in sorted(labels)): number
            for (sample, labels), number in self.samples.items()
            if sample == name
        }


def fresh_sources() -> dict[str, SourceState]:
    """Both sources, read a few seconds ago."""
    return {
        "actions": SourceState("actions", NOW - 5, NOW - 60, 4, 2),
        "conversations": SourceState("conversations", NOW - 7),
    }


def fresh_coverage() -> dict[str, tuple[TimeRange, ...]]:
    """Both sources, of which the second has a hole."""
    return {
        "actions": (TimeRange(int(NOW) - 86400, int(NOW)),),
        "conversations": (
            TimeRange(int(NOW) - 86400, int(NOW) - 7200),
            TimeRange(int(NOW) - 3600, int(NOW)),
        ),
    }


def diagnosed(diagnoses: Mapping[str, Diagnosis], *, taken_at: float = NOW) -> OrgDiagnosis:
    """The org with these verdicts."""
    return OrgDiagnosis(
        org=ORG,
        contract=Contract.PLATFORM,
        time_range=DAY,
        taken_at=taken_at,
        missing_seconds=0,
        diagnoses=diagnoses,
        concurrency=Concurrency(1.5, 4.0, 300, 50, 0.25),
    )


def org_snapshot(
    state: OrgState | None = None,
    *,
    contract: str = "platform",
    health: PollHealth = HEALTHY,
    concurrency_limit: int | None = 50,
    diagnosis: OrgDiagnosis | None = None,
) -> OrgSnapshot:
    """One org by hand, without summaries."""
    shown = state or OrgState(ORG, sources=fresh_sources(), coverage=fresh_coverage())
    if concurrency_limit is not None:
        shown = replace(shown, limits={CONCURRENT_EXECUTIONS: concurrency_limit})
    return OrgSnapshot(
        org=shown.org,
        contract=Contract(contract),
        state=shown,
        day=empty_summary(shown.org, Contract(contract), DAY),
        hour=empty_summary(shown.org, Contract(contract), HOUR),
        limits=(),
        health=health,
        diagnosis=diagnosis,
        polled_at=NOW - 5,
        catalogue_read_at=NOW - 300,
        diagnosed_at=NOW - 400,
    )


def snapshot(*org_snapshots: OrgSnapshot) -> Snapshot:
    """A snapshot of these orgs, taken now."""
    return Snapshot(taken_at=NOW, orgs=org_snapshots)


def hit(conversation_id: str) -> Incident:
    """One timeout of the CRM that hit one conversation of the main flow, half an hour ago."""
    return incident(
        conversation_id,
        at=NOW - 1800,
        action_id=CRM.action_id,
        action_name=CRM.name,
        flow_id="main",
        flow_name="Flow main",
        error_type="error.request.timeout",
    )


def ended(
    action: Action, error_type: str, status: str, window_start: int, *durations_ms: float
) -> Tally:
    """Single executions as the platform would count them."""
    return executions(
        action.action_id,
        durations_ms,
        error_type=error_type,
        response_status=status,
        window_start=window_start,
    )


def recorded_org_snapshot(path: Path, *, contract: str = "platform") -> OrgSnapshot:
    """One org whose day went through a real ledger and the real summary.

    Two actions ran, one of them into its timeout; a third was quiet. Two conversations of the
    flow ``main`` were hit.
    """
    window = int(NOW) - 1800
    hits = [hit("c-1"), hit("c-2")]
    with Ledger.open(f"sqlite:///{path / 'ledger.db'}") as ledger:
        ledger.save_catalogue(ORG, [CRM, PAYMENT, STATIC], NOW - 86400)
        ledger.save_limits(ORG, dict(zip(LIMITS, (50, 2_500, 25), strict=True)))
        ledger.save_flow_use(ORG, PAYMENT.action_id, {"billing": "Billing"}, NOW - 86400)
        if contract == "platform":
            tallies = [
                ended(CRM, NO_ERROR, "200", window, 80, 80, 400, 2_600, 2_600),
                ended(CRM, "request.timeout", "408", window, 3_000, 3_000, 3_000),
                ended(CRM, "rate.limit.exceeded", "429", window, 5),
                ended(PAYMENT, NO_ERROR, "200", window + 300, 700, 40_000),
                ended(PAYMENT, "server.error", "500", window + 300, 120),
            ]
            ledger.record(ORG, "actions", Reading(DAY, 300, NOW - 5, tallies))
        ledger.record(
            ORG,
            "conversations",
            Reading(DAY, 300, NOW - 7, incidents=hits, incidents_are_executions=contract == "flow"),
        )
        lost = FlowErrorTally("main", "FLOW_ERROR_EXIT", window, 3)
        read = Reading(DAY, 300, NOW - 7, flow_errors=[lost], flow_error_basis="records")
        ledger.record(ORG, "flow-errors", read)
        return OrgSnapshot(
            org=ORG,
            contract=Contract(contract),
            state=ledger.state(ORG),
            day=summarise(ledger, ORG, Contract(contract), DAY, CLASSIFIER, by_hour=True),
            hour=summarise(ledger, ORG, Contract(contract), HOUR, CLASSIFIER),
            limits=limits_in_use(ledger, ORG, Contract(contract), HOUR, CLASSIFIER),
            health=HEALTHY,
            diagnosis=diagnosed({CRM.action_id: slow_tail(), PAYMENT.action_id: healthy()}),
            remediation=REMEDIATED,
            polled_at=NOW - 5,
            catalogue_read_at=NOW - 300,
            diagnosed_at=NOW - 400,
        )
