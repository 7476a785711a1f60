"""Every benchmark of speed and size, one after another, and the table of what they found.

    make bench                         all of them; it takes a while
    make bench ARGS="pages scraping"   only some
    make bench ARGS=--write            the table in docs/performance.md is written anew
    make bench ARGS=--check            exit 1 where an aim is missed
    make bench ARGS=--quick            small data: are results the rivals'? Figures mean little

Each runs in a process of its own, so that none leaves another its caches or its memory.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import redirect_stdout
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

from benchmarks.rows import Row, machine_name

MODULES = (
    "pages",
    "scraping",
    "decoding",
    "fifty_orgs",
    "fleet",
    "startup",
    "requests",
    "detection",
    "diagnosing",
    "packed_state",
    "reporting",
)
"""Modules of this folder with a function ``rows(*, quick: bool) -> list[Row]``."""

LIBRARIES = ("msgspec", "numpy", "pandas", "scipy", "sqlalchemy", "prometheus-client", "flask")
PAGE = Path(__file__).parents[1] / "docs" / "performance.md"
BEGIN, END = "<!-- Output of make bench; it begins here. -->\n", "<!-- It ends here. -->"


@dataclass(frozen=True, slots=True)
class Finding:
    """What one benchmark found.

    Attributes:
        module: Which.
        rows: Its rows.
        problem: Why there are none; empty where there are.
    """

    module: str
    rows: tuple[Row, ...] = ()
    problem: str = ""


def run(module: str, *, quick: bool) -> Finding:
    """Run one benchmark in this process; what goes wrong is its finding."""
    try:
        # What a daemon logs on its way is no part of the table.
        with redirect_stdout(sys.stderr):
            found = import_module(f"benchmarks.{module}").rows(quick=quick)
    except Exception as error:  # noqa: BLE001 - the others are measured all the same
        return Finding(module, problem=f"{type(error).__name__}: {error}")
    return Finding(module, tuple(found))


def run_apart(module: str, *, quick: bool) -> Finding:
    """Run one benchmark in a new process; that it was killed is its finding, too."""
    try:
        with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as process:
            return process.submit(run, module, quick=quick).result()
    except BrokenProcessPool as error:
        return Finding(module, problem=f"its process ended: {error}")


def table(findings: Sequence[Finding]) -> str:
    """Return the rows of all benchmarks as one table."""
    lines = [
        "| what | measured | against, in the same run | ratio | aim | holds |",
        "|---|---:|---|---:|---|---|",
    ]
    for finding in findings:
        lines += [_line(row) for row in finding.rows]
        if finding.problem:
            lines.append(f"| `{finding.module}` | failed | {finding.problem} |  |  | **no** |")
    return "\n".join(lines)


def _line(row: Row) -> str:
    ratio = "" if row.ratio is None else f"{row.ratio:.2f}"
    holds = "yes" if row.holds else "**no**"
    return f"| {row.what} | {row.measured} | {row.rival} | {ratio} | {row.aim} | {holds} |"


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
    parser.add_argument("modules", nargs="*", metavar="NAME", help=f"of {', '.join(MODULES)}")
    parser.add_argument("--quick", action="store_true", help="small data: results, not figures")
    parser.add_argument("--check", action="store_true", help="exit 1 where an aim is missed")
    parser.add_argument("--write", action="store_true", help=f"write the table into {PAGE.name}")
    options = parser.parse_args(arguments)
    unknown = set(options.modules) - set(MODULES)
    if unknown:
        parser.error(f"there is no benchmark {', '.join(sorted(unknown))}")
    findings = []
    for module in options.modules or MODULES:
        print(f"{module} ...", file=sys.stderr, flush=True)
        findings.append(run_apart(module, quick=options.quick))
    output = f"{circumstances(' '.join(['make bench', *_given(arguments)]))}\n\n{table(findings)}"
    print(output)
    if options.write:
        PAGE.write_text(replace_output(PAGE.read_text(encoding="utf-8"), output), encoding="utf-8")
    is_missed = options.check and not all(row.holds for one in findings for row in one.rows)
    return 1 if is_missed or any(one.problem for one in findings) else 0


def _given(arguments: Sequence[str]) -> list[str]:
    given = [one for one in arguments if one != "--write"]
    return [f'ARGS="{" ".join(given)}"'] if given else []


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
