"""Watching one org: read it, then draw the picture that is shown of it."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import structlog

from monitor.analysis.summary import Summary, empty, settled, summarise
from monitor.clock import Clock
from monitor.collect import OrgReader, PollReport
from monitor.config import Settings
from monitor.errors import GenesysError, LedgerError, TimeoutMonitorError
from monitor.ledger import Ledger, OrgState
from monitor.model import TimeRange
from monitor.snapshot import OrgPicture, PollHealth

log = structlog.get_logger()

DAY_SECONDS = 24 * 3600
HOUR_SECONDS = 3600


class OrgWatch:
    """One org: its polls, how they went, and its picture; safe to use from several threads."""

    def __init__(
        self, reader: OrgReader, settings: Settings, *, ledger: Ledger, clock: Clock
    ) -> None:
        """Begin with the picture that the ledger still gives of the org.

        Raises:
            LedgerError: The state can't be read.
        """
        self._reader = reader
        self._settings = settings
        self._ledger = ledger
        self._clock = clock
        self._classifier = settings.classify.classifier()
        self._turn = threading.Lock()
        self._polls: Counter[str] = Counter({"ok": 0, "partial": 0, "failed": 0})
        self._catalogue_read = False
        self._summaries: dict[int, Summary] = {}
        self._health = PollHealth(
            polls=dict(self._polls),
            source_available=dict.fromkeys(settings.sources_of(reader.settings), True),
        )
        self._picture = self._draw()

    @property
    def name(self) -> str:
        """The org's name."""
        return self._reader.settings.name

    @property
    def picture(self) -> OrgPicture:
        """The newest picture."""
        return self._picture

    def poll(self) -> PollReport:
        """Read what is due, write one line about it, and draw the picture anew.

        A source that fails is part of the report, and the picture keeps its last good data.

        Raises:
            LedgerError: The state can't be read or written; the picture says so.
        """
        return self._read(self._reader.collector.poll)

    def read_again(self, stretch: TimeRange) -> PollReport:
        """Read a stretch of the past, again or for the first time.

        Raises:
            LedgerError: The state can't be read or written.
        """
        return self._read(lambda: self._reader.collector.read_again(stretch))

    def _read(self, read: Callable[[], PollReport]) -> PollReport:
        with self._turn:
            if not self._catalogue_read:
                self._read_catalogue()
            before = self._requests()
            try:
                report = read()
            except LedgerError as error:
                self._polls["failed"] += 1
                self._health = replace(self._health, polls=dict(self._polls), problem=error.message)
                self._picture = replace(self._picture, health=self._health)
                raise
            report = replace(report, requests=self._requests() - before)
            self._note(report)
            self._picture = self._draw()
        return report

    def refresh_catalogue(self) -> None:
        """Read the catalogue again; what goes wrong is logged, and what was known stays."""
        with self._turn:
            self._read_catalogue()
            self._picture = self._draw()

    def close(self) -> None:
        """Let go of the connections."""
        self._reader.client.close()

    def _read_catalogue(self) -> None:
        try:
            listed = self._reader.catalogue.refresh()
        except GenesysError as error:
            log.warning(
                "catalogue_failed",
                org=self.name,
                why=error.message,
                hint=error.hint,
                correlation_id=error.correlation_id,
            )
        else:
            self._catalogue_read = True
            log.info("catalogue", org=self.name, actions=listed)

    def _requests(self) -> int:
        return sum(self._reader.client.stats().requests.values())

    def _note(self, report: PollReport) -> None:
        self._polls[report.result] += 1
        problem = "; ".join(error.message for error in report.errors.values())
        stats = self._reader.client.stats()
        self._health = PollHealth(
            polls=dict(self._polls),
            duration_seconds=report.duration_seconds,
            durations_sum_seconds=self._health.durations_sum_seconds + report.duration_seconds,
            problem=problem,
            source_available=report.available,
            api_requests=stats.requests,
            api_retries=stats.retries,
            rate_limited_seconds=stats.rate_limited_seconds,
        )
        line = log.info if report.result == "ok" else log.warning
        line(
            "poll",
            org=report.org,
            result=str(report.result),
            duration_seconds=round(report.duration_seconds, 3),
            requests=report.requests,
            executions_added=report.executions_added,
            incidents_added=report.incidents_added,
            restatements=report.restatements,
            skipped_windows=report.skipped_windows,
            **{f"{source}_error": _in_words(error) for source, error in report.errors.items()},
        )

    def _draw(self) -> OrgPicture:
        state = self._ledger.state(self.name)
        now = self._clock.now()
        return OrgPicture(
            org=self.name,
            contract=self._reader.settings.contract,
            state=state,
            day=self._summary(now, DAY_SECONDS, state),
            hour=self._summary(now, HOUR_SECONDS, state),
            concurrency_limit=self._reader.catalogue.concurrency_limit,
            health=self._health,
        )

    def _summary(self, now: float, seconds: int, state: OrgState) -> Summary:
        collect = self._settings.collect
        stretch = settled(now, seconds, collect.window, collect.settle)
        contract = self._reader.settings.contract
        if not state.sources:
            return empty(self.name, contract, stretch)
        known = self._summaries.get(seconds)
        if known and known.complete and known.stretch == stretch:
            # What came late to windows that are settled shows when the next one settles: a day of
            # 2,000 actions is not summed up anew every minute for it.
            return known
        summary = summarise(self._ledger, self.name, contract, stretch, self._classifier)
        self._summaries[seconds] = summary
        return summary


def _in_words(error: TimeoutMonitorError) -> str:
    correlation_id = getattr(error, "correlation_id", "")
    return f"{error.message} [{correlation_id}]" if correlation_id else error.message
