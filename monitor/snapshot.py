"""What the world is shown: one immutable snapshot of every org, swapped in whole after each poll.

A scrape or a request reads the snapshot that is current when it begins and nothing else, so it
never waits for a poll and never sees half of one.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from monitor.clock import Clock
from monitor.contract import Contract
from monitor.diagnosis import OrgDiagnosis
from monitor.journal import Change, OutsideChange
from monitor.ledger import OrgState
from monitor.model import AUDITS
from monitor.summary import LimitUse, Summary

CLOCK_OFF_SECONDS = 300.0
"""A clock that is off by a window names windows wrongly, and signed logins last no longer."""

VERDICTS_LAST_SECONDS = 3_600.0
"""Verdicts that could not be renewed for so long are out of date: metrics show them no more."""

SHOWN_CHANGES = 100
"""So many of the newest changes of an org are in its snapshot; the state has all."""


@dataclass(frozen=True, slots=True)
class PollHealth:
    """How reading one org has gone since this process started.

    Attributes:
        polls: Polls by result: ``ok``, ``partial`` (a source failed) or ``failed``.
        duration_seconds: How long the newest poll took; None before the first.
        durations_sum_seconds: How long all of them took.
        problem: What went wrong in the newest poll, in one sentence; empty when nothing did.
        source_available: Whether each source answers; one refused with 403 or 404 does not.
        refused: Why each source that is refused does not answer, and what to do, by its name.
        api_requests: Requests by (endpoint, status).
        api_retries: Repeated requests by endpoint.
        rate_limited_seconds: Time spent waiting for the platform's limits, by endpoint.
        dropped_records: Records that made no sense and were left out, by (source, reason).
        catalogue_problem: Why the catalogue could not be read when that was last tried; empty
            where it could.
        voided: How often a source was found to be read to in the future, by a clock that was wrong.
        clock_skew_seconds: How far the platform's clock is ahead of the one in use, to about a
            second; None before an answer has told.
        reconciled: Executions that the daily comparison with the platform added.
        closer_looks: Requests for what bands can't tell, just below the timeouts in force.
    """

    polls: Mapping[str, int] = field(default_factory=dict)
    duration_seconds: float | None = None
    durations_sum_seconds: float = 0.0
    problem: str = ""
    source_available: Mapping[str, bool] = field(default_factory=dict)
    refused: Mapping[str, str] = field(default_factory=dict)
    api_requests: Mapping[tuple[str, str], int] = field(default_factory=dict)
    api_retries: Mapping[str, int] = field(default_factory=dict)
    rate_limited_seconds: Mapping[str, float] = field(default_factory=dict)
    dropped_records: Mapping[tuple[str, str], int] = field(default_factory=dict)
    catalogue_problem: str = ""
    voided: int = 0
    clock_skew_seconds: float | None = None
    reconciled: int = 0
    closer_looks: int = 0

    @property
    def is_clock_off(self) -> bool:
        """Whether the clock in use is so wrong that windows are asked for that are not over."""
        return abs(self.clock_skew_seconds or 0.0) > CLOCK_OFF_SECONDS


@dataclass(frozen=True, slots=True)
class RemediationSnapshot:
    """What was decided and changed in one org.

    Attributes:
        mode: ``off``, ``recommend`` or ``auto``.
        paused: Whether somebody has paused all changes.
        tripped: Whether failures in a row have stopped all changes.
        voided: How often changes were found to be made in the future, by a clock that was wrong.
        decisions: Decisions since this process started, by (decision, reason); every pair that
            there can be is there.
        results: Changes by how far they came, since the ledger began.
        set_back: Changes that were set back, by why: ``not_helped``, ``asked`` or ``damage``.
        changes: The newest changes, at most ``SHOWN_CHANGES``, the newest first.
        outside: Changes that this program did not make, likewise.
    """

    mode: str = "off"
    paused: bool = False
    tripped: bool = False
    voided: int = 0
    decisions: Mapping[tuple[str, str], int] = field(default_factory=dict)
    results: Mapping[str, int] = field(default_factory=dict)
    set_back: Mapping[str, int] = field(default_factory=dict)
    changes: tuple[Change, ...] = ()
    outside: tuple[OutsideChange, ...] = ()


@dataclass(frozen=True, slots=True)
class OrgSnapshot:
    """One org: what its ledger holds, what that means, and how reading it goes.

    Attributes:
        org: The org's configured name.
        contract: ``platform`` or ``flow``.
        state: Totals, catalogue and freshness from one read transaction.
        day: Summary of the last 24 settled hours.
        hour: Summary of the last settled hour; what the gauges show.
        limits: The org's own limits and how much of each the last settled hour used, the
            tightest first.
        health: How reading goes.
        diagnosis: Verdicts on its actions, from its settled windows; None before the first.
        is_judged_here: Whether this process has made that diagnosis. Not where it is the last one
            that the state has, from before the start or by another program: that one is shown, and
            nothing is changed by it.
        remediation: What was decided and changed.
        last_reads: When each source was last read, by the clock of the snapshot: what this process
            has seen is dated by the monotonic clock, so that a clock that is set makes no data
            fresh, or stale. Empty where the state alone tells.
        polled_at: When the newest poll ended, or watching began, likewise; None where not known.
        catalogue_read_at: When the catalogue was last read, or watching began, likewise.
        diagnosed_at: When a diagnosis last ended well, by whatever program, likewise; when watching
            began where none is known.
        is_leased: Whether this program has the lease of reading it.
        read_by: Which other program reads it, where one does: then this one stands by, and shows
            what that one has written down.
        is_counted_here: Whether its counts are this program's to export. Not where another program
            reads it, or may by now: the lease has ended, and the state could not be asked since.
        is_starting: Whether nothing of it has been taken from the state yet: what it lacks is not
            known to be nothing, and none of it is exported.
    """

    org: str
    contract: Contract
    state: OrgState
    day: Summary
    hour: Summary
    limits: tuple[LimitUse, ...]
    health: PollHealth
    diagnosis: OrgDiagnosis | None = None
    is_judged_here: bool = True
    remediation: RemediationSnapshot = field(default_factory=RemediationSnapshot)
    last_reads: Mapping[str, float] = field(default_factory=dict)
    polled_at: float | None = None
    catalogue_read_at: float | None = None
    diagnosed_at: float | None = None
    is_leased: bool = True
    read_by: str = ""
    is_counted_here: bool = True
    is_starting: bool = False

    @property
    def concurrency_limit(self) -> int | None:
        """The org's own limit of concurrent executions; None where not known."""
        return self.state.concurrency_limit

    @property
    def source_names(self) -> tuple[str, ...]:
        """Every source that counts, and was ever asked or is known to answer or not, sorted."""
        known = {*self.state.sources, *self.state.coverage, *self.health.source_available}
        return tuple(sorted(known - {AUDITS}))

    @property
    def required_source(self) -> str:
        """The source that executions are counted from."""
        return self.contract.execution_source

    @property
    def is_required_source_off(self) -> bool:
        """Whether nothing is counted because the platform refuses what is counted from."""
        return self.health.source_available.get(self.required_source) is False

    @property
    def sources_off(self) -> tuple[str, ...]:
        """Every source that the platform refuses or that does not answer, sorted."""
        answers = self.health.source_available
        return tuple(sorted(source for source, does in answers.items() if not does))

    def last_success_at(self, source: str) -> float:
        """Return when a source was last read; epoch seconds, 0.0 where it never was."""
        state = self.state.sources.get(source)
        return self.last_reads.get(source, state.last_success_at if state else 0.0)

    def watermark(self, source: str) -> int | None:
        """Return the time up to which everything since the first read is covered without a hole."""
        coverage = self.state.coverage.get(source, ())
        return coverage[0].end if coverage else None


@dataclass(frozen=True, slots=True)
class StaleSource:
    """A source whose last good read is too long ago, or never was.

    Attributes:
        org: The org's configured name.
        source: The source; empty where none of the org's sources answers.
        last_success_at: When it was last read; epoch seconds, 0.0 where it never was.
    """

    org: str
    source: str
    last_success_at: float


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything that is shown, as of one moment.

    Attributes:
        taken_at: When it was taken; epoch seconds.
        orgs: One snapshot an org, in the configuration's order.
        stale_after_seconds: Data older than this is stale.
        state_writable: Whether the ledger could be written.
        state_problem: Why the state can't be relied on at all: it is gone, or another one has taken
            its place; empty where it is there.
        taken_at_monotonic: The same moment on the monotonic clock; None where only moments count
            that the wall clock names.
        interval_seconds: How often each org is polled.
        clock_steps: How often the wall clock was set since the process started, by direction.
    """

    taken_at: float
    orgs: tuple[OrgSnapshot, ...] = ()
    stale_after_seconds: float = 300.0
    state_writable: bool = True
    state_problem: str = ""
    taken_at_monotonic: float | None = None
    interval_seconds: float = 60.0
    clock_steps: Mapping[str, int] = field(default_factory=dict)

    def moment(self, clock: Clock) -> float:
        """Return what time it is now by the clock that the snapshot was taken by; epoch seconds.

        A clock that was set since then changes no age of what is shown.
        """
        if self.taken_at_monotonic is None:
            return clock.now()
        return self.taken_at + clock.monotonic() - self.taken_at_monotonic

    @property
    def diagnoses(self) -> Mapping[str, OrgDiagnosis]:
        """The newest diagnosis of each org that has one, by its name."""
        return {one.org: one.diagnosis for one in self.orgs if one.diagnosis is not None}

    @property
    def read_here(self) -> tuple[OrgSnapshot, ...]:
        """The orgs that no other program reads; how reading them goes is this one's to tell."""
        return tuple(one for one in self.orgs if not one.read_by)

    def stale_sources(self, now: float) -> tuple[StaleSource, ...]:
        """Every source that should answer and was not read for too long; in the orgs' order."""
        limit = now - self.stale_after_seconds
        return tuple(
            stale
            for org_snapshot in self.read_here
            for stale in _last_reads(org_snapshot)
            if stale.last_success_at < limit or not stale.source
        )


def _last_reads(org_snapshot: OrgSnapshot) -> list[StaleSource]:
    available = org_snapshot.health.source_available
    answering = [source for source in org_snapshot.source_names if available.get(source)]
    if answering:
        return [
            StaleSource(org_snapshot.org, source, org_snapshot.last_success_at(source))
            for source in sorted(answering)
        ]
    newest = max(
        (org_snapshot.last_success_at(source) for source in org_snapshot.source_names), default=0.0
    )
    return [StaleSource(org_snapshot.org, "", newest)]


class SnapshotHolder:
    """The one place where the current snapshot is kept; safe to share between threads."""

    def __init__(
        self, first: Snapshot, renewed: Callable[[Snapshot], Snapshot] = lambda shown: shown
    ) -> None:
        """Begin with a snapshot, so that a scrape before the first poll has an answer.

        Args:
            first: The snapshot.
            renewed: Brings what ends by itself, such as a lease, up to the moment at which somebody
                looks; the very same snapshot where nothing has changed.
        """
        self._current = first
        self._renewed = renewed
        self._swapping = threading.Lock()

    @property
    def current(self) -> Snapshot:
        """The newest snapshot."""
        shown = self._current
        renewed = self._renewed(shown)
        if renewed is not shown:
            with self._swapping:
                # A poll may have ended meanwhile: the next look renews what that one has left.
                if self._current is shown:
                    self._current = renewed
        return renewed

    def swap(self, snapshot: Snapshot) -> None:
        """Show this snapshot from now on."""
        with self._swapping:
            self._current = snapshot
