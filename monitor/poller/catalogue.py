"""Which data actions an org has, with which timeouts, and which flows use them."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from functools import partial
from typing import TypeVar

import structlog

from monitor.clock import Clock, lies_ahead
from monitor.errors import (
    BadRequestError,
    BudgetSpentError,
    GenesysError,
    NotFoundError,
    PermissionDeniedError,
    WrongShapeError,
)
from monitor.genesys import (
    Client,
    FlowDocument,
    IntegrationAction,
    consuming_flows,
    data_action_limits,
    get_flow,
    list_actions,
    list_integrations,
    tracking_is_built,
)
from monitor.ledger import Ledger, OrgState
from monitor.model import CONCURRENT_EXECUTIONS, UNKNOWN_ACTION, Action, ActionKind
from monitor.poller.action_kinds import FunctionTimeouts, KnownIntegrations

log = structlog.get_logger()
T = TypeVar("T")

FLOW_LOOKUPS_PER_REFRESH = 25
"""Dependency tracking answers for one action at a time: a large org is asked little by little."""

AUTHENTICATION_LASTS_SECONDS = 6 * 3600
"""To find custom authentication actions costs the whole list once more, and they hardly change."""

FLOW_LOOKUP_LASTS_SECONDS = 24 * 3600
TRACKING_ASKED_AGAIN_SECONDS = 3600
"""Somebody may build dependency tracking at any time; it takes hours in a large org."""

_UNREADABLE = (PermissionDeniedError, NotFoundError, BadRequestError, WrongShapeError)
"""What a flow document answers that will answer the same the next time."""


_MEANING: Mapping[str, Mapping[str, str]] = {
    "integration names": {
        "so": "Which actions are functions can't be told: no timeout is guessed, and none raised"
    },
    "function timeouts": {
        "so": "What was read before stays; 15 s, the platform's limit for functions, stands for "
        "the others"
    },
}
"""What a reader may not guess of what the program has to do without."""


class Catalogue:
    """One org's actions and flows, kept in the ledger and refreshed from the platform.

    It also tells which action a conversation's timeout belongs to (``Attribution``).
    """

    def __init__(  # noqa: PLR0913 - the parts it is wired to
        self,
        *,
        org: str,
        contract: str,
        client: Client,
        ledger: Ledger,
        clock: Clock,
        flow_id: str | None = None,
        action_id: str | None = None,
    ) -> None:
        """Begin with what the ledger already knows.

        Args:
            org: The org's name.
            contract: ``platform`` or ``flow``.
            client: Asks.
            ledger: Keeps.
            clock: The time of the data.
            flow_id: A flow of contract ``flow`` that is read before any record names it.
            action_id: The data action in it that its timeouts are, where records name none.
        """
        self._org = org
        self._contract = contract
        self._client = client
        self._ledger = ledger
        self._clock = clock
        self._configured_flows = {flow_id} if flow_id else set()
        self._configured_action = action_id
        self._functions = FunctionTimeouts(client, clock)
        self._compared_at = -math.inf
        self._lookup_failed_at: dict[str, float] = {}
        self._tracking_asked_at = -math.inf
        self._tracking_built: bool | None = None
        self._documents: dict[str, FlowDocument | None] = {}
        self._read_in: dict[str, int] = {}
        self._refreshes = 0
        self._refused: set[str] = set()
        self._unread: set[str] = set()
        known = ledger.state(org)
        self._concurrency_limit = known.concurrency_limit
        self._learn(known)

    @property
    def concurrency_limit(self) -> int | None:
        """The org's own limit of concurrent executions; None where it is not known."""
        return self._concurrency_limit

    def refresh(self) -> int:
        """Read the catalogue and keep it; what may not be read is left out with one warning.

        Returns:
            How many actions it lists.

        Raises:
            GenesysError: The actions themselves can't be read.
        """
        flows_only = self._contract == "flow"
        listed = self._refresh_flows() if flows_only else self._refresh_actions()
        self._learn(self._ledger.state(self._org))
        return listed

    def action_named(self, name: str) -> str | None:
        """The id of the only action of this name; None where there is none, or more than one."""
        return self._by_name.get(name)

    def sole_action(self, flow_id: str) -> str | None:
        """Return the only data action of a flow; None where it has none, several, or nobody knows.

        With contract ``platform`` always None: what its detail records do not name is not known.

        Raises:
            GenesysError: The flow could be read another time; better to ask again than to guess.
        """
        if self._contract != "flow":
            return None
        document = self._document(flow_id)
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

    def _refresh_actions(self) -> int:
        now = self._clock.now()
        listed = list_actions(self._client)
        known = self._ledger.state(self._org).actions
        integrations = self._integrations(known)
        actions = [_action(entry, integrations) for entry in listed]
        actions = self._functions.applied_to(actions, known)
        if self._functions.problem is None:
            self._refused.discard("function timeouts")
        else:
            self._do_without("function timeouts", self._functions.problem)
        actions += self._authentication_actions({entry.id for entry in listed}, integrations)
        self._ledger.save_catalogue(self._org, actions, now)
        limits = self._unless_refused("limits", data_action_limits)
        if limits is not None:
            self._concurrency_limit = limits.get(CONCURRENT_EXECUTIONS)
            self._ledger.save_limits(self._org, limits)
        self._refresh_flow_use(actions, {entry.id: entry.secure for entry in listed}, now)
        return len(actions)

    def _authentication_actions(
        self, others: Collection[str], integrations: KnownIntegrations
    ) -> list[Action]:
        """Custom authentication actions: what only a list that includes them has.

        What was known stays known while it is fresh, or the platform does not answer.
        """
        now = self._clock.monotonic()
        due = now - self._compared_at >= AUTHENTICATION_LASTS_SECONDS
        everything = (
            self._unless_refused(
                "authentication actions", partial(list_actions, with_authentication=True)
            )
            if due
            else None
        )
        if everything is None:
            known = self._ledger.state(self._org)
            return [
                action
                for action in known.actions
                if action.kind is ActionKind.AUTHENTICATION
                and action.action_id not in known.gone
                and action.action_id not in others
            ]
        self._compared_at = now
        return [
            replace(
                _action(entry, integrations),
                kind=ActionKind.AUTHENTICATION,
                configured_timeout_ms=None,
            )
            for entry in everything
            if entry.id not in others
        ]

    def _integrations(self, known: Iterable[Action]) -> KnownIntegrations:
        """Return what tells functions, and the names of integrations.

        What was known stays known while the platform does not answer. Where it refuses, names stay
        for what they are, and no kind is taken for known.
        """
        try:
            listed = list_integrations(self._client)
        except GenesysError as error:
            self._do_without("integration names", error)
            before = KnownIntegrations.of_actions(known)
            refused = isinstance(error, PermissionDeniedError | NotFoundError)
            return replace(before, has_functions={}) if refused else before
        self._refused.discard("integration names")
        return KnownIntegrations.of_answer(listed)

    def _refresh_flow_use(
        self, actions: Iterable[Action], secure: Mapping[str, bool | None], now: float
    ) -> None:
        state, tried = self._ledger.state(self._org), self._clock.monotonic()
        looked_up_at = state.flow_lookups
        timeouts: Counter[str] = Counter()
        for total in state.incident_totals:
            timeouts[total.action_id] += total.incidents
        due = [
            action.action_id
            for action in actions
            if _is_over(looked_up_at.get(action.action_id, 0.0), now)
            and not self._is_unanswered(action.action_id, tried)
        ]
        # One that failed lately goes last: it must not keep the others waiting for ever.
        due.sort(
            key=lambda action_id: (
                self._lookup_failed_at.get(action_id, 0.0),
                -timeouts[action_id],
                looked_up_at.get(action_id, 0.0),
            )
        )
        for action_id in due[:FLOW_LOOKUPS_PER_REFRESH]:
            flows = self._unless_refused(
                "flow use",
                partial(consuming_flows, action_id=action_id, secure=secure.get(action_id)),
            )
            if flows is None:
                self._lookup_failed_at[action_id] = tried
                return
            if not flows and not self._absence_is_known(tried):
                self._lookup_failed_at[action_id] = tried
                continue
            self._lookup_failed_at.pop(action_id, None)
            self._ledger.save_flow_use(self._org, action_id, flows, now)

    def _is_unanswered(self, action_id: str, now: float) -> bool:
        """Whether tracking that is not built had nothing to say of it within the last hour."""
        failed_at = self._lookup_failed_at.get(action_id, -math.inf)
        is_asked = self._tracking_asked_at > -math.inf
        built = self._tracking_built or not is_asked
        return not built and now - failed_at < TRACKING_ASKED_AGAIN_SECONDS

    def _absence_is_known(self, now: float) -> bool:
        """Whether an action without users has none: only where tracking was ever built.

        Asked once an hour, and not at all while every action has its users. What was taken for
        no use before is forgotten where tracking can't tell; an answer that fails says nothing.
        """
        if now - self._tracking_asked_at >= TRACKING_ASKED_AGAIN_SECONDS:
            self._tracking_asked_at = now
            built = self._unless_refused("flow use", tracking_is_built)
            self._tracking_built = self._tracking_built if built is None else built
            if built is False:
                self._ledger.forget_unused(self._org)
                self._say_once_that_use_is_not_known()
        return bool(self._tracking_built)

    def _say_once_that_use_is_not_known(self) -> None:
        if "tracking" not in self._refused:
            self._refused.add("tracking")
            log.warning(
                "catalogue_without",
                org=self._org,
                what="flow use",
                why="dependency tracking was not built completely: where it names no flow, "
                "whether one uses an action is not known",
                hint="Let dependency tracking be built in Architect.",
            )

    def _refresh_flows(self) -> int:
        """Read the flow that was configured and every flow that a timeout was seen in.

        A flow that only lost a caller is not read for its actions: a large org has hundreds. The
        documents tell the actions and the timeouts in force.
        """
        before = dict(self._documents)
        self._documents.clear()
        now = self._clock.now()
        actions: dict[str, Action] = {}
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
                document = self._document(flow_id)
                users[action.action_id][flow_id] = document.name if document else ""
        self._ledger.save_catalogue(self._org, list(actions.values()), now)
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
                    self._document(flow_id)
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
        document = self._document(flow_id)
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

    def _document(self, flow_id: str) -> FlowDocument | None:
        if flow_id not in self._documents:
            try:
                document = get_flow(self._client, flow_id, leave_out_bad=True)
                # Its text may be many megabytes, and hundreds of flows are kept.
                self._documents[flow_id] = replace(document, raw=b"")
            except _UNREADABLE as error:
                if flow_id not in self._unread:
                    self._unread.add(flow_id)
                    log.warning("flow_unread", org=self._org, flow_id=flow_id, why=error.message)
                self._documents[flow_id] = None
            else:
                self._unread.discard(flow_id)
        return self._documents[flow_id]

    def _unless_refused(self, what: str, ask: Callable[[Client], T]) -> T | None:
        """Ask for something the program can do without; say once when it is refused."""
        try:
            answer = ask(self._client)
        except GenesysError as error:
            self._do_without(what, error)
            return None
        self._refused.discard(what)
        return answer

    def _do_without(self, what: str, error: GenesysError) -> None:
        """Say once what the program has to do without."""
        if what not in self._refused:
            self._refused.add(what)
            log.warning(
                "catalogue_without",
                org=self._org,
                what=what,
                why=error.message,
                hint=error.hint,
                **_MEANING.get(what, {}),
            )

    def _learn(self, state: OrgState) -> None:
        """Keep what attribution needs: names that one action alone has."""
        self._by_name = _sole_of(
            (action.name, action.action_id)
            for action in state.actions
            if action.action_id not in state.gone
        )


def _is_over(looked_up_at: float, now: float) -> bool:
    """Whether an answer about flow use is too old, or is dated by a clock that was wrong."""
    return now - looked_up_at >= FLOW_LOOKUP_LASTS_SECONDS or lies_ahead(looked_up_at, now)


def _action(entry: IntegrationAction, integrations: KnownIntegrations) -> Action:
    return Action(
        action_id=entry.id,
        name=entry.name,
        integration_id=entry.integration_id,
        integration_name=integrations.names.get(entry.integration_id, ""),
        category=entry.category,
        kind=integrations.kind_of(entry),
        configured_timeout_ms=entry.timeout_ms,
    )


def _sole_of(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """What each key leads to, for the keys that lead to one action alone."""
    found: dict[str, set[str]] = defaultdict(set)
    for key, action_id in pairs:
        if action_id != UNKNOWN_ACTION:
            found[key].add(action_id)
    return {key: next(iter(ids)) for key, ids in found.items() if len(ids) == 1}
