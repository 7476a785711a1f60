"""The timeout of one data action inside a flow's document, exchanged without touching a byte else.

Pure: bytes in, bytes out. Wherever it is not certain which bytes mean the timeout, it refuses.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from monitor.errors import NotFoundError, RefusedError
from monitor.remediation.targets.json_text import Part, inside, parse, string_of

GUARD = "unambiguous_document"
_INTEGER = re.compile(rb"-?(?:0|[1-9]\d{0,17})")
_Step = tuple[Part, str | int]
"""An object or an array, and which of its values the way goes through."""


@dataclass(frozen=True, slots=True)
class TimeoutField:
    """Where the timeout of a data action stands, or would stand.

    Attributes:
        place: For example ``$.actions[0].data.timeout``.
        start: Offset of the first byte of its value; where it would go if there is none.
        end: Offset after the last byte of its value; equal to ``start`` if there is none.
        value_ms: Its value in milliseconds; None where none is written, or null.
        before: What has to come before the number when it is put in.
        after: What has to come after it then.
    """

    place: str
    start: int
    end: int
    value_ms: int | None
    before: bytes = b""
    after: bytes = b""


def find_timeout(document: bytes, action_id: str) -> TimeoutField:
    """Find the timeout of a data action anywhere in a flow's document.

    Raises:
        NotFoundError: No data action of the document has this id.
        RefusedError: It is there more than once, a key on the way to it is repeated, its timeout
            is not a whole number, or the document is no JSON in UTF-8.
    """
    try:
        root = parse(document)
    except ValueError as error:
        raise _refused(f"The flow's document is no JSON in UTF-8: {error}") from error
    found = [way for way in _ways(root) if _is_data_action(document, way[-1][0], action_id)]
    if not found:
        raise NotFoundError(
            f"The flow has no data action {action_id}", "timeout-monitor flow show lists them."
        )
    if len(found) > 1:
        places = " and ".join(_place(way) for way in found[:3])
        raise _refused(f"The data action {action_id} is in the flow {len(found)} times, {places}")
    (way,) = found
    _insist_on_single_keys(way)
    return _timeout(document, way[-1][0], _place(way))


def with_timeout(document: bytes, field: TimeoutField, timeout_ms: int) -> bytes:
    """The document with this timeout; every byte that is not the field's value stays as it was."""
    value = field.before + str(timeout_ms).encode() + field.after
    return document[: field.start] + value + document[field.end :]


def with_version_of(document: bytes, current: bytes) -> bytes:
    """The document with the version, at its top, of another one of the same flow.

    Every other byte stays; so does all of it where one of them names no single version.
    """
    ours, theirs = parse(document).values("version"), parse(current).values("version")
    if len(ours) != 1 or len(theirs) != 1:
        return document
    value = current[theirs[0].start : theirs[0].end]
    return document[: ours[0].start] + value + document[ours[0].end :]


def _ways(root: Part) -> Iterator[tuple[_Step, ...]]:
    """The way to every object in the document; its last step is the object itself, and no key."""
    waiting: list[tuple[Part, tuple[_Step, ...]]] = [(root, ())]
    while waiting:
        part, way = waiting.pop()
        if part.members is not None:
            yield (*way, (part, ""))
            inner: list[tuple[str | int, Part]] = [*part.members]
        else:
            inner = [*enumerate(part.items or ())]
        waiting += [
            (value, (*way, (part, key))) for key, value in reversed(inner) if value.is_container
        ]


def _is_data_action(document: bytes, part: Part, action_id: str) -> bool:
    """Whether any reading of it is: repeated keys are looked at later."""
    return (
        any(string_of(document, value) == action_id for value in part.values("id"))
        and any(string_of(document, value) == "data" for value in part.values("type"))
        and any(value.members is not None for value in part.values("data"))
    )


def _place(way: tuple[_Step, ...]) -> str:
    place = "$"
    for _, key in way[:-1]:
        place = inside(place, key)
    return place


def _insist_on_single_keys(way: tuple[_Step, ...]) -> None:
    entry = way[-1][0]
    steps = [step for step in way[:-1] if isinstance(step[1], str)]
    steps += [(entry, key) for key in ("id", "type", "data")]
    steps += [(data, "timeout") for data in entry.values("data")]
    for part, key in steps:
        if isinstance(key, str) and len(part.values(key)) > 1:
            raise _refused(
                f'The key "{key}" on the way to the timeout is repeated in the flow\'s document'
            )


def _timeout(document: bytes, entry: Part, place: str) -> TimeoutField:
    (data,) = entry.values("data")
    place = inside(inside(place, "data"), "timeout")
    for value in data.values("timeout"):
        text = document[value.start : value.end]
        if text == b"null":
            return TimeoutField(place, value.start, value.end, None)
        if not _INTEGER.fullmatch(text):
            raise _refused(f"The timeout at {place} is not a whole number")
        return TimeoutField(place, value.start, value.end, int(text))
    inner = data.start + 1
    return TimeoutField(place, inner, inner, None, b'"timeout":', b"," if data.members else b"")


def _refused(message: str) -> RefusedError:
    return RefusedError(
        message,
        "Nothing was changed, for it is not certain what to change; do it in the flow's editor.",
        guard=GUARD,
    )
