"""What a daemon does for one org beside its polls; nothing that goes wrong ends a thread."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress

from monitor.errors import NotLeasedError
from monitor.jobs import failures_logged
from monitor.ledger import ReadingLeases
from monitor.poller import RECONCILED_SECONDS, OrgPoller
from monitor.remediation import RemediationLoop


class OrgJobs:
    """Diagnoses, changes, lists and compares an org, and shows what came of it."""

    def __init__(
        self, leases: ReadingLeases, stop: threading.Event, show: Callable[[], None]
    ) -> None:
        """Begin; nothing is done yet.

        Args:
            leases: Tell which orgs this program reads.
            stop: Once it is set nothing is begun.
            show: Shows the newest snapshots.
        """
        self._leases = leases
        self._stop = stop
        self._show = show

    def diagnose(self, poller: OrgPoller) -> None:
        """Diagnose every action of the org anew."""
        if self._stop.is_set():
            return
        with failures_logged("diagnosis", poller.name):
            poller.diagnose()
        with failures_logged("diagnosis", poller.name):
            self._show()

    def remediate(self, poller: OrgPoller, loop: RemediationLoop) -> None:
        """Take a turn at the timeouts of the org, as far as the mode allows."""
        # What waited may have waited for longer than the lease.
        if self._stop.is_set() or self._leases.held(poller.name) is None:
            return
        with failures_logged("remediation", poller.name):
            shown = poller.snapshot
            # What was told before the start, or by another program, is shown until all is judged.
            loop.run_once(shown.diagnosis if shown.is_judged_here else None)
            loop.refresh_snapshot()
        with failures_logged("remediation", poller.name):
            self._show()

    def refresh_catalogue(self, poller: OrgPoller) -> None:
        """Read the names and timeouts of the org's actions again."""
        if self._stop.is_set():
            return
        with failures_logged("catalogue", poller.name), suppress(NotLeasedError):
            poller.refresh_catalogue()
        with failures_logged("catalogue", poller.name):
            self._show()

    def reconcile(self, poller: OrgPoller) -> None:
        """Compare what was counted of the org with the platform, once a day."""
        if self._stop.is_set() or self._leases.held(poller.name) is None:
            return
        with failures_logged("reconcile", poller.name):
            if poller.is_reconcile_due:
                poller.reconcile(RECONCILED_SECONDS)
                self._show()
