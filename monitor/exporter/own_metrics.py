"""What is exported of this program: what it read, judged and changed, and how it does."""

from __future__ import annotations

from monitor.exporter.metric_spec import Kind, MetricSpec

WATERMARK = MetricSpec(
    "timeout_monitor_watermark_timestamp_seconds",
    Kind.GAUGE,
    ("org", "source"),
    "Unix time in seconds",
    "The time up to which everything since the first read is covered without a hole.",
)
DATA_LAG = MetricSpec(
    "timeout_monitor_data_lag_seconds",
    Kind.GAUGE,
    ("org", "source"),
    "seconds",
    "Age of the newest data of a source at the moment of the scrape; it grows in quiet hours too.",
)
LAST_SUCCESS = MetricSpec(
    "timeout_monitor_last_success_timestamp_seconds",
    Kind.GAUGE,
    ("org", "source"),
    "Unix time in seconds",
    "When a source was last read successfully.",
)
SOURCE_AGE = MetricSpec(
    "timeout_monitor_source_age_seconds",
    Kind.GAUGE,
    ("org", "source"),
    "seconds",
    "How long ago a source was last read, at the moment of the scrape, whatever the wall clock was "
    "set to meanwhile.",
)
POLL_AGE = MetricSpec(
    "timeout_monitor_poll_age_seconds",
    Kind.GAUGE,
    ("org",),
    "seconds",
    "How long ago a poll last ended, whatever its result, or watching began.",
)
POLL_INTERVAL = MetricSpec(
    "timeout_monitor_poll_interval_seconds",
    Kind.GAUGE,
    (),
    "seconds",
    "How often an org is polled: [collect] interval.",
)
CATALOGUE_AGE = MetricSpec(
    "timeout_monitor_catalogue_age_seconds",
    Kind.GAUGE,
    ("org",),
    "seconds",
    "How long ago names and timeouts in force were last read, or watching began.",
)
DIAGNOSIS_AGE = MetricSpec(
    "timeout_monitor_diagnosis_age_seconds",
    Kind.GAUGE,
    ("org",),
    "seconds",
    "How long ago the actions were last diagnosed, by whatever program, or watching began.",
)
POLL_DURATION = MetricSpec(
    "timeout_monitor_poll_duration_seconds",
    Kind.SUMMARY,
    ("org",),
    "seconds",
    "How long polls took since the process started, whatever their result.",
)
POLLS = MetricSpec(
    "timeout_monitor_polls_total",
    Kind.COUNTER,
    ("org", "result"),
    "polls",
    "Polls since the process started by result: ok, partial (a source failed) or failed.",
)
RESTATEMENTS = MetricSpec(
    "timeout_monitor_restatements_total",
    Kind.COUNTER,
    ("org", "source"),
    "readings",
    "Counts that the platform later showed smaller; the larger one is kept.",
)
RECONCILED = MetricSpec(
    "timeout_monitor_reconciled_executions_total",
    Kind.COUNTER,
    ("org",),
    "executions",
    "Executions that came later than every read and that the daily comparison with the platform "
    "added, since the process started.",
)
CLOSER_LOOKS = MetricSpec(
    "timeout_monitor_closer_look_requests_total",
    Kind.COUNTER,
    ("org",),
    "requests",
    "Requests of the source executions for answers just below the timeouts in force, where a "
    "verdict hangs on them, since the process started.",
)
SKIPPED_WINDOWS = MetricSpec(
    "timeout_monitor_skipped_windows_total",
    Kind.COUNTER,
    ("org", "source"),
    "windows",
    "Windows given up because they were too far back; their executions are missing.",
)
LATENESS = MetricSpec(
    "timeout_monitor_lateness_seconds",
    Kind.HISTOGRAM,
    ("org", "source"),
    "seconds",
    "Executions that came after their window had been read past its end, by how long after.",
)
API_REQUESTS = MetricSpec(
    "timeout_monitor_api_requests_total",
    Kind.COUNTER,
    ("org", "endpoint", "status"),
    "requests",
    "Requests to the platform since the process started, by endpoint and status.",
)
API_RETRIES = MetricSpec(
    "timeout_monitor_api_retries_total",
    Kind.COUNTER,
    ("org", "endpoint"),
    "requests",
    "Requests that were repeated after a failure.",
)
RATE_LIMITED = MetricSpec(
    "timeout_monitor_rate_limited_seconds_total",
    Kind.COUNTER,
    ("org", "endpoint"),
    "seconds",
    "Time spent waiting for the platform's rate limits.",
)
DROPPED_RECORDS = MetricSpec(
    "timeout_monitor_dropped_records_total",
    Kind.COUNTER,
    ("org", "source", "reason"),
    "records",
    "Records of the platform's answers that made no sense and were left out, since the process "
    "started: shape, number, time or duplicate; or that are counted under a name for many: names.",
)
SOURCE_AVAILABLE = MetricSpec(
    "timeout_monitor_source_available",
    Kind.GAUGE,
    ("org", "source"),
    "0 or 1",
    "Whether a source answers; 0 where a permission is missing or the platform lacks it.",
)
REQUIRED_SOURCE_AVAILABLE = MetricSpec(
    "timeout_monitor_required_source_available",
    Kind.GAUGE,
    ("org", "source"),
    "0 or 1",
    "Whether the source that executions are counted from answers; while it is 0 nothing is "
    "counted.",
)
CLOCK_STEPS = MetricSpec(
    "timeout_monitor_clock_steps_total",
    Kind.COUNTER,
    ("found",),
    "steps",
    "Wrong clocks since the process started: steps of the wall clock ahead and back, and sources "
    "or changes that the state had as read or made in the future (state).",
)
CLOCK_SKEW = MetricSpec(
    "timeout_monitor_clock_skew_seconds",
    Kind.GAUGE,
    ("org",),
    "seconds",
    "How far the platform's clock is ahead of this machine's, or of the PostgreSQL server's that "
    "keeps the state, by the date of its newest answer.",
)
REMEDIATION_DECISIONS = MetricSpec(
    "timeout_monitor_remediation_decisions_total",
    Kind.COUNTER,
    ("org", "decision", "reason"),
    "decisions",
    "Decisions about actions since the process started: raise, recommend (waits for a person) or "
    "keep, and the guard that gave the reason.",
)
REMEDIATION_CHANGES = MetricSpec(
    "timeout_monitor_remediation_changes_total",
    Kind.COUNTER,
    ("org", "result"),
    "changes",
    "Changes of timeouts by how far they came: applied, verified, rolled_back, conflict, failed.",
)
REMEDIATION_SET_BACK = MetricSpec(
    "timeout_monitor_remediation_set_back_total",
    Kind.COUNTER,
    ("org", "why"),
    "changes",
    "Changes of timeouts that were set back, by why: not_helped, asked (somebody's own rollback) "
    "or damage (the write changed more than the timeout).",
)
REMEDIATION_MODE = MetricSpec(
    "timeout_monitor_remediation_mode",
    Kind.GAUGE,
    ("org",),
    "0, 1 or 2",
    "Whether timeouts are changed: 0 off, 1 recommend, 2 auto.",
)
REMEDIATION_PAUSED = MetricSpec(
    "timeout_monitor_remediation_paused",
    Kind.GAUGE,
    ("org",),
    "0 or 1",
    "Whether somebody has paused all changes.",
)
REMEDIATION_TRIPPED = MetricSpec(
    "timeout_monitor_remediation_tripped",
    Kind.GAUGE,
    ("org",),
    "0 or 1",
    "Whether failures in a row have stopped all changes until timeout-monitor resume.",
)
TRIAL_OVERDUE = MetricSpec(
    "timeout_monitor_remediation_trial_overdue_seconds",
    Kind.GAUGE,
    ("org",),
    "seconds",
    "How long ago a trial of a longer timeout should have been set back or kept, of several the "
    "one that is longest overdue; 0 where none is.",
)
ORG_LEASED = MetricSpec(
    "timeout_monitor_org_leased",
    Kind.GAUGE,
    ("org",),
    "0 or 1",
    "Whether this process reads the org; of several on one state one does, and only that one "
    "exports its counts.",
)
STATE_WRITABLE = MetricSpec(
    "timeout_monitor_state_writable",
    Kind.GAUGE,
    (),
    "0 or 1",
    "Whether the state could be written when last tried.",
)
BUILD_INFO = MetricSpec(
    "timeout_monitor_build_info",
    Kind.GAUGE,
    ("version",),
    "always 1",
    "The version that runs.",
)
