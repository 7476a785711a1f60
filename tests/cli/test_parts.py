"""The small parts of the commands."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator

import pytest

from monitor.cli import progress
from monitor.cli.ending import Ending
from monitor.cli.messages import print_error
from monitor.cli.progress import waiting


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


@pytest.fixture
def ending() -> Iterator[Ending]:
    """Listen to signals in this process, as long as the test runs."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield Ending()
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_is_an_ending(ending: Ending, number: signal.Signals) -> None:
    """Once it has come it stays."""
    assert not ending.wait(0)
    assert not ending.wait(-1)

    os.kill(os.getpid(), number)

    assert ending.wait()
    assert ending.wait(0)


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
