"""From an answer of the platform to tallies and incidents; one module per kind of evidence."""

from monitor.sources.actions import ActionsSource
from monitor.sources.conversations import Attribution, ConversationsSource
from monitor.sources.evidence import Evidence, Source
from monitor.sources.executions import ExecutionBounds, ExecutionsSource, ProgressListener
from monitor.sources.flow_errors import FlowErrorsSource

__all__ = [
    "ActionsSource",
    "Attribution",
    "ConversationsSource",
    "Evidence",
    "ExecutionBounds",
    "ExecutionsSource",
    "FlowErrorsSource",
    "ProgressListener",
    "Source",
]
