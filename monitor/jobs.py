"""Jobs that are due at regular times, on APScheduler, and their due times after a clock was set."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator
from concurrent import futures
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta

import structlog
from apscheduler.executors.pool import BasePoolExecutor
from apscheduler.job import Job
from apscheduler.jobstores.base import JobLookupError
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.interval import IntervalTrigger

from monitor.clock import Clock
from monitor.errors import TimeoutMonitorError, UnforeseenError
from monitor.ledger import ReadingLeases
from monitor.worker_threads import WorkerThreads

log = structlog.get_logger()

ANCHOR_SLACK = timedelta(seconds=5)
"""A scheduler that is held up by a busy machine catches up by itself."""

POLL_AFTER_SECONDS = 3.0
"""A clock that is this much behind the platform's still asks for a minute that is over."""

POLL_APART_SECONDS = 0.3
MOST_SPREAD = 0.25
"""Orgs are polled one after another, as far as a quarter of the interval has room for."""


class GridTrigger(IntervalTrigger):  # type: ignore[misc]  # APScheduler has no types
    """Due at its start and each multiple of its interval from there; what was missed is due once.

    A run out of turn moves none of these times. The scheduler lists all due times up to now before
    it takes the last of them. By a clock that was set ahead by years these are millions, and it
    would hold its lock until it has them all.
    """

    def get_next_fire_time(
        self, previous_fire_time: datetime | None, now: datetime
    ) -> datetime | None:
        """Return the next due time: after the one before, or where that is long over, after now."""
        if previous_fire_time is None:
            due: datetime | None = super().get_next_fire_time(None, now)
            return due
        following = self._after(previous_fire_time)
        return following if following > now else self._after(now)

    def _after(self, at: datetime) -> datetime:
        start: datetime = self.start_date
        after: datetime = start + (math.floor((at - start) / self.interval) + 1) * self.interval
        return after


@contextmanager
def failures_logged(job: str, org: str = "") -> Iterator[None]:
    """Let nothing that is raised in a block end a thread: it is logged once, with its place.

    Args:
        job: What the line calls the job: ``<job>_failed``.
        org: The org that it is done for; empty for all of them.
    """
    try:
        yield
    except Exception as error:  # noqa: BLE001 - the last resort of a thread that nobody asks how it went
        failure = error if isinstance(error, TimeoutMonitorError) else UnforeseenError.of(error)
        event, whose = f"{job}_failed", {"org": org} if org else {}
        log.error(event, **whose, why=failure.message, hint=failure.hint)


class _SharedPool(BasePoolExecutor):  # type: ignore[misc]  # APScheduler has no types
    """Runs a scheduler's jobs on threads that others use too."""

    def __init__(self, threads: WorkerThreads) -> None:
        super().__init__(threads)


def new_scheduler(threads: WorkerThreads) -> BackgroundScheduler:
    """Return a scheduler without jobs, which runs them on these threads; not started yet."""
    return BackgroundScheduler(
        executors={"default": _SharedPool(threads)},
        # Never two runs of one job at once; runs that were missed are made up for by one.
        job_defaults={"max_instances": 1, "coalesce": True, "misfire_grace_time": None},
        timezone=UTC,
    )


def add_job(  # noqa: PLR0913 - what, when, and how often
    scheduler: BackgroundScheduler,
    clock: Clock,
    seconds: float,
    job: Callable[..., None],
    *arguments: object,
    phase_seconds: float | None = None,
    first_after_seconds: float = 0.0,
) -> Job:
    """Run a job every so many seconds of a clock.

    Args:
        scheduler: What runs it.
        clock: The time of the data.
        seconds: How often.
        job: What is run.
        arguments: What it is given.
        phase_seconds: Run it soon, and from then on so long after each full multiple of
            ``seconds`` by the clock; where None, after each ``seconds`` from now on.
        first_after_seconds: How soon, where it has a phase.
    """
    # Due times are multiples of the interval from one start: a long run delays none of them.
    period = timedelta(seconds=clock.machine_seconds(seconds))
    now = datetime.now(UTC)
    start = now + period
    first = timedelta(seconds=clock.machine_seconds(first_after_seconds))
    if phase_seconds is not None:
        to_next = (phase_seconds - clock.now()) % seconds
        start = now + timedelta(seconds=clock.machine_seconds(to_next))
    return scheduler.add_job(
        job,
        GridTrigger(seconds=period.total_seconds(), start_date=start, timezone=UTC),
        args=arguments,
        next_run_time=start if phase_seconds is None else now + first,
    )


def poll_phase_seconds(interval: float, place: int) -> float:
    """Return how long after each full interval an org is polled.

    A read ends at a full minute, so one that comes soon after shows what happened soonest; what
    many orgs ask for comes one after another, not all in one moment.

    Args:
        interval: How often each org is polled; seconds.
        place: The org's place among all of them.
    """
    return min(POLL_AFTER_SECONDS, interval * MOST_SPREAD) + spread_seconds(interval, place)


def spread_seconds(interval: float, place: int) -> float:
    """Return how long after the first org another one is polled, likewise."""
    return min(POLL_APART_SECONDS * place, interval * MOST_SPREAD)


class _OrgQueue:
    """Jobs of orgs that take turns: an org that waits for its turn is not queued twice."""

    def __init__(self, name: str, threads: int) -> None:
        self._pool = futures.ThreadPoolExecutor(threads, thread_name_prefix=name)
        self.waiting = set[str]()

    def submit(self, org: str, job: Callable[..., None], *arguments: object) -> None:
        """Run a job of an org when its turn comes; not after the end."""

        def begin() -> None:
            self.waiting.discard(org)
            job(*arguments)

        if org in self.waiting:
            return
        with suppress(RuntimeError):
            self.waiting.add(org)
            self._pool.submit(begin)

    def shutdown(self, *, wait: bool, cancel_futures: bool) -> None:
        """Begin no more of them."""
        self._pool.shutdown(wait=wait, cancel_futures=cancel_futures)


class Jobs:
    """The jobs of a daemon, and what they leave to others for it takes longer than a poll may.

    The scheduler could not be asked for that: while it ends it waits for polls, and they would wait
    for it.
    """

    def __init__(self, clock: Clock, diagnoses: int = 1) -> None:
        """Begin with no job.

        Args:
            clock: The time of the data.
            diagnoses: How many orgs are diagnosed at a time.
        """
        self._clock = clock
        self._threads = WorkerThreads()
        self._scheduler = new_scheduler(self._threads)
        # They are the only work that keeps a processor busy for long: one at a time, here.
        self._diagnoses = _OrgQueue("diagnosis", diagnoses)
        # A thread of their own: what others read may be shown late, but no poll may be late for it.
        self._follows = _OrgQueue("following", 1)

    @property
    def scheduler(self) -> BackgroundScheduler:
        """What runs them when they are due."""
        return self._scheduler

    def every(
        self,
        seconds: float,
        job: Callable[..., None],
        *arguments: object,
        phase_seconds: float | None = None,
        first_after_seconds: float = 0.0,
    ) -> Job:
        """Run a job every so many seconds, see ``add_job``."""
        return add_job(
            self._scheduler,
            self._clock,
            seconds,
            job,
            *arguments,
            phase_seconds=phase_seconds,
            first_after_seconds=first_after_seconds,
        )

    def awaits_diagnosis(self, org: str) -> bool:
        """Whether an org's diagnosis has not begun yet."""
        return org in self._diagnoses.waiting

    def diagnose(self, org: str, job: Callable[..., None], *arguments: object) -> None:
        """Diagnose an org when its turn comes; not after the end."""
        self._diagnoses.submit(org, job, *arguments)

    def follow(self, org: str, job: Callable[..., None], *arguments: object) -> None:
        """Look at what another program has read of an org when its turn comes; likewise."""
        self._follows.submit(org, job, *arguments)

    def run_once(self, job: Callable[..., None], *arguments: object) -> None:
        """Run a job once, beside those that are regular; not after the end."""
        with suppress(RuntimeError):
            self._threads.submit(job, *arguments)

    def run_first(self, job: Callable[..., None], *arguments: object) -> None:
        """Run a job once, before all that waits for a thread; not after the end."""
        with suppress(RuntimeError):
            self._threads.submit_first(job, *arguments)

    def start(self) -> None:
        """Begin to run what is due."""
        self._scheduler.start()

    def re_anchor(self) -> None:
        """Bring all due times back to the clock as it is."""
        re_anchor(self._scheduler)

    def end(self) -> threading.Event:
        """Begin no more of them; what comes back is set as soon as none runs any more."""
        ended = threading.Event()

        def finish() -> None:
            if self._scheduler.running:
                self._scheduler.shutdown(wait=True)
            for pool in (self._diagnoses, self._follows, self._threads):
                pool.shutdown(wait=True, cancel_futures=True)
            ended.set()

        threading.Thread(target=finish, name="finish", daemon=True).start()
        return ended


def keep_leases(
    leases: ReadingLeases, stop: threading.Event, after: Callable[[], None] = lambda: None
) -> None:
    """Renew the leases of reading until it is time to stop.

    Args:
        leases: Those of this program.
        stop: Set it to end.
        after: Called after each renewal.
    """
    is_renewed = True
    while not stop.wait(leases.seconds_to_next_look):
        try:
            leases.refresh()
        except TimeoutMonitorError as error:
            if is_renewed:
                log.warning("leases_not_renewed", why=error.message, hint=error.hint)
            is_renewed = False
            continue
        except Exception as error:  # noqa: BLE001 - nothing may end what keeps all orgs
            failure = UnforeseenError.of(error)
            log.error("leases_failed", why=failure.message, hint=failure.hint)
            continue
        if not is_renewed:
            log.info("leases_renewed")
        is_renewed = True
        with failures_logged("leases"):
            after()


def re_anchor(scheduler: BackgroundScheduler) -> None:
    """Bring the due times of jobs back to the clock as it is, each on its own grid.

    APScheduler keeps due times by the wall clock. Set back, that would hold a job up by as much.
    """
    now = datetime.now(UTC)
    for job in scheduler.get_jobs():
        due, interval = job.next_run_time, job.trigger.interval
        if due is None:
            continue
        intervals_late = (now - due) / interval
        if intervals_late >= -1 and now - due <= interval + ANCHOR_SLACK:
            continue
        # Rounded up: it is due at once, or within an interval.
        with suppress(JobLookupError):
            job.modify(next_run_time=due + math.ceil(intervals_late) * interval)
