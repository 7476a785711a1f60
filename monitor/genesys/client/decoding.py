"""Reading an answer: strictly what a write rests on, all else record by record.

Read leniently, a bad record costs itself and no other:

===========================================  ====================================================
an answer                                    is read
===========================================  ====================================================
as the models have it                        by its types, in one go; nearly every one is
with half characters or broken UTF-8         the same, each such character replaced by U+FFFD
with other types, or nested for ever         record by record: a number for a text, ``3.0`` or
                                             ``"3"`` for ``3`` are understood, values too deep
                                             inside are null
with records that make no sense              without these, each with its reason
without its own fields, or with hardly any   not at all
record that makes sense
no JSON at all                               not at all
===========================================  ====================================================
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

import msgspec

from monitor.errors import (
    GenesysError,
    NotJsonError,
    TooMuchAskedError,
    UnforeseenError,
    WrongShapeError,
)
from monitor.genesys.client.coercion import MOST_DROPPED, Coercer, CoercionError, CountResponse
from monitor.genesys.client.endpoint import Endpoint
from monitor.genesys.client.transport import Response
from monitor.json_decoding import convert_json, decode_json
from monitor.sanitize import sanitize

T = TypeVar("T")
E = TypeVar("E", bound=GenesysError)

_LONGEST_KIND = 100  # characters of a content type, or of an id that was not asked for
_REPORT = "The API may have changed; report it with the correlation id."

DEEPEST = 100
"""Levels of nesting that are read; what lies deeper is null. The platform's answers have ten."""

WHOLLY_BAD = 10
"""So many records without a single good one are no bad records but another kind of answer: reading
it as empty would hide that nothing is seen any more."""


MOST_VALUES = 2_000_000
"""Of an answer: each may take fifty times its bytes once it is read. An answer as large as may be
has two thirds of that, with every view of every window."""

MOST_VALUES_ONE_BY_ONE = 500_000
"""Of an answer that is read record by record, for which each of them takes as much again."""


_COUNTED_AT_ONCE = 1 << 20
"""Bytes; of a whole answer there would be two more."""


class TooManyValuesError(ValueError):
    """An answer holds more than is read at once."""


class DropReason(StrEnum):
    """Why a record could not be used."""

    SHAPE = "shape"
    """A field is missing, or of another type."""
    NUMBER = "number"
    """A number that can't be: no number at all, negative, or more than an org could ever run."""
    TIME = "time"
    """A moment or an interval that can't be read, has no zone, or was not asked for."""
    DUPLICATE = "duplicate"
    """The same answer holds it twice."""
    NAMES = "names"
    """The org has too many names: it is counted, under one for many."""


@dataclass(frozen=True, slots=True)
class DroppedRecord:
    """A record that was left out.

    Attributes:
        reason: The kind of fault.
        why: Which field, in words; holds no text of the record.
    """

    reason: DropReason
    why: str


def decode_leniently(body: bytes, decode: type[T]) -> tuple[T, tuple[DroppedRecord, ...]]:
    """Read an answer as a ``decode``, without the records in it that make no sense.

    Args:
        body: The answer.
        decode: Its type. Structs in lists that derive from ``Record`` may be left out.

    Returns:
        The answer, and what was left out.

    Raises:
        msgspec.ValidationError: JSON of another shape.
        msgspec.DecodeError: Not JSON.
        TooManyValuesError: More of it than is read at once.
    """
    check_value_count(body, MOST_VALUES)
    try:
        return decode_json(body, decode), ()
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        first = error
    check_value_count(body, MOST_VALUES_ONE_BY_ONE)
    text = _whole_characters(body)
    try:
        return decode_json(text, decode), ()
    except (msgspec.DecodeError, RecursionError):
        return _record_by_record(text, decode, first)


def check_value_count(body: bytes, most: int) -> None:
    """Refuse an answer that holds more values than are read.

    Brackets and commas in texts count as well: counting must cost nothing.

    Raises:
        TooManyValuesError: It does.
    """
    if len(body) <= most:
        # As nearly all of them are: nothing in them can be more than their characters.
        return
    values = 0
    for start in range(0, len(body), _COUNTED_AT_ONCE):
        part = body[start : start + _COUNTED_AT_ONCE]
        # One pass that leaves out what is counted takes half as long as a count of each.
        values += len(part) - len(part.translate(None, b"{[,"))
    if values > most:
        reason = f"more than {most:,} values"
        raise TooManyValuesError(reason)


def _record_by_record(
    text: str, decode: type[T], first: Exception
) -> tuple[T, tuple[DroppedRecord, ...]]:
    document = _parsed(text)
    reading = Coercer()
    try:
        found = reading.coerce(document, msgspec.inspect.type_info(decode), "$")
        value = convert_json(found, decode)
    except CoercionError as unfit:
        # What the types said about the answer as a whole names the place more exactly.
        if isinstance(first, msgspec.ValidationError):
            raise first from unfit
        raise msgspec.ValidationError(str(unfit)) from unfit
    dropped = tuple(DroppedRecord(DropReason(one.reason), str(one)) for one in reading.dropped)
    if len(dropped) >= MOST_DROPPED or (len(dropped) >= WHOLLY_BAD and not reading.has_good):
        few = "hardly any record" if reading.has_good else f"none of {len(dropped)} records"
        reason = f"{few} can be read: {dropped[0].why}"
        raise msgspec.ValidationError(reason)
    if isinstance(value, CountResponse) and dropped and not reading.has_good:
        value = msgspec.structs.replace(value, is_unreadable=True)
    return value, dropped


_HALF_CHARACTER = re.compile(
    r"\\\\"
    r"|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    r"|(?P<half>\\u[dD][89a-fA-F][0-9a-fA-F]{2})"
)
"""Escaped backslashes and whole pairs are passed over, so that only a half that stands alone is
left to be one."""


def _whole_characters(body: bytes) -> str:
    """Return the text of an answer, each half of a character in it replaced."""
    text = body.decode("utf-8-sig", "replace")
    if "\\u" not in text:
        return text
    return _HALF_CHARACTER.sub(
        lambda found: r"\ufffd" if found["half"] is not None else found[0], text
    )


def _parsed(text: str) -> object:
    """Return a JSON text as Python values; control characters in texts and ``NaN`` are let through.

    Raises:
        msgspec.DecodeError: It is not JSON.
    """
    try:
        try:
            return json.loads(text, strict=False, parse_int=_whole_number)
        except RecursionError:
            return json.loads(_cut_off(text), strict=False, parse_int=_whole_number)
    except ValueError as error:
        raise msgspec.DecodeError(str(error)) from error


def _whole_number(digits: str) -> float:
    """Return a whole number; one that no count could be is not worth its digits."""
    return int(digits) if len(digits) < 40 else float(digits)  # noqa: PLR2004 - twice 64 bits


_BRACKETS = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[\[\]{}]', re.DOTALL)


def _cut_off(text: str) -> str:
    """Return a JSON text with ``null`` in the place of everything that is nested too deeply."""
    parts: list[str] = []
    depth, kept_until = 0, 0
    for token in _BRACKETS.finditer(text):
        mark = token[0][0]
        if mark in "[{":
            depth += 1
            if depth == DEEPEST + 1:
                parts += [text[kept_until : token.start()], "null"]
        elif mark in "]}":
            if depth == DEEPEST + 1:
                kept_until = token.end()
            depth -= 1
    # Where brackets never close, what is left is no JSON, and the parser says so.
    return "".join([*parts, text[kept_until:] if depth <= DEEPEST else ""])


def decode_strictly(endpoint: Endpoint, response: Response, decode: type[T]) -> T:
    """Read a JSON answer as a ``decode``, all of it or nothing: what a write rests on.

    Raises:
        WrongShapeError: JSON without the fields that were asked for; names the field's path.
        NotJsonError: Not JSON at all.
    """
    with translated_decode_errors(endpoint, response):
        check_value_count(response.body, MOST_VALUES)
        return decode_json(response.body, decode)


def unusable_response(
    kind: type[E], endpoint: Endpoint, response: Response, message: str, hint: str
) -> E:
    """Return an error about an answer that is of no use, with what the platform's support asks."""
    return kind(
        message,
        hint,
        endpoint=endpoint.label,
        status=response.status,
        correlation_id=response.correlation_id,
    )


def wrong_entity_error(
    endpoint: Endpoint, response: Response, asked: str, found: str
) -> WrongShapeError:
    """Return what to say of an answer that is about another entity than was asked for."""
    return unusable_response(
        WrongShapeError,
        endpoint,
        response,
        f"The answer to {endpoint.label} for {asked} is about {sanitize(found, _LONGEST_KIND)}",
        "A cache or a gateway in between mixes answers up: nothing can be written through it.",
    )


@contextmanager
def translated_decode_errors(endpoint: Endpoint, response: Response) -> Iterator[None]:
    """Raise what a decoder says as an error of the tree."""
    label = f"The answer to {endpoint.label}"
    try:
        yield
    except msgspec.ValidationError as error:
        said = f"{label} has another shape than expected: {error}"
        raise unusable_response(WrongShapeError, endpoint, response, said, _REPORT) from error
    except TooManyValuesError as error:
        said = f"{label} holds {error}, which nothing is read of"
        hint = "Less is asked for at once where that is possible; else report it."
        raise unusable_response(TooMuchAskedError, endpoint, response, said, hint) from error
    except RecursionError as error:
        said = f"{label} is nested too deeply to be read"
        raise unusable_response(WrongShapeError, endpoint, response, said, _REPORT) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        kind = sanitize(response.headers.get("Content-Type", "no content type"), _LONGEST_KIND)
        said = f"{label} is not JSON ({kind})"
        hint = "Check region and api_url; a proxy or a web page answered in the platform's place."
        raise unusable_response(NotJsonError, endpoint, response, said, hint) from error
    except Exception as error:
        # The decoders are libraries: an answer is read, or it is told that it can't be.
        said = f"{label} can't be read: {UnforeseenError.of(error).message}"
        hint = "Report it with the correlation id."
        raise unusable_response(WrongShapeError, endpoint, response, said, hint) from error
