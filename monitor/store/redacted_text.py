"""Columns whose texts others have written: no secret comes into the state by them, or leaves it.

What is written is masked as far as the secrets are known then. A state of an older program, or from
before a secret was known, may hold one all the same; every reader of such a column is given the
masked text, and compares with it, so that what is counted stays under one name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import String
from sqlalchemy.types import TypeDecorator

from monitor.redaction import SECRETS

if TYPE_CHECKING:
    from sqlalchemy import Dialect


class ToldText(TypeDecorator[str]):
    """A text that is shown: a name, an error type, a note."""

    impl = String
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Return what is to be kept, with every secret masked that this process knows."""
        return self.process_result_value(value, dialect)

    def process_result_value(self, value: str | None, dialect: Dialect) -> str | None:
        """Return what was kept, with every secret masked that this process knows."""
        del dialect
        return None if value is None else SECRETS.redact_name(value)
