"""``demo`` in a real terminal whose window is made larger and smaller."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cli.terminal_window import PROMPT, TerminalWindow, terminal_window
from tests.daemon.place import ROOT

pytestmark = pytest.mark.timeout(300)

SIZES = (
    (80, 24, "Share", False),
    (80, 40, "Share", True),
    (60, 40, "Timeouts", True),
    (120, 30, "Calls", True),
    (200, 50, "Flows", True),
    (100, 34, "Used", True),
)
"""Columns and lines; the last heading that fits, and whether an explanation does."""

HEAD = "Action    "
"""The head of the table; no other line begins so."""


@pytest.fixture
def window(require_tool: Callable[[str], str], tmp_path: Path) -> Iterator[TerminalWindow]:
    """A window of 80 columns and 24 lines."""
    with terminal_window(require_tool("tmux"), tmp_path, 80, 24) as opened:
        yield opened


def heads(lines: list[str]) -> list[str]:
    """The heads of tables among them."""
    return [line for line in lines if line.startswith(HEAD)]


def test_the_demo_fits_the_window_that_it_has(window: TerminalWindow) -> None:
    """At every size the table's head is in view and no line wraps; a resize is followed.

    What ran leaves one screen behind: the table once, a sentence below it, and nothing above.
    """
    window.run("env", f"PYTHONPATH={ROOT}", sys.executable, "-m", "monitor", "demo", "--port", "0")
    for columns, height, last_heading, has_why in SIZES:
        window.resize(columns, height)

        def fits(last: str = last_heading, *, why: bool = has_why) -> bool:
            lines = window.lines()
            found = [head.split()[-1] for head in heads(lines)]
            # How much there is to tell differs from day to day, and may leave lines empty.
            ends = "Ctrl-C ends it" in "".join([line for line in lines if line][-6:])
            return found == [last] and ends and ("Why" in lines) is why

        window.eventually(fits, f"the demo in {columns} x {height}")
        assert window.joined_lines() == window.lines()

    window.press("C-c")
    window.eventually(lambda: PROMPT in window.lines(), "the prompt")
    shown = window.scrollback()

    assert len(heads(window.lines())) == len(heads(shown)) == 1
    assert any(line.startswith("Order Status ") for line in shown)
    assert any(line.startswith("Watched demo with ") for line in shown)
    assert "Ctrl-C ends it" not in "\n".join(shown)
    assert "\N{REPLACEMENT CHARACTER}" not in "\n".join(shown)
