"""Everything that reads one org, wired together from its settings."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from monitor.clock import Clock
from monitor.config import HistogramDetail, OrgSettings, Settings
from monitor.genesys import Client, EndpointBackoff, connect, pace
from monitor.ledger import Ledger
from monitor.poller.audits import AuditReader
from monitor.poller.catalogue import Catalogue
from monitor.poller.source_reader import ChargedSources, SourceReader
from monitor.sources import ActionsSource, ConversationsSource, FlowErrorsSource, Source
from monitor.store import StateClock


@dataclass(frozen=True, slots=True)
class OrgReader:
    """One org's client, catalogue and collector, and its audit log where that is read."""

    settings: OrgSettings
    client: Client
    catalogue: Catalogue
    source_reader: SourceReader
    audits: AuditReader | None = None


def open_reader(  # noqa: PLR0913 - what differs between the commands that read
    org: OrgSettings,
    settings: Settings,
    *,
    ledger: Ledger,
    clock: Clock,
    stop: threading.Event,
    backoff: EndpointBackoff | None = None,
    pace_share: float = 1.0,
) -> OrgReader:
    """Wire an org's reader; no request is sent yet.

    Args:
        org: The org.
        settings: Everything else.
        ledger: Where its counts are kept.
        clock: The time of the data.
        stop: Set it to end every wait and to begin no further read.
        backoff: Endpoints that asked for quiet earlier; they stay closed.
        pace_share: Of the pace that a client may keep.

    Raises:
        ConfigurationError: A credential can't be used, or the state was kept in other windows.
        LedgerError: The state can't be read.
    """
    client = connect(
        org,
        stop=stop,
        backoff=backoff,
        requests_per_second=pace(clock) * pace_share,
    )
    if isinstance(clock, StateClock):
        client.measure_skew_by(clock)
    classifier = settings.classify.classifier()
    catalogue = Catalogue(org, client, ledger, clock)
    conversations = ConversationsSource(client, classifier, catalogue)
    lost = FlowErrorsSource(client, conversations, clock, org=org.name, contract=org.contract)
    # Flow errors come last: they may be counted from what the conversations have just brought.
    is_coarse = settings.serve.histogram is not HistogramDetail.FULL
    actions = ActionsSource(client, near_is_coarse=is_coarse)
    every: tuple[Source, ...] = (actions, conversations, lost)
    asked = settings.sources_of(org)
    charged = ChargedSources(
        tuple(source for source in every if source.name in asked), client.within
    )
    source_reader = SourceReader(org, settings, charged, ledger=ledger, clock=clock, stop=stop)
    audits = AuditReader(
        org=org.name,
        client=client,
        ledger=ledger,
        clock=clock,
        own_clients=org.client_ids,
    )
    return OrgReader(
        org, client, catalogue, source_reader, audits if settings.reads_audits(org) else None
    )
