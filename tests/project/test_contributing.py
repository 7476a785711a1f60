"""CONTRIBUTING.md: its lists of files to touch are what a present member of the kind has."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

WORDS = {
    "a source": "flow_errors",
    "a verdict": "too_long",
    "a guard": "change_window",
    "a metric": "budget_used",
    "a command": "history",
}
"""What is added, and the word by which a present one is found in each of its files."""


def lists(root: Path) -> dict[str, list[str]]:
    """The files that each kind of addition touches, as the page tells."""
    text = (root / "CONTRIBUTING.md").read_text(encoding="utf-8")
    section = text.split("## How to add ...", 1)[1].split("\n## ", 1)[0]
    found = {}
    for paragraph in re.split(r"\n\n(?=\*\*)", section):
        if paragraph.startswith("**"):
            kind = paragraph.split("**")[1]
            found[kind] = list(
                re.findall(r"`([^`]+)`", paragraph.split("\n\n")[0].split(":", 1)[1])
            )
    return found


def _files(root: Path, name: str) -> set[str]:
    return {str(path.relative_to(root)) for path in (root / "monitor").rglob(name)}


def test_each_kind_has_its_list(root: Path) -> None:
    """A source, a verdict, a guard, a metric and a command."""
    assert lists(root).keys() == WORDS.keys()


@pytest.mark.parametrize("kind", WORDS)
def test_each_file_speaks_of_the_present_one(root: Path, kind: str) -> None:
    """Whoever follows the list finds what to copy in every file of it."""
    word = WORDS[kind].replace("_", "[ _-]?")
    files = lists(root)[kind]
    assert files
    for file in files:
        text = (root / file).read_text(encoding="utf-8")
        assert re.search(word, text, re.IGNORECASE), f"{file} says nothing of {WORDS[kind]}"


@pytest.mark.parametrize("kind", ["a verdict", "a guard", "a metric"])
def test_no_file_of_the_program_is_forgotten(root: Path, kind: str) -> None:
    """Where else the present one is named by its own name, the list names the file too."""
    word = WORDS[kind]
    pattern = re.compile(rf"\b{word}\b|\b{word.upper()}\b|{word}_seconds")
    listed = set(lists(root)[kind])
    named = {
        str(path.relative_to(root))
        for path in (root / "monitor").rglob("*.py")
        if pattern.search(path.read_text(encoding="utf-8"))
    }
    may_name = {
        # A variable of that name in another room is another thing.
        "a verdict": {"monitor/diagnosis/__init__.py", *_files(root, "migrations.py")},
        "a guard": set(),
        "a metric": {"monitor/summary/model.py"},
    }[kind]
    assert named - listed - may_name == set()
