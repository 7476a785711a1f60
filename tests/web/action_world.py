"""An org of three days whose every action is a different picture, in a real ledger."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from math import pi, sin
from pathlib import Path
from urllib.parse import quote

import numpy as np

from monitor.config import OrgSettings, Settings
from monitor.contract import Contract
from monitor.counts import Tally
from monitor.diagnosis import diagnose_org
from monitor.diagnosis.evidence import Floats
from monitor.investigation import (
    UNTOLD,
    ActionHistory,
    ActionTimeline,
    load_action_history,
    load_timelines,
)
from monitor.journal import AuditEntry, ChangeState, Intent
from monitor.ledger import KeptDiagnosis, Ledger, Reading, SaidVerdict
from monitor.model import Action, ActionKind, FlowErrorTally, Incident
from monitor.render import ReportContent, worst_actions
from monitor.snapshot import OrgSnapshot, PollHealth
from monitor.summary import limits_in_use, summarise
from monitor.time_ranges import TimeRange
from monitor.web.api_routes import TimelineReader
from tests.evidence import BROKEN, THROTTLED, TIMED_OUT, WINDOW_SECONDS, executions, incident
from tests.filled_ledger import CLASSIFIER, DAY_SECONDS, HOUR_SECONDS

ORG = "acme"
NOW = 1_800_000_000 // DAY_SECONDS * DAY_SECONDS + 15 * HOUR_SECONDS + 1_380
"""Twenty to four in the afternoon: within a window, and within a day."""

_HOUR = NOW // HOUR_SECONDS * HOUR_SECONDS
"""The hour that is going on."""

BEGIN = NOW // DAY_SECONDS * DAY_SECONDS - 2 * DAY_SECONDS
END = NOW // WINDOW_SECONDS * WINDOW_SECONDS
UNREAD = TimeRange(_HOUR - 13 * HOUR_SECONDS, _HOUR - 11 * HOUR_SECONDS)
"""When the daemon did not run."""

RAISED_AT = BEGIN + 30 * HOUR_SECONDS
"""When Order status got 5 s in place of 3 s."""

OUTAGE = TimeRange(_HOUR - 6 * HOUR_SECONDS, _HOUR - 5 * HOUR_SECONDS)
"""When the CRM answered nobody."""

HOSTILE = (
    "<img src=x onerror=alert(1)> & \"quotes\" 'single' \N{PILE OF POO} "
    "\N{HEBREW LETTER ALEF}\N{HEBREW LETTER BET} " + "long" * 125
)
"""A name as nobody should give one."""

HOSTILE_ID = 'custom_-_/a//b c?d#e%2F"<img src=x onerror=alert(1)>'


def page_of(action_id: str, period: str = "") -> str:
    """Return the path of an action's page."""
    path = f"/actions/{quote(ORG, safe='')}/{quote(action_id, safe='')}"
    return f"{path}?since={period}" if period else path


def _custom(name: str, integration: str, timeout_ms: int, action_id: str = "") -> Action:
    return Action(
        action_id or f"custom_-_{name.lower().replace(' ', '_')}",
        name,
        f"int-{integration[:9]}",
        integration,
        "Web Services",
        configured_timeout_ms=timeout_ms,
    )


SLOW = _custom("Order status", "Order service", 5_000)
CRM = _custom("CRM lookup", "CRM", 6_000)
CREDIT = _custom("Credit check", "Bureau", 8_000)
IDLE = _custom("Never called", "Order service", 10_000)
WELL = _custom("Price list", "Order service", 10_000)
ODD = _custom(HOSTILE, HOSTILE, 5_000, HOSTILE_ID)
STATIC = Action("static_-_user", "Get user", "int-4", "Genesys", "Genesys", ActionKind.STATIC)


@dataclass(frozen=True)
class ActionWorld:
    """The ledger, and what a daemon would show of it.

    Attributes:
        ledger: The ledger.
        org: The org's settings.
        settings: All others.
        snapshot: Its snapshot.
        told: Reads what was told of an action; the ledger where None.
    """

    ledger: Ledger
    org: OrgSettings
    settings: Settings
    snapshot: OrgSnapshot
    told: TimelineReader | None = None

    def read(
        self, org_snapshot: OrgSnapshot, action_id: str, time_range: TimeRange
    ) -> ActionHistory:
        """Read one action, as the daemon does."""
        return load_action_history(
            self.ledger, self.org, self.settings, org_snapshot.state, action_id, time_range
        )

    def read_timeline(self, org: str, action_id: str, time_range: TimeRange) -> ActionTimeline:
        """Read what was told of one action, as the daemon does."""
        if self.told is not None:
            return self.told(org, action_id, time_range)
        return load_timelines(self.ledger, org, time_range, action_id).get(action_id, UNTOLD)


@contextmanager
def open_action_world(path: Path, *, contract: str = "platform") -> Iterator[ActionWorld]:
    """Open an org that was read for two days and a half."""
    with Ledger.open(f"sqlite:///{path / 'ledger.db'}") as ledger:
        _catalogue(ledger)
        if contract == "platform":
            _counts(ledger)
            _change(ledger)
        _hits(ledger, contract)
        _tell(ledger)
        org = OrgSettings.model_validate(
            {"name": ORG, "client_id": "x", "client_secret": "y", "contract": contract}
        )
        yield ActionWorld(ledger, org, Settings(), snapshot_of(ledger, org))


def snapshot_of(ledger: Ledger, org: OrgSettings) -> OrgSnapshot:
    """Return what a daemon would show of the org now."""
    contract = Contract(org.contract)
    day, hour = TimeRange(END - DAY_SECONDS, END), TimeRange(END - HOUR_SECONDS, END)
    return OrgSnapshot(
        org=ORG,
        contract=contract,
        state=ledger.state(ORG),
        day=summarise(ledger, ORG, contract, day, CLASSIFIER),
        hour=summarise(ledger, ORG, contract, hour, CLASSIFIER),
        limits=limits_in_use(ledger, ORG, contract, hour, CLASSIFIER),
        health=PollHealth({"ok": 9}, source_available={"actions": True, "conversations": True}),
        diagnosis=diagnose_org(ledger, org, Settings(), NOW),
        polled_at=NOW - 5,
        catalogue_read_at=NOW - 300,
        diagnosed_at=NOW - 60,
    )


def report_on(world: ActionWorld) -> ReportContent:
    """Return what a report tells of the org's last settled day."""
    shown = world.snapshot
    assert shown.diagnosis is not None
    diagnoses = {ORG: shown.diagnosis}
    chosen, _ = worst_actions([shown.day], diagnoses)
    histories = {
        (ORG, one.action_id): world.read(shown, one.action_id, shown.day.time_range)
        for one in chosen
    }
    return ReportContent.of([shown.day], diagnoses, {ORG: shown.limits}, NOW, histories)


def _tell(ledger: Ledger) -> None:
    """Let verdicts be told over two days and a half, as a daemon would have told them."""
    well, slow = SaidVerdict("healthy"), SaidVerdict("slow_tail", since=BEGIN)
    wrong = SaidVerdict("outage", since=OUTAGE.start)
    over = SaidVerdict("outage", since=OUTAGE.start, until=OUTAGE.end)
    hangs = SaidVerdict("hangs", since=BEGIN + 30 * HOUR_SECONDS)
    unknown, odd = SaidVerdict("insufficient"), SaidVerdict("unclear")
    raised = SaidVerdict("slow_tail", since=BEGIN, advised_ms=10_000.0)
    for at, *said in (
        (BEGIN + 600, unknown, unknown, well),
        (BEGIN + 4 * HOUR_SECONDS, slow, well, well),
        (BEGIN + 36 * HOUR_SECONDS, raised, well, hangs),
        (OUTAGE.start + 1_200, raised, wrong, hangs),
        (OUTAGE.end + 1_200, raised, over, hangs),
        (END - 3 * HOUR_SECONDS, raised, over, odd),
        (END, raised, over, hangs),
    ):
        ids = (SLOW.action_id, CRM.action_id, CREDIT.action_id)
        told = dict(zip(ids, said, strict=True))
        before, _ = ledger.diagnoses.last(ORG)
        kept = KeptDiagnosis(
            "x", float(at), b"", dict.fromkeys(ids, b""), before.stamp if before else ""
        )
        ledger.diagnoses.keep(ORG, kept, frozenset(ids), told)


def _catalogue(ledger: Ledger) -> None:
    before = replace(SLOW, configured_timeout_ms=3_000)
    others = [CRM, CREDIT, IDLE, WELL, ODD, STATIC]
    ledger.save_catalogue(ORG, [before, *others], BEGIN)
    ledger.save_catalogue(ORG, [SLOW, *others], RAISED_AT + 240)
    longer = replace(WELL, configured_timeout_ms=12_000)
    others = [longer if one is WELL else one for one in others]
    ledger.save_catalogue(ORG, [SLOW, *others], NOW - 5 * HOUR_SECONDS)
    flows = {"flow-main": "Main menu", "flow-billing": "Billing"}
    ledger.save_flow_use(ORG, SLOW.action_id, flows, BEGIN)
    ledger.save_flow_use(ORG, ODD.action_id, {"flow-odd": HOSTILE}, BEGIN)


def _counts(ledger: Ledger) -> None:
    rng = np.random.default_rng(7)
    tallies: list[Tally] = []
    for at in range(BEGIN, END, WINDOW_SECONDS):
        if UNREAD.start <= at < UNREAD.end:
            continue
        busy = 1 + sin((at % DAY_SECONDS) / DAY_SECONDS * 2 * pi - pi / 2)
        timeout_ms = 5_000 if at >= RAISED_AT else 3_000
        slow = 1_800 * np.exp(0.7 * rng.standard_normal(8 + int(30 * busy)))
        tallies += _ended(SLOW, slow, timeout_ms, at)
        if at % 7_200 == 0:
            tallies.append(_failed(BROKEN, "500", [40.0] * 4, at))
        if at % 10_800 == 0:
            tallies.append(_failed(THROTTLED, "429", [5.0] * 3, at))
        crm = 600 * np.exp(0.5 * rng.standard_normal(6 + int(20 * busy)))
        if OUTAGE.start <= at < OUTAGE.end:
            crm = np.where(rng.random(len(crm)) < 0.9, np.inf, crm)
        tallies += _ended(CRM, crm, 6_000, at)
        credit = 900 * np.exp(0.3 * rng.standard_normal(4 + int(10 * busy)))
        credit = np.where(rng.random(len(credit)) < 0.04, np.inf, credit)
        tallies += _ended(CREDIT, credit, 8_000, at)
        tallies += _ended(WELL, 300 * np.exp(0.3 * rng.standard_normal(10)), 10_000, at)
        tallies += _ended(ODD, 700 * np.exp(0.9 * rng.standard_normal(3)), 5_000, at)
    for covered in (TimeRange(BEGIN, UNREAD.start), TimeRange(UNREAD.end, END)):
        own = [one for one in tallies if covered.start <= one.window_start < covered.end]
        ledger.record(ORG, "actions", Reading(covered, WINDOW_SECONDS, NOW - 5.0, own))


def _ended(action: Action, durations_ms: Floats, timeout_ms: float, at: int) -> list[Tally]:
    """Return how calls that would take so long end under a timeout."""
    answered = [float(one) for one in durations_ms if one < timeout_ms]
    late = [timeout_ms + 3.0] * (len(durations_ms) - len(answered))
    found = []
    if answered:
        found.append(executions(action.action_id, answered, response_status="200", window_start=at))
    if late:
        found.append(executions(action.action_id, late, error_type=TIMED_OUT, window_start=at))
    return found


def _failed(error_type: str, status: str, durations_ms: list[float], at: int) -> Tally:
    return executions(
        SLOW.action_id,
        durations_ms,
        error_type=error_type,
        response_status=status,
        window_start=at,
    )


def _hits(ledger: Ledger, contract: str) -> None:
    hits: list[Incident] = [
        incident(
            f"6f1d{index:04x}-2c1e-4b0a-9a57-3f0d8b7c{index:04x}",
            at=NOW - 400.0 - index * 977,
            action_id=SLOW.action_id,
            flow_id="flow-main" if index % 3 else "flow-billing",
            flow_name="Main menu" if index % 3 else "Billing",
            error_type="error.request.timeout",
        )
        for index in range(60)
    ]
    hits.append(
        incident(
            HOSTILE[:150],
            at=NOW - 900.0,
            action_id=HOSTILE_ID,
            flow_id="flow-odd",
            flow_name=HOSTILE,
            error_type=HOSTILE[:80],
        )
    )
    covered = TimeRange(BEGIN, END)
    ledger.record(
        ORG,
        "conversations",
        Reading(
            covered,
            WINDOW_SECONDS,
            NOW - 7.0,
            incidents=hits,
            incidents_are_executions=contract == "flow",
        ),
    )
    lost = [FlowErrorTally("flow-main", "FLOW_ERROR_EXIT", END - HOUR_SECONDS, 17)]
    ledger.record(
        ORG,
        "flow-errors",
        Reading(
            covered, WINDOW_SECONDS, NOW - 7.0, flow_errors=lost, flow_error_basis="aggregates"
        ),
    )


def _change(ledger: Ledger) -> None:
    """Let this program have raised Order status, and measured that it helped."""
    journal = ledger.journal
    lease = journal.take_lease(ORG, "test", RAISED_AT, 60.0)
    assert lease is not None
    intent = Intent(
        ORG,
        SLOW.action_id,
        SLOW.name,
        "integration-action",
        "",
        3_000,
        5_000,
        "anna@ops-1",
        RAISED_AT,
    )
    entry = AuditEntry(RAISED_AT, ORG, "", "anna@ops-1", SLOW.action_id, SLOW.name)
    revision = journal.remediation_state(ORG, RAISED_AT).revision
    change = journal.begin(lease, intent, entry, revision=revision, machine_now=RAISED_AT)
    assert change is not None
    sent = journal.send(
        lease, change, ChangeState.WRITING, entry, revision=None, machine_now=RAISED_AT
    )
    assert sent is not None
    applied = journal.move(lease, sent, ChangeState.APPLIED, entry)
    watching = journal.move(lease, applied, ChangeState.WATCHING, entry)
    helped = replace(entry, at=RAISED_AT + 3_600, detail="Timeouts fell from 14 % to 7 %")
    journal.move(lease, watching, ChangeState.VERIFIED, helped)
    journal.give_back(lease)
