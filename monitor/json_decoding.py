"""JSON as typed values, in programs whose threads may be the first to read a type at once.

msgspec prepares a type when it is first read as, keeps what it has prepared on the class before all
its fields are there, and runs Python in between. A second thread that reads the same type then, or
one that holds it, follows a null pointer and ends the process with a segmentation fault (seen with
0.22: a daemon of several orgs logs in for all of them at once). Here a type is prepared by one
thread, and read by others only after that.
"""

from __future__ import annotations

import threading
from functools import cache
from types import UnionType
from typing import Any, TypeVar, overload

import msgspec

T = TypeVar("T")

_PREPARING = threading.Lock()


@overload
def decode_json(text: bytes | str | msgspec.Raw, kind: type[T]) -> T: ...


@overload
def decode_json(text: bytes | str | msgspec.Raw, kind: UnionType) -> Any: ...  # noqa: ANN401 - which of them, nobody knows


def decode_json(text: bytes | str | msgspec.Raw, kind: Any) -> Any:
    """Return a JSON text as a value of a type.

    Raises:
        msgspec.ValidationError: JSON of another shape.
        msgspec.DecodeError: Not JSON.
    """
    return _prepared(kind).decode(text)


def convert_json(value: object, kind: type[T]) -> T:
    """Return a value that a JSON parser gave as a value of a type.

    Raises:
        msgspec.ValidationError: It has another shape.
    """
    _prepared(kind)
    return msgspec.convert(value, kind)


def _prepared(kind: Any) -> msgspec.json.Decoder[Any]:  # noqa: ANN401 - a union is a type as well
    with _PREPARING:
        return _decoder(kind)


@cache
def _decoder(kind: Any) -> msgspec.json.Decoder[Any]:  # noqa: ANN401 - likewise
    return msgspec.json.Decoder(kind)
