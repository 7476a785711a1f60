"""A collector that is stopped, that meets new words, and that comes back after a long time."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from typing import Any

from monitor.ledger import Ledger
from monitor.poller import PollResult
from monitor.sources import Evidence, Source
from monitor.time_ranges import TimeRange
from tests.clocks import DAY, HOUR, NOON, ManualClock
from tests.poller.conftest import Watch
from tests.poller.watched_org import SMALL, really_happened
from tests.simulated_org import ORG


@dataclass
class StopsMeanwhile:
    """A source during whose answer the program is told to end."""

    source: Source
    stop: threading.Event
    after: int
    reads: int = 0

    @property
    def name(self) -> str:
        """The source's own."""
        return self.source.name

    deep_only = False
    near_is_coarse = False
    yields_to = ""

    @property
    def slice_seconds(self) -> int:
        """The source's own."""
        return self.source.slice_seconds

    def read(self, time_range: TimeRange, window_seconds: int, *, deep: bool) -> Evidence:
        """Read, and then stop."""
        evidence = self.source.read(time_range, window_seconds, deep=deep)
        self.reads += 1
        if self.reads == self.after:
            self.stop.set()
        return evidence


class TestStop:
    """The stop event ends a poll between two reads."""

    def test_nothing_is_asked_after_the_stop(self, watch: Watch) -> None:
        """A poll that begins after the stop sends nothing."""
        watched = watch(SMALL)
        watched.stop.set()
        watched.source_reader.poll()
        assert sum(watched.requests().values()) == 0

    def test_a_poll_ends_after_the_read_in_hand(self, watch: Watch) -> None:
        """What was asked is kept; the slices and the sources that follow are left."""
        watched = watch(SMALL, initial="12h")
        source = StopsMeanwhile(watched.sources["actions"], watched.stop, after=3)
        source_reader = watched.collector_of(source, watched.sources["conversations"])
        report = source_reader.poll()
        assert source.reads == 3
        assert (report.errors, report.result) == ({}, PollResult.OK)
        assert len(watched.ledger.coverage(ORG, "actions")) == 2
        assert watched.ledger.coverage(ORG, "conversations") == ()

    def test_what_was_left_is_read_after_the_restart(self, watch: Watch) -> None:
        """A stop costs nothing but time."""
        watched = watch(SMALL, initial="12h")
        source = StopsMeanwhile(watched.sources["actions"], watched.stop, after=3)
        watched.collector_of(source).poll()
        watched.stop.clear()
        watched.restart()
        watched.source_reader.poll()
        assert len(watched.ledger.coverage(ORG, "actions")) == 1
        assert watched.executions() == really_happened(watched.truth())

    def test_reading_history_ends_between_reads_too(self, watch: Watch) -> None:
        """A long backfill does not hold up the end of the program."""
        watched = watch(SMALL)
        source = StopsMeanwhile(watched.sources["actions"], watched.stop, after=2)
        report = watched.collector_of(source).backfill(TimeRange(NOON - DAY, NOON))
        assert source.reads == 2
        assert report.errors == {}


class TestNewWords:
    """Error types that nobody has classified."""

    def new(self, logged: list[dict[str, Any]]) -> list[tuple[str, str]]:
        """Error types that were logged as new and what they were counted as, in order."""
        return [
            (line["error_type"], line["counted_as"])
            for line in logged
            if line["event"] == "new_error_type"
        ]

    def test_a_new_error_type_is_logged_once(
        self, watch: Watch, clock: ManualClock, logged: list[dict[str, Any]]
    ) -> None:
        """Poll after poll, and from both sources, each word is logged a single time."""
        watched = watch(SMALL)
        for _ in range(3):
            watched.source_reader.poll()
            clock.at += 600
        words = [word for word, _ in self.new(logged)]
        assert len(words) == len(set(words))
        assert {"REMOTE_SERVER_ERROR", "REMOTE_CLIENT_ERROR"} <= set(words)

    def test_each_is_logged_with_what_it_was_counted_as(
        self, watch: Watch, logged: list[dict[str, Any]]
    ) -> None:
        """Where the status decides, with each status; only what became an error is a warning."""
        watched = watch(SMALL, "actions")
        watched.source_reader.poll()
        counted = dict(self.new(logged))
        assert counted.pop("REMOTE_SERVER_ERROR") in {"error", "error (500), timeout (504)"}
        assert counted == {
            "EXECUTION_TIMEOUT": "timeout",
            "CONCURRENT_EXECUTIONS_EXCEEDED": "throttled",
            "REMOTE_CLIENT_ERROR": "error",
        }
        warned = {one["error_type"] for one in logged if one["log_level"] == "warning"}
        assert warned == {"REMOTE_SERVER_ERROR", "REMOTE_CLIENT_ERROR"}

    def test_a_restart_logs_nothing_again(
        self, watch: Watch, url: str, clock: ManualClock, logged: list[dict[str, Any]]
    ) -> None:
        """What is known stands in the ledger, not in the memory of a process."""
        watched = watch(SMALL)
        watched.source_reader.poll()
        assert self.new(logged) != []
        logged.clear()
        with Ledger.open(url) as reopened:
            watched.restart(reopened)
            clock.at += 600
            assert watched.source_reader.poll().executions_added > 0
            watched.source_reader.backfill(TimeRange(NOON - DAY, NOON))
        assert self.new(logged) == []


class TestLongAbsence:
    """A collector that comes back after longer than ``max_backfill``."""

    def test_what_is_too_old_is_skipped_counted_and_logged(
        self, watch: Watch, clock: ManualClock, logged: list[dict[str, Any]]
    ) -> None:
        """The windows given up are named in the report, the ledger and the log."""
        watched = watch(SMALL, "actions", max_backfill="3h")
        watched.source_reader.poll()
        clock.at += 10 * HOUR
        report = watched.source_reader.poll()
        assert report.skipped_windows == 7 * 12
        assert watched.ledger.state(ORG).sources["actions"].skipped_windows == 7 * 12
        lines = [line for line in logged if line["event"] == "windows_skipped"]
        assert [(line["windows"], line["stretch"]) for line in lines] == [
            (84, [NOON, NOON + 7 * HOUR])
        ]

    def test_it_is_skipped_once(self, watch: Watch, clock: ManualClock) -> None:
        """The polls that follow have nothing more to give up."""
        watched = watch(SMALL, "actions", max_backfill="3h")
        watched.source_reader.poll()
        clock.at += 10 * HOUR
        watched.source_reader.poll()
        clock.at += 60
        assert watched.source_reader.poll().skipped_windows == 0
        watched.restart()
        clock.at += HOUR
        assert watched.source_reader.poll().skipped_windows == 0

    def test_what_is_young_enough_is_counted(self, watch: Watch, clock: ManualClock) -> None:
        """Everything since ``max_backfill`` ago equals the truth; nothing older is asked for."""
        watched = watch(replace(SMALL, history_start=NOON), "actions")
        watched.restart(max_backfill="3h", initial="1h")
        watched.source_reader.poll()
        clock.at += 10 * HOUR
        watched.source_reader.poll()
        end = int(clock.at)
        truth = watched.org.truth((end - 3 * HOUR) * 1_000, end * 1_000)
        assert watched.executions() == really_happened(truth)
