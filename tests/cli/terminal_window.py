"""A real terminal in a window that can be made larger and smaller: tmux."""

from __future__ import annotations

import shlex
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.daemon.place import PATIENCE_SECONDS

PROMPT = "ready>"
LOOK_SECONDS = 0.1
"""Looks are processes of their own, and what is looked at needs the processor."""


@dataclass(frozen=True)
class TerminalWindow:
    """A shell in a window of its own."""

    tmux: Sequence[str]

    def run(self, *words: str | Path) -> None:
        """Type a command, and press Enter."""
        self._tell("send-keys", shlex.join(map(str, words)), "Enter")

    def type(self, text: str) -> None:
        """Type what is no command yet."""
        self._tell("send-keys", "-l", text)

    def press(self, key: str) -> None:
        """Press one key, in tmux's words: ``C-c``."""
        self._tell("send-keys", key)

    def resize(self, columns: int, lines: int) -> None:
        """Make the window as large as that."""
        self._tell("resize-window", "-x", str(columns), "-y", str(lines))

    def eventually(self, holds: Callable[[], bool], what: str) -> None:
        """Wait until something holds of what is shown.

        Raises:
            AssertionError: It does not come to hold.
        """
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not holds():
            assert time.monotonic() < deadline, (what, self.scrollback())
            time.sleep(LOOK_SECONDS)

    def lines(self) -> list[str]:
        """What is in view."""
        return self._tell("capture-pane", "-p").splitlines()

    def joined_lines(self) -> list[str]:
        """The same, where lines that the terminal had to wrap are one."""
        shown = self._tell("capture-pane", "-p", "-J").splitlines()
        return [line.rstrip() for line in shown]

    def scrollback(self) -> list[str]:
        """What is in view, under all that was before."""
        return self._tell("capture-pane", "-p", "-S", "-").splitlines()

    def _tell(self, *words: str) -> str:
        done = subprocess.run([*self.tmux, *words], capture_output=True, text=True, check=True)
        return done.stdout


@contextmanager
def terminal_window(tmux: str, folder: Path, columns: int, lines: int) -> Iterator[TerminalWindow]:
    """Open a window with a shell in a folder, and close it afterwards.

    Args:
        tmux: The program.
        folder: Where the shell is; tmux's socket lies there too.
        columns: How wide the window is.
        lines: How high it is.
    """
    shell = shlex.join(["env", "-u", "COLUMNS", "-u", "LINES", f"PS1={PROMPT}", "sh"])
    words = [tmux, "-S", str(folder / "tmux"), "-f", "/dev/null"]
    size = ["-x", str(columns), "-y", str(lines), "-c", str(folder)]
    subprocess.run([*words, "new-session", "-d", *size, shell], check=True)
    try:
        yield TerminalWindow(words)
    finally:
        subprocess.run([*words, "kill-server"], check=False)
