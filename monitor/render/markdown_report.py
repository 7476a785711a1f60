"""The report as markdown: for a ticket or a chat, where pictures are tables of the same numbers.

Names are plain text in it: nothing that the platform says is a link, a table's end or emphasis.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from monitor.formats import utc_moment
from monitor.render.action_words import RAISE_COLUMNS
from monitor.render.charts import Picture
from monitor.render.mailed_report import ReportAction, ReportContent

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>()#|~!&$])")
_SPACE = re.compile(r"\s+")


def report_markdown(content: ReportContent) -> str:
    """Return the report as markdown (CommonMark, with the tables of GitHub's)."""
    parts = [f"# {escape_markdown(content.title)}"]
    parts.append(f"Made on {utc_moment(content.generated_at)}. Times are in UTC.")
    for org in content.orgs:
        parts += [
            f"## {escape_markdown(org.name)}",
            f"{escape_markdown(org.headline)} Settled windows from {org.period}.",
            *(f"**{escape_markdown(warning)}**" for warning in org.warnings),
            *(escape_markdown(note) for note in org.notes),
        ]
        if org.lost:
            parts.append(table(("Callers lost in flow", "Callers", "How it ended"), org.lost))
    if content.actions:
        parts += ["## Data actions, the worst first", _overview(content.actions)]
    else:
        parts.append("No data action timed out, and none is unwell.")
    for action in content.actions:
        if action.pictures is not None:
            parts += _action(action)
    parts += [escape_markdown(sentence) for sentence in _left_out(content)]
    return "\n\n".join(parts) + "\n"


def escape_markdown(text: str) -> str:
    """Return any text as markdown that shows exactly it, in one line; no address becomes a link."""
    line = _SPACE.sub(" ", text).strip()
    escaped = _SPECIAL.sub(r"\\\1", line)
    escaped = re.sub(r"(?i)\b(https?|ftp):(?=//)", r"\1\\:", escaped)
    escaped = re.sub(r"(?i)\bwww\.", r"www\\.", escaped)
    # At the beginning of a line these would begin a list, a quotation or a heading.
    return re.sub(
        r"^(\d+)([.)])(?=\s|$)", r"\1\\\2", re.sub(r"^([-+=>])(?=\s|$)", r"\\\1", escaped)
    )


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table; every cell is plain text."""
    lines = [head, ["---"] * len(head)]
    written = ["| " + " | ".join(cells) + " |" for cells in lines]
    written.extend(
        "| " + " | ".join(escape_markdown(cell) or " " for cell in row) + " |" for row in rows
    )
    return "\n".join(written)


def _overview(actions: Sequence[ReportAction]) -> str:
    head = ("Data action", "Org", "Verdict", "Timeouts", "Share", "Timeout", "Conversations")
    return table(
        head,
        (
            (
                one.name,
                one.org,
                f"{one.verdict} {one.period}".rstrip(),
                one.timeouts,
                one.share,
                f"{one.timeout} → {one.advised}" if one.advised else one.timeout,
                one.conversations,
            )
            for one in actions
        ),
    )


def _action(action: ReportAction) -> Iterable[str]:
    where = ", ".join(filter(None, (action.integration, action.org, action.action_id)))
    yield f"## {action.number}. {escape_markdown(action.name)}"
    yield escape_markdown(where)
    yield f"**{escape_markdown(action.verdict)}** {action.period}".rstrip()
    yield escape_markdown(action.lead)
    yield "\n".join(
        f"* {fact.name}: {escape_markdown(fact.value)}"
        + (f" ({escape_markdown(fact.remark)})" if fact.remark else "")
        for fact in action.facts
    )
    if action.raises:
        yield table(RAISE_COLUMNS, action.raises)
    for note in action.notes:
        yield escape_markdown(note)
    if action.flows:
        yield escape_markdown(f"Used by {', '.join(action.flows)}.")
    if action.editable:
        yield escape_markdown(f"To change it by hand: {action.editable}")
    pictures = action.pictures
    if pictures is not None:
        for picture in (pictures.curve, pictures.latency, pictures.outcomes):
            if picture is not None:
                yield from _picture(picture)


def _picture(picture: Picture) -> Iterable[str]:
    yield f"### {picture.title}"
    yield escape_markdown(picture.description)
    yield table(picture.table.head, picture.table.rows)


def _left_out(content: ReportContent) -> Iterable[str]:
    return (one.replace("Without pictures", "Without details") for one in content.left_out)
