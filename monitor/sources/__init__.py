"""From an answer of the platform to tallies and incidents; one module per kind of evidence."""

from monitor.sources.actions import ActionsSource
from monitor.sources.conversations import Attribution, ConversationsSource
from monitor.sources.evidence import Evidence, Source

__all__ = ["ActionsSource", "Attribution", "ConversationsSource", "Evidence", "Source"]
