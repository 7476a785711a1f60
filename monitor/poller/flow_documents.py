"""The data actions of contract ``flow``, as the documents of the flows tell them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace

import structlog

from monitor.clock import Clock
from monitor.config import OrgSettings
from monitor.errors import (
    BadRequestError,
    BudgetSpentError,
    NotFoundError,
    PermissionDeniedError,
    WrongShapeError,
)
from monitor.genesys import Client, FlowDocument, get_flow
from monitor.ledger import Ledger
from monitor.model import Action, ActionKind

log = structlog.get_logger()

_UNREADABLE = (PermissionDeniedError, NotFoundError, BadRequestError, WrongShapeError)
"""What a flow document answers that will answer the same the next time."""


class FlowDocuments:
    """The flows of one org that were hit, or are configured."""

    def __init__(self, org: OrgSettings, client: Client, ledger: Ledger, clock: Clock) -> None:
        """Read nothing yet.

        Args:
            org: The org; a flow that it names is read before any record does, and the data action
                in it is what timeouts are of where records name none.
            client: Asks.
            ledger: Keeps.
            clock: The time of the data.
        """
        self._org = org.name
        self._client = client
        self._ledger = ledger
        self._clock = clock
        self._configured_flows = {org.flow_id} if org.flow_id else set()
        self._configured_action = org.action_id
        self._documents: dict[str, FlowDocument | None] = {}
        self._began: dict[str, float] = {}
        self._read_in: dict[str, int] = {}
        self._refreshes = 0
        self._unread: set[str] = set()

    def refresh(self) -> int:
        """Read the flow that was configured and every flow that a timeout was seen in.

        A flow that only lost a caller is not read for its actions: a large org has hundreds. The
        documents tell the actions and the timeouts in force.

        Returns:
            How many actions they have.

        Raises:
            BudgetSpentError: There was no time for a single one.
            GenesysError: A document could be read another time.
        """
        before = dict(self._documents)
        self._documents.clear()
        now = self._clock.now()
        actions: dict[str, Action] = {}
        began: dict[str, float] = {}
        users: defaultdict[str, dict[str, str]] = defaultdict(dict)
        totals = self._ledger.state(self._org).incident_totals
        hit = {total.flow_id for total in totals if total.flow_id}
        in_turn = sorted(
            self._configured_flows | hit, key=lambda one: (self._read_in.get(one, 0), one)
        )
        self._read_documents(in_turn, before)
        for flow_id in sorted(self._documents):
            for action in self._flow_actions(flow_id):
                actions[action.action_id] = action
                began[action.action_id] = self._began[flow_id]
                document = self.document(flow_id)
                users[action.action_id][flow_id] = document.name if document else ""
        listed = list(actions.values())
        self._ledger.save_catalogue(self._org, listed, now, began, self._clock.now())
        for action_id, flows in users.items():
            self._ledger.save_flow_use(self._org, action_id, flows, now)
        return len(actions)

    def _read_documents(
        self, flow_ids: Iterable[str], before: Mapping[str, FlowDocument | None]
    ) -> None:
        """Read documents for as long as there is time; those that wait longest come first.

        For the others stands what was read before, or nothing yet.

        Raises:
            BudgetSpentError: There was no time for a single one.
        """
        self._refreshes += 1
        has_time = True
        for flow_id in flow_ids:
            if has_time:
                try:
                    self.document(flow_id)
                except BudgetSpentError:
                    if not self._documents:
                        raise
                    has_time = False
                else:
                    self._read_in[flow_id] = self._refreshes
                    continue
            if flow_id in before:
                self._documents[flow_id] = before[flow_id]

    def _flow_actions(self, flow_id: str) -> list[Action]:
        document = self.document(flow_id)
        if document is None:
            return []
        return [
            Action(
                action_id=action.action_id,
                name=action.name,
                kind=ActionKind.FLOW,
                configured_timeout_ms=action.timeout_ms,
            )
            for action in document.data_actions
        ]

    def document(self, flow_id: str) -> FlowDocument | None:
        """Return a flow's document without its text; None where it can't be read at all."""
        if flow_id not in self._documents:
            began_at = self._clock.now()
            try:
                document = get_flow(self._client, flow_id, leave_out_bad=True)
                # Its text may be many megabytes, and hundreds of flows are kept.
                self._documents[flow_id] = replace(document, raw=b"")
                self._began[flow_id] = began_at
            except _UNREADABLE as error:
                if flow_id not in self._unread:
                    self._unread.add(flow_id)
                    log.warning("flow_unread", org=self._org, flow_id=flow_id, why=error.message)
                self._documents[flow_id] = None
            else:
                self._unread.discard(flow_id)
        return self._documents[flow_id]

    def sole_action(self, flow_id: str) -> str | None:
        """Return the only data action of a flow; None for none, several, or a flow not known.

        Raises:
            GenesysError: The flow could be read another time; better to ask again than to guess.
        """
        document = self.document(flow_id)
        if self._configured_action and flow_id in self._configured_flows:
            return self._action_meant(document, self._configured_action)
        if document is None or document.unread:
            return None
        actions = {action.action_id for action in document.data_actions}
        return actions.pop() if len(actions) == 1 else None

    @staticmethod
    def _action_meant(document: FlowDocument | None, told: str) -> str | None:
        """Return the action that is meant by an id or a name, as its flow's document has it."""
        if document is None:
            return told
        meant = document.ids_of(told)
        return meant.pop() if len(meant) == 1 else None
