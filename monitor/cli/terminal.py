"""What goes to stdout and stderr: errors as a sentence and a hint, and nothing that steers.

Names, ids and versions come from the platform, words from whoever answers in its place. All of it
passes here on its way out, so that no command can forget it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TextIO, cast

import typer

from monitor.errors import ConfigurationError
from monitor.redaction import SECRETS
from monitor.sanitize import tame

if TYPE_CHECKING:
    from rich.console import Console, RenderableType


class _Tame:
    """A stream into which nothing comes that steers a terminal; on one, colours stay.

    So they do where the environment asks for them, as whoever looks through a pager does.
    """

    def __init__(self, stream: TextIO) -> None:
        self.untamed = stream
        self._has_colours = stream.isatty() or bool(os.environ.get("FORCE_COLOR"))

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the stream has
        return getattr(self.untamed, name)

    def write(self, text: str) -> int:
        return self.untamed.write(tame(text, with_colours=self._has_colours))

    def writelines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.write(line)


@contextmanager
def tame_streams() -> Iterator[None]:
    """Let nothing steer the terminal that is written to stdout or stderr meanwhile."""
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = (cast("TextIO", _Tame(one)) for one in before)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before


def untamed(stream: TextIO) -> TextIO:
    """Return the stream behind one that is tamed, for a bar that moves; its words must be tame."""
    return cast("TextIO", getattr(stream, "untamed", stream))


def print_error(message: str, hint: str = "") -> None:
    """Print what is wrong, and what to do about it, on stderr.

    Args:
        message: One sentence; its capital and its full stop are set here.
        hint: One sentence; empty where nothing can be done.
    """
    typer.secho(_sentence(tame(SECRETS.redact(message))), fg="red", err=True)
    if hint:
        typer.echo(_sentence(tame(SECRETS.redact(hint))), err=True)


WHOLE_WIDTH = 10_000
"""Columns where there is no terminal: whatever is written there is written whole."""


def console_for(width: int | None = None) -> Console:
    """Return a console: a terminal has its own width, a pipe or a file all that it takes."""
    from rich.console import Console

    console = Console(width=width)
    return console if console.is_terminal or width else Console(width=WHOLE_WIDTH)


def _console_for_file() -> Console:
    from rich.console import Console

    # Whatever stdout is: a file has no colours, and its lines end where their text does.
    return Console(width=WHOLE_WIDTH, force_terminal=False, no_color=True)


def drawn(*parts: RenderableType, to_file: bool = False) -> str:
    """Return tables and texts as a terminal has room for them, or else whole.

    Args:
        parts: What is to be drawn, one below the other.
        to_file: Whether it goes to a file, whatever stdout is.
    """
    console = _console_for_file() if to_file else console_for()
    with console.capture() as captured:
        for part in parts:
            console.print(part)
    if console.width < WHOLE_WIDTH:
        return captured.get()
    return "".join(f"{line.rstrip()}\n" for line in captured.get().splitlines())


def confirm(question: str, what: str, *, yes: bool) -> None:
    """Ask whether to go on, and end the command where the answer is no.

    Args:
        question: What is asked.
        what: What would be done, as errors say it: ``undo the change``.
        yes: Whether the user has said so already.

    Raises:
        ConfigurationError: Nobody is there to be asked.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise ConfigurationError(
            f"Nobody is there to be asked whether to {what}",
            "Run it with --yes where that is what you want.",
        )
    typer.confirm(question, abort=True)


def json_text(document: object) -> str:
    """Return a document as JSON for people and programs: indented, with a line end."""
    import msgspec

    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode() + "\n"


def no_actions(org: str) -> tuple[str, str]:
    """The sentence and the hint for an org that there is nothing to watch in."""
    return (
        f"The org {org} has no data actions",
        "Check that client_id is of the org you mean: Admin > Integrations > Actions lists them",
    )


def _sentence(text: str) -> str:
    word = text.partition(" ")[0]
    # What is no plain word, such as a URL or the name of an option, keeps its own spelling.
    begin = text[:1].upper() if word.replace("'", "").isalpha() else text[:1]
    return begin + text[1:].rstrip(".") + "."
