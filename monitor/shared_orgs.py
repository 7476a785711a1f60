"""Which orgs this program reads, of several programs on one state, and what it shows of others'."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from contextlib import suppress

import structlog

from monitor.errors import LedgerError, NotLeasedError, UnforeseenError
from monitor.jobs import failures_logged
from monitor.leased_snapshots import LeasedSnapshots
from monitor.ledger import ReadingLeases
from monitor.poller import OrgPoller
from monitor.remediation import RemediationLoop

log = structlog.get_logger()


class SharedOrgs:
    """Takes, reads, follows and gives back orgs, as their leases are; safe to share."""

    def __init__(self, leases: ReadingLeases, leased: LeasedSnapshots) -> None:
        """Begin without an org.

        Args:
            leases: Those of this program.
            leased: Is told whose snapshots fall behind.
        """
        self._leases = leases
        self._leased = leased
        self._read_by: dict[str, str] = {}

    def poll_or_follow(self, poller: OrgPoller, loop: RemediationLoop) -> bool:
        """Poll an org, or show what another program reads of it; whether it was polled.

        Raises:
            TimeoutMonitorError: What the poll, or the following, raises.
        """
        try:
            poller.poll()
        except NotLeasedError as error:
            self._leased.note_another(poller.name)
            if self._read_by.get(poller.name) != error.message:
                log.info("standing_by", org=poller.name, why=error.message)
            self._read_by[poller.name] = error.message
            poller.follow()
            loop.refresh_snapshot()
            return False
        self._read_by.pop(poller.name, None)
        return True

    def catch_up(self, poller: OrgPoller, loop: RemediationLoop) -> bool:
        """Go on from what the state has counted, at the start and where another one read the org.

        The lease comes first: what is counted after the snapshot is this program's then. Returns
        whether there is a new snapshot.
        """
        # A state that can't be asked, or summed up, is the poll's to tell and to count.
        with suppress(LedgerError, UnforeseenError):
            if not self._leases.take(poller.name):
                return False
            token = self._leased.behind(poller.name)
            if token is None and not poller.is_starting:
                return False
            poller.catch_up()
            loop.refresh_snapshot()
            if token is not None:
                self._leased.note_caught_up(poller.name, token)
            return True
        return False

    def after_renewal(self, pollers: Mapping[str, OrgPoller]) -> Iterable[str]:
        """Take over what another program reads no more; return its names, to be polled at once.

        Args:
            pollers: Those of the settings, by org.
        """
        renewed = self._leases.orgs
        # A reload may have taken an org out while its last job took the lease.
        for org in renewed - pollers.keys():
            self._leases.give_back(org)
        before = {name for name in pollers if self._leases.held(name)}
        self._take_free(pollers)
        for name in pollers:
            if name not in before and self._leases.held(name):
                log.info("taken_over", org=name)
                yield name

    def give_back(self) -> None:
        """Leave all orgs to others, which need not wait for the end of the leases."""
        with failures_logged("leases"):
            self._leases.give_back()

    def _take_free(self, names: Iterable[str]) -> None:
        """Take this program's share of the orgs that none reads.

        What another one leaves, or can't read, comes with the next renewal, or with its next poll.
        """
        readers = {self._leases.read_by(name) for name in names} - {""}
        free = [n for n in names if not self._leases.read_by(n) and not self._leases.held(n)]
        for name in free[: math.ceil(len(free) / (len(readers) + 1))]:
            self._leases.take(name)
