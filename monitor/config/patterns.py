"""Regular expressions of the settings: ones that compile, and that end on any text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from re import _parser as parser  # type: ignore[attr-defined]  # the only reader of expressions there is
from typing import Any

LONGEST_PATTERN = 2_000
"""Characters of one expression; a list of fifty words is shorter."""

MOST_REPETITIONS = 3
"""Parts of an expression that may be repeated without end. On a word of 200 characters three of
them take a fraction of a second at worst, and each further one two hundred times as long."""

MOST_WAYS = 64_000
"""Ways in which an expression may be tried at one place of a word. Parts that are optional,
repeated a few times or alternatives multiply them, in each other and one after the other; with so
many, a word of 200 characters takes a second or two at worst."""

_WITHOUT_END = 40
"""Ways that a part counts which is repeated without end: three of them are all that is allowed."""

_FEW = 16
"""Repeated so often or less, a part is as good as written out, and its ways are multiplied."""


def refuse_pattern(pattern: str) -> None:
    """Make sure that an expression can be used.

    Words of the platform are matched against it, which anybody may make up: one that tries every
    way to share a text out among repetitions in repetitions, as ``(a+)+$`` does, would not end.

    Raises:
        ValueError: It is no regular expression, or may take for ever.
    """
    if len(pattern) > LONGEST_PATTERN:
        reason = f"a regular expression has more than {LONGEST_PATTERN} characters"
        raise ValueError(reason)
    try:
        parsed = parser.parse(pattern)
        re.compile(pattern)
        ways = _ways(parsed)
    except (re.error, OverflowError, RecursionError, MemoryError) as error:
        why = "it is nested too deep" if isinstance(error, RecursionError) else error
        reason = f"{pattern[:80]!r} is not a regular expression: {why}"
        raise ValueError(reason) from error
    if sum(1 for _ in _repetitions(parsed)) > MOST_REPETITIONS:
        reason = f"{pattern!r} repeats more than {MOST_REPETITIONS} parts without end"
        raise ValueError(reason)
    if any(_has_ways(body) for body in _repetitions(parsed)):
        reason = (
            f"{pattern!r} repeats a part that has repetitions or alternatives in it, which may "
            "take for ever; [ab]+ does what (a|b)+ does"
        )
        raise ValueError(reason)
    if ways > MOST_WAYS:
        reason = (
            f"{pattern[:80]!r} may be tried in more than {MOST_WAYS} ways at each place of a word, "
            "which may take for ever; name fewer parts that are optional, repeated or alternatives"
        )
        raise ValueError(reason)


def _items(parsed: Any) -> Iterator[tuple[str, Any]]:  # noqa: ANN401 - the parser has no types
    """Every part of an expression at any depth: its kind and what belongs to it."""
    todo = [parsed]
    while todo:
        one = todo.pop()
        if isinstance(one, parser.SubPattern):
            for kind, value in one:
                yield str(kind), value
                todo.append(value)
        elif isinstance(one, tuple | list):
            todo += one


def _repetitions(parsed: Any) -> Iterator[Any]:  # noqa: ANN401 - the same
    """What is repeated without end, or nearly so."""
    for kind, value in _items(parsed):
        if kind in {"MAX_REPEAT", "MIN_REPEAT"} and value[1] > _FEW:
            yield value[2]


def _has_ways(body: Any) -> bool:  # noqa: ANN401 - the same
    """Whether a text may fit a part in more than one way."""
    return any(
        kind == "BRANCH" or (kind in {"MAX_REPEAT", "MIN_REPEAT"} and value[0] != value[1])
        for kind, value in _items(body)
    )


def _ways(parsed: Any) -> int:  # noqa: ANN401 - the same
    """Return in how many ways an expression may be tried at one place of a text, at most.

    What is repeated without end counts ``_WITHOUT_END``; the sum ends beyond ``MOST_WAYS``.
    """
    ways = 1
    if isinstance(parsed, tuple | list | parser.SubPattern):
        for one in parsed:
            kind = str(one[0]) if isinstance(one, tuple) and one else ""
            if kind in {"MAX_REPEAT", "MIN_REPEAT"}:
                ways *= _ways_repeated(*one[1])
            elif kind == "BRANCH":
                each = [_ways(alternative) for alternative in one[1][1]]
                ways *= max(each) if _exclude_one_another(one[1][1]) else sum(each)
            else:
                ways *= _ways(one)
            ways = min(ways, MOST_WAYS + 1)
    return ways


def _ways_repeated(fewest: int, most: int, body: Any) -> int:  # noqa: ANN401 - the same
    if fewest == most == 0:
        return 1
    ways = _ways(body)
    if most > _FEW:
        return ways * (1 if fewest == most else _WITHOUT_END)
    return sum(ways**count for count in range(fewest, most + 1))


def _exclude_one_another(alternatives: Any) -> bool:  # noqa: ANN401 - the same
    """Whether each alternative begins with a character of its own: at most one can go on."""
    firsts = [str(one[0][0]) == "LITERAL" and one[0][1] for one in alternatives if len(one)]
    characters = {chr(first).casefold() for first in firsts if first is not False}
    return len(characters) == len(alternatives)
