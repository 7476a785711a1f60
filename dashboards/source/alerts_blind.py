"""Alerts about every way in which the monitor may be blind while it runs, and look well."""

from __future__ import annotations

from dashboards.source.alerting import Alert
from dashboards.source.objectives import Objectives
from dashboards.source.promql import grown, joined

REQUIRED = "timeout_monitor_required_source_available"
AVAILABLE = "timeout_monitor_source_available"


def alerts_about_blindness(aims: Objectives) -> list[Alert]:
    """Every alert about what is not seen, or not by the right time."""
    return [
        _required_off(aims),
        _source_off(aims),
        _no_poll(aims),
        _not_read(aims),
        _clock_wrong(aims),
        _clock_stepped(aims),
        _catalogue_old(aims),
        _not_diagnosed(aims),
    ]


def _required_off(aims: Objectives) -> Alert:
    return Alert(
        "TimeoutMonitorRequiredSourceOff",
        "critical",
        f"max by (org, source) ({REQUIRED}) == 0",
        aims.hold_soon,
        "{{ $labels.org }}: the platform refuses {{ $labels.source }}, so nothing is counted",
        "Executions are counted from the source {{ $labels.source }}, and the platform refuses it: "
        "a permission was taken from the OAuth client. No timeout is seen until it is granted "
        "again; then all of it is read. /readyz and timeout-monitor check name the permission.",
    )


def _source_off(aims: Objectives) -> Alert:
    return Alert(
        "TimeoutMonitorSourceOff",
        "warning",
        joined(
            f"max by (org, source) ({AVAILABLE}) == 0",
            f"and on (org, source) max by (org, source) (avg_over_time({AVAILABLE}[{aims.day}]))",
            f"  > {aims.answered_share}",
            f"unless on (org, source) max by (org, source) ({REQUIRED}) == 0",
        ),
        aims.hold_long,
        "{{ $labels.org }}: {{ $labels.source }} does not answer any more",
        f"The source {{{{ $labels.source }}}} answered for most of the last {aims.day} and is "
        "refused now: a permission was taken away. Executions are counted on; what only this "
        "source tells is not known.",
    )


def _no_poll(aims: Objectives) -> Alert:
    interval = "max(timeout_monitor_poll_interval_seconds)"
    return Alert(
        "TimeoutMonitorNoPoll",
        "critical",
        joined(
            "min by (org) (timeout_monitor_poll_age_seconds)",
            f"> scalar(clamp_min({aims.polls_missed} * {interval}, {aims.poll_age_seconds}))",
        ),
        aims.hold_soon,
        "{{ $labels.org }}: no poll has ended for {{ $value | humanizeDuration }}",
        f"For more than {aims.polls_missed} intervals no poll of this org has ended, well or "
        "badly: one hangs, or none begins. What happens to callers meanwhile is not seen.",
    )


def _not_read(aims: Objectives) -> Alert:
    return Alert(
        "TimeoutMonitorOrgNotRead",
        "critical",
        "max by (org) (timeout_monitor_org_leased) == 0",
        aims.unread,
        "{{ $labels.org }}: no daemon reads it",
        f"For {aims.unread} no daemon that is scraped has held the lease of this org, so none "
        "reads it or shows its counts: the one that did can't reach the state, another program "
        "holds the lease, or one that is not scraped does. What happens to callers is not seen.",
    )


def _clock_wrong(aims: Objectives) -> Alert:
    return Alert(
        "TimeoutMonitorClockWrong",
        "critical",
        f"max by (org) (abs(timeout_monitor_clock_skew_seconds)) > {aims.clock_off_seconds}",
        aims.hold_soon,
        "{{ $labels.org }}: the monitor's clock is {{ $value | humanizeDuration }} off",
        "The clock of the monitor's machine and the platform's are {{ $value | humanizeDuration }} "
        "apart. The monitor asks for windows that are not over, or no more for those that are, so "
        "what it shows is not what happens; signed logins are refused.",
    )


def _clock_stepped(aims: Objectives) -> Alert:
    return Alert(
        "TimeoutMonitorClockStepped",
        "warning",
        f"{grown('timeout_monitor_clock_steps_total', aims.hour, 'instance, found')} > 0",
        None,
        "The clock of a Timeout Monitor was set",
        f"In the last {aims.hour} the wall clock of the monitor's machine was set "
        "({{ $labels.found }}: ahead, back, or found in the state). Nothing is lost or counted "
        "twice: the last day is read again where it has to be. For a quarter of an hour no timeout "
        "is changed.",
    )


def _catalogue_old(aims: Objectives) -> Alert:
    return Alert(
        "TimeoutMonitorCatalogueOld",
        "warning",
        f"min by (org) (timeout_monitor_catalogue_age_seconds) > {aims.catalogue_seconds}",
        aims.hold_long,
        "{{ $labels.org }}: timeouts in force are as of {{ $value | humanizeDuration }} ago",
        "Names and timeouts in force could not be read for {{ $value | humanizeDuration }}. "
        "Executions are counted on, but judged against timeouts that may have changed, and new "
        "actions have no names.",
    )


def _not_diagnosed(aims: Objectives) -> Alert:
    return Alert(
        "TimeoutMonitorNotDiagnosed",
        "warning",
        f"min by (org) (timeout_monitor_diagnosis_age_seconds) > {aims.diagnosis_seconds}",
        aims.hold_long,
        "{{ $labels.org }}: no action was diagnosed for {{ $value | humanizeDuration }}",
        "Executions are counted on, but for {{ $value | humanizeDuration }} no diagnosis has ended "
        "well: verdicts and recommendations are missing or old, alerts on verdicts can't fire, and "
        "no timeout is raised.",
    )
