"""An org in whose timeouts everything has happened that can: a real journal, for pages of it."""

from __future__ import annotations

from dataclasses import replace

from monitor.journal import AuditEntry, Change, ChangeState, Intent, Lease, Switch
from monitor.ledger import Ledger
from monitor.model import Action, TimeoutEdit
from monitor.snapshot import RemediationSnapshot, Snapshot
from tests.exporter.snapshots import CRM, NOW, ORG, PAYMENT, STATIC, org_snapshot, snapshot

MINUTE, HOUR = 60.0, 3600.0
HOSTILE = "<img src=x onerror=alert(1)> \u202egnp.exe \x1b[31m \U0001f9a6 " + "long " * 90

GUARDS = [
    {"name": "verdict", "passed": True, "detail": "A slow tail: more time helps"},
    {"name": "editable", "passed": True, "detail": "Its timeout can be set"},
    {"name": "cooldown", "passed": True, "detail": "Nothing was changed for 7 days"},
]
EVIDENCE = {
    "verdict": "slow_tail",
    "why": "7.42 % of the calls take longer than 5 s.",
    "guards": GUARDS,
}


class ChangedOrg:
    """Lets an org's timeouts be changed at moments of its own."""

    def __init__(self, ledger: Ledger, org: str = ORG) -> None:
        """Change nothing yet."""
        self.journal = ledger.journal
        self.ledger = ledger
        self.org = org

    def lease(self, at: float) -> Lease:
        """The right to change timeouts."""
        lease = self.journal.take_lease(self.org, "host:1", at, 1e9)
        assert lease is not None
        return lease

    def change(  # noqa: PLR0913 - what a change is made of
        self,
        action: Action,
        at: float,
        *states: ChangeState,
        from_ms: int = 5_000,
        to_ms: int = 7_000,
        actor: str = "auto@ops-1",
        note: str = "",
    ) -> Change:
        """Make a change that comes to these states, two minutes one after the other."""
        lease = self.lease(at)
        intent = Intent(
            self.org, action.action_id, action.name, "integration-action", "", from_ms, to_ms,
            actor, at,
        )  # fmt: skip
        line = AuditEntry(
            at, self.org, "", actor, action.action_id, action.name,
            from_ms=from_ms, to_ms=to_ms, evidence=EVIDENCE,
        )  # fmt: skip
        change = self.journal.begin(
            lease, intent, line, revision=self._revision(at), machine_now=at
        )
        for number, state in enumerate(states, 1):
            assert change is not None
            moment = at + number * 2 * MINUTE
            step = replace(
                line, at=moment, evidence={}, detail=note if number == len(states) else ""
            )
            if state in {ChangeState.WRITING, ChangeState.UNDOING}:
                change = self.journal.send(
                    lease, change, state, step, revision=self._revision(at), machine_now=at
                )
            else:
                change = self.journal.move(lease, change, state, step)
        assert change is not None
        return change

    def refuse(
        self, action: Action, at: float, guard: str, detail: str, event: str = "refused"
    ) -> None:
        """Note that a change was not made."""
        refused = [
            one
            | {
                "passed": one["name"] != guard,
                "detail": detail if one["name"] == guard else one["detail"],
            }
            for one in GUARDS
        ]
        line = AuditEntry(
            at, self.org, event, "auto@ops-1", action.action_id, action.name,
            from_ms=5_000, to_ms=7_000, reason=guard, detail=detail,
            evidence=EVIDENCE | {"guards": refused},
        )  # fmt: skip
        self.journal.audit.note([line])

    def outside(self, action: Action, at: float, *, who: str = "") -> None:
        """Let somebody else set a timeout; without a name only the catalogue shows it."""
        before = replace(action, configured_timeout_ms=6_000)
        self.ledger.save_catalogue(self.org, [before], at - HOUR)
        self.ledger.save_catalogue(self.org, [replace(action, configured_timeout_ms=9_000)], at)
        if who:
            edit = TimeoutEdit(
                f"{at}", at - MINUTE, action.action_id, user_id="u1", user_name=who,
                from_ms=6_000, to_ms=9_000,
            )  # fmt: skip
            self.journal.platform_audit.save_edits(self.org, [edit], at, frozenset())

    def _revision(self, now: float) -> int:
        return self.journal.remediation_state(self.org, now).revision


def fill(ledger: Ledger, *, name: str = CRM.name) -> Snapshot:
    """Let everything happen, and return the snapshot of it.

    Args:
        ledger: An empty one.
        name: The first action's name.
    """
    crm = replace(CRM, name=name)
    org = ChangedOrg(ledger)
    state = ChangeState
    made = (state.WRITING, state.APPLIED, state.WATCHING)
    org.change(PAYMENT, NOW - 60 * HOUR, state.WRITING, state.FAILED, note="400: timeoutSeconds")
    org.outside(STATIC, NOW - 50 * HOUR)
    org.outside(PAYMENT, NOW - 44 * HOUR, who="Ada Lovelace")
    org.change(
        PAYMENT, NOW - 40 * HOUR, *made, state.UNHELPFUL, state.UNDOING, state.ROLLED_BACK,
        from_ms=9_000, to_ms=12_000, note="fewer than expected were rescued",
    )  # fmt: skip
    org.change(crm, NOW - 30 * HOUR, *made, state.VERIFIED, from_ms=4_000, to_ms=5_000)
    org.refuse(STATIC, NOW - 20 * HOUR, "editable", "Nobody can edit a static action")
    org.refuse(crm, NOW - 19 * HOUR, "cooldown", "It was changed 11 h ago, and rests for 7 days")
    org.refuse(PAYMENT, NOW - 18 * HOUR, "", "Nothing was written", event="dry_run")
    org.change(
        STATIC, NOW - 8 * HOUR, state.WRITING, state.CONFLICT, actor="grace@laptop",
        note="version 12 was written in between",
    )  # fmt: skip
    org.change(crm, NOW - 3 * HOUR, *made)
    org.journal.pause(ORG, Switch(NOW - HOUR, "ada@ops-2", "Release of the flows"))
    shown = replace(
        org_snapshot(),
        remediation=RemediationSnapshot(
            mode="auto",
            paused=True,
            changes=ledger.journal.changes(ORG, 20),
            outside=tuple(ledger.journal.platform_audit.outside_changes(ORG, 20)),
        ),
    )
    return snapshot(shown)
