"""Read the catalogue of an org, then who changed its timeouts, whatever becomes of either."""

from __future__ import annotations

import threading

import structlog

from monitor.contract import Contract
from monitor.errors import GenesysError, TimeoutMonitorError, UnforeseenError
from monitor.genesys import RequestBudget
from monitor.poller.org_reader import OrgReader
from monitor.poller.poll_health import FreshnessTracker, HealthTracker, with_hint

log = structlog.get_logger()

CATALOGUE_SHARES = 2
"""The catalogue has half of what a poll may ask for: the counts come first, and need the other."""


class CatalogueRefresh:
    """Reads the catalogue of one org; what goes wrong is logged, and what was known stays."""

    def __init__(
        self,
        reader: OrgReader,
        health: HealthTracker,
        freshness: FreshnessTracker,
        closed: threading.Event,
    ) -> None:
        """Begin with a catalogue that has not been read.

        Args:
            reader: What is asked, and what it is written to.
            health: Is told how it went.
            freshness: Is told when.
            closed: Set once the connections are closed: what fails then is no finding.
        """
        self._reader = reader
        self._health = health
        self._freshness = freshness
        self._closed = closed
        self.is_read = False

    def run(self, budget: RequestBudget) -> GenesysError | None:
        """Read it within its part of a poll's budget; what the platform refused is returned.

        Raises:
            LedgerError: The state can't be read or written.
        """
        with self._reader.client.within(budget.part(CATALOGUE_SHARES)):
            return self._listed()

    def _listed(self) -> GenesysError | None:
        org = self._reader.settings.name
        try:
            listed = self._reader.catalogue.refresh()
        except GenesysError as error:
            if not self._closed.is_set():
                log.warning(
                    "catalogue_failed",
                    org=org,
                    why=error.message,
                    hint=error.hint,
                    correlation_id=error.correlation_id,
                )
                self._health.note_catalogue(with_hint(error))
            return error
        except TimeoutMonitorError:
            raise
        except Exception as error:  # noqa: BLE001 - counting goes on without names
            failure = self._log_fault("catalogue_failed", error)
            self._health.note_catalogue(failure.message)
            return None
        self.is_read = True
        self._freshness.note_catalogue()
        self._health.note_catalogue()
        self._read_audits()
        if listed or self._reader.settings.contract is Contract.FLOW:
            log.info("catalogue", org=org, actions=listed)
        else:
            log.warning(
                "catalogue",
                org=org,
                actions=0,
                hint="Check that client_id belongs to the org you mean.",
            )
        return None

    def _read_audits(self) -> None:
        try:
            if self._reader.audits is not None:
                self._reader.audits.read()
        except TimeoutMonitorError:
            raise
        except Exception as error:  # noqa: BLE001 - who changed a timeout is no reason not to count
            self._log_fault("audits_failed", error)

    def _log_fault(self, event: str, error: Exception) -> UnforeseenError:
        failure = UnforeseenError.of(error)
        log.error(event, org=self._reader.settings.name, why=failure.message, hint=failure.hint)
        return failure
