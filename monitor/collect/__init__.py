"""Reading an org: what is due, from which source, into which ledger."""

from monitor.collect.ages import FreshnessTracker
from monitor.collect.audits import AuditReader
from monitor.collect.catalogue import Catalogue
from monitor.collect.collector import Collector
from monitor.collect.poll_report import PollReport, PollResult
from monitor.collect.reader import OrgReader, open_reader

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
