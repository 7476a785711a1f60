"""What a report holds that is mailed to the owner of a back end: chosen, sorted and in words.

HTML and markdown are two ways to write the same down.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from monitor.diagnosis import (
    HOW_TO_CHANGE,
    Diagnosis,
    OrgDiagnosis,
    Severity,
    advised_raise,
    explanation,
)
from monitor.formats import count_of, exact_seconds, format_duration, percent, utc_moment
from monitor.render.action_pictures import ActionPictures, bar_seconds, draw_action
from monitor.render.action_words import (
    UNKNOWN,
    Fact,
    action_facts,
    period_words,
    raise_rows,
    verdict_evidence,
)
from monitor.render.report import describe_limits, most_severe_first, severity_of_action
from monitor.summary import ActionSummary, LimitUse, Summary

if TYPE_CHECKING:
    from monitor.investigation import ActionHistory

MOST_PICTURED = 12
"""Actions that get pictures: who is mailed a report looks at the worst."""

MOST_ROWS = 300
"""Actions in its table."""

NOTHING_STALE: Mapping[str, float] = MappingProxyType({})
"""Every org was read lately."""

_DAY = 86_400
_MOST_BARS = 60
_NAMED = 20
"""Names in a sentence."""

_WELL = frozenset({Severity.GOOD, Severity.UNKNOWN})


@dataclass(frozen=True, slots=True)
class ReportAction:
    """One action of a report, in words.

    Attributes:
        number: Its place, from 1 on.
        org: Its org.
        name: Its name; the id where it has none.
        action_id: Its id.
        integration: Its integration; empty where unknown.
        verdict: Its verdict.
        severity: How much that matters.
        period: Since when, and whether it goes on; may be empty.
        lead: Why, what would help and what that brings.
        editable: Where its timeout is changed by hand; empty before the first diagnosis.
        timeouts: How often it timed out.
        share: Timeouts per execution.
        timeout: The timeout in force.
        advised: The one to raise it to; empty where none is.
        conversations: Conversations that were hit.
        flows: Flows that use it.
        facts: The numbers that are told first.
        raises: What the next step of a raise would do, and what the data ask for.
        evidence: What the verdict rests on.
        notes: What a reader must know beside the verdict.
        pictures: Its pictures; None where it is one of the many.
    """

    number: int
    org: str
    name: str
    action_id: str
    integration: str
    verdict: str
    severity: str
    period: str
    lead: str
    editable: str
    timeouts: str
    share: str
    timeout: str
    advised: str
    conversations: str
    flows: tuple[str, ...]
    facts: tuple[Fact, ...]
    raises: tuple[tuple[str, ...], ...]
    evidence: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]
    pictures: ActionPictures | None


@dataclass(frozen=True, slots=True)
class ReportOrg:
    """One org of a report, in words.

    Attributes:
        name: Its name.
        period: Which settled windows are told of.
        headline: What happened in them.
        warnings: Why the counts can't be relied on.
        notes: What can't be known.
        lost: Callers lost by flow: name, how many, how it ended.
    """

    name: str
    period: str
    headline: str
    warnings: tuple[str, ...]
    notes: tuple[str, ...]
    lost: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True, slots=True)
class ReportContent:
    """All of a report.

    Attributes:
        title: What it is called.
        generated_at: When it was made; epoch seconds.
        orgs: Each org.
        actions: Actions worth attention, the worst first.
        left_out: What is not told of, and why, in sentences.
        beyond: Actions worth attention that are not among them.
        well: Actions that are well.
        unjudged: Actions of which nothing can be said, and that nothing happened to.
    """

    title: str
    generated_at: float
    orgs: tuple[ReportOrg, ...]
    actions: tuple[ReportAction, ...]
    left_out: tuple[str, ...]
    beyond: int = 0
    well: int = 0
    unjudged: int = 0

    @classmethod
    def of(  # noqa: PLR0913 - what was found, when, and of what there are pictures
        cls,
        summaries: Sequence[Summary],
        diagnoses: Mapping[str, OrgDiagnosis],
        limits: Mapping[str, Sequence[LimitUse]],
        generated_at: float,
        histories: Mapping[tuple[str, str], ActionHistory],
        *,
        stale: Mapping[str, float] = NOTHING_STALE,
    ) -> ReportContent:
        """Choose, sort and put into words.

        Args:
            summaries: One an org.
            diagnoses: By org.
            limits: By org: how much of each of its own limits is in use.
            generated_at: Now; epoch seconds.
            histories: By org and action id: what pictures are drawn from.
            stale: By org: for how many seconds its executions were not read, where that is long.
        """
        chosen, others = worst_actions(summaries, diagnoses)
        well = sum(severity_of_action(one, diagnoses) is Severity.GOOD for one in others)
        beyond, unjudged = max(0, len(chosen) - MOST_ROWS), len(others) - well
        seconds = max((one.time_range.seconds for one in summaries), default=0)
        actions = tuple(
            _action(number, one, diagnoses, histories.get((one.org, one.action_id)), seconds)
            for number, one in enumerate(chosen[:MOST_ROWS], start=1)
        )
        names = ", ".join(one.org for one in summaries)
        return cls(
            title=f"Timeouts of data actions: {names}" if names else "Timeouts of data actions",
            generated_at=generated_at,
            orgs=tuple(
                _org(one, limits.get(one.org, ()), stale.get(one.org, 0.0)) for one in summaries
            ),
            actions=actions,
            left_out=_left_out(actions, beyond, well, unjudged),
            beyond=beyond,
            well=well,
            unjudged=unjudged,
        )


def worst_actions(
    summaries: Sequence[Summary], diagnoses: Mapping[str, OrgDiagnosis]
) -> tuple[list[ActionSummary], list[ActionSummary]]:
    """Return the actions that are worth attention, the worst first, and all others."""
    chosen: list[ActionSummary] = []
    others: list[ActionSummary] = []
    for one in most_severe_first(summaries, diagnoses):
        is_hit = one.timeouts or one.throttled
        is_well = not is_hit and severity_of_action(one, diagnoses) in _WELL
        (others if is_well else chosen).append(one)
    return chosen, others


def with_pictures_up_to(content: ReportContent, count: int) -> ReportContent:
    """Return the same report with pictures of so many actions alone, the worst."""
    actions = tuple(
        one if one.number <= count else replace(one, pictures=None) for one in content.actions
    )
    left_out = _left_out(actions, content.beyond, content.well, content.unjudged)
    return replace(content, actions=actions, left_out=left_out)


def _action(
    number: int,
    action: ActionSummary,
    diagnoses: Mapping[str, OrgDiagnosis],
    history: ActionHistory | None,
    seconds: int,
) -> ReportAction:
    known = diagnoses.get(action.org)
    found = known.diagnoses.get(action.action_id) if known else None
    step = advised_raise(found) if found else None
    return ReportAction(
        number=number,
        org=action.org,
        name=action.action_name or action.action_id,
        action_id=action.action_id,
        integration=action.integration_name,
        verdict=found.verdict.replace("_", " ") if found else "not judged yet",
        severity=severity_of_action(action, diagnoses).value,
        period=period_words(found.period if found else None),
        lead=explanation(found) if found else "",
        editable=f"{HOW_TO_CHANGE[found.editable]}." if found else "",
        timeouts=f"{action.timeouts:,}",
        share=percent(action.timeout_share, UNKNOWN),
        timeout=UNKNOWN
        if action.timeout_seconds is None
        else exact_seconds(action.timeout_seconds * 1000),
        advised=f"{step[1]:g} s" if step else "",
        conversations=UNKNOWN if action.conversations is None else f"{action.conversations:,}",
        flows=action.used_by or action.flows,
        facts=action_facts(
            action, found, period="24 h" if seconds == _DAY else format_duration(seconds)
        ),
        raises=raise_rows(found),
        evidence=verdict_evidence(found, successes_known=action.successes is not None)
        if found
        else (),
        notes=tuple(f"{note.rstrip('.')}." for note in (found.notes if found else ())),
        pictures=None if history is None else _pictures(number, found, history),
    )


def _pictures(number: int, found: Diagnosis | None, history: ActionHistory) -> ActionPictures:
    window_seconds = int(history.evidence.seconds[0]) if history.evidence.seconds.size else 300
    bar = bar_seconds(history.time_range.seconds, window_seconds, _MOST_BARS)
    return draw_action(history, found, bar, f"a{number}-")


def _org(summary: Summary, limits: Sequence[LimitUse], unread_seconds: float) -> ReportOrg:
    warnings = []
    if unread_seconds:
        age = format_duration(int(unread_seconds))
        warnings.append(f"Executions were last read {age} earlier: nothing newer is told of.")
    told = describe_limits(limits)
    notes = [f"{note.rstrip('.')}." for note in summary.notes]
    if told:
        notes.append(f"The org's limits in the busiest window of the last hour: {told}.")
    period = summary.time_range
    return ReportOrg(
        name=summary.org,
        period=f"{utc_moment(period.start)} to {utc_moment(period.end)}",
        headline=_headline(summary),
        warnings=tuple(warnings),
        notes=tuple(notes),
        lost=tuple(
            (
                flow.flow_name,
                f"{flow.callers:,}",
                ", ".join(f"{reason} {callers:,}" for reason, callers in flow.exit_reasons),
            )
            for flow in summary.callers_lost or ()
        ),
    )


def _headline(summary: Summary) -> str:
    total = summary.total
    hit = sum(action.timeouts > 0 for action in summary.actions)
    known = count_of(len(summary.actions), "data action")
    told = [f"{count_of(total.timeouts, 'timeout')} in {hit:,} of {known}"]
    if total.successes is not None and total.executions is not None:
        share = percent(total.timeout_share, UNKNOWN)
        told.append(f"{share} of {count_of(total.executions, 'execution')}")
    if total.conversations is not None:
        told.append(f"{count_of(total.conversations, 'conversation')} hit")
    return f"{'; '.join(told)}."


def _left_out(
    actions: Sequence[ReportAction], beyond: int, well: int, unjudged: int
) -> tuple[str, ...]:
    told = []
    bare = [one.name for one in actions if one.pictures is None]
    if bare:
        named = ", ".join(bare[:_NAMED])
        more = f" and {len(bare) - _NAMED:,} more" if len(bare) > _NAMED else ""
        told.append(f"Without pictures, to keep this small: {named}{more}.")
    if beyond:
        told.append(f"{count_of(beyond, 'action')} that timed out less are not in the table.")
    if well:
        are = "is" if well == 1 else "are"
        told.append(f"{count_of(well, 'action')} without a timeout and well {are} not listed.")
    if unjudged:
        are = "is" if unjudged == 1 else "are"
        action = count_of(unjudged, "action")
        told.append(f"{action} without a timeout that can't be judged {are} not listed.")
    return tuple(told)
