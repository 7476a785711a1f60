"""Intents, audit lines and leases for tests of the journal."""

from __future__ import annotations

from monitor.journal import AuditEntry, Change, ChangeState, Intent, Lease
from monitor.ledger import Ledger
from tests.evidence import ORG, T0

HOLDER = "host:1"
LEASE_SECONDS = 120.0


def revision(ledger: Ledger) -> int:
    """How far the record has come."""
    return ledger.journal.remediation_state(ORG, T0).revision


def leased(ledger: Ledger, holder: str = HOLDER, now: float = T0) -> Lease:
    """The right to change timeouts, which nobody else may have."""
    lease = ledger.journal.take_lease(ORG, holder, now, LEASE_SECONDS)
    assert lease is not None
    return lease


def intent(action_id: str = "a1", at: float = T0) -> Intent:
    """From 3 s to 4 s."""
    return Intent(ORG, action_id, "Look Up", "integration-action", "", 3_000, 4_000, "auto@h", at)


def entry(at: float = T0, **other: object) -> AuditEntry:
    """A line about it; its event is the journal's to say."""
    return AuditEntry(at, ORG, "", "auto@h", "a1", "Look Up", **other)  # type: ignore[arg-type]


def begun(ledger: Ledger, lease: Lease, action_id: str = "a1", at: float = T0) -> Change:
    """A change whose intent is recorded."""
    change = ledger.journal.begin(
        lease, intent(action_id, at), entry(at), revision=revision(ledger), machine_now=T0
    )
    assert change is not None
    return change


def sent(ledger: Ledger, lease: Lease, change: Change, at: float = T0) -> Change:
    """The same, about to be sent under version 7."""
    moved = ledger.journal.send(
        lease,
        change,
        ChangeState.WRITING,
        entry(at, lock_before="7"),
        revision=revision(ledger),
        machine_now=T0,
    )
    assert moved is not None
    return moved


def moved(
    ledger: Ledger, lease: Lease, change: Change, *states: ChangeState, at: float = T0
) -> Change:
    """The same, through these states."""
    for state in states:
        change = ledger.journal.move(lease, change, state, entry(at, lock_after="8"))
    return change
