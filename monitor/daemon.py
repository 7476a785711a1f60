"""The daemon: jobs that read each org and change its timeouts, and the server that shows it all."""

from __future__ import annotations

import queue
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import replace

import structlog

from monitor.clock import Clock, SystemClock
from monitor.clock_watch import ClockWatch
from monitor.config import Settings
from monitor.diagnosis import Diagnoser
from monitor.errors import (
    ConfigurationError,
    TimeoutMonitorError,
    UnforeseenError,
)
from monitor.genesys import EndpointBackoff
from monitor.jobs import (
    Jobs,
    failures_logged,
    keep_leases,
    poll_phase_seconds,
    spread_seconds,
)
from monitor.leased_snapshots import LeasedSnapshots
from monitor.ledger import Ledger
from monitor.org_jobs import OrgJobs
from monitor.poller import RECONCILE_LOOK_SECONDS, OrgPoller, open_pollers
from monitor.remediation import RemediationLoop
from monitor.serving import open_server, warn_of_settings
from monitor.shared_orgs import SharedOrgs
from monitor.signals import await_signal
from monitor.snapshot import Snapshot, SnapshotHolder
from monitor.state_health import StateHealth
from monitor.store import LEASE_SECONDS
from monitor.upkeep import Upkeep
from monitor.web import WebConfig

log = structlog.get_logger()

CATALOGUE_EVERY_SECONDS = 600
"""Timeouts change by hand, a few times a week; ten minutes bound how long we misjudge one."""

PRUNE_EVERY_SECONDS = 3600
PACK_EVERY_SECONDS = 3600

FINISH_SECONDS = 4.0
"""How long a stop may wait for the transactions in hand; the whole stop takes less than 5 s."""

GIVE_BACK_SECONDS = 0.5
"""How long a stop may take on to give its leases back; they end by themselves."""

RELOAD_SECONDS = 1.0
"""How long a reload waits for the jobs that it ends; only a pause before a retry takes longer."""


class Daemon:
    """Watches every org of the settings until it is stopped."""

    def __init__(
        self,
        settings: Settings,
        *,
        clock: Clock,
        load: Callable[[], Settings] | None = None,
        lease_seconds: float = LEASE_SECONDS,
        diagnoser: Diagnoser | None = None,
    ) -> None:
        """Open the state, take the port and wire everything; nothing is asked yet.

        Args:
            settings: What to watch and where to show it.
            clock: The time of the data.
            load: Reads the settings again, for a reload; None where there is nothing to read.
            lease_seconds: How long an org waits for a daemon that shares the state and has died.
            diagnoser: Diagnoses in other processes, and ends with the daemon; None for this one.

        Raises:
            ConfigurationError: No org, a credential that can't be used, or a port in use.
            LedgerError: The state can't be opened.
        """
        if not settings.org:
            raise ConfigurationError(
                "No org is configured",
                "Add an [[org]] to the configuration file, or set the GENESYS_* variables.",
            )
        self._settings = settings
        self._load = load
        self._diagnoser = diagnoser
        self._stop = threading.Event()
        # A simple queue, for a signal handler may run while its own thread holds an Event's lock.
        self._signals: queue.SimpleQueue[int] = queue.SimpleQueue()
        self._finished = threading.Event()
        self._backoff = {org.name: EndpointBackoff() for org in settings.org}
        self._snapshot_lock = threading.Lock()
        self._no_turn: dict[str, str] = {}
        self._ledger = Ledger.open(settings.state.url)
        self._state_health = StateHealth(self._ledger.name)
        if self._ledger.was_created:
            log.info("state_created", state=self._ledger.name)
        try:
            clock = self._ledger.clock(clock)
            self._clock, self._clock_watch = clock, ClockWatch(clock, self._show)
            self._ledger.refuse_damage()
            self._ledger.settle()
            self._leases = self._ledger.reading_leases(SystemClock(), seconds=lease_seconds)
            self._leases.refresh()
            self._leased = LeasedSnapshots(self._leases)
            self._shared = SharedOrgs(self._leases, self._leased)
            self._org_jobs = OrgJobs(self._leases, self._stop, self._show)
            self._upkeep = Upkeep(
                self._ledger,
                clock,
                leases=self._leases,
                clock_watch=self._clock_watch,
                stop=self._stop,
            )
            self._pollers = self._open_pollers(settings)
            self._loops = self._open_loops(settings)
            self.holder = SnapshotHolder(self._snapshot(), self._leased.as_leased)
            self._protected = WebConfig.read(settings.serve.web_config)
            self._web = open_server(
                lambda: self._settings, self.holder, self._ledger, clock, self._protected
            )
        except TimeoutMonitorError:
            self._ledger.close()
            raise
        self._jobs = self._schedule()

    @property
    def port(self) -> int:
        """The port that the server listens on."""
        return self._web.port

    @property
    def address(self) -> str:
        """Where the status page is, as a URL."""
        return self._web.address

    def start(self) -> None:
        """Begin to serve, and to read at once."""
        self._web.start()
        self._jobs.start()
        self._jobs.run_once(self._look_first)
        keeping = (self._leases, self._stop, self._after_renewal)
        threading.Thread(target=keep_leases, args=keeping, name="leases", daemon=True).start()
        looks = self._clock_watch.keep_looking
        watching = (self._stop, self._re_anchor)
        threading.Thread(target=looks, args=watching, name="clock", daemon=True).start()
        warn_of_settings(self._settings, self._protected)
        log.info(
            "started",
            orgs=[poller.name for poller in self._pollers],
            address=self.address,
            interval_seconds=self._settings.collect.interval,
        )

    def run(self, signals: queue.SimpleQueue[int] | None = None) -> None:
        """Serve until SIGTERM or SIGINT; SIGHUP reloads the settings.

        Args:
            signals: Those that came before; they are answered as well.
        """
        if signals is not None:
            self._signals = signals
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, lambda received, _frame: self._signals.put(received))
        self.start()
        while await_signal(self._signals) == signal.SIGHUP:
            self.reload()
        self.close()

    def reload(self) -> None:
        """Read the settings again and go on with them, or say why not and keep the old ones.

        All or nothing: a change of ``[serve]``, ``[state]`` or ``[classify]`` is refused. The
        users of ``web_config`` are read anew; health and verdicts are carried over.
        """
        if self._load is None:
            return
        try:
            settings = self._load()
            self._settings.refuse_what_needs_a_restart(settings)
            users = self._protected.users_now(settings.serve.web_config)
            pollers = self._open_pollers(settings)
            loops = self._open_loops(settings)
        except Exception as error:  # noqa: BLE001 - whatever a file holds, the daemon goes on
            told = error if isinstance(error, TimeoutMonitorError) else UnforeseenError.of(error)
            log.error("reload_refused", why=told.message, hint=told.hint)
            return
        # Polls of one org never overlap: the old ones end before the new ones begin.
        if not self._end_jobs().wait(RELOAD_SECONDS):
            log.warning("reloaded_while_asking", after_seconds=RELOAD_SECONDS)
        before = {org_snapshot.org: org_snapshot for org_snapshot in self._snapshot().orgs}
        for poller in pollers:
            if poller.name in before:
                # Nothing may be raised from here on: the old jobs have ended.
                with failures_logged("reload", poller.name):
                    org_snapshot = before[poller.name]
                    poller.carry_over(org_snapshot)
                    done = org_snapshot.remediation
                    loops[poller.name].carry_over(done.decisions, done.voided)
        for org in before.keys() - {poller.name for poller in pollers}:
            with failures_logged("leases", org):
                self._leases.give_back(org)
        self._protected.renew(users)
        with self._snapshot_lock:
            self._settings, self._pollers, self._loops = settings, pollers, loops
            self.holder.swap(self._snapshot())
        self._jobs = self._schedule()
        self._jobs.start()
        self._jobs.run_once(self._look_first)
        log.info("reloaded", orgs=[poller.name for poller in pollers])

    def close(self) -> None:
        """Stop reading and serving; a transaction in hand is finished."""
        deadline = time.monotonic() + FINISH_SECONDS
        self._stop.set()
        self._finished = self._end_jobs()
        self._web.close()
        if not self._finished.wait(max(0.0, deadline - time.monotonic())):
            # What hangs is no transaction, for those are short; it must not hold up the stop.
            log.warning("stopped_while_asking", after_seconds=FINISH_SECONDS)
        if self._diagnoser is not None:
            self._diagnoser.close()
        # Another daemon need not wait for their end.
        giving = threading.Thread(target=self._shared.give_back, name="leases", daemon=True)
        giving.start()
        giving.join(GIVE_BACK_SECONDS)
        log.info("stopped")
        if self._finished.is_set():
            self._ledger.close()

    def _end_jobs(self) -> threading.Event:
        """Begin no more jobs; what comes back is set as soon as none runs any more.

        An answer that has not come is not waited for: nothing of it is written, so nothing is
        lost, and it is asked for again.
        """
        ended = self._jobs.end()
        for poller in self._pollers:
            poller.close()
        for loop in self._loops.values():
            loop.close()
        return ended

    @property
    def finished(self) -> bool:
        """Whether no job runs any more."""
        return self._finished.is_set()

    def poll_now(self, poller: OrgPoller) -> None:
        """Poll one org and show the result; nothing that goes wrong ends the daemon."""
        if self._stop.is_set():
            return
        with failures_logged("poll", poller.name):
            self._poll(poller)

    def _after_renewal(self) -> None:
        """Take over what another program reads no more, and poll it at once."""
        pollers = {poller.name: poller for poller in self._pollers}
        for name in self._shared.take_over(pollers):
            self._jobs.run_first(self.poll_now, pollers[name])

    def _catch_up(self, poller: OrgPoller) -> None:
        if self._shared.catch_up(poller, self._loops[poller.name]):
            self._show()

    def _look_first(self) -> None:
        """Show what the state knows of each org, before any answer of the platform has come."""
        for poller in self._pollers:
            if self._stop.is_set():
                return
            if poller.is_starting:
                with failures_logged("look", poller.name):
                    self._catch_up(poller)

    def _poll(self, poller: OrgPoller) -> None:
        if self._shared.stands_by(poller.name):
            self._jobs.follow(poller.name, self._follow, poller)
            return
        self._clock_watch.look()
        is_polled = True
        with self._state_health.noting(poller.name):
            self._catch_up(poller)
            is_polled = self._shared.poll(poller)
        self._show()
        if not is_polled:
            self._jobs.follow(poller.name, self._follow, poller)
        # Nothing is judged or changed by a state that is not there.
        if not is_polled or self._state_health.problem:
            return
        if not self._jobs.awaits_diagnosis(poller.name) and poller.claim_diagnosis():
            self._jobs.diagnose(poller.name, self._org_jobs.diagnose, poller)
        why = self._clock_watch.why_nothing_changes(is_off=poller.snapshot.health.is_clock_off)
        if why and why != self._no_turn.get(poller.name):
            log.info("no_turn", org=poller.name, why=why)
        self._no_turn[poller.name] = why
        if why:
            return
        self._jobs.run_once(self._org_jobs.remediate, poller, self._loops[poller.name])

    def _follow(self, poller: OrgPoller) -> None:
        """Show what another program has read of an org."""
        if self._stop.is_set():
            return
        with failures_logged("follow", poller.name):
            with self._state_health.noting(poller.name):
                self._shared.follow(poller, self._loops[poller.name])
            self._show()

    def _re_anchor(self) -> None:
        # Those of now: a reload makes new ones.
        self._jobs.re_anchor()

    def _open_pollers(self, settings: Settings) -> tuple[OrgPoller, ...]:
        return open_pollers(
            settings,
            ledger=self._ledger,
            clock=self._clock,
            stop=self._stop,
            leases=self._leases,
            backoff=self._backoff,
            diagnoser=self._diagnoser,
        )

    def _open_loops(self, settings: Settings) -> dict[str, RemediationLoop]:
        return {
            org.name: RemediationLoop(org, settings, self._ledger, self._clock, self._stop)
            for org in settings.org
        }

    def _schedule(self) -> Jobs:
        diagnoses = 1 if self._diagnoser is None else self._diagnoser.tasks
        jobs = Jobs(self._clock, diagnoses)
        interval = self._settings.collect.interval
        for place, poller in enumerate(self._pollers):
            phase = poll_phase_seconds(interval, place)
            soon = spread_seconds(interval, place)
            jobs.every(
                interval, self.poll_now, poller, phase_seconds=phase, first_after_seconds=soon
            )
            jobs.every(CATALOGUE_EVERY_SECONDS, self._org_jobs.refresh_catalogue, poller)
            jobs.every(RECONCILE_LOOK_SECONDS, self._org_jobs.reconcile, poller)
        jobs.every(PRUNE_EVERY_SECONDS, self._prune)
        # At once too: a state of an older program has all of its windows still to be packed.
        jobs.every(PACK_EVERY_SECONDS, self._pack, phase_seconds=PACK_EVERY_SECONDS / 2)
        return jobs

    def _prune(self) -> None:
        self._upkeep.prune(self._settings, lambda: self._snapshot().orgs)

    def _pack(self) -> None:
        self._upkeep.pack(self._settings)

    def _show(self) -> None:
        with self._snapshot_lock:
            self.holder.swap(self._snapshot())

    def _snapshot(self) -> Snapshot:
        return Snapshot(
            taken_at=self._clock.now(),
            taken_at_monotonic=self._clock.monotonic(),
            interval_seconds=self._settings.collect.interval,
            clock_steps=self._clock_watch.counts,
            orgs=tuple(
                self._leased.org_as_leased(
                    replace(poller.snapshot, remediation=self._loops[poller.name].snapshot)
                )
                for poller in self._pollers
            ),
            stale_after_seconds=self._settings.collect.stale_after_seconds,
            state_writable=self._state_health.is_writable,
            state_problem=self._state_health.problem,
        )
