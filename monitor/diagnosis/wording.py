"""A diagnosis in words: one sentence why, what to do, and what can't be known."""

from __future__ import annotations

from monitor.diagnosis.recommendation import Recommendation
from monitor.diagnosis.verdict import MIN_POSTERIOR_LIKELY, Findings, Verdict

ADVICE: dict[Verdict, str] = {
    Verdict.HEALTHY: "Nothing to do",
    Verdict.SLOW_TAIL: "Raise the timeout in steps and measure again after each",
    Verdict.HANGS: "A longer timeout only makes callers wait: fix the back end, fail fast",
    Verdict.BIMODAL: "Split the action by kind of call, or raise if the slow kind is reachable",
    Verdict.OUTAGE: "An incident of the back end, not a setting",
    Verdict.THROTTLED: "Shorten or cache calls; a longer timeout would hold more slots",
    Verdict.REMOTE_TIMEOUT: "The limit is the back end's or a gateway's own: ours changes nothing",
    Verdict.AT_CAP: "Make the call asynchronous, with a callback",
    Verdict.TOO_LONG: "A shorter timeout would free slots that rare hangs hold",
    Verdict.INSUFFICIENT: "Wait for more evidence",
}


def seconds(duration_ms: float) -> str:
    """Return a duration as people write it: ``4.5 s``."""
    return f"{duration_ms / 1000:.1f}".removesuffix(".0") + " s"


def percent(share: float) -> str:
    """Return a share as people write it: ``1.3 %``."""
    return f"{share:.2%}".replace(".00%", "%").replace("%", " %")


def verdict_reason(
    verdict: Verdict, findings: Findings, timeout_ms: float, early_at_ms: float
) -> str:
    """Return why the verdict was given, in one sentence."""
    late, given = percent(findings.timeout_share), seconds(timeout_ms)
    if verdict is Verdict.INSUFFICIENT:
        missing = findings.missing or (
            f"only {findings.steady_timeouts:.0f} of {findings.min_timeouts:.0f} timeouts",
        )
        return f"Not enough to judge: {'; '.join(missing)}"
    share = findings.throttled / findings.executions if findings.executions else 0.0
    early = percent(findings.early_share)
    near = findings.tail.near_ratio if findings.tail else 0.0
    return {
        Verdict.HEALTHY: f"{late} of the calls take longer than {given}",
        Verdict.SLOW_TAIL: (
            f"{late} of the calls take longer than {given}, and the curve runs smoothly into it: "
            f"{near:.1f} timeouts per success that came near it"
        ),
        Verdict.HANGS: (
            f"{late} of the calls do not answer within {given}, and nothing shows well enough that "
            "a longer timeout would rescue half of them"
        ),
        Verdict.BIMODAL: (
            f"{late} of the calls take longer than {given}, where a second, slower kind of call is "
            "under way"
        ),
        Verdict.OUTAGE: f"{percent(findings.outage_share)} of the timeouts came bunched in time",
        Verdict.THROTTLED: f"The platform refused {percent(share)} of the executions",
        Verdict.REMOTE_TIMEOUT: (
            f"{early} of the timeouts ended after {seconds(early_at_ms)}, well before our {given}"
        ),
        Verdict.AT_CAP: (
            f"{late} of the calls take longer than {given}, and only beyond the cap would a raise "
            "rescue half of them"
        ),
        Verdict.TOO_LONG: (
            f"99.9 % of the answers come within {percent(findings.answered_ratio or 0.0)} of "
            f"{given}, and {findings.steady_timeouts:.0f} hangs each held a slot for all of it"
        ),
    }[verdict]


def diagnosis_notes(
    verdict: Verdict, findings: Findings, advice: Recommendation | None
) -> tuple[str, ...]:
    """Return what a reader must know beside a verdict."""
    found: list[str] = []
    likely = findings.tail.rescuable if findings.tail is not None else 0.0
    if verdict in {Verdict.HANGS, Verdict.BIMODAL} and likely >= MIN_POSTERIOR_LIKELY:
        found.append(
            f"To {percent(likely)} a longer timeout would rescue half of them: likely, but not "
            "certain enough to make callers wait for it"
        )
    if verdict is Verdict.HANGS:
        found.append(
            "Calls of a kind that takes longer than the timeout throughout look the same; a "
            "supervised test call with a long timeout would tell"
        )
    if findings.outage_share > 0 and verdict is not Verdict.OUTAGE:
        found.append(
            f"{percent(findings.outage_share)} of the timeouts came bunched in time: left out here"
        )
    if advice is not None:
        if findings.tail is not None:
            found.append(f"To {percent(likely)} certain that a raise can rescue half of them")
        found.append(
            f"Nothing is claimed beyond {seconds(findings.tail.reach_ms)}, twice the largest "
            "timeout observed"
            if findings.tail
            else "Nothing is claimed beyond twice the largest timeout observed"
        )
        if advice.never_share > 0:
            found.append(
                f"No timeout can save about {percent(advice.never_share)} of the calls, which "
                "never answer"
            )
    return tuple(found)
