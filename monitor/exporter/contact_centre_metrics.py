"""What is exported of a contact centre: its data actions, its flows and its limits."""

from __future__ import annotations

from monitor.exporter.metric_spec import Kind, MetricSpec

EXECUTIONS = MetricSpec(
    "genesys_data_action_executions_total",
    Kind.COUNTER,
    ("org", "action_id", "outcome"),
    "executions",
    "Executions of a data action by outcome (success, timeout, error, throttled); "
    "with contract flow only timeouts are known.",
)
ERRORS = MetricSpec(
    "genesys_data_action_errors_total",
    Kind.COUNTER,
    ("org", "action_id", "error_type", "response_status"),
    "executions",
    "Executions that failed, timeouts and throttled ones too, as the platform named the failure.",
)
DURATION = MetricSpec(
    "genesys_data_action_duration_seconds",
    Kind.HISTOGRAM,
    ("org", "action_id"),
    "seconds",
    "Executions by duration, whatever their outcome; one that timed out counts as long as it ran.",
)
TIMEOUT = MetricSpec(
    "genesys_data_action_timeout_seconds",
    Kind.GAUGE,
    ("org", "action_id"),
    "seconds",
    "The timeout in force.",
)
BUDGET_USED = MetricSpec(
    "genesys_data_action_timeout_budget_used_ratio",
    Kind.GAUGE,
    ("org", "action_id"),
    "ratio",
    "p99 duration of the last settled hour divided by the timeout in force; "
    "1 or more where timeouts reach into the p99.",
)
RECOMMENDED_TIMEOUT = MetricSpec(
    "genesys_data_action_recommended_timeout_seconds",
    Kind.GAUGE,
    ("org", "action_id", "kind"),
    "seconds",
    "The timeout that the data ask for (raw), and what the guards allow of it (capped); "
    "only where more time is what it needs.",
)
VERDICT = MetricSpec(
    "genesys_data_action_verdict",
    Kind.GAUGE,
    ("org", "action_id", "verdict"),
    "always 1",
    "Why a data action times out: the current verdict; a verdict that is another by now leaves.",
)
VERDICT_SINCE = MetricSpec(
    "genesys_data_action_verdict_since_timestamp_seconds",
    Kind.GAUGE,
    ("org", "action_id"),
    "Unix time in seconds",
    "Since when it is so, of every verdict that has a begin; of an outage the begin of the newest.",
)
ACTION_INFO = MetricSpec(
    "genesys_data_action_info",
    Kind.GAUGE,
    ("org", "action_id", "action_name", "integration_id", "integration_name", "category"),
    "always 1",
    "Names of a data action, to join on org and action_id.",
)
FLOW_INFO = MetricSpec(
    "genesys_data_action_flow_info",
    Kind.GAUGE,
    ("org", "action_id", "flow_id", "flow_name"),
    "always 1",
    "A flow that uses a data action.",
)
FLOW_CONVERSATIONS = MetricSpec(
    "genesys_flow_timeout_conversations_total",
    Kind.COUNTER,
    ("org", "flow_id", "action_id"),
    "conversations",
    "Distinct conversations of a flow that a timeout of a data action hit, from detail records.",
)
FLOW_ERRORS = MetricSpec(
    "genesys_flow_errors_total",
    Kind.COUNTER,
    ("org", "flow_id", "exit_reason"),
    "callers",
    "Callers lost in a flow by how it ended (FLOW_ERROR_DISCONNECT, FLOW_ERROR_EXIT); "
    "not timeouts, which may or may not be why.",
)
CONCURRENCY_ESTIMATE = MetricSpec(
    "genesys_data_actions_concurrency_estimate",
    Kind.GAUGE,
    ("org",),
    "executions",
    "Mean executions running at a time in the last settled hour, by Little's law.",
)
CONCURRENCY_LIMIT = MetricSpec(
    "genesys_data_actions_concurrency_limit",
    Kind.GAUGE,
    ("org",),
    "executions",
    "The org's own limit of executions running at a time.",
)
LIMIT = MetricSpec(
    "genesys_data_actions_limit",
    Kind.GAUGE,
    ("org", "limit"),
    "executions",
    "Each of the org's own limits that the platform shows: concurrent_executions, "
    "executions_per_minute, function_concurrent_executions.",
)
LIMIT_USED = MetricSpec(
    "genesys_data_actions_limit_used_ratio",
    Kind.GAUGE,
    ("org", "limit"),
    "ratio",
    "Use of each limit in the busiest window of the last settled hour, per limit.",
)
