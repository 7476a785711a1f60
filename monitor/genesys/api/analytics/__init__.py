"""Analytics: action aggregates, the main evidence, and conversation detail records.

Requests hold the platform's own field names and enums; answers hold the fields that are used and
no others. Empty lists, groups and statistics are left out or null in answers: that is normal, and
reads as empty here.
"""

from __future__ import annotations

from monitor.genesys.api.analytics.aggregates import (
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
)
from monitor.genesys.api.analytics.conversations import (
    CONVERSATION_DETAILS,
    LARGEST_PAGE,
    Conversation,
    ConversationDetailQuery,
    ConversationPage,
    Paging,
    Participant,
    Segment,
    SegmentClause,
    SegmentDimension,
    SegmentFilter,
    SegmentPredicate,
    Session,
    SessionFlow,
    conversation_details,
)
from monitor.genesys.api.analytics.flow_aggregates import (
    FLOW_AGGREGATES,
    FlowAggregateQuery,
    FlowAggregates,
    FlowFilter,
    FlowPredicate,
    flow_aggregates,
)
from monitor.genesys.api.analytics.jobs import (
    ACTION_JOB,
    ACTION_JOB_RESULTS,
    SUBMIT_ACTION_JOB,
    ActionAggregateJob,
    ActionJobPage,
    JobState,
    JobStatus,
    action_job,
    action_job_page,
    submit_action_job,
)
from monitor.genesys.api.analytics.timestamps import epoch_ms, epoch_seconds, interval
from monitor.platform_limits import MOST_VIEWS

__all__ = [
    "ACTION_AGGREGATES",
    "ACTION_JOB",
    "ACTION_JOB_RESULTS",
    "CONVERSATION_DETAILS",
    "EXECUTIONS",
    "FLOW_AGGREGATES",
    "LARGEST_PAGE",
    "MOST_VIEWS",
    "SUBMIT_ACTION_JOB",
    "ActionAggregateJob",
    "ActionAggregateQuery",
    "ActionAggregates",
    "ActionBucket",
    "ActionDimension",
    "ActionFilter",
    "ActionGroup",
    "ActionJobPage",
    "ActionPredicate",
    "Conversation",
    "ConversationDetailQuery",
    "ConversationPage",
    "FlowAggregateQuery",
    "FlowAggregates",
    "FlowFilter",
    "FlowPredicate",
    "JobState",
    "JobStatus",
    "Paging",
    "Participant",
    "Range",
    "Segment",
    "SegmentClause",
    "SegmentDimension",
    "SegmentFilter",
    "SegmentPredicate",
    "Session",
    "SessionFlow",
    "Stats",
    "View",
    "action_job",
    "action_job_page",
    "conversation_details",
    "epoch_ms",
    "epoch_seconds",
    "flow_aggregates",
    "interval",
    "submit_action_job",
]
