"""The daemon: jobs that read each org and change its timeouts, and the server that shows it all."""

from __future__ import annotations

import math
import queue
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

import structlog
from apscheduler.job import Job
from prometheus_client import CollectorRegistry

from monitor import investigation
from monitor.clock import Clock, SystemClock
from monitor.clock_watch import ClockWatch
from monitor.config import Settings
from monitor.diagnosis import Diagnoser
from monitor.errors import (
    ConfigurationError,
    LedgerError,
    NotLeasedError,
    StateLostError,
    TimeoutMonitorError,
    UnforeseenError,
)
from monitor.exporter import MetricsCollector
from monitor.genesys import EndpointBackoff
from monitor.jobs import (
    Jobs,
    failures_logged,
    keep_leases,
    poll_phase_seconds,
    run_now,
    spread_seconds,
)
from monitor.leased_snapshots import LeasedSnapshots
from monitor.ledger import Ledger
from monitor.poller import RECONCILE_LOOK_SECONDS, RECONCILED_SECONDS, OrgPoller, open_pollers
from monitor.remediation import RemediationLoop
from monitor.signals import await_signal
from monitor.snapshot import OrgSnapshot, Snapshot, SnapshotHolder
from monitor.store import LEASE_SECONDS
from monitor.time_ranges import TimeRange, floor_to
from monitor.web import HostNames, WebConfig, WebServer, create_app, exposure_of

log = structlog.get_logger()

CATALOGUE_EVERY_SECONDS = 600
"""Timeouts change by hand, a few times a week; ten minutes bound how long we misjudge one."""

PRUNE_EVERY_SECONDS = 3600

PACK_EVERY_SECONDS = 3600
PACK_AFTER_SECONDS = 3600
"""How much older than the lookback a window is when it is packed: polls ask for it no more, and
what grows all the same is taken out again."""

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
        self._read_by: dict[str, str] = {}
        self._polls: dict[str, Job] = {}
        self._state_writable = True
        self._state_problem = ""
        self._ledger = Ledger.open(settings.state.url)
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
            self._pollers = self._open_pollers(settings)
            self._loops = self._open_loops(settings)
            self.holder = SnapshotHolder(self._snapshot(), self._leased.as_leased)
            registry = CollectorRegistry()
            serve, classifier = settings.serve, settings.classify.classifier()
            registry.register(MetricsCollector(self.holder, classifier, clock, serve.histogram))
            hosts = HostNames.of_this_machine(serve.host, *serve.hosts)
            self._protected = protected = WebConfig.read(serve.web_config)
            app = create_app(
                self.holder,
                registry,
                clock,
                hosts,
                protected.passwords,
                self._read_action,
                trails=self._ledger.journal,
            )
            self._web = WebServer(app, serve.host, serve.port, tls=protected.tls)
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
        for key in self._settings.classify.without_effect:
            log.warning(
                "setting_without_effect",
                key=f"classify.{key}",
                hint="Take it out: the type of an action's integration tells a function.",
            )
        exposed = exposure_of(self._settings.serve.host, self._protected)
        if exposed is not None:
            log.warning(exposed.event, why=exposed.what, hint=exposed.hint)
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
        giving = threading.Thread(target=self._give_leases_back, name="leases", daemon=True)
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

    def _take_leases(self) -> None:
        """Take this program's share of the orgs that none reads.

        What another one leaves, or can't read, comes with the next renewal, or with its next poll.
        """
        names = [poller.name for poller in self._pollers]
        readers = {self._leases.read_by(name) for name in names} - {""}
        free = [n for n in names if not self._leases.read_by(n) and not self._leases.held(n)]
        for name in free[: math.ceil(len(free) / (len(readers) + 1))]:
            self._leases.take(name)

    def _after_renewal(self) -> None:
        """Take over what another program reads no more, and poll it at once."""
        renewed = self._leases.orgs
        names = {poller.name for poller in self._pollers}
        # A reload may have taken an org out while its last job took the lease.
        for org in renewed - names:
            self._leases.give_back(org)
        before = {name for name in names if self._leases.held(name)}
        self._take_leases()
        for poller in self._pollers:
            if poller.name not in before and self._leases.held(poller.name):
                log.info("taken_over", org=poller.name)
                run_now(self._polls[poller.name])

    def _give_leases_back(self) -> None:
        with failures_logged("leases"):
            self._leases.give_back()

    def _read_action(
        self, org_snapshot: OrgSnapshot, action_id: str, time_range: TimeRange
    ) -> investigation.ActionHistory:
        """Return what the state knows of one action, for its page; no poll is waited for."""
        settings = self._settings
        found = [org for org in settings.org if org.name == org_snapshot.org]
        if not found:
            raise LedgerError(
                f"{org_snapshot.org} is not watched any more", "The settings were read again."
            )
        # Named by its room: what reads windows is loaded when a page is first asked for.
        return investigation.load_action_history(
            self._ledger, found[0], settings, org_snapshot.state, action_id, time_range
        )

    def _poll_or_follow(self, poller: OrgPoller) -> bool:
        """Poll an org, or show what another program reads of it; whether it was polled."""
        try:
            self._catch_up(poller)
            poller.poll()
        except NotLeasedError as error:
            self._leased.note_another(poller.name)
            if self._read_by.get(poller.name) != error.message:
                log.info("standing_by", org=poller.name, why=error.message)
            self._read_by[poller.name] = error.message
            poller.follow()
            self._loops[poller.name].refresh_snapshot()
            return False
        self._read_by.pop(poller.name, None)
        return True

    def _catch_up(self, poller: OrgPoller) -> None:
        """Go on from what the state has counted, at the start and where another one read the org.

        The lease comes first: what is counted after the snapshot is this program's then.
        """
        # A state that can't be asked, or summed up, is the poll's to tell and to count.
        with suppress(LedgerError, UnforeseenError):
            if not self._leases.take(poller.name):
                return
            token = self._leased.behind(poller.name)
            if token is None and not poller.is_starting:
                return
            poller.catch_up()
            self._loops[poller.name].refresh_snapshot()
            if token is not None:
                self._leased.note_caught_up(poller.name, token)
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
        self._clock_watch.look()
        is_polled = True
        try:
            is_polled = self._poll_or_follow(poller)
        except StateLostError as error:
            self._state_writable, self._state_problem = False, error.message
            log.error("state_lost", org=poller.name, why=error.message, hint=error.hint)
            # Nothing is judged or changed by a state that is not there.
            self._show()
            return
        except LedgerError as error:
            self._state_writable = False
            log.error("state_failed", org=poller.name, why=error.message, hint=error.hint)
        except (ConfigurationError, UnforeseenError) as error:
            # An address that can't be asked, which SIGHUP may mend, or a fault of our own: the
            # poller has told, and counted it.
            log.debug("not_polled", org=poller.name, why=error.message)
        else:
            if self._state_problem:
                log.info("state_is_back", state=self._ledger.name)
            self._state_writable, self._state_problem = True, ""
        self._show()
        if not is_polled:
            return
        if not self._jobs.awaits_diagnosis(poller.name) and poller.claim_diagnosis():
            self._jobs.diagnose(poller.name, self._diagnose, poller)
        why = self._clock_watch.why_nothing_changes(is_off=poller.snapshot.health.is_clock_off)
        if why and why != self._no_turn.get(poller.name):
            log.info("no_turn", org=poller.name, why=why)
        self._no_turn[poller.name] = why
        if why:
            return
        self._jobs.run_once(self._remediate, poller, self._loops[poller.name])

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
            poll = jobs.every(
                interval, self.poll_now, poller, phase_seconds=phase, first_after_seconds=soon
            )
            self._polls[poller.name] = poll
            jobs.every(CATALOGUE_EVERY_SECONDS, self._refresh, poller)
            jobs.every(RECONCILE_LOOK_SECONDS, self._reconcile, poller)
        jobs.every(PRUNE_EVERY_SECONDS, self._prune)
        # At once too: a state of an older program has all of its windows still to be packed.
        jobs.every(PACK_EVERY_SECONDS, self._pack, phase_seconds=PACK_EVERY_SECONDS / 2)
        return jobs

    def _diagnose(self, poller: OrgPoller) -> None:
        """Diagnose one org and show the verdicts."""
        if self._stop.is_set():
            return
        with failures_logged("diagnosis", poller.name):
            poller.diagnose()
        with failures_logged("diagnosis", poller.name):
            self._show()

    def _remediate(self, poller: OrgPoller, loop: RemediationLoop) -> None:
        """Take a turn at the timeouts of one org, as far as the mode allows, and show it."""
        # What waited may have waited for longer than the lease.
        if self._stop.is_set() or self._leases.held(poller.name) is None:
            return
        with failures_logged("remediation", poller.name):
            loop.run_once(poller.snapshot.diagnosis)
            loop.refresh_snapshot()
        with failures_logged("remediation", poller.name):
            self._show()

    def _refresh(self, poller: OrgPoller) -> None:
        if self._stop.is_set():
            return
        with failures_logged("catalogue", poller.name), suppress(NotLeasedError):
            poller.refresh_catalogue()
        with failures_logged("catalogue", poller.name):
            self._show()

    def _reconcile(self, poller: OrgPoller) -> None:
        """Compare what was counted of an org with the platform, once a day."""
        if self._stop.is_set() or self._leases.held(poller.name) is None:
            return
        with failures_logged("reconcile", poller.name):
            if poller.is_reconcile_due:
                poller.reconcile(RECONCILED_SECONDS)
                self._show()

    def _prune(self) -> None:
        with failures_logged("prune"):
            self._forget()

    def _forget(self) -> None:
        if all(self._leases.read_by(poller.name) for poller in self._pollers):
            return
        self._clock_watch.look()
        is_off = any(poller.snapshot.health.is_clock_off for poller in self._pollers)
        if not self._clock_watch.may_prune(is_off=is_off):
            log.warning("prune_left_out", why="the clock is wrong, or was set lately")
            return
        collect, state = self._settings.collect, self._settings.state
        before = floor_to(self._clock.now() - state.retention, collect.window)
        log.info("pruned", rows=self._ledger.prune(before))

    def _pack(self) -> None:
        """Pack what has settled, a little at a time; the next time goes on where this one stops."""
        if self._stop.is_set() or all(self._leases.read_by(one.name) for one in self._pollers):
            return
        collect = self._settings.collect
        age_seconds = collect.lookback + PACK_AFTER_SECONDS
        with failures_logged("pack"):
            before = floor_to(self._clock.now() - age_seconds, collect.window)
            windows = self._ledger.pack(before, self._stop.is_set)
            if windows:
                log.info("packed", windows=windows)
                given_back = self._ledger.compact()
                if given_back:
                    log.info("compacted", bytes=given_back)

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
            state_writable=self._state_writable,
            state_problem=self._state_problem,
        )
