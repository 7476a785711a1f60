"""From an answer of the platform to tallies and incidents; one module per kind of evidence."""

from monitor.sources.actions import ActionsSource
from monitor.sources.audits import timeout_edits
from monitor.sources.conversations import Attribution, ConversationsSource
from monitor.sources.executions import ExecutionBounds, ExecutionsSource, ProgressListener
from monitor.sources.flow_errors import FlowErrorsSource
from monitor.sources.jobs import JobPatience
from monitor.sources.near_bands import NearBandsSource
from monitor.sources.source import (
    COARSER_WINDOWS_SECONDS,
    Evidence,
    Source,
    coarser_window,
    is_granularity_too_fine,
    is_interval_too_long,
)

__all__ = [
    "COARSER_WINDOWS_SECONDS",
    "ActionsSource",
    "Attribution",
    "ConversationsSource",
    "Evidence",
    "ExecutionBounds",
    "ExecutionsSource",
    "FlowErrorsSource",
    "JobPatience",
    "NearBandsSource",
    "ProgressListener",
    "Source",
    "coarser_window",
    "is_granularity_too_fine",
    "is_interval_too_long",
    "timeout_edits",
]
