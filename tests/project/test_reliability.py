"""The page on reliability: the tests and the bounds that it names are there."""

from __future__ import annotations

import ast
import importlib
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8")
TESTS = sorted(set(re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", PAGE)))
BOUNDS = sorted(set(re.findall(r"`(monitor(?:\.\w+)+)\.([A-Z][A-Z0-9_]+)`", PAGE)))


def rows(heading: str) -> list[str]:
    """The rows of the table under a heading, without its head."""
    section = PAGE.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return lines[2:]


@pytest.mark.parametrize(("file", "name"), TESTS)
def test_a_test_that_the_page_names_exists(file: str, name: str) -> None:
    """Under this name, in this file."""
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    assert name in {one.name for one in ast.walk(tree) if isinstance(one, ast.FunctionDef)}


@pytest.mark.parametrize(("module", "name"), BOUNDS)
def test_a_bound_that_the_page_names_exists(module: str, name: str) -> None:
    """It is a number of the program."""
    assert isinstance(getattr(importlib.import_module(module), name), int | float)


def test_every_fault_has_a_test_and_every_bound_a_name() -> None:
    """A row that nothing holds would only be a wish."""
    assert all("::test_" in row for row in rows("What goes wrong"))
    assert all(re.match(r"\| `monitor\.[\w.]+` \|", row) for row in rows("Bounds"))
    assert rows("What goes wrong")
    assert rows("Bounds")


def test_readme_leads_to_the_page() -> None:
    """Whoever reads what it does finds what it does when something goes wrong."""
    assert "docs/reliability.md" in (ROOT / "README.md").read_text(encoding="utf-8")
