"""What the guards look at, and what they answer, as frozen values."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from monitor.config import RemediationSettings
from monitor.diagnosis import Diagnosis
from monitor.journal import Change, Quarantine, RemediationState


class Initiator(StrEnum):
    """Who wants a change."""

    AUTO = "auto"
    """The daemon by itself."""
    HUMAN = "human"
    """Somebody who typed ``apply``."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """One action, as far as it is known.

    Attributes:
        org: The org's configured name.
        action_id: Its id.
        action_name: Its name.
        timeout_ms: The timeout in force by the newest catalogue; None where unknown.
        step_ms: The platform keeps whole multiples of this.
        diagnosis: Why it times out, and what the data ask for.
        target: Where the timeout is kept: ``integration-action`` or ``flow``.
        container_id: The flow; empty where the action stands for itself.
    """

    org: str
    action_id: str
    action_name: str
    timeout_ms: int | None
    step_ms: int
    diagnosis: Diagnosis
    target: str = "integration-action"
    container_id: str = ""


@dataclass(frozen=True, slots=True)
class Data:
    """How far the org's data can be relied on, and how busy the org is.

    Attributes:
        last_success_at: When the executions were last read; epoch seconds, 0.0 for never.
        stale_after_seconds: Data that were read longer ago are stale.
        diagnosed_at: When they were diagnosed; epoch seconds, 0.0 for never.
        diagnosis_lasts_seconds: A diagnosis that was made longer ago is stale.
        missing_seconds: How much of the period that was diagnosed was never read.
        slots: Executions under way at a time in the whole org; None where unknown.
        limit: The org's own limit of these; None where unknown.
        diagnosed_seconds: How much was read of the period that was diagnosed; 0 where unknown.
    """

    last_success_at: float
    stale_after_seconds: float
    diagnosed_at: float
    diagnosis_lasts_seconds: float
    missing_seconds: int = 0
    slots: float | None = None
    limit: int | None = None
    diagnosed_seconds: float = 0.0


class GuardContext(Protocol):
    """What every change depends on, whoever wants it and why."""

    @property
    def remediation_state(self) -> RemediationState:
        """What was changed, and what stands in the way."""
        ...

    @property
    def settings(self) -> RemediationSettings:
        """``[remediation]``."""
        ...

    @property
    def initiator(self) -> Initiator:
        """Who wants it."""
        ...

    @property
    def now(self) -> float:
        """Epoch seconds."""
        ...


@dataclass(frozen=True, slots=True)
class GuardInput:
    """Everything that one decision looks at.

    Attributes:
        candidate: The action.
        to_ms: The next value; None where the data ask for none.
        data: How far the org's data can be relied on.
        remediation_state: What was changed, and what stands in the way.
        settings: ``[remediation]``.
        initiator: Who wants it.
        now: Epoch seconds.
        is_trial: Whether it is to be set back after a while, unless it has helped.
    """

    candidate: Candidate
    to_ms: int | None
    data: Data
    remediation_state: RemediationState
    settings: RemediationSettings
    initiator: Initiator
    now: float
    is_trial: bool = False

    @property
    def from_ms(self) -> int | None:
        """The timeout in force."""
        return self.candidate.timeout_ms

    @property
    def open_change(self) -> Change | None:
        """The action's change that is still open."""
        return self.remediation_state.open_change(self.candidate.action_id)

    @property
    def latest(self) -> Change | None:
        """The action's newest change that took effect."""
        return self.remediation_state.latest.get(self.candidate.action_id)

    @property
    def quarantine(self) -> Quarantine | None:
        """The action's quarantine, expired or not."""
        return self.remediation_state.quarantines.get(self.candidate.action_id)


@dataclass(frozen=True, slots=True)
class GuardResult:
    """What one guard says.

    Attributes:
        name: The guard's name, which is also the reason code where it refuses.
        passed: Whether it lets the change through.
        detail: Why, in words.
    """

    name: str
    passed: bool
    detail: str


class DecisionKind(StrEnum):
    """What is to be done about an action."""

    RAISE = "raise"
    """Every guard lets it through."""
    TRIAL = "trial"
    """Every guard lets a trial through: one step up for a while."""
    RECOMMEND = "recommend"
    """Every guard but the mode lets it through: it waits for somebody to say so."""
    KEEP = "keep"
    """A guard refuses, or nothing is asked for."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What is to be done about one action, and what every guard said.

    Attributes:
        candidate: The action.
        kind: What is to be done.
        reason: The first guard that refused; ``ok`` where none did.
        from_ms: The timeout in force; None where unknown.
        to_ms: The next value; None where the data ask for none.
        guards: Every guard's answer, in the order in which the first gives the reason.
        trial_seconds: How long the next value is tried; 0 where it is to stay.
    """

    candidate: Candidate
    kind: DecisionKind
    reason: str
    from_ms: int | None
    to_ms: int | None
    guards: tuple[GuardResult, ...] = field(default=())
    trial_seconds: float = 0.0

    @property
    def is_wanted(self) -> bool:
        """Whether the data ask for more than the timeout in force, allowed or not."""
        return self.to_ms is not None and self.from_ms is not None and self.to_ms > self.from_ms

    @property
    def detail(self) -> str:
        """What the guard that gave the reason said."""
        return next((one.detail for one in self.guards if one.name == self.reason), "")
