"""Alerts about the monitor itself: what it can't see, can't write, or has undone."""

from __future__ import annotations

from dashboards.source.alerting import Alert
from dashboards.source.objectives import Objectives
from dashboards.source.promql import grown, joined

POLLS = "timeout_monitor_polls_total"
REQUESTS = "timeout_monitor_api_requests_total"
TOKEN = "POST /oauth/token"  # noqa: S105 - the name of an endpoint
CHANGES = "timeout_monitor_remediation_changes_total"
SET_BACK = "timeout_monitor_remediation_set_back_total"


def alerts_about_collection(aims: Objectives) -> list[Alert]:
    """Every alert about reading orgs and keeping what was read."""
    return [
        _absent(aims),
        _stale(aims),
        _failing(aims),
        _credentials(aims),
        _rate_limited(aims),
        _dropped(aims),
        _not_writable(aims),
    ]


def alerts_about_remediation(aims: Objectives) -> list[Alert]:
    """Every alert about changes that did not go as planned."""
    return [
        _changed(
            "TimeoutMonitorChangeRolledBack",
            # What somebody has set back is no news to them; after damage everything has stopped.
            grown(SET_BACK + _label(why="not_helped"), aims.changes, "org"),
            "a raised timeout was taken back",
            "A timeout was raised, did not help, and was set back; its action is left alone for a "
            "while. Callers meet what they met before.",
        ),
        _changed(
            "TimeoutMonitorChangeConflict",
            grown(CHANGES + _label(result="conflict"), aims.changes, "org"),
            "a change met somebody else's",
            "Somebody else changed the same action or flow at the same time. Nothing was "
            "overwritten, and the change was not made.",
        ),
        Alert(
            "TimeoutMonitorRemediationTripped",
            "warning",
            "max by (org) (timeout_monitor_remediation_tripped) == 1",
            None,
            "{{ $labels.org }}: remediation has stopped itself",
            "Several changes failed one after the other, so no more are made until somebody has "
            "looked: timeout-monitor resume lets it go on. Counting and alerting go on.",
        ),
        Alert(
            "TimeoutMonitorPauseForgotten",
            "warning",
            joined(
                "max by (org) (timeout_monitor_remediation_paused) == 1",
                "and on (org) max by (org) (timeout_monitor_remediation_mode) > 0",
            ),
            aims.paused,
            "{{ $labels.org }}: changes of timeouts have been paused for a day",
            f"Somebody has paused all changes of this org more than {aims.paused} ago. Nothing is "
            "raised, and what did not help is not undone, until timeout-monitor resume lets it go "
            "on. Counting and alerting go on.",
        ),
        Alert(
            "TimeoutMonitorTrialOverdue",
            "warning",
            "max by (org) (timeout_monitor_remediation_trial_overdue_seconds) "
            f"> {aims.overdue_seconds:g}",
            None,
            "{{ $labels.org }}: a trial should have ended {{ $value | humanizeDuration }} ago",
            "A timeout was raised for a while, which is over, and it was neither kept nor set "
            "back: changes are paused or stopped, or the mode is off. Callers wait as long as it "
            "was raised to.",
        ),
    ]


def _absent(aims: Objectives) -> Alert:
    return Alert(
        "TimeoutMonitorAbsent",
        "critical",
        "absent(timeout_monitor_build_info)",
        aims.unseen,
        "No Timeout Monitor is scraped",
        f"Prometheus has not seen a Timeout Monitor for {aims.unseen}: it does not run, can't be "
        "reached, or is not configured to be scraped. Nothing is known of any data action, and no "
        "other alert can fire.",
    )


def _stale(aims: Objectives) -> Alert:
    return Alert(
        "TimeoutMonitorDataStale",
        "critical",
        joined(
            "time() - max by (org, source) (timeout_monitor_last_success_timestamp_seconds)",
            f"> {aims.stale_seconds}",
            "and on (org, source) max by (org, source) (timeout_monitor_source_available) == 1",
        ),
        aims.hold_soon,
        "{{ $labels.org }}: no data from {{ $labels.source }} for {{ $value | humanizeDuration }}",
        "The source {{ $labels.source }} was last read {{ $value | humanizeDuration }} ago. What "
        "happens to callers meanwhile is not seen; it is made up for once the source answers "
        "again.",
    )


def _failing(aims: Objectives) -> Alert:
    failed = grown(POLLS + _label("!=", result="ok"), aims.failing, "org")
    every = grown(POLLS, aims.failing, "org")
    return Alert(
        "TimeoutMonitorCollectionFailing",
        "warning",
        joined(failed, "/", f"({every} > 0)", f"> {aims.failing_share}"),
        aims.hold_soon,
        "{{ $labels.org }}: {{ $value | humanizePercentage }} of the polls fail",
        f"{{{{ $value | humanizePercentage }}}} of the polls of the last {aims.failing} failed, "
        f"wholly or "
        "for one source. What they owe is asked again at each poll.",
    )


def _credentials(aims: Objectives) -> Alert:
    refused = f'{{endpoint="{TOKEN}", status=~"400|401|403"}}'
    expired = _label(status="401")
    counted = (aims.failing, "org")
    return Alert(
        "TimeoutMonitorCredentialsRefused",
        "critical",
        joined(
            "(",
            f"  {grown(REQUESTS + refused, *counted)}",
            "  or",
            f"  {grown(REQUESTS + expired, *counted)}",
            ")",
            f">= {aims.refused_least}",
        ),
        aims.hold_soon,
        "{{ $labels.org }}: the platform refuses the credentials",
        f"The platform refused {{{{ $value | humanize }}}} logins or tokens in the last "
        f"{aims.failing}: the "
        "OAuth client was deleted, switched off or given another secret. Nothing of this org is "
        "read.",
    )


def _rate_limited(aims: Objectives) -> Alert:
    return Alert(
        "TimeoutMonitorRateLimited",
        "warning",
        joined(
            grown("timeout_monitor_rate_limited_seconds_total", aims.hour, "org"),
            f"> {aims.limited_seconds}",
        ),
        aims.hold_soon,
        "{{ $labels.org }}: {{ $value | humanizeDuration }} spent waiting for rate limits",
        f"In the last {aims.hour} the monitor waited {{{{ $value | humanizeDuration }}}} for the "
        f"platform's "
        "limits of requests, so its data comes late. Something else may be using the same client.",
    )


def _dropped(aims: Objectives) -> Alert:
    return Alert(
        "TimeoutMonitorRecordsDropped",
        "warning",
        joined(
            grown("timeout_monitor_dropped_records_total", aims.hour, "org, source"),
            "> 0",
        ),
        aims.hold_soon,
        "{{ $labels.org }}: records of {{ $labels.source }} could not be used",
        f"In the last {aims.hour} {{{{ $value | humanize }}}} records of the platform's answers "
        "made no sense and were left out (one that is read again counts again): counts may be too "
        "low by what they held. The monitor's log says at the first of each kind which it was.",
    )


def _not_writable(aims: Objectives) -> Alert:
    return Alert(
        "TimeoutMonitorStateNotWritable",
        "critical",
        "min(timeout_monitor_state_writable) == 0",
        aims.hold_soon,
        "The state of Timeout Monitor can't be written",
        "What is read can't be kept, so counts stand still: the disk is full, the file belongs to "
        "another user, or the database is down. Nothing is lost while it lasts less than "
        "max_backfill.",
    )


def _changed(name: str, grows: str, what: str, description: str) -> Alert:
    return Alert(
        name,
        "warning",
        f"{grows} > 0",
        None,
        f"{{{{ $labels.org }}}}: {what}",
        f"{description} timeout-monitor history shows which, and why.",
    )


def _label(operator: str = "=", /, **wanted: str) -> str:
    [(label, value)] = wanted.items()
    return f'{{{label}{operator}"{value}"}}'
