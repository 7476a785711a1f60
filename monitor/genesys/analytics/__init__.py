"""Analytics: action aggregates, the main evidence, and conversation detail records.

Requests hold the platform's own field names and enums; answers hold the fields that are used and
no others. Empty lists, groups and statistics are left out or null in answers: that is normal, and
reads as empty here.
"""

from __future__ import annotations

from monitor.genesys.analytics.aggregates import (
    ACTION_AGGREGATES,
    EXECUTIONS,
    ActionAggregateQuery,
    ActionAggregates,
    ActionBucket,
    ActionDimension,
    ActionFilter,
    ActionGroup,
    ActionPredicate,
    Range,
    Stats,
    View,
    action_aggregates,
)
from monitor.genesys.analytics.conversations import (
    CONVERSATION_DETAILS,
    LARGEST_PAGE,
    Conversation,
    ConversationDetailQuery,
    ConversationPage,
    Paging,
    Participant,
    Segment,
    SegmentDimension,
    SegmentFilter,
    SegmentPredicate,
    Session,
    SessionFlow,
    conversation_details,
)
from monitor.genesys.analytics.instants import epoch_ms, epoch_seconds, interval

__all__ = [
    "ACTION_AGGREGATES",
    "CONVERSATION_DETAILS",
    "EXECUTIONS",
    "LARGEST_PAGE",
    "ActionAggregateQuery",
    "ActionAggregates",
    "ActionBucket",
    "ActionDimension",
    "ActionFilter",
    "ActionGroup",
    "ActionPredicate",
    "Conversation",
    "ConversationDetailQuery",
    "ConversationPage",
    "Paging",
    "Participant",
    "Range",
    "Segment",
    "SegmentDimension",
    "SegmentFilter",
    "SegmentPredicate",
    "Session",
    "SessionFlow",
    "Stats",
    "View",
    "action_aggregates",
    "conversation_details",
    "epoch_ms",
    "epoch_seconds",
    "interval",
]
