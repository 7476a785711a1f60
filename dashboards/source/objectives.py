"""What is promised, and over which stretches of time it is measured: the one place for both.

Rules, alerts, dashboards and tests take every number from here. A window is longer than data is
late plus the time between two polls, or a quiet minute of ours would look like one of theirs.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any, Self

MINUTE = 60.0
HOUR = 3_600.0

_UNITS = (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1))


@dataclass(frozen=True, slots=True)
class Seconds:
    """A length of time that rules measure over; it shrinks with the clock of a test."""

    value: float

    def __str__(self) -> str:
        """As PromQL writes it, for example ``23h30m``."""
        left, text = round(self.value * 1000), ""
        for unit, size in _UNITS:
            number, left = divmod(left, size)
            text += f"{number}{unit}" if number else ""
        return text

    def __add__(self, other: Seconds) -> Seconds:
        """Both one after the other."""
        return Seconds(self.value + other.value)

    def __sub__(self, other: Seconds) -> Seconds:
        """This without that."""
        return Seconds(self.value - other.value)


@dataclass(frozen=True, slots=True)
class Burn:
    """How fast the share of timeouts may eat up what is allowed.

    Attributes:
        factor: Times the objective; 14.4 spends two days' allowance of thirty in an hour (the
            Site Reliability Workbook, chapter 5, "Alerting on SLOs").
        long: It must be so over this window, so that it matters ...
        short: ... and over this one, so that it is still going on.
        least_timeouts: Fewer in the long window wake nobody, whatever their share.
        hold: How long it must last.
    """

    factor: float
    long: Seconds
    short: Seconds
    least_timeouts: int
    hold: Seconds


@dataclass(frozen=True, slots=True)
class Objectives:
    """Every threshold and window, with its reason.

    Attributes:
        timeout_share: The objective: one execution of a hundred may time out. It is the other
            side of ``[recommend] target_success``.
        poll: ``[collect] interval``.
        late: ``[collect] settle``: nearly all data is there by then.
        fast: Callers are hit hard and now: somebody gets up.
        slow: It goes on at a rate that somebody must look at, by day.
        spike: Timeouts are counted over this to be compared with what is usual ...
        spike_factor: ... which they must exceed so many times. An hour of late data, all that a
            deep poll looks back, adds twice the usual to half an hour: three times is no spike.
        spike_least: Fewer in ``spike`` are no reason to wake somebody: one a minute.
        lost_least: So many callers lost in flows, and timeouts of an action that they use, in
            ``spike`` are worth a look where both are far more than usual.
        spike_recent: What is usual is the mean of this stretch before it ...
        spike_around: ... and the most within this stretch around the same time of the day before.
        day: The length of a day.
        caught_up: So many seconds of data more than the length of a window may come in while it
            passes; with more, the monitor is reading what it has missed, and a count tells nothing.
        count: Where too little happens for a share, timeouts are counted over this.
        count_executions: Fewer executions than these in ``count`` are too little for a share.
        count_least: So many timeouts then are worth a look.
        count_least_flow: The same where no success is ever known (contract ``flow``).
        budget: The part of the timeout that the slowest hundredth may use.
        budget_executions: Fewer executions in an hour have no slowest hundredth.
        concurrency: The part of the org's limit that may be in use on average.
        limit: The part of any limit of the org that its busiest moments may use.
        throttled_least: So many refused executions in ``spike`` are throttling ...
        throttled_share: ... where they are at least this part of all.
        stale_seconds: Data older than this, in seconds of Prometheus's clock, is no data.
        answered_share: A source that answered for more than this part of a day is missed.
        polls_missed: After so many intervals without a poll, polls have stopped ...
        poll_age_seconds: ... where so many seconds have passed as well.
        unread: How long no daemon may hold an org's lease; a hand-over takes two minutes at most.
        clock_off_seconds: A clock that is further off than this is wrong.
        catalogue_seconds: A catalogue older than this is old.
        diagnosis_seconds: Verdicts older than this are old: each window that settles brings new
            ones, and none is longer than an hour.
        paused: A pause that lasts longer than this may be forgotten.
        overdue_seconds: A trial that should have ended longer ago than this is held up.
        unseen: How long Prometheus may see no monitor.
        failing: Polls are counted over this.
        failing_share: More failed or partial polls than this part are a failure.
        refused_least: So many refused logins in ``failing``; one is what an expired token costs.
        limited_seconds: Waiting for rate limits, in an hour, beyond which data comes late.
        changes: How far back a change counts as just made.
        hold_verdict: How long a verdict must stand.
        hold_soon: How long what pages must last.
        hold_limit: How long a limit must be nearly used up.
        hold_long: How long what does not page must last.
        hour: The length of an hour.
    """

    timeout_share: float = 0.01
    poll: Seconds = Seconds(MINUTE)
    late: Seconds = Seconds(10 * MINUTE)
    fast: Burn = Burn(14.4, Seconds(HOUR), Seconds(15 * MINUTE), 10, Seconds(2 * MINUTE))
    slow: Burn = Burn(6, Seconds(6 * HOUR), Seconds(HOUR), 20, Seconds(15 * MINUTE))
    spike: Seconds = Seconds(30 * MINUTE)
    spike_factor: float = 4
    spike_least: int = 30
    lost_least: int = 10
    spike_recent: Seconds = Seconds(6 * HOUR)
    spike_around: Seconds = Seconds(HOUR)
    day: Seconds = Seconds(24 * HOUR)
    caught_up: int = 900
    count: Seconds = Seconds(6 * HOUR)
    count_executions: int = 100
    count_least: int = 5
    count_least_flow: int = 30
    budget: float = 0.8
    budget_executions: int = 100
    concurrency: float = 0.7
    limit: float = 0.8
    throttled_least: int = 10
    throttled_share: float = 0.01
    stale_seconds: int = 900
    answered_share: float = 0.5
    polls_missed: int = 5
    poll_age_seconds: int = 180
    unread: Seconds = Seconds(10 * MINUTE)
    clock_off_seconds: int = 300
    catalogue_seconds: int = 3600
    diagnosis_seconds: int = 10_800
    paused: Seconds = Seconds(24 * HOUR)
    overdue_seconds: float = HOUR
    unseen: Seconds = Seconds(5 * MINUTE)
    failing: Seconds = Seconds(15 * MINUTE)
    failing_share: float = 0.5
    refused_least: int = 3
    limited_seconds: int = 300
    changes: Seconds = Seconds(HOUR)
    hold_verdict: Seconds = Seconds(HOUR)
    hold_soon: Seconds = Seconds(5 * MINUTE)
    hold_limit: Seconds = Seconds(15 * MINUTE)
    hold_long: Seconds = Seconds(30 * MINUTE)
    hour: Seconds = Seconds(HOUR)

    def faster(self, times: float) -> Self:
        """The same for data whose clock runs so many times faster than Prometheus's."""

        def shorter(value: Any) -> Any:  # noqa: ANN401 - whatever a field holds
            if isinstance(value, Seconds):
                return Seconds(value.value / times)
            if isinstance(value, Burn):
                return replace(
                    value, **{one.name: shorter(getattr(value, one.name)) for one in fields(value)}
                )
            return value

        return replace(self, **{one.name: shorter(getattr(self, one.name)) for one in fields(self)})


OBJECTIVES = Objectives()

GRAFANA = "http://localhost:3000"
"""Where alerts say that the dashboards are; ``--grafana`` writes another address."""

RUNBOOK = "{{ $externalURL }}/user/runbook.md"
"""Where alerts say that the runbook is: Prometheus itself serves it, with ``--web.user-assets``."""
