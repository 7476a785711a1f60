"""The checkout itself, as the tests of the project's frame see it."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="session")
def root() -> Path:
    """The checkout."""
    return Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def pyproject(root: Path) -> dict[str, Any]:
    """What ``pyproject.toml`` says."""
    return tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
