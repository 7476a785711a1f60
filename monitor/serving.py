"""The server of a daemon: what it shows, where, and to whom."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import structlog
from prometheus_client import CollectorRegistry

from monitor import investigation
from monitor.clock import Clock
from monitor.config import Settings
from monitor.errors import LedgerError
from monitor.exporter import MetricsCollector
from monitor.ledger import Ledger
from monitor.snapshot import OrgSnapshot, SnapshotHolder
from monitor.time_ranges import TimeRange
from monitor.web import HostNames, WebConfig, WebServer, create_app, exposure_of

log = structlog.get_logger()


def open_server(
    settings: Callable[[], Settings],
    holder: SnapshotHolder,
    ledger: Ledger,
    clock: Clock,
    protected: WebConfig,
) -> WebServer:
    """Take the port, and return what serves metrics, pages and API; it does not serve yet.

    Args:
        settings: Return those of the moment; what is served where does not change with them.
        holder: What is shown.
        ledger: What the pages of single actions are read from.
        clock: The time of the data.
        protected: Who may read it.

    Raises:
        ConfigurationError: The port is in use, or can't be had.
    """
    serve, classifier = settings().serve, settings().classify.classifier()
    registry = CollectorRegistry()
    registry.register(MetricsCollector(holder, classifier, clock, serve.histogram))
    histories = _ActionHistories(settings, ledger)
    app = create_app(
        holder,
        registry,
        clock,
        HostNames.of_this_machine(serve.host, *serve.hosts),
        protected.passwords,
        histories.load,
        trails=ledger.journal,
        read_timeline=histories.timeline,
    )
    return WebServer(app, serve.host, serve.port, tls=protected.tls)


def warn_of_settings(settings: Settings, protected: WebConfig) -> None:
    """Log who may read more than was meant, and which settings have no effect.

    Args:
        settings: Where it is served.
        protected: Who may read it.
    """
    for key in settings.classify.without_effect:
        log.warning(
            "setting_without_effect",
            key=f"classify.{key}",
            hint="Take it out: the type of an action's integration tells a function.",
        )
    exposed = exposure_of(settings.serve.host, protected)
    if exposed is not None:
        log.warning(exposed.event, why=exposed.what, hint=exposed.hint)


@dataclass(frozen=True, slots=True)
class _ActionHistories:
    settings: Callable[[], Settings]
    ledger: Ledger

    def load(
        self, org_snapshot: OrgSnapshot, action_id: str, time_range: TimeRange
    ) -> investigation.ActionHistory:
        """Return what the state knows of one action, for its page; no poll is waited for."""
        settings = self.settings()
        found = [org for org in settings.org if org.name == org_snapshot.org]
        if not found:
            raise LedgerError(
                f"{org_snapshot.org} is not watched any more", "The settings were read again."
            )
        # Named by its room: what reads windows is loaded when a page is first asked for.
        return investigation.load_action_history(
            self.ledger, found[0], settings, org_snapshot.state, action_id, time_range
        )

    def timeline(
        self, org: str, action_id: str, time_range: TimeRange
    ) -> investigation.ActionTimeline:
        """Return what was told of one action over a period, and the changes of its timeout."""
        found = investigation.load_timelines(self.ledger, org, time_range, action_id)
        return found.get(action_id, investigation.UNTOLD)
