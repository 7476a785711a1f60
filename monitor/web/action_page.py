"""The page of one action: its verdict with its evidence, its pictures, whom it hits, what to do.

The verdict comes from the snapshot, windows and hits from the state; nothing is asked of the
platform. Where the state can't be read, what the snapshot knows is shown all the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from monitor.diagnosis import HOW_TO_CHANGE, explanation, severity_of
from monitor.formats import (
    count_of,
    exact_seconds,
)
from monitor.render import (
    action_facts,
    bar_seconds,
    commands_about,
    draw_action,
    raise_rows,
    verdict_evidence,
)
from monitor.time_ranges import TimeRange, floor_to

if TYPE_CHECKING:
    from monitor.diagnosis import VerdictPeriod
    from monitor.investigation import ActionHistory
    from monitor.model import Incident
    from monitor.render import ActionCommand, Fact, Picture
    from monitor.snapshot import OrgSnapshot
    from monitor.summary import ActionSummary

UNKNOWN = "\N{EN DASH}"
"""Stands where a number can't be known."""

_ARROW = "\N{RIGHTWARDS ARROW}"
_MOST_BARS = 170

PERIODS: dict[str, tuple[str, int]] = {
    "6h": ("6 hours", 6 * 3_600),
    "24h": ("24 hours", 24 * 3_600),
    "3d": ("3 days", 72 * 3_600),
    "7d": ("7 days", 168 * 3_600),
}
"""What may be looked at, by its word in the URL: what it is called, and how long it is."""

DEFAULT_PERIOD = "24h"


@dataclass(frozen=True, slots=True)
class PeriodChoice:
    """A period that may be looked at."""

    key: str
    words: str
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class FlowLine:
    """A flow that uses the action."""

    name: str
    flow_id: str
    conversations: str
    lost: str


@dataclass(frozen=True, slots=True)
class ChangeLine:
    """A change of its timeout.

    Attributes:
        at: When; epoch seconds.
        step: From what to what.
        who: Who made it.
        became: What came of it, or that it was made outside.
        note: Why, in words; may be empty.
    """

    at: float
    step: str
    who: str
    became: str
    note: str


@dataclass(frozen=True, slots=True)
class ActionPage:
    """What the page shows.

    Attributes:
        org: The org's name.
        name: The action's name.
        action_id: Its id.
        integration: Its integration; empty where unknown.
        kind: What sort of action it is.
        is_gone: Whether its catalogue lists it no more.
        verdict: Why it times out, in words.
        severity: How much that matters; the class of its colour.
        period: Since when, and whether it goes on; None where that is not told.
        lead: Why, what would help and what that brings, in sentences.
        editable: Where its timeout is changed by hand.
        facts: The numbers at its head.
        raises: What the next step of a raise would do, and what the data ask for.
        notes: What a reader must know beside the verdict.
        evidence: What the verdict rests on: names and words.
        evidence_range: The settled windows that were looked at; None before the first diagnosis.
        judged_at: When that was; epoch seconds, None likewise.
        periods: What may be looked at.
        pictures: The pictures, column by column; empty where the state can't be read.
        problem: Why the state can't be read; empty where it can.
        flows: Flows that use it; None where the state can't be read.
        hits: Its newest timeouts in conversations.
        hits_words: How many there are, and why there may be none.
        changes: Changes of its timeout, the newest first.
        endings: How executions failed in the day, in the platform's words.
        commands: What to do, as commands.
    """

    org: str
    name: str
    action_id: str
    integration: str
    kind: str
    is_gone: bool
    verdict: str
    severity: str
    period: VerdictPeriod | None
    lead: str
    editable: str
    facts: tuple[Fact, ...]
    raises: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...]
    evidence: tuple[tuple[str, str], ...]
    evidence_range: TimeRange | None
    judged_at: float | None
    periods: tuple[PeriodChoice, ...]
    pictures: tuple[tuple[Picture, ...], ...]
    problem: str
    flows: tuple[FlowLine, ...] | None
    hits: tuple[Incident, ...]
    hits_words: str
    changes: tuple[ChangeLine, ...]
    endings: tuple[tuple[str, str, str], ...]
    commands: tuple[ActionCommand, ...]


@dataclass(frozen=True, slots=True)
class ShownPeriod:
    """What is looked at.

    Attributes:
        key: Which of ``PERIODS``.
        time_range: From the beginning of a bar to now.
        bar_seconds: Length of a bar.
    """

    key: str
    time_range: TimeRange
    bar_seconds: int

    @classmethod
    def of(cls, key: str, until: float, window_seconds: int) -> Self:
        """Return a period that ends now, in bars of whole windows.

        Args:
            key: Which of ``PERIODS``.
            until: Now; epoch seconds.
            window_seconds: Length of the org's windows.
        """
        seconds = PERIODS[key][1]
        bar = bar_seconds(seconds, window_seconds, _MOST_BARS)
        return cls(key, TimeRange(floor_to(until - seconds, bar), int(until)), bar)

    @property
    def words(self) -> str:
        """What it is called."""
        return PERIODS[self.key][0]


def action_page(
    org_snapshot: OrgSnapshot,
    day: ActionSummary,
    shown: ShownPeriod,
    history: ActionHistory | None,
    problem: str,
) -> ActionPage:
    """Return what the page of an action shows.

    Args:
        org_snapshot: Its org.
        day: Its day.
        shown: The period that is looked at.
        history: What the state knows of the period; None where it can't be read.
        problem: Why not; empty where it can.
    """
    known = org_snapshot.diagnosis
    found = known.diagnoses.get(day.action_id) if known else None
    hour = next((one for one in org_snapshot.hour.actions if one.action_id == day.action_id), None)
    pictures = None if history is None else draw_action(history, found, shown.bar_seconds)
    return ActionPage(
        org=org_snapshot.org,
        name=day.action_name or day.action_id,
        action_id=day.action_id,
        integration=day.integration_name,
        kind=day.kind.value,
        is_gone=day.action_id in org_snapshot.state.gone,
        verdict=found.verdict.replace("_", " ") if found else "not judged yet",
        severity=severity_of(found, known.time_range.end).value if found and known else "unknown",
        period=found.period if found else None,
        lead=explanation(found) if found else _not_judged(org_snapshot),
        editable=f"{HOW_TO_CHANGE[found.editable]}." if found else "",
        facts=action_facts(day, found, hour=hour),
        raises=raise_rows(found),
        notes=tuple(f"{note.rstrip('.')}." for note in (found.notes if found else ())),
        evidence=verdict_evidence(found, successes_known=day.successes is not None)
        if found
        else (),
        evidence_range=known.time_range if known and found else None,
        judged_at=known.taken_at if known and found else None,
        periods=tuple(
            PeriodChoice(key, words, key == shown.key) for key, (words, _) in PERIODS.items()
        ),
        pictures=pictures.columns if pictures else (),
        problem=problem,
        flows=None if history is None else _flows(history, org_snapshot),
        hits=history.hits.newest if history and history.hits else (),
        hits_words="" if history is None else _hits_words(history, shown.words),
        changes=() if history is None else _changes(history),
        endings=_endings(day),
        commands=commands_about(
            org=org_snapshot.org,
            action_id=day.action_id,
            contract=org_snapshot.contract,
            diagnosis=found,
            flow_ids=[flow.flow_id for flow in history.flows] if history else (),
            changes=history.changes if history else (),
        ),
    )


def _not_judged(org_snapshot: OrgSnapshot) -> str:
    if org_snapshot.read_by:
        return f"It is judged by {org_snapshot.read_by}, which reads the org."
    return "No diagnosis has been made since the start, and the state has none to show."


def known_action(org_snapshot: OrgSnapshot, action_id: str) -> ActionSummary | None:
    """Return the day of an action; None where neither catalogue nor data know it."""
    return next((one for one in org_snapshot.day.actions if one.action_id == action_id), None)


def _flows(history: ActionHistory, org_snapshot: OrgSnapshot) -> tuple[FlowLine, ...]:
    lost = org_snapshot.day.callers_lost
    by_flow = {flow.flow_id: flow.callers for flow in lost or ()}
    return tuple(
        FlowLine(
            flow.name,
            flow.flow_id,
            UNKNOWN if flow.conversations is None else f"{flow.conversations:,}",
            UNKNOWN if lost is None else f"{by_flow.get(flow.flow_id, 0):,}",
        )
        for flow in history.flows
    )


def _hits_words(history: ActionHistory, period: str) -> str:
    hits = history.hits
    if hits is None:
        return "No conversation detail records were read, so whom it hit is not known."
    if not hits.timeouts:
        return f"No detail record of the last {period} tells of a timeout of this action."
    timeouts = count_of(hits.timeouts, "timeout")
    told = f"{count_of(hits.conversations, 'conversation')} hit by {timeouts} in {period}"
    shown = len(hits.newest)
    return f"{told}." if shown == hits.timeouts else f"{told}; the newest {shown}:"


def _changes(history: ActionHistory) -> tuple[ChangeLine, ...]:
    own = [
        ChangeLine(
            one.applied_at or one.began_at,
            _step(one.from_ms, one.to_ms),
            one.actor,
            one.state.replace("_", " "),
            one.explanation,
        )
        for one in history.changes
    ]
    others = [
        ChangeLine(
            one.at,
            _step(one.from_ms, one.to_ms),
            one.set_by.who,
            "made outside this program",
            "",
        )
        for one in history.outside
    ]
    return tuple(sorted((*own, *others), key=lambda one: -one.at))


def _step(from_ms: float | None, to_ms: float | None) -> str:
    before, after = ("?" if value is None else exact_seconds(value) for value in (from_ms, to_ms))
    return f"{before} {_ARROW} {after}"


def _endings(day: ActionSummary) -> tuple[tuple[str, str, str], ...]:
    return tuple(
        (error_type, status or UNKNOWN, f"{executions:,}")
        for error_type, status, executions in day.error_types
    )
