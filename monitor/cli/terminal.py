"""What goes to stdout and stderr steers no terminal, whoever has named what stands in it.

Names, ids and versions come from the platform, words from whoever answers in its place. All of it
passes here on its way out, so that no command can forget it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TextIO, cast

from monitor.sanitize import tame


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
