"""Which orgs this program reads, of several programs on one state, and what it shows of others'."""

from __future__ import annotations

import math
import random
from collections.abc import Collection, Iterator
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

    def stands_by(self, org: str) -> bool:
        """Whether another program reads an org, as of the last look at the leases.

        What it leaves comes to this program with the next look, and is no poll's to find out.
        """
        if not self._leases.read_by(org):
            return False
        self._stand_by(org, self._leases.refusal(org))
        return True

    def poll(self, poller: OrgPoller) -> bool:
        """Poll an org, unless another program reads it; whether it was polled.

        Raises:
            TimeoutMonitorError: What the poll raises.
        """
        try:
            poller.poll()
        except NotLeasedError as error:
            self._stand_by(poller.name, error)
            return False
        self._read_by.pop(poller.name, None)
        return True

    def follow(self, poller: OrgPoller, loop: RemediationLoop) -> bool:
        """Take an org's snapshots anew from what another program has read; whether that is so.

        Raises:
            LedgerError: The state can't be read.
        """
        if self._leases.held(poller.name):
            return False
        poller.follow()
        loop.refresh_snapshot()
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

    def take_over(self, orgs: Collection[str]) -> Iterator[str]:
        """Take this program's share of what none reads, after a look at the leases.

        The others do the same, at the same moment maybe: each takes until it has as many as it
        would have if they shared alike, beginning anywhere. What is left, because another one can't
        read, comes with the next look, or with the next poll.

        Args:
            orgs: Those of the settings.

        Yields:
            Each org as soon as it is taken: it waits to be polled.
        """
        # A reload may have taken an org out while its last job took the lease.
        for org in self._leases.orgs - frozenset(orgs):
            self._leases.give_back(org)
        held = sum(self._leases.held(org) is not None for org in orgs)
        free = [o for o in orgs if not self._leases.read_by(o) and not self._leases.held(o)]
        programs = self._leases.readers(orgs) + 1
        share = max(math.ceil(len(orgs) / programs) - held, math.ceil(len(free) / programs))
        random.shuffle(free)
        for org in free:
            if share <= 0:
                return
            if self._leases.take(org):
                share -= 1
                log.info("taken_over", org=org)
                yield org

    def give_back(self) -> None:
        """Leave all orgs to others, which need not wait for the end of the leases."""
        with failures_logged("leases"):
            self._leases.give_back()

    def _stand_by(self, org: str, why: NotLeasedError) -> None:
        self._leased.note_another(org)
        if self._read_by.get(org) != why.message:
            log.info("standing_by", org=org, why=why.message)
        self._read_by[org] = why.message
