"""What comes to a terminal: colours of ours, and nothing that a name brings along."""

from __future__ import annotations

import io
import sys

import pytest
from rich.text import Text

from monitor.cli.terminal import drawn, tame_streams, untamed


class Terminal(io.StringIO):
    """A terminal that keeps what it was sent."""

    def isatty(self) -> bool:
        """It is one."""
        return True


SENT = "\x1b[31mred\x1b[0m\x1b[2Jgone\u202efed\x07\r\n\ttab\n"


@pytest.mark.parametrize(
    ("stream", "shown"),
    [
        (Terminal(), "\x1b[31mred\x1b[0m\ufffd[2Jgone\ufffdfed\ufffd\r\n\ttab\n"),
        (io.StringIO(), "\ufffd[31mred\ufffd[0m\ufffd[2Jgone\ufffdfed\ufffd\r\n\ttab\n"),
    ],
)
def test_colours_alone_come_through_and_only_to_a_terminal(
    stream: io.StringIO, shown: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever writes it, and whether in one piece or in lines."""
    monkeypatch.setattr(sys, "stdout", stream)

    with tame_streams():
        print(SENT, end="")  # noqa: T201 - what is tested
        sys.stdout.writelines([SENT])

    assert stream.getvalue() == shown * 2


def test_a_bar_moves_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """It writes to the stream behind, which is there again afterwards."""
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)

    with tame_streams():
        untamed(sys.stderr).write("\x1b[1A")

    assert stream.getvalue() == "\x1b[1A"
    assert sys.stderr is stream


def test_a_file_has_no_colours_whatever_the_terminal_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is written into a file is text, and its lines end where their text does."""
    monkeypatch.setattr(sys, "stdout", Terminal())
    monkeypatch.setenv("FORCE_COLOR", "1")

    assert drawn(Text("red  ", style="red"), to_file=True) == "red\n"
