"""Writes the tables of docs/platform.md anew from the simulator's worlds.

    python -m scripts.platform_page     as `make docs` does

What stands between two markers is made here; all else on the page is written by hand.
"""

from __future__ import annotations

from itertools import groupby
from pathlib import Path

from monitor.platform_limits import LIMITS
from monitor.simulator import questions

PAGE = Path(__file__).parents[1] / "docs" / "platform.md"
BEGIN, END = "<!-- worlds: made by make docs -->\n", "<!-- end of worlds -->\n"
BEGIN_LIMITS, END_LIMITS = "<!-- limits: made by make docs -->\n", "<!-- end of limits -->\n"

TOPICS = {
    "executions": "Action aggregates: what is counted",
    "conversations": "Detail records and flow aggregates",
    "actions": "Integration actions",
    "flows": "Flow documents",
    "audits": "The audit log",
    "wire": "Logins and rate limits",
}


def tables() -> str:
    """Return a table a topic: each question, each reading, its source, and what is made of it."""
    lines: list[str] = []
    for topic, group in groupby(questions().items(), lambda item: item[1].topic):
        lines += [f"### {TOPICS[topic]}", ""]
        for name, question in group:
            lines += [f"**`{name}`**: {question.text}", ""]
            lines += ["| reading | the platform | said by | Timeout Monitor |", "|---|---|---|---|"]
            for at, one in enumerate(question.readings):
                value = f"`{one.value}`" + (" (default)" if at == 0 else "")
                lines.append(f"| {value} | {one.meaning} | {one.source} | {one.product} |")
            lines.append("")
    return "\n".join(lines)


def limits() -> str:
    """Return the table of the documented limits."""
    lines = ["| what | at most | said by | Timeout Monitor asks for |", "|---|---|---|---|"]
    lines += [
        f"| {one.subject} | {one.most:,} {one.unit} | {one.source} | {one.program} |"
        for one in LIMITS
    ]
    return "\n".join(lines) + "\n"


def renewed(page: str) -> str:
    """Return the page with its tables written anew."""
    page = _between(page, BEGIN, tables(), END)
    return _between(page, BEGIN_LIMITS, limits() + "\n", END_LIMITS)


def _between(page: str, begin: str, text: str, end: str) -> str:
    """The page with a text in place of what stands between two markers."""
    before, _, rest = page.partition(begin)
    _, _, after = rest.partition(end)
    return f"{before}{begin}\n{text}{end}{after}"


if __name__ == "__main__":
    PAGE.write_text(renewed(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
