"""Writes what README.md shows of the demo: its last screen as text, and pictures of its pages.

    python -m scripts.pictures     as `make pictures` does

The org is always the same, and so is the moment at which it is looked at. What stands between two
markers is made here; all else on the page is written by hand.
"""

from __future__ import annotations

import re
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from pathlib import Path
from typing import Final, Literal

from playwright.sync_api import FloatRect, Locator, Page, sync_playwright
from rich.console import Console

from monitor import logs
from monitor.cli.demo import demo_screen
from monitor.cli.demo_daemon import await_first_verdicts, demo_daemon
from monitor.daemon import Daemon
from scripts.small_png import small_png

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
PICTURES = ROOT / "docs" / "pictures"
BEGIN, END = "<!-- demo: made by make pictures -->\n", "<!-- end of demo -->\n"

MOMENT = 1_795_687_320.0
"""2026-11-26 10:02 UTC, a Thursday."""

COLUMNS, LINES = 100, 36
SCHEMES: Final[tuple[Literal["light", "dark"], ...]] = ("light", "dark")
ROWS = 6
"""Rows of the overview before the last that is shown."""

ACTION, STEPS = "Order Status", 2
"""Whose page is shown, and how far the question goes beyond the timeout in force."""


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


@contextmanager
def standing_demo() -> Iterator[Daemon]:
    """Start the demo at its moment, and end it afterwards."""
    with demo_daemon(StandingClock(), scenario="default", seed=1) as daemon:
        await_first_verdicts(daemon, threading.Event())
        yield daemon


def recorded_screen(daemon: Daemon) -> Console:
    """Return a console that has recorded the demo's screen, and shows nothing."""
    console = Console(
        width=COLUMNS,
        height=LINES,
        record=True,
        force_terminal=True,
        color_system="truecolor",
        file=StringIO(),
    )
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


def photograph(daemon: Daemon, folder: Path) -> None:
    """Take pictures of the pages by light and in the dark."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        for scheme in SCHEMES:
            context = chromium.new_context(
                viewport={"width": 1280, "height": 800},
                timezone_id="UTC",
                locale="en-GB",
                color_scheme=scheme,
            )
            page = context.new_page()
            page.goto(f"{daemon.address}/", wait_until="networkidle")
            write_picture(
                page, folder / f"overview-{scheme}.png", page.locator("tbody tr").nth(ROWS)
            )
            page.get_by_role("link", name=ACTION, exact=True).click()
            page.wait_for_load_state("networkidle")
            slider = page.get_by_role("slider")
            slider.focus()
            for _ in range(STEPS):
                slider.press("ArrowRight")
            write_picture(page, folder / f"action-{scheme}.png", page.locator(":has(> figure)"))
            context.close()
        chromium.close()


def write_picture(page: Page, path: Path, last: Locator) -> None:
    """Write down what a page shows from its top to the end of some elements, in few colours."""
    page.evaluate("document.activeElement.blur(); scrollTo(0, 0)")
    boxes = [box for one in last.all() if (box := one.bounding_box())]
    end = max(box["y"] + box["height"] for box in boxes)
    area: FloatRect = {"x": 0, "y": 0, "width": 1280, "height": end}
    path.write_bytes(small_png(page.screenshot(full_page=True, clip=area)))


def main() -> None:
    """Write all of it."""
    logs.configure(verbose=False, quiet=True)
    PICTURES.mkdir(exist_ok=True)
    with standing_demo() as daemon:
        screen = recorded_screen(daemon)
        photograph(daemon, PICTURES)
    page = README.read_text(encoding="utf-8")
    README.write_text(renewed(page, sample(screen)), encoding="utf-8")
    (PICTURES / "demo.svg").write_text(picture(screen), encoding="utf-8")


if __name__ == "__main__":
    main()
