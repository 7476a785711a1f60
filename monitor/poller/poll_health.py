"""How reading one org goes: what each poll came to, what it cost, and how long ago it was.

Ages are measured by the monotonic clock: a clock that is set changes none.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

import structlog

from monitor.clock import Clock, is_in_future
from monitor.errors import GenesysError, TimeoutMonitorError
from monitor.genesys import DropReason
from monitor.model import AUDITS
from monitor.poller.poll_report import PollReport, PollResult
from monitor.snapshot import PollHealth

if TYPE_CHECKING:
    from monitor.ledger import SourceState
    from monitor.poller.org_reader import OrgReader

log = structlog.get_logger()
K = TypeVar("K")
N = TypeVar("N", int, float)


@dataclass(frozen=True, slots=True)
class LastReads:
    """When an org was last read, each as a moment of the wall clock as it is set now.

    Attributes:
        sources: By source; 0.0 where it never was, or only the future knows of it.
        polled_at: When the newest poll ended, or watching began.
        catalogue_at: When the catalogue was last read, or watching began.
        diagnosed_at: When a diagnosis last ended well, by whatever program; when watching began
            where none is known.
    """

    sources: Mapping[str, float]
    polled_at: float
    catalogue_at: float
    diagnosed_at: float


class FreshnessTracker:
    """Remembers when one org was read in this process."""

    def __init__(self, clock: Clock) -> None:
        """Begin now."""
        self._clock = clock
        self._polled_at = self._catalogue_at = self._diagnosed_at = clock.monotonic()
        self._read_at: dict[str, float] = {}
        self._known: dict[str, float] | None = None

    def note_poll(self) -> None:
        """Keep that a poll has ended, whatever its result."""
        self._polled_at = self._clock.monotonic()

    def note_catalogue(self) -> None:
        """Keep that the catalogue was read."""
        self._catalogue_at = self._clock.monotonic()

    def note_diagnosis(self, ago_seconds: float = 0.0) -> None:
        """Keep that the actions were diagnosed: just now, or so long ago."""
        self._diagnosed_at = self._clock.monotonic() - ago_seconds

    def note_following(self) -> None:
        """Keep that another program sees to all of it until now."""
        self._polled_at = self._catalogue_at = self._diagnosed_at = self._clock.monotonic()

    def note_sources(self, states: Mapping[str, SourceState]) -> None:
        """Take the time of what was read since the last look, by whichever program.

        What the state knew at the first look is dated by the state alone.
        """
        before = self._known
        self._known = {source: one.last_success_at for source, one in states.items()}
        if before is None:
            return
        for source, at in self._known.items():
            # What is void was not read; what has moved was read just now.
            if at and at != before.get(source):
                self._read_at[source] = self._clock.monotonic()

    def last_reads(self, states: Mapping[str, SourceState]) -> LastReads:
        """Return when everything was last read."""
        now, monotonic = self._clock.now(), self._clock.monotonic()
        told = {
            source: 0.0 if is_in_future(one.last_success_at, now) else min(one.last_success_at, now)
            for source, one in states.items()
        }
        seen = {source: now - (monotonic - at) for source, at in tuple(self._read_at.items())}
        return LastReads(
            told | seen,
            now - (monotonic - self._polled_at),
            now - (monotonic - self._catalogue_at),
            now - (monotonic - self._diagnosed_at),
        )


class HealthTracker:
    """Adds up how the polls of one org went, and tells it in the log.

    Attributes:
        current: How reading it goes now.
    """

    def __init__(self, reader: OrgReader, sources: Iterable[str]) -> None:
        """Begin before the first poll.

        Args:
            reader: What reads the org.
            sources: Those that polls ask.
        """
        self._reader = reader
        self._before = PollHealth()
        self._polls: Counter[str] = Counter({"ok": 0, "partial": 0, "failed": 0})
        self._folded: Counter[tuple[str, str]] = Counter()
        self.current = PollHealth(
            polls=dict(self._polls),
            source_available=self._available(dict.fromkeys(sources, True)),
        )

    def carry_over(self, health: PollHealth) -> None:
        """Go on counting where an earlier poller of the same org ended.

        Which sources answer is not taken over: that may be why there is a new one.
        """
        self._before = health
        self._polls.update(health.polls)
        self.current = replace(
            health,
            polls=dict(self._polls),
            source_available=self.current.source_available,
            refused=self.current.refused,
        )

    def note_catalogue(self, problem: str = "") -> None:
        """Keep why the catalogue could not be read; empty where it was."""
        self.current = replace(self.current, catalogue_problem=problem)

    def note_audits(self) -> None:
        """Keep whether the audit log answers, which is asked after some listings of actions."""
        available = self._available(self.current.source_available)
        polled = {name: why for name, why in self.current.refused.items() if name != AUDITS}
        refused = polled | self._refused({})
        self.current = replace(self.current, source_available=available, refused=refused)

    def note_reconciliation(self, executions_added: int) -> None:
        """Add what a comparison with the platform found missing."""
        self.current = replace(self.current, reconciled=self.current.reconciled + executions_added)

    def note_closer_look(self, requests: int) -> None:
        """Keep how many requests looking closely has taken since this poller began."""
        self.current = replace(self.current, closer_looks=self._before.closer_looks + requests)

    def note_poll(self, report: PollReport) -> None:
        """Add a poll that was made, whatever it came to, and write its line."""
        self._polls[report.result] += 1
        for source, records in report.folded.items():
            self._folded[source, DropReason.NAMES] += records
        problem = "; ".join(self._problems(report))
        stats = self._reader.client.stats()
        self.current = PollHealth(
            polls=dict(self._polls),
            duration_seconds=report.duration_seconds,
            durations_sum_seconds=self.current.durations_sum_seconds + report.duration_seconds,
            problem=problem,
            source_available=self._available(report.available),
            refused=self._refused(report.refused),
            api_requests=_sum(self._before.api_requests, stats.requests),
            api_retries=_sum(self._before.api_retries, stats.retries),
            rate_limited_seconds=_sum(
                self._before.rate_limited_seconds, stats.rate_limited_seconds
            ),
            dropped_records=_sum(
                _sum(self._before.dropped_records, stats.dropped_records), self._folded
            ),
            catalogue_problem=self.current.catalogue_problem,
            voided=self.current.voided + report.voided,
            reconciled=self.current.reconciled,
            closer_looks=self.current.closer_looks,
            clock_skew_seconds=self._reader.client.clock_skew_seconds,
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
            flow_errors_added=report.flow_errors_added,
            restatements=report.restatements,
            skipped_windows=report.skipped_windows,
            forgotten=report.forgotten,
            **{f"{source}_error": _in_words(error) for source, error in report.errors.items()},
        )

    def note_following(self) -> None:
        """Forget what was wrong with the newest poll: another program polls now."""
        self.current = replace(self.current, problem="", catalogue_problem="")

    def note_failure(self, error: TimeoutMonitorError, seconds: float) -> None:
        """Add a poll that ended in an error of its own, and write its line."""
        self._polls["failed"] += 1
        self.current = replace(
            self.current,
            polls=dict(self._polls),
            duration_seconds=seconds,
            durations_sum_seconds=self.current.durations_sum_seconds + seconds,
            problem=error.message,
        )
        log.warning(
            "poll",
            org=self._reader.settings.name,
            result=str(PollResult.FAILED),
            duration_seconds=round(seconds, 3),
            why=error.message,
            hint=error.hint,
        )

    def _available(self, polled: Mapping[str, bool]) -> dict[str, bool]:
        """Return whether each source answers: those that polls ask, and the audit log."""
        audits = self._reader.audits
        return {**polled, **({AUDITS: audits.available} if audits is not None else {})}

    def _problems(self, report: PollReport) -> list[str]:
        """Return what is wrong, each thing once.

        An optional source that is off is told beside it, as what is not known; the required one is
        a problem also while it rests after a refusal.
        """
        required = self._reader.settings.contract.execution_source
        problems = {**report.refused, **report.errors}
        return list(
            dict.fromkeys(
                error.message
                for source, error in problems.items()
                if source == required or source not in report.refused
            )
        )

    def _refused(self, polled: Mapping[str, GenesysError]) -> dict[str, str]:
        """Return why each source is refused, in words; those of polls, and the audit log."""
        audits = self._reader.audits
        refused = dict(polled)
        if audits is not None and audits.refused is not None:
            refused[AUDITS] = audits.refused
        return {source: with_hint(error) for source, error in refused.items()}


def with_hint(error: TimeoutMonitorError) -> str:
    """Return what went wrong and what to do about it, as two sentences."""
    message = error.message.rstrip(".")
    return f"{message}. {error.hint}".rstrip() if error.hint else f"{message}."


def _in_words(error: TimeoutMonitorError) -> str:
    correlation_id = getattr(error, "correlation_id", "")
    return f"{error.message} [{correlation_id}]" if correlation_id else error.message


def _sum(before: Mapping[K, N], now: Mapping[K, N]) -> dict[K, N]:
    return {key: before.get(key, 0) + now.get(key, 0) for key in {**before, **now}}
