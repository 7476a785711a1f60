"""A state is told by what a ledger in it counts, in SQLite and PostgreSQL."""

from __future__ import annotations

from tests.ledger.conftest import ledger, postgresql, url

__all__ = ["ledger", "postgresql", "url"]
