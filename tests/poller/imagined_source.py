"""A source that is only imagined: it keeps what the ledger would keep of its plans."""

from __future__ import annotations

from dataclasses import dataclass, field

from monitor.config import CollectSettings
from monitor.poller.read_plan import ReadPlan, plan_reads
from monitor.time_ranges import TimeRange, floor_to, is_covered, merged
from tests.clocks import HOUR


def seconds(**values: float) -> CollectSettings:
    """``[collect]`` with these durations in seconds, the others as usual."""
    return CollectSettings.model_validate({name: f"{value}s" for name, value in values.items()})


@dataclass
class ImaginedSource:
    """Follows plans, as far as the platform answers.

    Attributes:
        settings: ``[collect]``.
        window_seconds: The windows it is read in.
        slice_seconds: The longest period it may be asked for at once.
        near_is_coarse: Whether a near read tells less than a deep one.
        coverage: What was read or skipped.
        complete_until: The watermark.
        answered: Every period that was read, with the time of the data at that moment.
        coarse: Those of them that were read coarsely.
        skipped: Every period that was given up without having been read.
        given_up_until: What lies before was too old to be asked for when it was still owed.
    """

    settings: CollectSettings = field(default_factory=CollectSettings)
    window_seconds: int = 300
    slice_seconds: int = 2 * HOUR
    near_is_coarse: bool = False
    coverage: tuple[TimeRange, ...] = ()
    complete_until: int = 0
    answered: list[tuple[TimeRange, float]] = field(default_factory=list)
    coarse: list[tuple[TimeRange, float]] = field(default_factory=list)
    skipped: list[TimeRange] = field(default_factory=list)
    given_up_until: int = 0

    def due(self, now: float) -> ReadPlan:
        """What is to be read now."""
        return plan_reads(
            now=now,
            settings=self.settings,
            window_seconds=self.window_seconds,
            slice_seconds=self.slice_seconds,
            coverage=self.coverage,
            complete_until=self.complete_until,
            near_is_coarse=self.near_is_coarse,
        )

    def poll(self, now: float, answers: int | None = None) -> ReadPlan:
        """Read what is due, until the platform has given so many answers; None: all of them."""
        due = self.due(now)
        oldest_wanted = floor_to(
            floor_to(now, 60) - self.settings.max_backfill, self.window_seconds
        )
        if due.deep and 0 < self.complete_until < oldest_wanted:
            self.given_up_until = oldest_wanted
        for time_range in due.skipped:
            self.skipped.append(time_range)
            self.coverage = merged([*self.coverage, time_range])
        for read in due.reads[:answers]:
            self.answered.append((read.time_range, now))
            if not due.fine:
                self.coarse.append((read.time_range, now))
            self.coverage = merged([*self.coverage, read.time_range])
            self.complete_until = max(self.complete_until, read.complete_until or 0)
        return due

    def read_when_old(self, window_start: int) -> bool:
        """Whether a window was read at an age of at least the lookback."""
        end = window_start + self.window_seconds
        return any(
            is_covered(TimeRange(window_start, end), [time_range])
            and floor_to(now, 60) - end >= self.settings.lookback
            for time_range, now in self.answered
        )
