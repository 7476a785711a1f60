"""Which flows use which data action, asked of Architect's dependency tracking little by little."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import partial

import structlog

from monitor.clock import Clock, is_in_future
from monitor.genesys import consuming_flows, tracking_is_built
from monitor.ledger import Ledger
from monitor.model import Action
from monitor.poller.optional_reads import OptionalReads

log = structlog.get_logger()

FLOW_LOOKUPS_PER_REFRESH = 25
"""Dependency tracking answers for one action at a time: a large org is asked little by little."""

FLOW_LOOKUP_LASTS_SECONDS = 24 * 3600

REFRESHES_A_DAY = 144
"""The catalogue is read every ten minutes. What is known already is looked up anew by as many at a
time as make all of them a day, so that no hour asks for more than another."""
TRACKING_ASKED_AGAIN_SECONDS = 3600
"""Somebody may build dependency tracking at any time; it takes hours in a large org."""


class FlowUsage:
    """Who uses one org's actions, kept in the ledger."""

    def __init__(self, org: str, ledger: Ledger, clock: Clock, optional: OptionalReads) -> None:
        """Ask nothing yet."""
        self._org = org
        self._ledger = ledger
        self._clock = clock
        self._optional = optional
        self._lookup_failed_at: dict[str, float] = {}
        self._tracking_asked_at = -math.inf
        self._tracking_built: bool | None = None
        self._has_told = False

    def refresh(
        self, actions: Iterable[Action], secure: Mapping[str, bool | None], now: float
    ) -> None:
        """Look up who uses some of the actions: those that were hit most, and longest ago.

        Args:
            actions: The catalogue.
            secure: Whether each action is secure, by its id.
            now: Epoch seconds.
        """
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
        unknown = sum(action_id not in looked_up_at for action_id in due)
        evenly = -(-len(looked_up_at) // REFRESHES_A_DAY)
        for action_id in due[: min(unknown + evenly, FLOW_LOOKUPS_PER_REFRESH)]:
            flows = self._optional.ask(
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
        """Return whether an action without users has none: only where tracking was ever built.

        Asked once an hour, and not at all while every action has its users. What was taken for
        no use before is forgotten where tracking can't tell; an answer that fails says nothing.
        """
        if now - self._tracking_asked_at >= TRACKING_ASKED_AGAIN_SECONDS:
            self._tracking_asked_at = now
            built = self._optional.ask("flow use", tracking_is_built)
            self._tracking_built = self._tracking_built if built is None else built
            if built is False:
                self._ledger.forget_unused(self._org)
                self._say_once_that_use_is_not_known()
        return bool(self._tracking_built)

    def _say_once_that_use_is_not_known(self) -> None:
        if not self._has_told:
            self._has_told = True
            log.warning(
                "catalogue_without",
                org=self._org,
                what="flow use",
                why="dependency tracking was not built completely: where it names no flow, "
                "whether one uses an action is not known",
                hint="Let dependency tracking be built in Architect.",
            )


def _is_over(looked_up_at: float, now: float) -> bool:
    """Return whether an answer about flow use is too old, or is dated by a clock that was wrong."""
    return now - looked_up_at >= FLOW_LOOKUP_LASTS_SECONDS or is_in_future(looked_up_at, now)
