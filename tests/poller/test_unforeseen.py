"""Errors outside the tree: a failed poll, counted, told once with its place; the org goes on."""

from __future__ import annotations

import io
import json
import logging
import re
from collections.abc import Iterator

import pytest
import structlog

from monitor import logs
from monitor.errors import UnforeseenError, raised_at
from monitor.poller.audits import AuditReader
from monitor.poller.catalogue import Catalogue
from monitor.poller.org_poller import OrgPoller
from monitor.sources import ActionsSource
from tests.poller.conftest import OpenPoller

PLACE = r"RuntimeError was raised at monitor/[\w/]+\.py:\d+ in poller/test_unforeseen\.py:\d+: boom"


@pytest.fixture
def logged() -> Iterator[io.StringIO]:
    """What is written to the log, as a machine reads it."""
    before, handlers = structlog.get_config(), list(logging.getLogger().handlers)
    stream = io.StringIO()
    logs.configure(stream=stream)
    yield stream
    structlog.configure(**before)
    logging.getLogger().handlers[:] = handlers


def boom(*_: object, **__: object) -> None:
    """Fail as nothing in the tree does."""
    reason = "boom"
    raise RuntimeError(reason)


def lines(logged: io.StringIO, event: str) -> list[dict[str, object]]:
    """The lines of this name; none of them, nor of the others, is a traceback."""
    assert "Traceback" not in logged.getvalue()
    every = [json.loads(line) for line in logged.getvalue().splitlines()]
    return [line for line in every if line["event"] == event]


def test_a_source_that_fails_unforeseen_holds_up_no_other(
    open_poller: OpenPoller, logged: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The poll is partial, its line names the place, and the next poll is a good one."""
    made = open_poller()
    with monkeypatch.context() as patched:
        patched.setattr(ActionsSource, "read", boom)
        report = made.poller.poll()

    assert report.result == "partial"
    assert report.errors.keys() == {"actions"}
    (line,) = lines(logged, "poll")
    assert _matches(PLACE, str(line["actions_error"]))
    assert made.poller.snapshot.health.polls["partial"] == 1
    assert made.poller.poll().result == "ok"


def test_what_fails_between_sources_is_a_failed_poll(
    open_poller: OpenPoller, logged: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Counted, told once, shown; what was shown stays, and the next poll is a good one."""
    made = open_poller()
    with monkeypatch.context() as patched:
        patched.setattr(OrgPoller, "_take_snapshot", boom)
        with pytest.raises(UnforeseenError, match="boom"):
            made.poller.poll()

    health = made.poller.snapshot.health
    assert dict(health.polls) == {"ok": 0, "partial": 0, "failed": 1}
    assert _matches(PLACE, health.problem)
    (line,) = lines(logged, "poll")
    assert _matches(PLACE, str(line["why"]))
    assert made.poller.poll().result == "ok"
    assert made.poller.snapshot.health.polls["ok"] == 1


@pytest.mark.parametrize(
    ("part", "method", "event"),
    [(Catalogue, "refresh", "catalogue_failed"), (AuditReader, "read", "audits_failed")],
)
def test_a_catalogue_that_fails_unforeseen_holds_up_no_count(  # noqa: PLR0913, PLR0917 - what fails
    open_poller: OpenPoller,
    logged: io.StringIO,
    monkeypatch: pytest.MonkeyPatch,
    part: type,
    method: str,
    event: str,
) -> None:
    """Names are no reason not to count."""
    made = open_poller()
    monkeypatch.setattr(part, method, boom)

    assert made.poller.poll().result == "ok"

    (line,) = lines(logged, event)
    assert _matches(PLACE, str(line["why"]))


def test_the_place_of_an_error_that_was_never_raised_is_not_known() -> None:
    """There is one all the same."""
    assert raised_at(RuntimeError()) == "an unknown place"


def test_the_words_of_an_unforeseen_error_are_short_and_printable() -> None:
    """It may quote a whole answer."""
    error = UnforeseenError.of(ValueError("a\0b\n" + "x" * 100_000))
    assert "a\ufffdb xxx" in error.message
    assert len(error.message) < 300


def _matches(pattern: str, said: str) -> bool:
    return re.fullmatch(pattern, said) is not None
