"""The log: for people on a terminal, for programs elsewhere."""

from __future__ import annotations

import io
import json
import logging
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator

import pytest
import structlog

from monitor.errors import ConnectionFailedError
from monitor.genesys.client.budget import Deadline
from monitor.genesys.client.retry import retry_attempts
from monitor.logs import configure
from monitor.redaction import MASK, SECRETS, Redactor


class Terminal(io.StringIO):
    """Text that says it is a terminal."""

    def isatty(self) -> bool:
        """It does."""
        return True


@pytest.fixture(autouse=True)
def as_it_was() -> Iterator[None]:
    """Leave the process's logging as it was found."""
    root = logging.getLogger()
    before = root.handlers[:], root.level
    yield
    structlog.reset_defaults()
    root.handlers[:], level = before
    root.setLevel(level)


def lines(out: io.StringIO) -> list[dict[str, object]]:
    """Each line as a document."""
    return [json.loads(line) for line in out.getvalue().splitlines()]


def test_one_object_a_line() -> None:
    """Off a terminal: JSON, with the level and the time in UTC."""
    out = io.StringIO()
    configure(stream=out)
    structlog.get_logger().info("poll", org="acme", requests=2)

    [line] = lines(out)
    assert line["event"] == "poll"
    assert line["org"] == "acme"
    assert line["requests"] == 2
    assert line["level"] == "info"
    assert str(line["timestamp"]).endswith("Z")


def test_a_secret_of_digits_leaves_a_line_one_object(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is masked in texts; a number that it happens to stand in is no secret."""
    for name, fresh in vars(Redactor()).items():
        monkeypatch.setattr(SECRETS, name, fresh)
    SECRETS.keep("33333333")
    out = io.StringIO()
    configure(stream=out)

    structlog.get_logger().info("polled", share=1 / 3, names=["at 33333333"], why="33333333")

    (line,) = lines(out)
    assert (line["share"], line["names"], line["why"]) == (1 / 3, [f"at {MASK}"], MASK)


def test_plain_text_in_colours_on_a_terminal() -> None:
    """On a terminal: one line that people can read."""
    out = Terminal()
    configure(stream=out)
    structlog.get_logger().warning("poll", org="acme")

    assert "\x1b[" in out.getvalue()
    assert "poll" in out.getvalue()
    assert "{" not in out.getvalue()


def test_stdout_is_left_for_results(capsys: pytest.CaptureFixture[str]) -> None:
    """Without a stream the log goes to stderr."""
    configure()
    structlog.get_logger().info("poll")

    out, err = capsys.readouterr()
    assert out == ""
    assert json.loads(err)["event"] == "poll"


@pytest.mark.parametrize(
    ("verbose", "quiet", "shown"),
    [
        (False, False, ["info", "warning", "error"]),
        (True, False, ["debug", "info", "warning", "error"]),
        (False, True, ["error"]),
        (True, True, ["debug", "info", "warning", "error"]),
    ],
)
def test_how_much_is_shown(verbose: bool, quiet: bool, shown: list[str]) -> None:  # noqa: FBT001
    """All but debugging lines; those too when verbose, and only errors when quiet."""
    out = io.StringIO()
    configure(verbose=verbose, quiet=quiet, stream=out)
    log = structlog.get_logger()
    for level in ("debug", "info", "warning", "error"):
        getattr(log, level)("event")

    assert [line["level"] for line in lines(out)] == shown


def test_libraries_speak_in_the_same_form() -> None:
    """What a library logs is a line like ours; below a warning only when verbose."""
    out = io.StringIO()
    configure(stream=out)
    library = logging.getLogger("a.library")
    library.info("chatter")
    library.warning("trouble with %s", "something")

    [line] = lines(out)
    assert line["event"] == "trouble with something"
    assert line["level"] == "warning"


def test_libraries_are_heard_when_verbose() -> None:
    """Each request of the HTTP library, for example."""
    out = io.StringIO()
    configure(verbose=True, stream=out)
    logging.getLogger("a.library").debug("chatter")

    assert [line["event"] for line in lines(out)] == ["chatter"]


def test_a_trace_is_one_line_too() -> None:
    """An error that nobody foresaw does not break the form."""
    out = io.StringIO()
    configure(stream=out)
    try:
        _ = 1 / 0
    except ZeroDivisionError:
        logging.getLogger("a.library").exception("it broke")
        structlog.get_logger().error("it broke", exc_info=True)

    told = lines(out)
    assert len(told) == 2
    assert all("ZeroDivisionError" in str(line["exception"]) for line in told)


def test_what_urllib3_says_of_odd_headers_is_no_traceback_at_anybody(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It takes them all the same, and quotes them; who asks for more sees it."""
    # The platform's SDK, which other tests import, keeps all that urllib3 says to itself.
    monkeypatch.setattr(logging.getLogger("urllib3"), "propagate", True)
    out = io.StringIO()
    configure(stream=out)
    logging.getLogger("urllib3.connection").warning("Failed to parse headers")
    assert not out.getvalue()
    configure(stream=out, verbose=True)
    logging.getLogger("urllib3.connection").warning("Failed to parse headers")
    assert "Failed to parse" in out.getvalue()


def test_configuring_twice_says_everything_once() -> None:
    """A second call takes the place of the first."""
    first, second = io.StringIO(), io.StringIO()
    configure(stream=first)
    configure(stream=second)
    logging.getLogger("a.library").warning("once")

    assert first.getvalue() == ""
    assert len(lines(second)) == 1


@pytest.mark.parametrize(("verbose", "count"), [(False, 0), (True, 1)])
def test_retries_are_told_when_verbose(verbose: bool, count: int) -> None:  # noqa: FBT001
    """In our own words, and as a debugging line: the poll's line tells what it led to."""
    out = io.StringIO()
    configure(verbose=verbose, stream=out)
    for number, attempt in retry_attempts(
        Deadline.after(60), is_ending=lambda: False, first_pause_seconds=0.001
    ):
        with attempt:
            if number == 1:
                reason = "the line is dead"
                raise ConnectionFailedError(reason)

    told = lines(out)
    assert len(told) == count
    for line in told:
        assert line["event"] == "retry"
        assert line["why"] == "the line is dead"
        assert line["number"] == 1


def test_threads_never_share_a_line() -> None:
    """Our own log and the libraries', from many threads at once: each line is whole."""
    finished = subprocess.run(
        [sys.executable, "-c", MANY_VOICES], capture_output=True, text=True, timeout=60, check=True
    )

    spoken = [json.loads(line)["event"] for line in finished.stderr.splitlines()]
    assert Counter(spoken) == {"ours": 4_000, "theirs": 4_000}


MANY_VOICES = """
import logging, sys, threading, structlog
from monitor.logs import configure
sys.setswitchinterval(1e-6)
configure()
def ours():
    for _ in range(1_000):
        structlog.get_logger().info("ours")
def theirs():
    for _ in range(1_000):
        logging.getLogger("library").warning("theirs")
threads = [threading.Thread(target=speak) for speak in (ours, theirs) * 4]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
"""
