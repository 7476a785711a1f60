"""The small parts of the commands."""

from __future__ import annotations

import time

import pytest

from monitor.cli import progress
from monitor.cli.progress import waiting
from monitor.cli.terminal import print_error


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("the port is taken", "The port is taken."),
        ("can't listen", "Can't listen."),
        ("The port is taken.", "The port is taken."),
        ("http://host refused it", "http://host refused it."),
        ("--since: no duration", "--since: no duration."),
    ],
)
def test_what_is_said_is_a_sentence(
    capsys: pytest.CaptureFixture[str], message: str, shown: str
) -> None:
    """A capital where there is a word, and one full stop; all on stderr."""
    print_error(message, "do something else")

    out, err = capsys.readouterr()
    assert out == ""
    assert err == f"{shown}\nDo something else.\n"


def test_without_a_hint_there_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    """Where nothing can be done, nothing is suggested."""
    print_error("the moon has set")

    assert capsys.readouterr().err == "The moon has set.\n"


def test_what_is_quick_is_not_told(capsys: pytest.CaptureFixture[str]) -> None:
    """Off a terminal, nothing shows that something short was done."""
    with waiting("Reading"):
        pass

    assert capsys.readouterr().err == ""


def test_what_takes_long_is_told(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Off a terminal one line tells afterwards how long it took."""
    monkeypatch.setattr(progress, "SLOW_SECONDS", 0.0)
    with waiting("Reading acme"):
        time.sleep(0.001)

    assert capsys.readouterr().err == "Reading acme took 0 s\n"
