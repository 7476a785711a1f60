"""Coerce a JSON value to a type that it nearly has, and leave out the records that have not.

The types of answers say what a field should be. A number that came as a text, or a text that came
as a number, is understood; a record in a list that can't be understood is left out, and the rest
of the list stands.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import datetime

import msgspec
from msgspec import inspect

from monitor.json_decoding import convert_json
from monitor.sanitize import sanitize_id

_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
_MOST_DIGITS = 40
_TOO_LONG = 10**_MOST_DIGITS
MOST_DROPPED = 1_000
"""So many bad records in one answer make it another kind of answer: the rest is not looked at."""

_EXACT = 2.0**53
"""Up to here a float tells whole numbers apart."""


class ImplausibleError(ValueError):
    """A record says what can't be; raised by its own ``check``, or while it is made.

    Attributes:
        reason: ``number``, ``time`` or ``shape``.
    """

    def __init__(self, reason: str, why: str) -> None:
        """Keep the reason beside the words."""
        super().__init__(why)
        self.reason = reason


class CoercionError(ValueError):
    """A value does not fit its type.

    Attributes:
        reason: ``number``, ``time`` or ``shape``.
    """

    def __init__(self, reason: str, why: str) -> None:
        """Keep the reason beside the words."""
        super().__init__(why)
        self.reason = reason


class Record(msgspec.Struct, frozen=True, gc=False):
    """A part of an answer that stands for itself: where it makes no sense, the rest still does.

    Like all that an answer is made of, the garbage collector does not look at it: frozen values
    that were read from a text are in no circle, and an answer has hundreds of thousands of them.
    """

    def check(self) -> None:
        """Refuse what can't be, of the records in it too.

        The answer calls it for each of its records once all of it was read; and where that failed,
        it is called for one after the other.

        Raises:
            ImplausibleError: It can't.
        """


class RecordPage(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An answer that holds a page of records.

    Attributes:
        unread: Records that stood on the page and were left out; a page that is short for
            their lack is not the last.
    """

    unread: int = msgspec.field(default=0, name="#unread")


class CountResponse(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An answer that counts something: without any record it says that there was nothing.

    Attributes:
        is_unreadable: Whether records stood in it and not one could be read: that is no zero.
    """

    is_unreadable: bool = msgspec.field(default=False, name="#unreadable")


def check_id(text: str) -> None:
    """Refuse an id that names nothing: empty, cut to half characters, or not to be asked for.

    Raises:
        ImplausibleError: It is none.
    """
    if not text or "\ufffd" in text or sanitize_id(text) != text:
        reason = "an id that can't be one"
        raise ImplausibleError("shape", reason)


def number(value: object) -> float | None:
    """A number that came as one or as a text; None where it is none, not finite, or too long."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value if abs(value) < _TOO_LONG else None
    if isinstance(value, str):
        text = value.strip()
        if len(text) > _MOST_DIGITS or not _NUMBER.fullmatch(text):
            return None
        value = float(text)
    return value if isinstance(value, float) and math.isfinite(value) else None


def whole_number(value: object) -> int | None:
    """Return a whole number that came as ``3``, ``3.0`` or ``"3"``; None where it is none."""
    found = number(value)
    if found is None or isinstance(found, int):
        return found
    if not found.is_integer() or abs(found) > _EXACT:
        return None
    return int(found)


class Coercer:
    """One response while its values are coerced to types.

    Attributes:
        dropped: What did not fit, record by record.
        has_good: Whether any record came as it should.
    """

    def __init__(self) -> None:
        """Begin with nothing dropped."""
        self.dropped: list[CoercionError] = []
        self.has_good = False

    def coerce(self, value: object, expected: inspect.Type, where: str) -> object:
        """Return what of a value fits a type, in a form that msgspec converts to it.

        Args:
            value: As a JSON parser gives it.
            expected: The type.
            where: The path to it, for messages.

        Raises:
            CoercionError: It can't be understood.
        """
        match expected:
            case inspect.UnionType():
                return self._coerce_union(value, expected, where)
            case inspect.StructType():
                return self._coerce_struct(value, expected, where)
            case inspect.VarTupleType() | inspect.ListType():
                return self._coerce_list(value, expected.item_type, where)
            case inspect.DictType():
                _expect(dict, value, where)
                return {
                    name: self.coerce(one, expected.value_type, f"{where}[...]")
                    for name, one in value.items()  # type: ignore[attr-defined]  # just checked
                }
            case inspect.DateTimeType():
                return _moment(value, expected, where)
            case _:
                return _scalar(value, expected, where)

    def _coerce_union(self, value: object, expected: inspect.UnionType, where: str) -> object:
        if value is None and expected.includes_none:
            return None
        others = [one for one in expected.types if not isinstance(one, inspect.NoneType)]
        # What came as one of the types is that one; only else is it worth a conversion.
        others.sort(key=lambda one: not isinstance(value, _NATIVE.get(type(one), ())))
        unfit: CoercionError | None = None
        for one in others:
            try:
                return self.coerce(value, one, where)
            except CoercionError as error:
                unfit = unfit or error
        raise unfit or CoercionError("shape", f"Nothing expected at `{where}`")

    def _coerce_struct(self, value: object, expected: inspect.StructType, where: str) -> object:
        if isinstance(value, expected.cls):
            return value
        _expect(dict, value, where)
        found: dict[str, object] = {}
        unread = 0
        for field in expected.fields:
            if field.encode_name not in value:  # type: ignore[operator]  # just checked
                continue
            came = value[field.encode_name]  # type: ignore[index]  # the same
            if came is None and not field.required and not _may_be_none(field.type):
                continue
            fitted = self.coerce(came, field.type, f"{where}.{field.encode_name}")
            if isinstance(fitted, list) and isinstance(came, list):
                unread += len(came) - len(fitted)
            found[field.encode_name] = fitted
        if issubclass(expected.cls, RecordPage):
            found["#unread"] = unread
        return _converted(found, expected.cls, where)

    def _coerce_list(self, value: object, expected: inspect.Type, where: str) -> list[object]:
        _expect(list, value, where)
        items: list[object] = value  # type: ignore[assignment]  # just checked
        if not (isinstance(expected, inspect.StructType) and issubclass(expected.cls, Record)):
            return [self.coerce(one, expected, f"{where}[...]") for one in items]
        kept: list[object] = []
        for one in items:
            if len(self.dropped) >= MOST_DROPPED:
                break
            try:
                # The good ones, which are nearly all, at the speed of the decoder.
                record = convert_json(one, expected.cls)
                record.check()
            except (msgspec.ValidationError, ImplausibleError, RecursionError):
                self._keep_what_can_be_mended(kept, one, expected, f"{where}[...]")
            else:
                kept.append(record)
                self.has_good = True
        return kept

    def _keep_what_can_be_mended(
        self, kept: list[object], record: object, expected: inspect.Type, where: str
    ) -> None:
        """Keep a record as far as it can be mended; else it is dropped, and nothing else is."""
        before = len(self.dropped)
        try:
            kept.append(self.coerce(record, expected, where))
        except CoercionError as unfit:
            # Without the place where it was raised, which holds the whole answer.
            self.dropped.append(unfit.with_traceback(None))
        else:
            self.has_good |= len(self.dropped) == before


_NATIVE: dict[type, tuple[type, ...]] = {
    inspect.StrType: (str,),
    inspect.IntType: (int,),
    inspect.FloatType: (float,),
    inspect.BoolType: (bool,),
    inspect.StructType: (dict,),
    inspect.VarTupleType: (list,),
    inspect.DictType: (dict,),
}


def _expect(kind: type, value: object, where: str) -> None:
    if not isinstance(value, kind):
        what = "object" if kind is dict else "array"
        raise CoercionError("shape", f"Expected `{what}` at `{where}`")


def _may_be_none(expected: inspect.Type) -> bool:
    return isinstance(expected, inspect.UnionType) and expected.includes_none


def _converted(found: dict[str, object], cls: type, where: str) -> object:
    try:
        value: object = convert_json(found, cls)
        if isinstance(value, Record):
            value.check()
    except msgspec.ValidationError as error:
        reason = getattr(error.__cause__, "reason", "shape")
        raise CoercionError(reason, f"{error} at `{where}`") from error
    except ImplausibleError as error:
        raise CoercionError(error.reason, f"{error} at `{where}`") from error
    return value


def _moment(value: object, expected: inspect.DateTimeType, where: str) -> object:
    try:
        moment = convert_json(value, datetime)
    except msgspec.ValidationError as error:
        raise CoercionError("time", f"Expected a moment at `{where}`") from error
    if expected.tz and moment.tzinfo is None:
        raise CoercionError("time", f"Expected a time zone at `{where}`")
    return value


def _text(value: object) -> str | None:
    if isinstance(value, str):
        return value
    whole = whole_number(value)
    if whole is not None:
        return str(whole)
    return str(value) if number(value) is not None else None


def _flag(value: object) -> bool | None:
    if isinstance(value, bool):
        return value
    return {"true": True, "false": False}.get(value.lower()) if isinstance(value, str) else None


_SCALARS: dict[type, tuple[Callable[[object], object], str, str]] = {
    inspect.StrType: (_text, "shape", "str"),
    inspect.IntType: (whole_number, "number", "int"),
    inspect.FloatType: (number, "number", "float"),
    inspect.BoolType: (_flag, "shape", "bool"),
}


def _scalar(value: object, expected: inspect.Type, where: str) -> object:
    if type(expected) not in _SCALARS:
        return value
    coerce, reason, name = _SCALARS[type(expected)]
    found = coerce(value)
    if found is None:
        raise CoercionError(reason, f"Expected `{name}` at `{where}`")
    return found
