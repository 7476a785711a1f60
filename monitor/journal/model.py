"""A change of a timeout from its intent to its end, and what else stands in the way of changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from monitor.journal.change_states import IN_FORCE_STATES, OPEN_STATES, ChangeState
from monitor.model import TimeoutEdit

FLOW_TARGET = "flow"
"""The target of a change inside a flow's document."""


@dataclass(frozen=True, slots=True)
class Change:
    """One change of one timeout. Times are epoch seconds of the data's clock.

    Attributes:
        change_id: Its number in the ledger.
        org: The org's configured name.
        action_id: The action.
        action_name: Its name when it was decided.
        target: Where the value is kept: ``integration-action`` or ``flow``.
        container_id: The flow; empty where the action stands for itself.
        from_ms: The timeout before.
        to_ms: The timeout asked for.
        state: How far it has come.
        actor: Who decided: ``auto`` or a user, with the host.
        began_at: When it was decided.
        sent_at: When its write was about to be sent; None where it never was.
        applied_at: When it was known to be in force; None where it never was.
        ended_at: When it came to its end; None while it is open.
        touched_at: When it came to its present state.
        lock_before: The lock under which it was written: the version or ETag; may be empty.
        lock_after: The lock after it; empty where unknown.
        note: Why it stands where it stands, in words.
        measured: Whether its effect is measured; not where somebody set a value by hand.
        reason: Why it stands where it stands, as a code; empty where its state says it all.
        damage: What its write has changed beside the timeout, in words; empty where nothing is
            known of any.
        trial_seconds: How long it is tried: it is set back then, unless it has helped; 0 where it
            is no trial.
        alike_since: Since when the action behaved as it did when this was decided; 0 where all that
            was looked at was alike.
        effect: What it was measured to have done, as a code; empty where it was not judged.
        effect_note: The same in words.
    """

    change_id: int
    org: str
    action_id: str
    action_name: str
    target: str
    container_id: str
    from_ms: int
    to_ms: int
    state: ChangeState
    actor: str
    began_at: float
    sent_at: float | None = None
    applied_at: float | None = None
    ended_at: float | None = None
    touched_at: float = 0.0
    lock_before: str = ""
    lock_after: str = ""
    note: str = ""
    measured: bool = True
    reason: str = ""
    damage: str = ""
    trial_seconds: float = 0.0
    alike_since: float = 0.0
    effect: str = ""
    effect_note: str = ""

    @property
    def explanation(self) -> str:
        """What it was measured to have done, and why it stands where it stands, in words."""
        if not self.effect_note or self.effect_note in self.note:
            return self.note
        return f"{self.effect_note}; {self.note}" if self.note else self.effect_note

    @property
    def trial_ends_at(self) -> float | None:
        """When it is set back unless it has helped; epoch seconds, None where it is no trial."""
        if not self.trial_seconds:
            return None
        return (self.began_at if self.sent_at is None else self.sent_at) + self.trial_seconds

    @property
    def is_open(self) -> bool:
        """Whether something still has to be done about it."""
        return self.state in OPEN_STATES

    @property
    def left_ms(self) -> int | None:
        """The timeout that it left in force, as far as it knows; None where it left none."""
        if self.state in IN_FORCE_STATES:
            return self.to_ms
        return self.from_ms if self.state is ChangeState.ROLLED_BACK else None


@dataclass(frozen=True, slots=True)
class Intent:
    """A change that is about to be made.

    Attributes:
        org: The org's configured name.
        action_id: The action.
        action_name: Its name.
        target: Where the value is kept.
        container_id: The flow; empty where the action stands for itself.
        from_ms: The timeout before.
        to_ms: The timeout asked for.
        actor: Who decided.
        at: When; epoch seconds.
        measured: Whether its effect is to be measured, and the change undone where it has none.
        trial_seconds: How long it is tried, from its write on; 0 where it is no trial.
        alike_since: Since when the action behaves as it does; 0 where all that was looked at was
            alike.
    """

    org: str
    action_id: str
    action_name: str
    target: str
    container_id: str
    from_ms: int
    to_ms: int
    actor: str
    at: float
    measured: bool = True
    trial_seconds: float = 0.0
    alike_since: float = 0.0


@dataclass(frozen=True, slots=True)
class Quarantine:
    """An action that is left alone for a while.

    Attributes:
        action_id: The action.
        reason: ``not_helpful``, ``nothing_shown``, ``rolled_back`` or ``changed_by_others``.
        since: Epoch seconds.
        until: It ends then.
        change_id: The change that led to it.
    """

    action_id: str
    reason: str
    since: float
    until: float
    change_id: int


@dataclass(frozen=True, slots=True)
class Switch:
    """A switch of an org that somebody has set.

    Attributes:
        since: Epoch seconds.
        actor: Who set it.
        reason: Why, in words.
    """

    since: float
    actor: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class RemediationState:
    """What the ledger knows about changes in one org, as of one moment.

    Attributes:
        org: The org's configured name.
        paused: Set where somebody paused all changes.
        tripped: Set where repeated failures stopped all changes.
        resumed_at: When somebody last resumed; epoch seconds, 0.0 for never.
        changes: Every open change, and every change that began within the history that was asked
            for; the newest first.
        latest: The newest change of each action that took effect, by its id.
        quarantines: Actions that are left alone, by their id; expired ones too.
        edits: Who saved the actions that were changed, by the platform's audit log; oldest first.
        revision: Grows with every line of the audit trail; what was decided upon one revision is
            recorded upon no other.
    """

    org: str
    paused: Switch | None = None
    tripped: Switch | None = None
    resumed_at: float = 0.0
    changes: tuple[Change, ...] = ()
    latest: Mapping[str, Change] = field(default_factory=dict)
    quarantines: Mapping[str, Quarantine] = field(default_factory=dict)
    edits: tuple[TimeoutEdit, ...] = ()
    revision: int = 0

    def without(self, change: Change) -> RemediationState:
        """Return the state as it would be if a change were not there."""
        others = tuple(one for one in self.changes if one.change_id != change.change_id)
        return replace(self, changes=others)

    def open_change(self, action_id: str) -> Change | None:
        """The open change of an action."""
        return next(
            (one for one in self.changes if one.action_id == action_id and one.is_open), None
        )


@dataclass(frozen=True, slots=True)
class DamageFound:
    """A write that has changed more than the timeout: it is recorded, and stops everything.

    Attributes:
        words: What it has changed, for the record.
        trip: The switch that stops all changes of the org.
    """

    words: str
    trip: Switch


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One line of the audit trail; it is never changed.

    Attributes:
        at: When; epoch seconds.
        org: The org's configured name.
        event: What happened: a state of a change, or ``refused``, ``dry_run``, ``paused``,
            ``resumed``, ``tripped``, ``quarantined``, ``released``.
        actor: Who: ``auto`` or a user, with the host.
        action_id: The action; empty where it is about all of them.
        action_name: Its name.
        change_id: The change; None where there is none.
        from_ms: The timeout before; None where unknown.
        to_ms: The timeout asked for; None where none is.
        reason: The guard or the error that spoke; empty where none did.
        detail: The same in words.
        lock_before: Version or ETag before.
        lock_after: Version or ETag after.
        evidence: The verdict and its numbers, and every guard's answer.
        entry_id: Its number; 0 before it is written.
    """

    at: float
    org: str
    event: str
    actor: str
    action_id: str = ""
    action_name: str = ""
    change_id: int | None = None
    from_ms: int | None = None
    to_ms: int | None = None
    reason: str = ""
    detail: str = ""
    lock_before: str = ""
    lock_after: str = ""
    evidence: Mapping[str, object] = field(default_factory=dict)
    entry_id: int = 0


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to change timeouts in one org, for a while.

    Attributes:
        org: The org's configured name.
        holder: Who has it.
        token: Grows with each new holder; whoever comes with an older one is late.
        until: It ends then; epoch seconds of the machine's clock.
    """

    org: str
    holder: str
    token: int
    until: float
