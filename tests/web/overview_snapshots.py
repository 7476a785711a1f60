"""Orgs by hand for the pages: actions with a verdict each, and a night in which some burn."""

from __future__ import annotations

from dataclasses import dataclass, replace

from monitor.contract import Contract
from monitor.diagnosis import Diagnosis, Verdict, VerdictPeriod
from monitor.model import ActionKind
from monitor.snapshot import OrgSnapshot
from monitor.summary import ActionSummary, CallersLost, Summary, empty_summary
from tests.diagnosis.diagnoses import healthy, slow_tail
from tests.exporter.snapshots import DAY, HOUR, NOW, ORG, diagnosed, org_snapshot

GOING_ON = VerdictPeriod(NOW - 3 * 3600)
"""Since three hours ago."""

OVER = VerdictPeriod(NOW - 9 * 3600, NOW - 8 * 3600)
"""For an hour, in the last day."""

HOSTILE_NAMES = {
    "markup": "<img src=x onerror=alert(1)>",
    "script": "</script><script>alert(2)</script>",
    "quote": "\" onmouseover='alert(3)' x=\"",
    "template": "{{ 7 * 7 }} {% raw %}",
    "endless": "W" * 500,
    "arabic": "بحث عن العميل",
    "override": "safe\u202egnp.exe",
    "escape": "\x1b[31mred\x1b[0m",
    "emoji": "📞 Look up 👩🏽\u200d💻",
}
"""What an action may be called, by what it tries."""


@dataclass(frozen=True)
class Watched:
    """One action and all that is known of it.

    Attributes:
        name: Its name.
        verdict: Its verdict; None where it was not judged.
        timeouts: Of the day.
        executions: Of the day.
        hour: Timeouts of the last hour, of as many executions as in other hours.
        period: What its verdict speaks of.
        integration: Its integration.
        flows: Flows that use it.
        action_id: Its id; made of its name where empty.
    """

    name: str
    verdict: Verdict | None = Verdict.HEALTHY
    timeouts: int = 0
    executions: int = 2_400
    hour: int = 0
    period: VerdictPeriod | None = None
    integration: str = "CRM"
    flows: tuple[str, ...] = ()
    action_id: str = ""

    @property
    def known_id(self) -> str:
        """The platform's id."""
        return self.action_id or f"custom_-_{self.name.lower().replace(' ', '-')}"

    def diagnosis(self) -> Diagnosis:
        """What was found."""
        assert self.verdict is not None
        is_good = self.verdict in {Verdict.HEALTHY, Verdict.TOO_LONG, Verdict.INSUFFICIENT}
        return replace(
            healthy() if is_good else slow_tail(),
            verdict=self.verdict,
            period=self.period,
            executions=self.executions,
            timeouts=self.timeouts,
        )

    def summary(self, timeouts: int, executions: int, org: str) -> ActionSummary:
        """Its counts of a period."""
        hours = [timeouts // 24] * 23
        return ActionSummary(
            org=org,
            action_id=self.known_id,
            action_name=self.name,
            integration_id=self.integration,
            integration_name=self.integration,
            category="Web Services",
            kind=ActionKind.CUSTOM,
            executions=executions,
            successes=executions - timeouts,
            timeouts=timeouts,
            errors=0,
            throttled=timeouts if self.verdict is Verdict.THROTTLED else 0,
            timeout_share=timeouts / executions if executions else None,
            p50_seconds=0.4,
            p95_seconds=1.2,
            p99_seconds=4.9 if timeouts else 1.9,
            timeout_seconds=5.0,
            budget_used_ratio=0.98 if timeouts else 0.38,
            timeouts_day_before=timeouts // 2,
            trend_ratio=2.0 if timeouts else None,
            conversations=timeouts,
            flows=self.flows,
            used_by=self.flows or None,
            error_types=(),
            mean_concurrency=0.2,
            timeouts_by_hour=(*hours, timeouts - sum(hours)),
        )


def watched_org(
    *actions: Watched, org: str = ORG, lost: tuple[CallersLost, ...] | None = None
) -> OrgSnapshot:
    """Return an org that knows these actions."""
    base = org_snapshot()
    verdicts = {one.known_id: one.diagnosis() for one in actions if one.verdict is not None}
    diagnosis = replace(diagnosed(verdicts), org=org)
    day = [one.summary(one.timeouts, one.executions, org) for one in actions]
    hour = [one.summary(one.hour, one.executions // 24, org) for one in actions]
    return replace(
        base,
        org=org,
        state=replace(base.state, org=org),
        day=_summed(empty_summary(org, Contract.PLATFORM, DAY), day, lost),
        hour=_summed(empty_summary(org, Contract.PLATFORM, HOUR), hour, None),
        diagnosis=diagnosis,
    )


def _summed(
    empty: Summary, actions: list[ActionSummary], lost: tuple[CallersLost, ...] | None
) -> Summary:
    total = replace(
        empty.total,
        executions=sum(one.executions for one in actions),
        timeouts=sum(one.timeouts for one in actions),
        conversations=sum(one.conversations or 0 for one in actions),
        actions=len(actions),
    )
    return replace(
        empty,
        complete=True,
        missing_seconds=0,
        actions=tuple(actions),
        notes=(),
        total=total,
        callers_lost=lost,
    )


BURNING = (
    Watched("Get Customer", executions=16_800),
    Watched(
        "Order Status", Verdict.SLOW_TAIL, 784, 10_000, 41, GOING_ON, "Orders", ("Order Enquiries",)
    ),
    Watched("Take Payment", Verdict.HANGS, 172, 5_700, 9, GOING_ON, "Payments", ("Payment Line",)),
    Watched("Shipment Tracking", Verdict.OUTAGE, 960, 6_000, 0, OVER, "Logistics"),
    Watched("Loyalty Points", Verdict.THROTTLED, 60, 12_000, 3, GOING_ON),
    Watched("Partner Token", Verdict.INSUFFICIENT, 18, 73, 2, None, "Payments"),
    Watched("Branch Finder", executions=2_880, timeouts=2),
    Watched("Send Confirmation", Verdict.TOO_LONG, executions=5_000, integration="Orders"),
)
"""Several verdicts, going on and over, and one that times out a lot on next to no traffic."""

LOST = (CallersLost("f-1", "Order Enquiries", 12, (("FLOW_ERROR_EXIT", 12),), 700),)


def burning_org(org: str = ORG) -> OrgSnapshot:
    """Return an org in a bad night."""
    return watched_org(*BURNING, org=org, lost=LOST)


def calm_org(org: str = ORG) -> OrgSnapshot:
    """Return an org in which nothing is wrong."""
    calm = [
        Watched(name, executions=2_400)
        for name in ("Get Customer", "Order Status", "Take Payment", "Branch Finder")
    ]
    return watched_org(*calm, org=org)


def hostile_org() -> OrgSnapshot:
    """Return an org whose names try what names may try."""
    actions = [
        Watched(name, Verdict.SLOW_TAIL, 100, 2_400, 5, GOING_ON, name, (name,), f"custom_-_{what}")
        for what, name in HOSTILE_NAMES.items()
    ]
    well = [Watched(name, action_id=f"well_-_{what}") for what, name in HOSTILE_NAMES.items()]
    return watched_org(*actions, *well, lost=(CallersLost("f", HOSTILE_NAMES["markup"], 3, (), 1),))
