"""A diagnosis as bytes and back, for the state; what can't be read is as good as none.

Only the program that wrote it reads it: nothing here has to understand what an older one left.
"""

from __future__ import annotations

import zlib
from array import array
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TypeVar

import msgspec

from monitor import __version__
from monitor.contract import Contract
from monitor.diagnosis.carried import CarriedOver
from monitor.diagnosis.model import Concurrency, Diagnosis, OrgDiagnosis
from monitor.diagnosis.timeout_curve import EffectTable, TimeoutCurve
from monitor.time_ranges import TimeRange

PROGRAM = f"{__version__}/3"
"""What alone can read it: the version of the program, and of what is in this module."""

T = TypeVar("T")


class UnreadableError(Exception):
    """The bytes are not what this program writes."""


class _Curve(msgspec.Struct, array_like=True):
    timeout_ms: float
    measured_to_ms: float
    reach_ms: float
    busiest_ratio: float
    effects: bytes


class _Action(msgspec.Struct, array_like=True):
    diagnosis: Diagnosis
    curve: _Curve | None


class _Carried(msgspec.Struct, array_like=True):
    time_range: tuple[int, int]
    bucket_seconds: int
    asked: bytes
    prints: dict[str, tuple[bytes, int, int]]
    holds_until: dict[str, float]
    settled: tuple[int, int]
    spent_us: bytes
    unmeasured: dict[str, float]


class _Org(msgspec.Struct, array_like=True):
    contract: Contract
    time_range: tuple[int, int]
    taken_at: float
    missing_seconds: int
    action_ids: list[str]
    concurrency: Concurrency | None
    carried: _Carried | None


def action_bytes(found: Diagnosis) -> bytes:
    """Return the diagnosis of an action as bytes."""
    curve = found.curve
    table = None
    if curve is not None:
        table = _Curve(
            float(curve.timeout_ms),
            float(curve.measured_to_ms),
            float(curve.reach_ms),
            float(curve.busiest_ratio),
            EffectTable.of(curve.effects, curve.measured_to_ms).numbers,
        )
    return _sealed(_Action(replace(found, curve=None), table))


def action_of(content: bytes) -> Diagnosis:
    """Return the diagnosis that was written.

    Raises:
        UnreadableError: The bytes are not one.
    """
    kept = _opened(content, _ACTIONS)
    if kept.curve is None:
        return kept.diagnosis
    one = kept.curve
    effects = EffectTable(_numbers("d", one.effects), one.measured_to_ms)
    curve = TimeoutCurve(
        one.timeout_ms, one.measured_to_ms, one.reach_ms, effects, one.busiest_ratio
    )
    return replace(kept.diagnosis, curve=curve)


def org_bytes(found: OrgDiagnosis, carried: CarriedOver | None) -> bytes:
    """Return all of an org's diagnosis but those of its actions, and what it leaves to the next."""
    left = None
    if carried is not None:
        left = _Carried(
            (carried.time_range.start, carried.time_range.end),
            carried.bucket_seconds,
            carried.asked,
            dict(carried.prints),
            dict(carried.holds_until),
            carried.settled,
            carried.spent_us.tobytes(),
            dict(carried.unmeasured),
        )
    return _sealed(
        _Org(
            found.contract,
            (found.time_range.start, found.time_range.end),
            found.taken_at,
            found.missing_seconds,
            list(found.diagnoses),
            found.concurrency,
            left,
        )
    )


def org_of(
    org: str, content: bytes, actions: Mapping[str, bytes]
) -> tuple[OrgDiagnosis, CarriedOver | None]:
    """Return the diagnosis of an org that was written, and what it leaves to the next.

    Args:
        org: The org's configured name.
        content: All of it but those of its actions.
        actions: These, by action id.

    Raises:
        UnreadableError: The bytes are not one, or an action's is missing.
    """
    kept = _opened(content, _ORGS)
    if set(kept.action_ids) - actions.keys():
        raise UnreadableError
    found = OrgDiagnosis(
        org=org,
        contract=kept.contract,
        time_range=TimeRange(*kept.time_range),
        taken_at=kept.taken_at,
        missing_seconds=kept.missing_seconds,
        diagnoses={action_id: action_of(actions[action_id]) for action_id in kept.action_ids},
        concurrency=kept.concurrency,
    )
    left = kept.carried
    if left is None:
        return found, None
    carried = CarriedOver(
        time_range=TimeRange(*left.time_range),
        bucket_seconds=left.bucket_seconds,
        asked=left.asked,
        prints=left.prints,
        holds_until=left.holds_until,
        settled=left.settled,
        spent_us=_numbers("q", left.spent_us),
        unmeasured=left.unmeasured,
    )
    return found, carried


def _sealed(value: msgspec.Struct) -> bytes:
    content = _ENCODER.encode(value)
    return zlib.crc32(content).to_bytes(4, "big") + content


def _opened(content: bytes, decoder: msgspec.msgpack.Decoder[T]) -> T:
    body = content[4:]
    if zlib.crc32(body).to_bytes(4, "big") != content[:4]:
        raise UnreadableError
    try:
        return decoder.decode(body)
    except msgspec.MsgspecError as error:
        raise UnreadableError from error


def _plain(value: Any) -> Any:  # noqa: ANN401 - a number of numpy, which only its maker can name
    return value.item()


def _numbers(code: Any, content: bytes) -> array[Any]:  # noqa: ANN401 - "d" or "q"
    numbers: array[Any] = array(code)
    try:
        numbers.frombytes(content)
    except ValueError as error:
        raise UnreadableError from error
    return numbers


_ENCODER = msgspec.msgpack.Encoder(enc_hook=_plain)
_ACTIONS = msgspec.msgpack.Decoder(_Action)
_ORGS = msgspec.msgpack.Decoder(_Org)
