"""What keeps the state small: windows that have settled are packed, old ones forgotten."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable

import structlog

from monitor.clock import Clock
from monitor.clock_watch import ClockWatch
from monitor.config import Settings
from monitor.jobs import failures_logged
from monitor.ledger import Ledger, ReadingLeases
from monitor.snapshot import OrgSnapshot, PollHealth
from monitor.time_ranges import floor_to

log = structlog.get_logger()

PACK_AFTER_SECONDS = 3600
"""How much older than the lookback a window is when it is packed: polls ask for it no more, and
what grows all the same is taken out again."""

VERDICTS_SECONDS = 90 * 86_400
"""How long what was told of an action is kept at least, however short the retention: it is a few
rows, and tells what the windows tell no more."""

SHARE_SECONDS = 5.0
"""How long a command may take for it, after its own work; a transaction in hand is finished."""

HOUR_SECONDS = 3600


class Upkeep:
    """Packs and prunes the state, as long as this program reads any of its orgs."""

    def __init__(
        self,
        ledger: Ledger,
        clock: Clock,
        *,
        leases: ReadingLeases,
        clock_watch: ClockWatch,
        stop: threading.Event,
    ) -> None:
        """Begin; nothing is done yet.

        Args:
            ledger: The state.
            clock: The time of the data.
            leases: Tell which orgs this program reads.
            clock_watch: Says whether what looks old may be forgotten.
            stop: Set it to end what goes on.
        """
        self._ledger = ledger
        self._clock = clock
        self._leases = leases
        self._clock_watch = clock_watch
        self._stop = stop

    def prune(self, settings: Settings, orgs: Callable[[], Iterable[OrgSnapshot]]) -> None:
        """Forget what is older than the retention, unless the clock may be wrong.

        Args:
            settings: The orgs, and how long to keep what was counted.
            orgs: Return the newest snapshots; they say whether the platform's clock disagrees.
        """
        with failures_logged("prune"):
            if not self._reads_any(settings):
                return
            self._clock_watch.look()
            is_off = any(org_snapshot.health.is_clock_off for org_snapshot in orgs())
            if not self._clock_watch.may_prune(is_off=is_off):
                log.warning("prune_left_out", why="the clock is wrong, or was set lately")
                return
            before = floor_to(self._clock.now() - settings.state.retention, settings.collect.window)
            self._forget(before)

    def pack(self, settings: Settings) -> None:
        """Pack what has settled, a little at a time; the next time goes on where this one stops.

        Args:
            settings: The orgs, and how far polls look back.
        """
        if self._stop.is_set() or not self._reads_any(settings):
            return
        collect = settings.collect
        age_seconds = collect.lookback + PACK_AFTER_SECONDS
        with failures_logged("pack"):
            before = floor_to(self._clock.now() - age_seconds, collect.window)
            windows = self._ledger.housekeeping.pack(before, self._stop.is_set)
            if windows:
                log.info("packed", windows=windows)
                given_back = self._ledger.housekeeping.compact()
                if given_back:
                    log.info("compacted", bytes=given_back)

    def take_share(self, settings: Settings, orgs: Iterable[OrgSnapshot]) -> None:
        """Do a part of it, within seconds, after a command has read: no daemon may ever run.

        Nothing is done where other programs read all of the orgs, which see to it. Of what is
        waiting to be packed the next command does the next part; a file is not given back room,
        which would keep others from it for as long as that takes.

        Args:
            settings: The orgs, how long to keep what was counted, and how far polls look back.
            orgs: What was just read of each; without the platform's clock nothing is forgotten.
        """
        deadline = time.monotonic() + SHARE_SECONDS

        def is_over() -> bool:
            return self._stop.is_set() or time.monotonic() > deadline

        with failures_logged("upkeep"):
            if not any(self._leases.take(org.name) for org in settings.org):
                return
            try:
                self._prune_old(settings, [one.health for one in orgs], is_over)
                # By the hour: a window that is packed by itself is packed anew with the next one.
                age_seconds = settings.collect.lookback + PACK_AFTER_SECONDS
                before = floor_to(self._clock.now() - age_seconds, HOUR_SECONDS)
                windows = self._ledger.housekeeping.pack(before, is_over)
                if windows:
                    log.info("packed", windows=windows)
            finally:
                self._leases.give_back()

    def _prune_old(
        self, settings: Settings, healths: Iterable[PollHealth], is_over: Callable[[], bool]
    ) -> None:
        """Forget what is old, once an hour, unless the clock may be wrong or can't be told."""
        self._clock_watch.look()
        told = [one for one in healths if one.clock_skew_seconds is not None]
        is_off = not told or any(one.is_clock_off for one in told)
        before = floor_to(self._clock.now() - settings.state.retention, HOUR_SECONDS)
        housekeeping = self._ledger.housekeeping
        if before <= housekeeping.pruned_before() or not housekeeping.holds_older(before):
            return
        if not self._clock_watch.may_prune(is_off=is_off):
            log.warning("prune_left_out", why="the clock is wrong, or was set lately")
            return
        self._forget(before, is_over)

    def _forget(self, before: int, stop: Callable[[], bool] = bool) -> None:
        verdicts_before = min(before, int(self._clock.now() - VERDICTS_SECONDS))
        log.info("pruned", rows=self._ledger.housekeeping.prune(before, verdicts_before, stop))

    def _reads_any(self, settings: Settings) -> bool:
        """Whether any org is left to this program: of the others their readers take care."""
        return not all(self._leases.read_by(org.name) for org in settings.org)
