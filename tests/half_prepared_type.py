"""A program in which two threads are the first to read a type, one in the middle of the other.

``half_prepared_type.py read|convert|simulate``: ends with 0, where a thread that met the type half
prepared would end it with a segmentation fault.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable

import msgspec

from monitor.genesys.client.decoding import decode_leniently
from monitor.json_decoding import convert_json
from monitor.simulator.queries import parse_body

BODY = b'{"before": 1, "inner": {"value": 2}}'
WAYS: dict[str, Callable[[], object]] = {
    "read": lambda: decode_leniently(BODY, Outer),
    "convert": lambda: convert_json({"before": 1, "inner": {"value": 2}}, Outer),
    "simulate": lambda: parse_body(BODY, Outer),
}
READ = WAYS[sys.argv[1]]
SECOND = threading.Thread(target=READ, daemon=True)


def meanwhile() -> type[int]:
    """Let the second thread read the type; it can only wait until this one has prepared it."""
    SECOND.start()
    SECOND.join(0.1)
    return int


class Inner(msgspec.Struct):
    """Whose preparation takes a while, with fields of ``Outer`` that are not there yet."""

    value: meanwhile()  # type: ignore[valid-type]  # evaluated when the type is prepared


class Outer(msgspec.Struct):
    """What both read."""

    before: int
    inner: Inner


READ()
SECOND.join()
