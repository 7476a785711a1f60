"""Whether a timeout is changed, and to what: a pure decision, and what every guard said to it.

The same function decides for ``plan``, for ``apply`` and for the daemon, and once more from the
very state of the record upon which a change is recorded, so that what was true is still true.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from monitor.config import RemediationSettings
from monitor.diagnosis import next_timeout_ms
from monitor.journal import Intent, RemediationState
from monitor.model import CAP_MS
from monitor.remediation.decision import (
    Candidate,
    Data,
    Decision,
    DecisionKind,
    GuardInput,
    Initiator,
)
from monitor.remediation.guards import GUARDS

OK = "ok"


def decide(  # noqa: PLR0913 - all that a decision depends on, and nothing else
    candidate: Candidate,
    data: Data,
    remediation_state: RemediationState,
    settings: RemediationSettings,
    *,
    initiator: Initiator,
    now: float,
    trial_seconds: float = 0.0,
) -> Decision:
    """Decide about one action.

    Every guard answers, also after one has refused, so that ``plan`` can list them all.

    Args:
        candidate: The action.
        data: How far the org's data can be relied on.
        remediation_state: What was changed, and what stands in the way.
        settings: ``[remediation]``.
        initiator: Who wants it.
        now: Epoch seconds.
        trial_seconds: How long one step up is to be tried; 0 for a raise that the data ask for.
    """
    is_trial = trial_seconds > 0
    to_ms = _next(candidate, settings, is_trial=is_trial)
    case = GuardInput(candidate, to_ms, data, remediation_state, settings, initiator, now, is_trial)
    guards = tuple(guard(case) for guard in GUARDS)
    refused = [guard.name for guard in guards if not guard.passed]
    if not refused:
        kind = DecisionKind.TRIAL if is_trial else DecisionKind.RAISE
    elif refused == ["mode"] and settings.mode == "recommend":
        kind = DecisionKind.RECOMMEND
    else:
        kind = DecisionKind.KEEP
    return Decision(
        candidate=candidate,
        kind=kind,
        reason=refused[0] if refused else OK,
        from_ms=candidate.timeout_ms,
        to_ms=to_ms,
        guards=guards,
        trial_seconds=trial_seconds,
    )


@dataclass(frozen=True, slots=True)
class RaiseGuards:
    """What a decision to raise or to try rests on, so that it can be made once more from the new.

    Attributes:
        decision: What was decided.
        data: How far the org's data can be relied on.
        settings: ``[remediation]``.
        initiator: Who wants it.
    """

    decision: Decision
    data: Data
    settings: RemediationSettings
    initiator: Initiator

    def objection(self, state: RemediationState, now: float) -> str:
        """Return the reason code of what stands in the way by now; empty where nothing does."""
        before = self.decision
        again = decide(
            before.candidate,
            self.data,
            state,
            self.settings,
            initiator=self.initiator,
            now=now,
            trial_seconds=before.trial_seconds,
        )
        if again.kind is not before.kind:
            return again.reason
        is_same = (again.from_ms, again.to_ms) == (before.from_ms, before.to_ms)
        return "" if is_same else "in_force"


def in_order_of_worth(decisions: Iterable[Decision]) -> list[Decision]:
    """The change that avoids most timeouts a day first, since only one is made at a time."""

    def worth(decision: Decision) -> tuple[float, str, str]:
        recommendation = decision.candidate.diagnosis.recommendation
        avoided = 0.0 if recommendation is None else recommendation.avoided_per_day
        return -avoided, decision.candidate.org, decision.candidate.action_id

    return sorted(decisions, key=worth)


def _next(candidate: Candidate, settings: RemediationSettings, *, is_trial: bool) -> int | None:
    recommendation = candidate.diagnosis.recommendation
    required_ms = None if recommendation is None else recommendation.capped_ms
    if is_trial:
        # As far as one step goes: what lies beyond is what is to be found out.
        required_ms = settings.max_timeout_ms
    if required_ms is None or not candidate.timeout_ms:
        return None
    return next_timeout_ms(
        candidate.timeout_ms,
        required_ms,
        step_ms=candidate.step_ms,
        max_step=settings.max_step,
        max_timeout_ms=settings.max_timeout_ms,
    )


def intent_of(decision: Decision, actor: str, at: float) -> Intent:
    """What a decision wants.

    Raises:
        ValueError: It wants nothing, or what no decision may want: a mistake of the program.
    """
    one, from_ms, to_ms = decision.candidate, decision.from_ms, decision.to_ms
    if decision.kind is DecisionKind.KEEP or from_ms is None or to_ms is None:
        reason = "only a decision to raise can be carried out"
        raise ValueError(reason)
    if not from_ms < to_ms <= CAP_MS:
        reason = f"{from_ms} ms to {to_ms} ms is no raise within the cap"
        raise ValueError(reason)
    judged = one.diagnosis.judged
    return Intent(
        org=one.org,
        action_id=one.action_id,
        action_name=one.action_name,
        target=one.target,
        container_id=one.container_id,
        from_ms=from_ms,
        to_ms=to_ms,
        actor=actor,
        at=at,
        trial_seconds=decision.trial_seconds,
        alike_since=0.0 if judged is None else judged.since,
    )
