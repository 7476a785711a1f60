"""A poller for each org of the settings, wired to one state."""

from __future__ import annotations

import threading
from collections.abc import MutableMapping

from monitor.clock import Clock
from monitor.config import Settings
from monitor.diagnosis import Diagnoser
from monitor.genesys import EndpointBackoff
from monitor.ledger import Ledger, ReadingLeases
from monitor.poller.org_poller import OrgPoller
from monitor.poller.org_reader import open_reader


def open_pollers(  # noqa: PLR0913 - what all of them share
    settings: Settings,
    *,
    ledger: Ledger,
    clock: Clock,
    stop: threading.Event,
    leases: ReadingLeases,
    backoff: MutableMapping[str, EndpointBackoff],
    diagnoser: Diagnoser | None = None,
    pace_share: float = 1.0,
) -> tuple[OrgPoller, ...]:
    """Return a poller for each org; nothing is asked yet.

    Args:
        settings: The orgs, and how to read them.
        ledger: Where counts are kept.
        clock: The time of the data.
        stop: Set it to end every wait and to begin no further read.
        leases: The right to read each org.
        backoff: Endpoints that asked for quiet earlier, by org; what is missing is added.
        diagnoser: Diagnoses in other processes; None for this one.
        pace_share: Of the pace that a client may keep: what is not urgent leaves most of it.

    Raises:
        ConfigurationError: A credential can't be used, or the state was kept in other windows.
        LedgerError: The state can't be read.
    """
    return tuple(
        OrgPoller(
            open_reader(
                org,
                settings,
                ledger=ledger,
                clock=clock,
                stop=stop,
                backoff=backoff.setdefault(org.name, EndpointBackoff()),
                pace_share=pace_share,
            ),
            settings,
            ledger=ledger,
            clock=clock,
            leases=leases,
            diagnoser=diagnoser,
        )
        for org in settings.org
    )
