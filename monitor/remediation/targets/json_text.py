"""JSON texts as they are written: where each part lies, and where two of them differ.

A document that is read, changed and written back by a JSON library loses what the library does
not keep: how a number was written, repeated keys, escapes, white space. So the text stays as it
is, and only the bytes of one part are exchanged. A library checks that the text is JSON at all;
what none of them tells, where a part begins and ends, is found here.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection, Iterator
from decimal import Decimal, InvalidOperation
from typing import NamedTuple, NoReturn

_TOKEN = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[{}\[\],:]|[^\s{}\[\],:"]++', re.DOTALL)
_NAME = re.compile(r"[A-Za-z_$][\w$-]*", re.ASCII)
_NUMBER_BEGINS = b"-0123456789"


class Part(NamedTuple):
    """A value in a JSON text.

    Attributes:
        start: Offset of its first byte.
        end: Offset after its last byte.
        members: Keys and values of an object in their order, repeated keys too; else None.
        items: Values of an array in their order; else None.
    """

    start: int
    end: int
    members: tuple[tuple[str, Part], ...] | None = None
    items: tuple[Part, ...] | None = None

    @property
    def is_container(self) -> bool:
        """Whether it is an object or an array."""
        return self.members is not None or self.items is not None

    def values(self, key: str) -> list[Part]:
        """Every value that an object has under a key: none, one, or several."""
        return [value for name, value in self.members or () if name == key]


def parse(text: bytes) -> Part:
    """Find every part of a JSON text.

    Raises:
        ValueError: It is not JSON in UTF-8, or nested too deeply.
    """
    _check(text)
    root: list[Part] = []
    # One entry for each container that is open: where it began, and what it holds so far.
    open_containers: list[tuple[int, list[str], list[Part]]] = [(0, [], root)]
    expects_key = False
    for token in _TOKEN.finditer(text):
        start, end = token.span()
        mark = text[start]
        if mark in b"{[":
            open_containers.append((start, [], []))
            expects_key = mark in b"{"
        elif mark in b"}]":
            began, keys, values = open_containers.pop()
            if mark in b"}":
                part = Part(began, end, members=tuple(zip(keys, values, strict=True)))
            else:
                part = Part(began, end, items=tuple(values))
            open_containers[-1][2].append(part)
            expects_key = False
        elif mark in b",":
            began = open_containers[-1][0]
            expects_key = text[began] in b"{"
        elif expects_key:
            open_containers[-1][1].append(_string(text, start, end))
            expects_key = False
        elif mark not in b":":
            open_containers[-1][2].append(Part(start, end))
    return root[0]


def string_of(text: bytes, part: Part) -> str | None:
    """The characters of a string; None where the part is none."""
    return _string(text, part.start, part.end) if text[part.start] in b'"' else None


def inside(place: str, key: str | int) -> str:
    """The place of a member or an item, as in ``$.tasks[0].name``."""
    if isinstance(key, int):
        return f"{place}[{key}]"
    return f"{place}.{key}" if _NAME.fullmatch(key) else f"{place}[{json.dumps(key)}]"


def differences(
    before: bytes, after: bytes, ignored: Collection[str] = (), ignored_at_top: str = "(?!)"
) -> Iterator[str]:
    """Where two JSON texts say different things, in the order of the first.

    The order of keys, white space, escapes and the way a number is written make no difference;
    the value of a number does, to its last digit.

    Args:
        before: One of them.
        after: The other.
        ignored: Places that may differ, for example ``$.actions[0].data.timeout``.
        ignored_at_top: A pattern of those keys of the outermost object that may differ.

    Raises:
        ValueError: One of them is no JSON.
    """
    top = re.compile(ignored_at_top, re.IGNORECASE)
    waiting = [("$", parse(before), parse(after))]
    while waiting:
        place, first, second = waiting.pop()
        if before[first.start : first.end] == after[second.start : second.end]:
            continue
        inner: list[tuple[str, Part | None, Part | None]]
        if first.members is not None and second.members is not None:
            inner = _members(place, first, second)
        elif first.items is not None and second.items is not None:
            inner = [
                (inside(place, at), *_pair(first.items, second.items, at))
                for at in range(max(len(first.items), len(second.items)))
            ]
        else:
            if not _say_the_same(before, first, after, second):
                yield place
            continue
        kept: list[tuple[str, Part, Part]] = []
        for at, one, other in inner:
            if at in ignored or (place == "$" and top.fullmatch(at.removeprefix("$."))):
                continue
            if one is None or other is None:
                yield at
            else:
                kept.append((at, one, other))
        waiting += reversed(kept)


def digest(text: bytes, ignored: Collection[str], ignored_at_top: str, more: bytes = b"") -> str:
    """Return a digest that is the same for texts between which ``differences`` finds none.

    Args:
        text: A JSON text.
        ignored: Places that don't count.
        ignored_at_top: A pattern of those keys of the outermost object that don't count.
        more: Further bytes that count.

    Raises:
        ValueError: It is no JSON.
    """
    top = re.compile(ignored_at_top, re.IGNORECASE)
    found = hashlib.sha256()
    waiting = [("$", parse(text))]
    while waiting:
        place, part = waiting.pop()
        inner: list[tuple[str, Part]] = []
        if part.members is not None:
            inner = [(inside(place, key), value) for key, value in part.members]
            # A repeated key keeps its order; others have none.
            inner.sort(key=lambda one: one[0])
        elif part.items is not None:
            inner = [(inside(place, at), value) for at, value in enumerate(part.items)]
        found.update(f"{place}\0{_meaning(text, part)}\0".encode(errors="surrogatepass"))
        waiting += [
            (at, one)
            for at, one in reversed(inner)
            if at not in ignored and not (place == "$" and top.fullmatch(at.removeprefix("$.")))
        ]
    found.update(more)
    return found.hexdigest()


def _meaning(text: bytes, part: Part) -> str:
    """What a value says, however it is written."""
    if part.is_container:
        return "{}" if part.members is not None else "[]"
    raw = text[part.start : part.end]
    if raw[0] in b'"':
        return f'"{string_of(text, part)}'
    return _number(raw.decode()) if raw[0] in _NUMBER_BEGINS else raw.decode()


def _number(text: str) -> str:
    """A number in one form, to its last digit."""
    try:
        sign, digits, exponent = Decimal(text).as_tuple()
    except InvalidOperation:
        return text  # so far beyond all numbers that it has no other form
    significant = "".join(map(str, digits)).lstrip("0")
    kept = significant.rstrip("0")
    if not kept or not isinstance(exponent, int):
        return "0"
    return f"{'-' * sign}{kept}e{exponent + len(significant) - len(kept)}"


def _check(text: bytes) -> None:
    """Let a library say whether it is JSON.

    Raises:
        ValueError: It is not.
    """
    try:
        # Numbers are left alone: some are too long for Python to turn into one.
        json.loads(text.decode(), parse_int=len, parse_float=len, parse_constant=_refuse)
    except RecursionError as error:
        reason = "it is nested too deeply"
        raise ValueError(reason) from error


def _refuse(constant: str) -> NoReturn:
    reason = f"{constant} is no JSON"
    raise ValueError(reason)


def _string(text: bytes, start: int, end: int) -> str:
    raw = text[start:end]
    return str(json.loads(raw)) if b"\\" in raw else raw[1:-1].decode()


def _pair(
    first: tuple[Part, ...], second: tuple[Part, ...], at: int
) -> tuple[Part | None, Part | None]:
    return (
        first[at] if at < len(first) else None,
        second[at] if at < len(second) else None,
    )


def _members(place: str, first: Part, second: Part) -> list[tuple[str, Part | None, Part | None]]:
    """The members of two objects side by side; a repeated key by its turns."""
    seen: dict[str, tuple[list[Part], list[Part]]] = {}
    for side, part in enumerate((first, second)):
        for key, value in part.members or ():
            seen.setdefault(key, ([], []))[side].append(value)
    return [
        (inside(place, key), *_pair(tuple(ours), tuple(theirs), turn))
        for key, (ours, theirs) in seen.items()
        for turn in range(max(len(ours), len(theirs)))
    ]


def _say_the_same(before: bytes, first: Part, after: bytes, second: Part) -> bool:
    one, other = before[first.start : first.end], after[second.start : second.end]
    if one[0] in b'"' and other[0] in b'"':
        return string_of(before, first) == string_of(after, second)
    if one[0] in _NUMBER_BEGINS and other[0] in _NUMBER_BEGINS:
        try:
            return Decimal(one.decode()) == Decimal(other.decode())
        except InvalidOperation:
            return False  # so far beyond all numbers that they can't be compared
    return False
