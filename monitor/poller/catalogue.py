"""Which data actions an org has, with which timeouts, and which flows use them."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import replace
from functools import partial

from monitor.clock import Clock
from monitor.config import OrgSettings
from monitor.contract import Contract
from monitor.errors import (
    GenesysError,
    NotFoundError,
    PermissionDeniedError,
)
from monitor.genesys import (
    Client,
    IntegrationAction,
    data_action_limits,
    list_actions,
    list_integrations,
)
from monitor.ledger import Ledger, OrgState
from monitor.model import CONCURRENT_EXECUTIONS, UNKNOWN_ACTION, Action, ActionKind
from monitor.poller.action_kinds import FunctionTimeouts, KnownIntegrations
from monitor.poller.flow_documents import FlowDocuments
from monitor.poller.flow_usage import FlowUsage
from monitor.poller.optional_reads import OptionalReads

AUTHENTICATION_LASTS_SECONDS = 6 * 3600
"""To find custom authentication actions costs the whole list once more, and they hardly change."""


SELDOM_SECONDS = 3600
"""Integrations and the limits of an org hardly change, and need no question with each listing: an
action of an integration that is not known makes it ask for them at once."""


class Catalogue:
    """One org's actions and flows, kept in the ledger and refreshed from the platform.

    It also tells which action a conversation's timeout belongs to (``Attribution``).
    """

    def __init__(self, org: OrgSettings, client: Client, ledger: Ledger, clock: Clock) -> None:
        """Begin with what the ledger already knows.

        Args:
            org: The org.
            client: Asks.
            ledger: Keeps.
            clock: The time of the data.
        """
        self._org = org.name
        self._contract = org.contract
        self._client = client
        self._ledger = ledger
        self._clock = clock
        self._optional = OptionalReads(org.name, client)
        self._usage = FlowUsage(org.name, ledger, clock, self._optional)
        self._flows = FlowDocuments(org, client, ledger, clock)
        self._functions = FunctionTimeouts(client, clock)
        self._compared_at = -math.inf
        self._limits_at = -math.inf
        self._integrations_at = -math.inf
        self._known_integrations: KnownIntegrations | None = None
        known = ledger.state(org.name)
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
        flows_only = self._contract is Contract.FLOW
        listed = self._flows.refresh() if flows_only else self._refresh_actions()
        self._learn(self._ledger.state(self._org))
        return listed

    def action_named(self, name: str) -> str | None:
        """The id of the only action of this name; None where there is none, or more than one."""
        return self._by_name.get(name)

    def sole_action(self, flow_id: str) -> str | None:
        """Return the only data action of a flow; None for none, several, or a flow not known.

        With contract ``platform`` always None: what its detail records do not name is not known.

        Raises:
            GenesysError: The flow could be read another time; better to ask again than to guess.
        """
        if self._contract is not Contract.FLOW:
            return None
        return self._flows.sole_action(flow_id)

    def _refresh_actions(self) -> int:
        now = self._clock.now()
        listed = list_actions(self._client)
        known = self._ledger.state(self._org).actions
        integrations = self._integrations(known, {entry.integration_id for entry in listed} - {""})
        actions = [_action(entry, integrations) for entry in listed]
        actions = self._functions.applied_to(actions, known)
        if self._functions.problem is None:
            self._optional.note_answer("function timeouts")
        else:
            self._optional.note_refusal("function timeouts", self._functions.problem)
        actions += self._authentication_actions({entry.id for entry in listed}, integrations)
        self._ledger.save_catalogue(self._org, actions, now, now=self._clock.now())
        self._refresh_limits()
        self._usage.refresh(actions, {entry.id: entry.secure for entry in listed}, now)
        return len(actions)

    def _refresh_limits(self) -> None:
        now = self._clock.monotonic()
        if now - self._limits_at < SELDOM_SECONDS:
            return
        limits = self._optional.ask("limits", data_action_limits)
        if limits is not None:
            self._limits_at = now
            self._concurrency_limit = limits.get(CONCURRENT_EXECUTIONS)
            self._ledger.save_limits(self._org, limits)

    def _authentication_actions(
        self, others: Collection[str], integrations: KnownIntegrations
    ) -> list[Action]:
        """Custom authentication actions: what only a list that includes them has.

        What was known stays known while it is fresh, or the platform does not answer.
        """
        now = self._clock.monotonic()
        due = now - self._compared_at >= AUTHENTICATION_LASTS_SECONDS
        everything = (
            self._optional.ask(
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

    def _integrations(self, known: Iterable[Action], used: Collection[str]) -> KnownIntegrations:
        """Return what tells functions, and the names of integrations.

        Asked once an hour, or where an action is of one that is not known. What was known stays
        known while the platform does not answer. Where it refuses, names stay for what they are,
        and no kind is taken for known.
        """
        now, answered = self._clock.monotonic(), self._known_integrations
        is_fresh = now - self._integrations_at < SELDOM_SECONDS
        if answered and is_fresh and answered.names.keys() >= set(used):
            return answered
        try:
            listed = list_integrations(self._client)
        except GenesysError as error:
            self._optional.note_refusal("integration names", error)
            before = KnownIntegrations.of_actions(known)
            refused = isinstance(error, PermissionDeniedError | NotFoundError)
            return replace(before, has_functions={}) if refused else before
        self._optional.note_answer("integration names")
        self._integrations_at = now
        self._known_integrations = KnownIntegrations.of_answer(listed)
        return self._known_integrations

    def _learn(self, state: OrgState) -> None:
        """Keep what attribution needs: names that one action alone has."""
        self._by_name = _sole_of(
            (action.name, action.action_id)
            for action in state.actions
            if action.action_id not in state.gone
        )


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
    """Return what each key leads to, for the keys that lead to one action alone."""
    found: dict[str, set[str]] = defaultdict(set)
    for key, action_id in pairs:
        if action_id != UNKNOWN_ACTION:
            found[key].add(action_id)
    return {key: next(iter(ids)) for key, ids in found.items() if len(ids) == 1}
