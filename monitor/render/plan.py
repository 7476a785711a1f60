"""A plan in words: what comes first, what a raise would bring, and why nothing is done."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from monitor.diagnosis import Diagnosis, Verdict, describe_period, severity_of
from monitor.formats import exact_seconds, format_duration, percent, seconds, share_between
from monitor.remediation import Decision
from monitor.render.effects import (
    RaiseEffects,
    raise_effects,
    rescued_a_day,
    trial_effects,
    waited_a_day,
)


def worst_first(decisions: Iterable[Decision], ends: Mapping[str, int]) -> list[Decision]:
    """Return the decisions in the order of what matters: by severity, then by calls that failed.

    Args:
        decisions: One for each action.
        ends: By org, the end of what was diagnosed; epoch seconds.
    """

    def rank(decision: Decision) -> tuple[int, float, str, str]:
        one = decision.candidate
        severity = severity_of(one.diagnosis, ends.get(one.org, 0))
        failed = one.diagnosis.timeouts + one.diagnosis.throttled
        return -severity.rank, -failed, one.action_name, one.action_id

    return sorted(decisions, key=rank)


def decided_effects(decision: Decision) -> RaiseEffects | None:
    """Return what the raise that is decided about would do; None where no raise is asked for.

    Where another timeout is in force than the one that was measured, nothing can be told.
    """
    diagnosis = decision.candidate.diagnosis
    if not decision.is_wanted or diagnosis.timeout_ms != decision.from_ms:
        return None
    if decision.trial_seconds:
        return trial_effects(diagnosis, decision.to_ms)
    return raise_effects(diagnosis, decision.to_ms)


def summary_of(decision: Decision) -> str:
    """Return in one sentence what a decision brings, or why nothing is done."""
    effects = decided_effects(decision)
    diagnosis = decision.candidate.diagnosis
    if decision.trial_seconds and decision.reason in {"ok", "mode"}:
        bounds = share_between(*(diagnosis.rescue_bounds or (0.0, 1.0)))
        lasts = format_duration(round(decision.trial_seconds))
        return f"A trial of {lasts} tells whether it rescues any: {bounds} of its timeouts"
    if diagnosis.verdict is not Verdict.SLOW_TAIL:
        return why_not_raised(diagnosis)
    brings = ""
    if effects is not None and effects.next is not None:
        brings = (
            f"{rescued_a_day(effects.next)} more calls a day would succeed, and callers wait "
            f"{waited_a_day(effects.next)} more a day in all"
        )
    if decision.reason in {"ok", "mode"}:
        return brings or f"The data ask for a longer timeout: {_uncapitalized(diagnosis.why)}"
    asked = (
        f"A raise to {exact_seconds(decision.to_ms)} would help"
        if decision.is_wanted and decision.to_ms is not None
        else "A longer timeout would help"
    )
    return f"{asked}, and the guard {decision.reason} stands against it: {decision.detail}"


def why_not_raised(diagnosis: Diagnosis) -> str:
    """Return why no longer timeout is set for an action with this verdict, in one sentence."""
    bounds = share_between(*(diagnosis.rescue_bounds or (0.0, 1.0)))
    share = percent(diagnosis.timeout_share or 0.0)
    given = "its timeout" if diagnosis.timeout_ms is None else seconds(diagnosis.timeout_ms)
    is_over = diagnosis.period is not None and not diagnosis.period.is_ongoing
    said = {
        Verdict.HEALTHY: f"Nothing needs doing: {share} of the calls take longer than {given}",
        Verdict.TOO_LONG: (
            f"Its timeout is longer than it needs ({given}), and none is ever lowered by itself"
        ),
        Verdict.HANGS: (
            f"A longer timeout would rescue {bounds} of its timeouts, and let callers wait for the "
            "others"
        ),
        Verdict.BIMODAL: (
            "Two kinds of calls are mixed, and it was not shown that a longer timeout reaches the "
            f"slower kind: it would rescue {bounds} of the timeouts"
        ),
        Verdict.UNCLEAR: (
            f"Whether a longer timeout would help is not known: it would rescue {bounds} of the "
            "timeouts, and one experiment settles it"
        ),
        Verdict.OUTAGE: (
            f"Its back end {'was' if is_over else 'is'} down: an incident, which no timeout mends"
        ),
        Verdict.THROTTLED: (
            "The platform refuses its calls: a longer timeout would hold more of the slots that "
            "ran out"
        ),
        Verdict.REMOTE_TIMEOUT: (
            "The back end or a gateway gives up before our timeout does: ours changes nothing"
        ),
        Verdict.AT_CAP: (
            "It wants more than may be set: make the call asynchronous, with a callback"
        ),
        Verdict.INSUFFICIENT: (
            "Too little is known to judge"
            + (f": {'; '.join(diagnosis.missing)}" if diagnosis.missing else "")
        ),
        Verdict.SLOW_TAIL: "A longer timeout would help",
    }[diagnosis.verdict]
    return said if diagnosis.period is None else f"{said} ({describe_period(diagnosis.period)})"


def _uncapitalized(sentence: str) -> str:
    return sentence[:1].lower() + sentence[1:]
