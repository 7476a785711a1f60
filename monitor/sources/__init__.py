"""From an answer of the platform to tallies and incidents; one module per kind of evidence."""

from monitor.sources.actions import ActionsSource
from monitor.sources.conversations import Attribution, ConversationsSource
from monitor.sources.evidence import Evidence, Source
from monitor.sources.executions import Bounds, ExecutionsSource, Onlooker

__all__ = [
    "ActionsSource",
    "Attribution",
    "Bounds",
    "ConversationsSource",
    "Evidence",
    "ExecutionsSource",
    "Onlooker",
    "Source",
]
