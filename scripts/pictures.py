"""Writes what README.md shows of the demo: its last screen as text, and pictures of its pages.

    python -m scripts.pictures     as `make pictures` does

The org is always the same, and so is the moment at which it is looked at. What stands between two
markers is made here; all else on the page is written by hand.
"""

from __future__ import annotations

import re
import threading
from io import StringIO
from pathlib import Path

from rich.console import Console

from monitor import logs
from monitor.cli.demo import demo_screen
from monitor.cli.demo_daemon import await_first_verdicts, demo_daemon

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
PICTURES = ROOT / "docs" / "pictures"
BEGIN, END = "<!-- demo: made by make pictures -->\n", "<!-- end of demo -->\n"

MOMENT = 1_795_687_320.0
"""2026-11-26 10:02 UTC, a Thursday."""

COLUMNS, LINES = 100, 36


class StandingClock:
    """A clock that stands still: however long the reading takes, what is late stays late."""

    def now(self) -> float:
        """Return the moment; seconds since the Unix epoch."""
        return MOMENT

    def monotonic(self) -> float:
        """Return no moment but one."""
        return 0.0

    def machine_seconds(self, seconds: float) -> float:
        """Return the same number of seconds."""
        return seconds


def recorded_screen() -> Console:
    """Return a console that has recorded the demo's screen, and shows nothing."""
    console = Console(
        width=COLUMNS,
        height=LINES,
        record=True,
        force_terminal=True,
        color_system="truecolor",
        file=StringIO(),
    )
    with demo_daemon(StandingClock(), scenario="default", seed=1) as daemon:
        await_first_verdicts(daemon, threading.Event())
        console.print(demo_screen(daemon))
    return console


def sample(console: Console) -> str:
    """Return what stands there as a block of Markdown."""
    lines = [line.rstrip() for line in console.export_text(clear=False).splitlines()]
    return "\n".join(["```", *lines, "```"]) + "\n"


def renewed(page: str, block: str) -> str:
    """Return the page with a block in place of what stands between the markers."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{block}\n{END}{after}"


def picture(console: Console) -> str:
    """Return it as SVG that asks nobody for a font."""
    svg = console.export_svg(title="timeout-monitor demo", clear=False, unique_id="demo")
    return re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)


def main() -> None:
    """Write all of it."""
    logs.configure(verbose=False, quiet=True)
    screen = recorded_screen()
    page = README.read_text(encoding="utf-8")
    README.write_text(renewed(page, sample(screen)), encoding="utf-8")
    PICTURES.mkdir(exist_ok=True)
    (PICTURES / "demo.svg").write_text(picture(screen), encoding="utf-8")


if __name__ == "__main__":
    main()
