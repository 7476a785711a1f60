"""No module of the program is so long that nobody reads it whole."""

from __future__ import annotations

from pathlib import Path

import pytest

MOST_LINES = 400

LONGER = {
    "monitor/simulator/world.py": "one table of all that is not known of the platform",
    "monitor/remediation/targets/action.py": "to be parted",
    "monitor/render/charts/curve.py": "to be parted",
    "monitor/sources/conversations.py": "to be parted",
    "monitor/store/maintenance/repair.py": "to be parted",
}
"""Modules that may be longer, and why."""


def lines_of(path: Path) -> int:
    """How many lines a file has."""
    return len(path.read_text(encoding="utf-8").splitlines())


def test_a_module_is_short(root: Path) -> None:
    """What grows beyond that is parted, as ``ledger.py`` and ``journal.py`` were."""
    sizes = {
        str(path.relative_to(root)): lines_of(path) for path in (root / "monitor").rglob("*.py")
    }
    assert sizes
    too_long = {name: size for name, size in sizes.items() if size > MOST_LINES}
    assert too_long.keys() <= LONGER.keys(), "part it by what it does: see docs/architecture.md"


@pytest.mark.parametrize("name", LONGER)
def test_no_exception_is_left_over(root: Path, name: str) -> None:
    """What was parted since is held to the length again."""
    assert lines_of(root / name) > MOST_LINES
