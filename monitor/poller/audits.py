"""Reading who changed timeouts outside this program: after a listing of actions, and only then.

==========================================  ======================================================
a listing of actions                        asks the audit log
==========================================  ======================================================
the first of this process                   always: whether it answers is not known before
that shows a timeout that is another one    and each later one, until it has been read an hour
                                            after that change: an entry may come so late
any other                                   once within an hour: a timeout may have been changed
                                            and changed back between two listings
after a failure, or a part of the answer    always
==========================================  ======================================================

A timeout that differs is in the state, so that a restart or another program goes on asking.
"""

from __future__ import annotations

import math

import structlog

from monitor.clock import Clock, is_in_future
from monitor.errors import GenesysError, NotFoundError, PermissionDeniedError
from monitor.genesys import REACHES_BACK_SECONDS, Client, action_audits
from monitor.ledger import Ledger
from monitor.model import AUDITS
from monitor.poller.source_availability import SourceAvailability
from monitor.sources import timeout_edits
from monitor.time_ranges import TimeRange

log = structlog.get_logger()

LATEST_SECONDS = 3_600
"""Entries that show up to an hour late are found: each reading begins so long before the last."""

SELDOM_SECONDS = 3_300
"""How long nothing is asked where no timeout has changed: less than an hour, as the listing that
comes an hour after another one may come a little early."""

FIRST_SECONDS = 86_400
"""What the first reading of all looks at, and the one after the clock was set back."""

FAILING_SECONDS = 3_600
"""A source that has failed for so long is told as one that does not answer."""


class AuditReader:
    """Reads one org's audit log into the ledger."""

    def __init__(
        self,
        *,
        org: str,
        client: Client,
        ledger: Ledger,
        clock: Clock,
        own_clients: frozenset[str],
    ) -> None:
        """Ask nothing yet.

        Args:
            org: The org's configured name.
            client: Asks.
            ledger: Where entries are kept.
            clock: The time of the data.
            own_clients: The ids of the clients that this program logs in with.
        """
        self._org = org
        self._client = client
        self._ledger = ledger
        self._clock = clock
        self._own_clients = own_clients
        self._availability = SourceAvailability(org, clock)
        self._failing_since: float | None = None
        self._read_at = -math.inf

    @property
    def available(self) -> bool:
        """Whether the source answered when it was asked last; True before it ever was.

        A failure is no refusal; one that has lasted for an hour is no answer either.
        """
        since = self._failing_since
        failing_seconds = 0.0 if since is None else self._clock.monotonic() - since
        return self._availability.is_available(AUDITS) and failing_seconds < FAILING_SECONDS

    @property
    def refused(self) -> GenesysError | None:
        """Why the platform refuses it; None where it does not."""
        return self._availability.off.get(AUDITS)

    def read(self) -> None:
        """Read what is new, where the listing that was just kept is one to ask after.

        What goes wrong is said once, and asked again after the next listing.

        Raises:
            LedgerError: The state can't be read or written.
        """
        if self._availability.is_backing_off(AUDITS) or not self._is_due():
            return
        period = self._unread()
        try:
            found = action_audits(self._client, period)
        except GenesysError as error:
            self._note_failure(error)
            return
        self._availability.note_answer(AUDITS)
        self._failing_since = None
        edits = timeout_edits(found.entries)
        until = float(period.end)
        if not found.complete:
            # The next reading begins at the last of them, so that it gets further.
            until = min(until, found.entries[-1].event_date.timestamp() + LATEST_SECONDS)
            log.warning("audits_cut", org=self._org, entries=len(found.entries))
        self._ledger.journal.platform_audit.save_edits(self._org, edits, until, self._own_clients)
        if found.complete:
            self._read_at = self._clock.monotonic()

    def _is_due(self) -> bool:
        if self._clock.monotonic() - self._read_at >= SELDOM_SECONDS:
            return True
        journal = self._ledger.journal
        # A clock that was set back must not make it wait.
        read_until = min(journal.platform_audit.read_until(self._org), self._clock.now())
        return read_until < journal.last_timeout_change(self._org) + LATEST_SECONDS

    def _unread(self) -> TimeRange:
        now, read_until = (
            self._clock.now(),
            self._ledger.journal.platform_audit.read_until(self._org),
        )
        # A clock that was ahead has read nothing of what comes now.
        is_read = read_until and not is_in_future(read_until, now)
        begin = min(read_until, now) - LATEST_SECONDS if is_read else now - FIRST_SECONDS
        oldest = now - REACHES_BACK_SECONDS + LATEST_SECONDS
        return TimeRange(math.floor(max(begin, oldest)), math.ceil(now) + 1)

    def _note_failure(self, error: GenesysError) -> None:
        if isinstance(error, PermissionDeniedError | NotFoundError):
            self._availability.note_refusal(AUDITS, error)
        elif self._failing_since is None:
            self._failing_since = self._clock.monotonic()
            log.warning(
                "audits_failed",
                org=self._org,
                why=error.message,
                hint=error.hint,
                correlation_id=error.correlation_id,
            )
