"""Reading an org: what is due, from which source, into which ledger."""

from monitor.poller.audits import AuditReader
from monitor.poller.catalogue import Catalogue
from monitor.poller.collector import Collector
from monitor.poller.freshness import FreshnessTracker
from monitor.poller.org_reader import OrgReader, open_reader
from monitor.poller.poll_report import PollReport, PollResult

__all__ = [
    "AuditReader",
    "Catalogue",
    "Collector",
    "FreshnessTracker",
    "OrgReader",
    "PollReport",
    "PollResult",
    "open_reader",
]
