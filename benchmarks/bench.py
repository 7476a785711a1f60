"""Every benchmark of speed and size, one after another, and the table of what they found.

    make bench                         all of them; it takes some twenty minutes
    make bench ARGS="pages scraping"   only some
    make bench ARGS=fleet              several daemons on one PostgreSQL: never among all of them
    make bench ARGS=--write            the table in docs/performance.md is written anew
    make bench ARGS=--check            exit 1 where an aim is missed
    make bench ARGS=--quick            small data: are results the rivals'? Figures mean little

Each runs in a process of its own, so that none leaves another its caches or its memory. A row is
printed as soon as it is measured. Where an interrupt (Ctrl-C) ends it early, what was measured by
then is the table, printed and written alike, and it names what is missing.
"""

from __future__ import annotations

import argparse
import signal
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from benchmarks.apart import INTERRUPTED, FailedError, rows_apart
from benchmarks.rows import Row, machine_name

MODULES = (
    "startup",
    "pages",
    "scraping",
    "decoding",
    "read_memory",
    "requests",
    "backfill",
    "detection",
    "packed_state",
    "diagnosing",
    "reporting",
    "fifty_orgs",
)
"""Modules of this folder with a function ``rows(*, quick: bool) -> Iterable[Row]``."""

APART = ("fleet",)
"""The same, but run only where they are named: they take long, and four daemons' processors."""

LIBRARIES = (
    "msgspec",
    "numpy",
    "pandas",
    "scipy",
    "sqlalchemy",
    "prometheus-client",
    "flask",
    "duckdb",
)
PAGE = Path(__file__).parents[1] / "docs" / "performance.md"
INTERRUPTION = "interrupted"
BEGIN, END = "<!-- Output of make bench; it begins here. -->\n", "<!-- It ends here. -->"
COLUMNS = ("what", "measured", "against, in the same run", "ratio", "aim", "holds")
RULE = ("---", "---:", "---", "---:", "---", "---")
WIDTHS = (92, 16, 54, 6, 26, 6)
"""Of the columns on a terminal: a table that grows can't know how wide it will be."""


@dataclass(slots=True)
class Finding:
    """What one benchmark found.

    Attributes:
        module: Which.
        rows: Its rows, as far as it has come.
        problem: Why there are no more; empty where these are all.
    """

    module: str
    rows: list[Row] = field(default_factory=list)
    problem: str = ""


def measure(modules: Iterable[str], findings: list[Finding], *, quick: bool) -> None:
    """Run benchmarks, print what they find, and add it to the findings as it comes."""
    for module in modules:
        finding = Finding(module, problem=INTERRUPTION)
        findings.append(finding)
        print(f"{module} ...", file=sys.stderr, flush=True)
        began = time.monotonic()
        try:
            for row in rows_apart(module, quick=quick):
                finding.rows.append(row)
                print(_padded(_cells(row)), flush=True)
            finding.problem = ""
        except FailedError as error:
            finding.problem = str(error)
            print(_padded(_failure(finding)), flush=True)
        print(f"{module}: {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)


def table(findings: Sequence[Finding]) -> str:
    """Return the rows of all benchmarks as one table."""
    lines: list[tuple[str, ...]] = [COLUMNS, RULE]
    for finding in findings:
        lines += [_cells(row) for row in finding.rows]
        if finding.problem:
            lines.append(_failure(finding))
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _cells(row: Row) -> tuple[str, ...]:
    ratio = "" if row.ratio is None else f"{row.ratio:.2f}"
    holds = "yes" if row.holds else "**no**"
    return row.what, row.measured, row.rival, ratio, row.aim, holds


def _failure(finding: Finding) -> tuple[str, ...]:
    return f"`{finding.module}`", "failed", finding.problem, "", "", "**no**"


def _padded(cells: Sequence[str]) -> str:
    """Return a line of the table for a terminal."""
    padded = [
        cell.rjust(width) if rule.endswith(":") else cell.ljust(width)
        for cell, width, rule in zip(cells, WIDTHS, RULE, strict=True)
    ]
    return f"| {' | '.join(padded)} |"


def summary(findings: Sequence[Finding], missing: Sequence[str], seconds: float) -> str:
    """Return how many rows hold, what is missing, and how long it took."""
    rows = [row for finding in findings for row in finding.rows]
    told = f"{sum(row.holds for row in rows)} of {len(rows)} rows hold"
    told += f"; it took {seconds / 60:.0f} minutes."
    return f"{told} Not measured: {', '.join(missing)}." if missing else told


def circumstances(command: str) -> str:
    """Return where, when and how it was measured."""
    libraries = ", ".join(f"{name} {version(name)}" for name in LIBRARIES)
    today = datetime.now(UTC).date().isoformat()
    return f"`{command}` on {today}, on {machine_name()}; {libraries}."


def replace_output(page: str, output: str) -> str:
    """Return a page with another output between its marks.

    Raises:
        ValueError: It has no marks.
    """
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError("The page has no place for the output")
    return f"{before}{begin}\n{output}\n\n{end}{after}"


def main(arguments: Sequence[str]) -> int:
    """Run the benchmarks that were asked for, print their table, and return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    known = (*MODULES, *APART)
    parser.add_argument("modules", nargs="*", metavar="NAME", help=f"of {', '.join(known)}")
    parser.add_argument("--quick", action="store_true", help="small data: results, not figures")
    parser.add_argument("--check", action="store_true", help="exit 1 where an aim is missed")
    parser.add_argument("--write", action="store_true", help=f"write the table into {PAGE.name}")
    options = parser.parse_args(arguments)
    unknown = set(options.modules) - set(known)
    if unknown:
        parser.error(f"there is no benchmark {', '.join(sorted(unknown))}")
    asked = options.modules or MODULES
    where = circumstances(" ".join(["make bench", *_given(arguments)]))
    print(f"{where}\n\n{_padded(COLUMNS)}", flush=True)
    findings: list[Finding] = []
    began = time.monotonic()
    try:
        measure(asked, findings, quick=options.quick)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
    whole = {one.module for one in findings if not one.problem}
    missing = [module for module in asked if module not in whole]
    told = summary(findings, missing, time.monotonic() - began)
    print(f"\n{told}")
    if options.write:
        page = PAGE.read_text(encoding="utf-8")
        output = f"{where}\n\n{table(findings)}\n\n{told}"
        PAGE.write_text(replace_output(page, output), encoding="utf-8")
    if len(findings) < len(asked) or any(one.problem == INTERRUPTION for one in findings):
        return INTERRUPTED
    is_missed = options.check and not all(row.holds for one in findings for row in one.rows)
    return 1 if is_missed or missing else 0


def _given(arguments: Sequence[str]) -> list[str]:
    given = [one for one in arguments if one != "--write"]
    return [f'ARGS="{" ".join(given)}"'] if given else []


def run(arguments: Sequence[str]) -> None:
    """Run it as a program, and exit."""
    # Whoever ends it by the other signal wants what was measured, too.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.exit(main(arguments))


if __name__ == "__main__":
    run(sys.argv[1:])
