"""The tree of errors, which is drawn in its module's docstring."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from monitor import errors
from monitor.errors import (
    BadRequestError,
    GenesysError,
    PermissionDeniedError,
    RateLimitedError,
    TimeoutMonitorError,
)

LINE = re.compile(r"^(?P<branch>[\s│├└─]*)(?P<name>[A-Z]\w+Error)\s+(?P<code>\d)\s+(?P<what>\S.*)$")
LEVEL_WIDTH = len("├── ")


def drawn() -> list[tuple[int, str, int]]:
    """Depth, name and exit code of each line of the drawing."""
    lines = filter(None, map(LINE.match, (errors.__doc__ or "").splitlines()))
    found = [(len(line["branch"]), line["name"], int(line["code"])) for line in lines]
    indent = found[0][0]
    return [((width - indent) // LEVEL_WIDTH, name, code) for width, name, code in found]


def built(
    kind: type[TimeoutMonitorError] = TimeoutMonitorError, depth: int = 0
) -> Iterator[tuple[int, str, int]]:
    """The same of the classes, in the order of their definition."""
    yield depth, kind.__name__, kind.exit_code
    for child in kind.__subclasses__():
        if child.__module__ == errors.__name__:
            yield from built(child, depth + 1)


def classes() -> list[type[TimeoutMonitorError]]:
    """Every error of the tree."""
    return [getattr(errors, name) for _, name, _ in built()]


def test_the_drawing_shows_the_tree_as_it_is() -> None:
    """Names, order, parents and exit codes are those of the classes."""
    assert drawn() == [*built()]


def test_every_class_of_the_module_is_in_the_tree() -> None:
    """An error outside of it would reach the user as a traceback."""
    defined = {
        value
        for value in vars(errors).values()
        if isinstance(value, type) and value.__module__ == errors.__name__
    }
    assert defined == set(classes())


def test_exit_codes_are_those_that_scripts_know() -> None:
    """Failed 1, settings 2, guard 3, not permitted 4, conflict 5, unreachable 6; never 0."""
    assert {kind.exit_code for kind in classes()} == {1, 2, 3, 4, 5, 6}


@pytest.mark.parametrize("kind", classes())
def test_an_error_is_a_sentence_and_a_hint(kind: type[TimeoutMonitorError]) -> None:
    """Each output sets them its own way; as text an error is its sentence."""
    error = kind("The door is closed", "Knock.")
    assert (error.message, error.hint, str(error)) == (
        "The door is closed",
        "Knock.",
        "The door is closed",
    )


@pytest.mark.parametrize("kind", classes())
def test_a_hint_may_be_missing(kind: type[TimeoutMonitorError]) -> None:
    """Where there is nothing to do, nothing is advised."""
    assert kind("The door is closed").hint == ""


@pytest.mark.parametrize("kind", [kind for kind in classes() if issubclass(kind, GenesysError)])
def test_an_answer_keeps_what_support_will_ask_for(kind: type[GenesysError]) -> None:
    """Endpoint, status and correlation id travel with every error of the platform."""
    error = kind("No", endpoint="GET /api/v2/x", status=418, correlation_id="c-1")
    assert (error.endpoint, error.status, error.correlation_id) == ("GET /api/v2/x", 418, "c-1")


def test_no_answer_has_no_status() -> None:
    """A connection that failed has neither status nor correlation id."""
    error = GenesysError("No")
    assert (error.endpoint, error.status, error.correlation_id) == ("", None, "")


def test_a_refused_request_keeps_the_platforms_words() -> None:
    """Callers react to its code and its message."""
    error = BadRequestError("No", code="bad.request", detail="granularity is too small")
    assert (error.code, error.detail) == ("bad.request", "granularity is too small")


def test_a_rate_limit_says_how_long_to_stay_away() -> None:
    """In seconds, so that the endpoint is left alone until then."""
    assert RateLimitedError("No", retry_after_seconds=90.5).retry_after_seconds == 90.5


def test_any_error_can_be_caught_at_the_root() -> None:
    """The command line needs to know one class."""
    with pytest.raises(TimeoutMonitorError):
        raise PermissionDeniedError("No", "Grant it.")
