"""One action of an org after another: what is the same for all of them, and what is not.

What it takes to judge is loaded with the first action that is judged: often none is.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

from monitor.diagnosis.diagnosed import DiagnosisSections, NoteFailure, log_failure
from monitor.diagnosis.editable import Editable, editability
from monitor.diagnosis.evidence import ActionEvidence
from monitor.diagnosis.model import Diagnosis
from monitor.diagnosis.org_evidence import TimeoutHistory
from monitor.diagnosis.told import NOTHING_TOLD, ToldVerdict
from monitor.errors import UnforeseenError
from monitor.formats import seconds
from monitor.ledger import OrgState
from monitor.model import CAP_MS, FUNCTION_DEFAULT_TIMEOUT_MS, Action, ActionKind
from monitor.name_patterns import is_named

if TYPE_CHECKING:
    from monitor.diagnosis.action import DiagnosisSettings

PLATFORM_STEP_MS = 1_000.0
"""The platform's timeouts are whole seconds."""


class OrgDiagnoser:
    """What is asked of every action of one org.

    Attributes:
        actions: Those that the state knows, by id.
        listed: Ids of those that the catalogue lists.
        holds_until: By id, with windows settled up to when those that were judged may be judged
            otherwise without anything new; epoch seconds.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - what is the same for all of them
        self,
        settings: DiagnosisSections,
        state: OrgState,
        known: Mapping[str, TimeoutHistory],
        flow_contract: bool,  # noqa: FBT001 - a fact of the org
        settled_until: float,
        note_failure: NoteFailure = log_failure,
        told: Mapping[str, ToldVerdict] = NOTHING_TOLD,
    ) -> None:
        """Take what is the same for all actions.

        Args:
            settings: The target, the least evidence, and how long windows are.
            state: What is known of the org.
            known: By action id, what the catalogue knew of its timeout.
            flow_contract: Whether the platform shows no successes.
            settled_until: The end of the newest settled window; epoch seconds.
            note_failure: Called with the id of an action that the method fails on.
            told: By action id, what was told before.
        """
        recommend = settings.recommend
        self._note_failure = note_failure
        self._told = told
        self.holds_until = dict[str, float]()
        self._known = known
        self._settled_until = settled_until
        self._terraform = recommend.terraform_actions
        self._flows: defaultdict[str, set[str]] = defaultdict(set)
        for action_id, flow_id in state.flow_use:
            self._flows[action_id] |= {flow_id, state.flow_names.get(flow_id, "")}
        self._flow_contract = flow_contract
        self._sections = settings
        self._cap_ms = min(CAP_MS, settings.remediation.max_timeout_ms)
        self.actions = {action.action_id: action for action in state.actions}
        self.listed = {
            action_id
            for action_id, action in self.actions.items()
            if action.kind is not ActionKind.UNKNOWN and action_id not in state.gone
        }

    @cached_property
    def _settings(self) -> DiagnosisSettings:
        from monitor.diagnosis.action import DiagnosisSettings  # noqa: PLC0415 - scipy is behind it

        recommend = self._sections.recommend
        return DiagnosisSettings(
            target_success=recommend.target_success,
            min_executions=recommend.min_executions,
            min_timeouts=recommend.min_timeouts,
            min_windows=recommend.min_windows,
            min_span_seconds=recommend.min_span,
            cap_ms=self._cap_ms,
            step_ms=PLATFORM_STEP_MS,
            max_step=self._sections.remediation.max_step,
        )

    def diagnosis(self, action_id: str, evidence: ActionEvidence) -> Diagnosis:
        """One action's; where the method fails, which it should not, that is the reason."""
        from monitor.diagnosis.action import judge  # noqa: PLC0415 - scipy is behind it

        action = self.actions.get(action_id, Action(action_id, action_id, kind=ActionKind.UNKNOWN))
        changeable = self._editable(action)
        settings = self._settings
        if action.kind is ActionKind.FUNCTION:
            # Its platform allows no more.
            settings = replace(settings, cap_ms=min(settings.cap_ms, FUNCTION_DEFAULT_TIMEOUT_MS))
        try:
            told = self._told.get(action_id)
            judgement = judge(evidence, settings, changeable, self._settled_until, told)
            found = judgement.diagnosis
            self.holds_until[action_id] = judgement.holds_until
        except Exception as error:  # noqa: BLE001 - the others must get theirs all the same
            self.holds_until[action_id] = 0.0
            self._note_failure(action_id, UnforeseenError.of(error))
            nothing = ActionEvidence.from_windows((), successes_known=not self._flow_contract)
            reason = "It could not be judged: the program failed on it, and its log says how"
            found = replace(
                judge(nothing, settings, changeable).diagnosis, why=reason, missing=(reason,)
            )
        return self._after_a_change(action_id, found)

    def facts(self, action_id: str) -> tuple[object, ...]:
        """Return what a verdict follows from beside the windows and the settings."""
        action = self.actions.get(action_id)
        return (
            action_id in self.listed,
            None if action is None else (action.kind, self._editable(action)),
            tuple(self._known.get(action_id, ())),
        )

    def _editable(self, action: Action) -> Editable:
        of_flows = self._flows[action.action_id] if action.kind is ActionKind.FLOW else set[str]()
        kept = is_named(self._terraform, (action.name, action.action_id, *of_flows))
        return editability(action.kind, action.timeout_ms, self._cap_ms, terraform=kept)

    def _after_a_change(self, action_id: str, found: Diagnosis) -> Diagnosis:
        """Recommend nothing from before a change whose effect is not settled yet."""
        changes = self._known.get(action_id, ())
        now_ms = changes[-1][1] if changes else None
        if not now_ms or not found.timeout_ms or abs(now_ms - found.timeout_ms) < 1:
            return found
        note = (
            f"The timeout is {seconds(now_ms)} since a moment ago, not {seconds(found.timeout_ms)} "
            "any more: what that does shows as soon as its windows are settled"
        )
        return replace(found, recommendation=None, notes=(*found.notes, note))
