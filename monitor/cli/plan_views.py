"""Plans and changes for people."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from monitor.diagnosis import Verdict, explanation
from monitor.formats import exact_seconds, utc_minute
from monitor.journal import AuditEntry, Change, OutsideChange
from monitor.remediation import Decision, DecisionKind
from monitor.render import decided_effects, describe_raise, summary_of, trial_words
from monitor.sanitize import sanitize

STYLES = {
    DecisionKind.RAISE: "green",
    DecisionKind.TRIAL: "green",
    DecisionKind.RECOMMEND: "yellow",
    DecisionKind.KEEP: "dim",
}
STATE_STYLES = {
    "verified": "green",
    "watching": "yellow",
    "unhelpful": "red",
    "failed": "red",
    "rolled_back": "yellow",
}
UNKNOWN = "-"


def plan_table(decisions: Sequence[Decision]) -> RenderableType:
    """What would be changed, what would not and why, and every guard of what might be."""
    if not decisions:
        return Text("No data action is known yet.")
    table = _table("Action", "Timeout", "Decision", "Why")
    for decision in decisions:
        table.add_row(
            Text(decision.candidate.action_name),
            Text(change_of(decision)),
            Text(str(decision.kind), style=STYLES[decision.kind]),
            Text(f"{decision.candidate.diagnosis.verdict}: {summary_of(decision)}"),
        )
    parts: list[RenderableType] = [table]
    for decision in decisions:
        if decision.is_wanted:
            parts.extend(_wanted(decision))
        elif decision.candidate.diagnosis.verdict is Verdict.UNCLEAR:
            one = decision.candidate
            parts.append(Text.assemble("\n", (one.action_name, "bold"), f"  {one.action_id}"))
            parts.append(Text(explanation(one.diagnosis)))
    return Group(*parts)


def raise_summary(decision: Decision) -> str:
    """Return one raise, what it would bring and what it would cost, as the question shows it."""
    effects = decided_effects(decision)
    told = [] if effects is None else describe_raise(effects)
    brings = ". ".join(told) or decision.candidate.diagnosis.why
    return f"{decision.candidate.action_name}, {change_of(decision)}: {brings}."


def change_of(decision: Decision) -> str:
    """For example ``3 s -> 4 s``; only the timeout in force where no more is advised."""
    if decision.from_ms is None:
        return UNKNOWN
    now = exact_seconds(decision.from_ms)
    if not decision.is_wanted or decision.to_ms is None:
        return now
    return f"{now} -> {exact_seconds(decision.to_ms)}"


def changes_table(
    changes: Sequence[Change], outside: Sequence[OutsideChange] = ()
) -> RenderableType:
    """The newest changes, and beside them those that this program did not make."""
    if not changes and not outside:
        return Text("No timeout was ever changed.")
    table = _table("Change", "Began (UTC)", "Org", "Action", "Timeout", "State", "By", "Note")
    rows = [(one.began_at, _change_row(one)) for one in changes]
    rows += [(one.at, _outside_row(one)) for one in outside]
    for _, row in sorted(rows, key=lambda one: one[0], reverse=True):
        table.add_row(*row)
    return table


def _change_row(change: Change) -> list[str | Text]:
    return [
        str(change.change_id),
        utc_minute(change.began_at),
        Text(change.org),
        Text(change.action_name),
        f"{exact_seconds(change.from_ms)} -> {exact_seconds(change.to_ms)}",
        Text(f"{change.state}{trial_words(change)}", style=STATE_STYLES.get(str(change.state), "")),
        _typed(change.actor),
        _typed(change.explanation),
    ]


def _outside_row(change: OutsideChange) -> list[str | Text]:
    values = (change.from_ms, change.to_ms)
    noticed = "" if change.set_by.at is not None else "when the catalogue noticed it"
    return [
        UNKNOWN,
        utc_minute(change.at),
        Text(change.org),
        Text(change.action_name),
        " -> ".join(UNKNOWN if value is None else exact_seconds(value) for value in values),
        Text("outside"),
        _typed(change.set_by.who),
        Text(noticed),
    ]


def audit_table(entries: Iterable[AuditEntry]) -> RenderableType:
    """The newest lines of the audit trail."""
    table = _table("At (UTC)", "Org", "Event", "Action", "Change", "Timeout", "By", "Why")
    for entry in entries:
        values = (entry.from_ms, entry.to_ms)
        table.add_row(
            utc_minute(entry.at),
            Text(entry.org),
            Text(entry.event),
            Text(entry.action_name or UNKNOWN),
            UNKNOWN if entry.change_id is None else str(entry.change_id),
            " -> ".join(UNKNOWN if value is None else exact_seconds(value) for value in values),
            _typed(entry.actor),
            _typed(f"{entry.reason}: {entry.detail}" if entry.reason else entry.detail),
        )
    return table


def _wanted(decision: Decision) -> Iterable[RenderableType]:
    """A raise that the data ask for: why, what it brings and costs, and every guard."""
    one = decision.candidate
    yield Text.assemble(
        "\n", (one.action_name, "bold"), f"  {one.action_id}  {change_of(decision)}"
    )
    effects = decided_effects(decision)
    told = [one.diagnosis.why, *(() if effects is None else describe_raise(effects))]
    yield Text(" ".join(f"{sentence.rstrip('.')}." for sentence in told))
    for guard in decision.guards:
        mark, style = ("ok", "green") if guard.passed else ("no", "red")
        yield Text.assemble((f"  {mark:<3}", style), f"{guard.name:<15}", guard.detail)


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def _typed(text: str) -> Text:
    """What somebody wrote, which an older program may have kept as it came; none of it is cut."""
    return Text(sanitize(text, len(text)))
