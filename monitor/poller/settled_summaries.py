"""The summaries that an org's snapshot shows, made anew where a window has settled."""

from __future__ import annotations

import structlog

from monitor.config import OrgSettings, Settings
from monitor.ledger import Ledger, OrgState
from monitor.summary import (
    Summary,
    describe_errors_at_timeout,
    empty_summary,
    settled,
    summarise,
)

log = structlog.get_logger()

DAY_SECONDS = 86_400
"""A shorter period is not told by the hour."""


class SettledSummaries:
    """What one org's windows sum up to; kept until the next one settles."""

    def __init__(self, org: OrgSettings, settings: Settings, ledger: Ledger) -> None:
        """Sum up nothing yet."""
        self._org = org.name
        self._contract = org.contract
        self._collect = settings.collect
        self._classifier = settings.classify.classifier()
        self._ledger = ledger
        self._summaries: dict[int, Summary] = {}
        self._read: dict[int, tuple[tuple[str, int], ...]] = {}
        self._suspected: set[str] = set()

    def window_seconds(self, state: OrgState) -> int:
        """Return how long the windows are that the org's executions are counted in."""
        source = self._contract.execution_source
        return state.window_seconds(source, self._collect.window)

    def settled_until(self, now: float, state: OrgState) -> int:
        """Return the end of the newest window that has settled by now; epoch seconds."""
        window_seconds = self.window_seconds(state)
        return settled(now, window_seconds, window_seconds, self._collect.settle).end

    def until(self, now: float, seconds: int, state: OrgState) -> Summary:
        """Return the summary of so many seconds that have settled by now.

        Args:
            now: Epoch seconds.
            seconds: How long a period.
            state: The org as the ledger knows it.

        Raises:
            LedgerError: The state can't be read.
        """
        window_seconds = self.window_seconds(state)
        time_range = settled(now, seconds, window_seconds, self._collect.settle)
        if not state.sources:
            return empty_summary(self._org, self._contract, time_range)
        known = self._summaries.get(seconds)
        missing = tuple(
            (source, state.missing_seconds(time_range, source)) for source in sorted(state.coverage)
        )
        is_read_as_far = self._read.get(seconds) == missing
        if known and known.time_range == time_range and (known.complete or is_read_as_far):
            # What came late to windows that are settled shows when the next one settles: a day of
            # 2,000 actions is not summed up anew every minute for it.
            return known
        summary = summarise(
            self._ledger,
            self._org,
            self._contract,
            time_range,
            self._classifier,
            by_hour=seconds >= DAY_SECONDS,
        )
        self._summaries[seconds], self._read[seconds] = summary, missing
        self._warn_of_errors_at_timeout(summary)
        return summary

    def _warn_of_errors_at_timeout(self, summary: Summary) -> None:
        """Say once of each word that its errors may be timeouts."""
        for errors in summary.errors_at_timeout:
            if errors.error_type not in self._suspected:
                self._suspected.add(errors.error_type)
                log.warning(
                    "errors_at_timeout",
                    org=self._org,
                    error_type=errors.error_type,
                    executions=errors.executions,
                    timeouts_seconds=list(errors.timeouts_seconds),
                    hint=describe_errors_at_timeout(errors),
                )
