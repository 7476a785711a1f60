"""Snapshots of one org, taken from the state."""

from __future__ import annotations

from collections.abc import Collection

from monitor.clock import Clock
from monitor.config import OrgSettings, Settings
from monitor.ledger import Ledger, OrgState
from monitor.poller.settled_summaries import SettledSummaries
from monitor.snapshot import OrgSnapshot, PollHealth
from monitor.summary import limits_in_use

DAY_SECONDS = 24 * 3600
HOUR_SECONDS = 3600


class StateSnapshots:
    """Takes an org's snapshots; what the one before has summed up already is kept."""

    def __init__(self, org: OrgSettings, settings: Settings, ledger: Ledger, clock: Clock) -> None:
        """Begin with nothing summed up.

        Args:
            org: Whose snapshots.
            settings: Everything else.
            ledger: What was counted.
            clock: The time of the data.
        """
        self._org = org
        self._ledger = ledger
        self._clock = clock
        self._classifier = settings.classify.classifier()
        self._summaries = SettledSummaries(org, settings, ledger)

    def window_seconds(self, state: OrgState) -> int:
        """Return how long the windows are that the org's executions are counted in."""
        return self._summaries.window_seconds(state)

    def empty(self, health: PollHealth) -> OrgSnapshot:
        """Return one that knows nothing yet; the state is not asked."""
        now, state = self._clock.now(), OrgState(self._org.name)
        return OrgSnapshot(
            org=self._org.name,
            contract=self._org.contract,
            state=state,
            day=self._summaries.until(now, DAY_SECONDS, state),
            hour=self._summaries.until(now, HOUR_SECONDS, state),
            limits=(),
            health=health,
            is_starting=True,
        )

    def shows_settled(self, shown: OrgSnapshot, sources: Collection[str]) -> bool:
        """Whether a snapshot shows all windows that have settled by now.

        Args:
            shown: The snapshot.
            sources: Those that have been read by now.
        """
        if shown.is_starting or shown.state.sources.keys() != set(sources):
            return False
        until = self._summaries.settled_until(self._clock.now(), shown.state)
        return shown.hour.time_range.end == until

    def of(self, state: OrgState, before: OrgSnapshot, health: PollHealth) -> OrgSnapshot:
        """Return one of the org as the state knows it.

        Args:
            state: The org as it was just read.
            before: The snapshot before.
            health: How reading it goes.

        Raises:
            LedgerError: The state can't be read.
        """
        now = self._clock.now()
        hour = self._summaries.until(now, HOUR_SECONDS, state)
        limits = before.limits
        known = before.state.limits, before.state.actions
        if hour is not before.hour or known != (state.limits, state.actions):
            # Of the same windows it is the same: as seldom as these are summed up.
            limits = limits_in_use(
                self._ledger, self._org.name, self._org.contract, hour.time_range, self._classifier
            )
        return OrgSnapshot(
            org=self._org.name,
            contract=self._org.contract,
            state=state,
            day=self._summaries.until(now, DAY_SECONDS, state),
            hour=hour,
            limits=limits,
            health=health,
        )
