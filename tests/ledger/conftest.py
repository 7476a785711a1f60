"""A real ledger in a real SQLite file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from monitor.ledger import Ledger


@pytest.fixture
def url(tmp_path: Path) -> str:
    """Where no ledger is yet."""
    return f"sqlite:///{tmp_path / 'ledger.db'}"


@pytest.fixture
def ledger(url: str) -> Iterator[Ledger]:
    """A fresh ledger."""
    with Ledger.open(url) as opened:
        yield opened
