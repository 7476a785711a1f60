"""A document as JSON in a column, with every secret masked in its texts and none in its numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import msgspec
from sqlalchemy import String
from sqlalchemy.types import TypeDecorator

from monitor.redaction import SECRETS

if TYPE_CHECKING:
    from sqlalchemy import Dialect


class RedactedJson(TypeDecorator[Mapping[str, object]]):
    """A document whose texts others may have written; it is kept as JSON.

    Secrets are masked in its texts one by one, as ``RedactedText`` does it: in the JSON, a secret
    of digits would be found in a number, and what is left of that is no JSON.
    """

    impl = String
    cache_ok = True

    def process_bind_param(self, value: Mapping[str, object] | None, dialect: Dialect) -> str:
        """Return the JSON to keep; ``{}`` where there is no document."""
        del dialect
        return msgspec.json.encode(_masked(msgspec.to_builtins(value or {}))).decode()

    def process_result_value(self, value: str | None, dialect: Dialect) -> dict[str, object]:
        """Return the document that was kept; an empty one where it can't be read.

        Older programs masked the JSON itself, and the trail that it stands in is never changed:
        one such line must not keep all the others from being read.
        """
        del dialect
        try:
            document = _masked(msgspec.json.decode(value or "{}"))
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            return {}
        return document if isinstance(document, dict) else {}


def _masked(value: object) -> object:
    """Return a value of JSON with every known secret masked in its texts, keys among them."""
    if isinstance(value, str):
        return SECRETS.redact_name(value)
    if isinstance(value, dict):
        return {SECRETS.redact_name(str(key)): _masked(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_masked(each) for each in value]
    return value
