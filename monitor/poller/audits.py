"""Reading who changed timeouts outside this program: with the catalogue, and only then."""

from __future__ import annotations

import math

import structlog

from monitor.clock import Clock
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

FIRST_SECONDS = 86_400
"""What the first reading of all looks at."""

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

    @property
    def available(self) -> bool:
        """Whether the source answers; True before it was asked.

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
        """Read what is new; what goes wrong is said once, and asked again the next time.

        Raises:
            LedgerError: The state can't be read or written.
        """
        if self._availability.is_backing_off(AUDITS):
            return
        period = self._due()
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
            until = found.entries[-1].event_date.timestamp() + LATEST_SECONDS
            log.warning("audits_cut", org=self._org, entries=len(found.entries))
        self._ledger.journal.save_timeout_edits(self._org, edits, until, self._own_clients)

    def _due(self) -> TimeRange:
        now = self._clock.now()
        # A clock that was set back must not make it wait.
        read_until = min(self._ledger.journal.edits_read_until(self._org), now)
        begin = read_until - LATEST_SECONDS if read_until else now - FIRST_SECONDS
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
