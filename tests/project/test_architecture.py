"""docs/architecture.md: its routes can be walked in the code."""

from __future__ import annotations

import ast
import re
import tomllib
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest

PAGE = "docs/architecture.md"
ROUTES = ("metric", "PATCH", "setting")
_STEP = re.compile(r"^(?P<number>\d+)\. `(?P<file>[\w/]+\.py)` `(?P<name>[\w.]+)`", re.MULTILINE)

Step = tuple[str, str]


@cache
def section(root: Path, word: str) -> str:
    """What the page tells under the heading that says this word."""
    parts = re.split(r"^## ", (root / PAGE).read_text(encoding="utf-8"), flags=re.MULTILINE)
    (found,) = [part for part in parts if f"*{word}*" in part.splitlines()[0]]
    return found


def runs(root: Path, word: str) -> list[list[Step]]:
    """The steps of a route, in runs that each begin at 1."""
    found: list[list[Step]] = []
    for step in _STEP.finditer(section(root, word)):
        if step["number"] == "1":
            found.append([])
        assert int(step["number"]) == len(found[-1]) + 1, step[0]
        found[-1].append((step["file"], step["name"]))
    return found


@cache
def source_of(root: Path, step: Step) -> str:
    """The source of the function or class that a step names.

    Raises:
        AssertionError: There is none.
    """
    file, name = step
    text = (root / file).read_text(encoding="utf-8")
    node: ast.AST = ast.parse(text)
    for part in name.split("."):
        inner = [
            one
            for one in ast.iter_child_nodes(node)
            if isinstance(one, ast.FunctionDef | ast.ClassDef) and one.name == part
        ]
        assert inner, f"{file} has no {name}"
        node = inner[0]
    return ast.get_source_segment(text, node) or ""


@pytest.mark.parametrize("word", ROUTES)
def test_each_step_calls_the_next(root: Path, word: str) -> None:
    """In the body of the one is the name of the other."""
    told = runs(root, word)
    assert sum(len(run) for run in told) > 1
    for run in told:
        for step, after in pairwise(run):
            called = after[1].rpartition(".")[2]
            body = source_of(root, step)
            is_class_of = "class" in source_of(root, after).split(maxsplit=1)[0]
            words = called if not is_class_of else f"{called}|Settings"
            assert re.search(rf"\b({words})\b", body), f"{step} does not call {after}"
        source_of(root, run[-1])


@pytest.mark.parametrize("word", ROUTES)
def test_each_run_goes_on_where_the_route_has_been(root: Path, word: str) -> None:
    """A run begins with a step told before, or in a file that uses one or is used by one."""
    told = runs(root, word)
    seen = set(told[0])
    for run in told[1:]:
        first = run[0]
        names = {name.split(".")[0] for _, name in seen} | {
            name.rpartition(".")[2] for _, name in seen
        }
        text = (root / first[0]).read_text(encoding="utf-8")
        own = first[1].split(".")[0]
        joins = first in seen or any(re.search(rf"\b{one}\b", text) for one in names)
        joins = joins or any(
            re.search(rf"\b{own}\b", (root / file).read_text(encoding="utf-8")) for file, _ in seen
        )
        assert joins, f"{first} stands alone"
        seen |= set(run)


def test_every_room_is_drawn(root: Path) -> None:
    """A folder or a file of the package that the page does not name is a room without a door."""
    drawing = (root / PAGE).read_text(encoding="utf-8").split("```")[1]
    rooms = {
        path.name if path.suffix else f"{path.name}/"
        for path in (root / "monitor").iterdir()
        if path.suffix == ".py" or (path / "__init__.py").exists()
    } - {"__init__.py", "__main__.py"}
    assert {room for room in rooms if not re.search(rf"(?<!\w){room}", drawing)} == set()


def rows(root: Path) -> list[list[str]]:
    """The rows of the table that says where things are: question, room, file."""
    part = (root / PAGE).read_text(encoding="utf-8").split("## Where is ...?")[1].split("\n## ")[0]
    lines = [line for line in part.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[1:]]


def test_what_the_table_names_is_there(root: Path) -> None:
    """Each file stands in its row's room, or where its path says; each name in one of its files."""
    package = root / "monitor"
    table = rows(root)
    assert len(table) > 1
    for question, room, answer in table:
        words = re.findall(r"`([^`]+)`", f"{room} {answer}")
        folder = package / next((word for word in words if word.endswith("/")), "")
        files = []
        for word in words:
            if word.endswith((".py", "/")):
                found = [one / word for one in (folder, package, root) if (one / word).exists()]
                assert found, f"{question}: {word} is not there"
                files.append(found[0])
        text = "".join(
            one.read_text(encoding="utf-8")
            for path in files
            for one in (path.rglob("*.py") if path.is_dir() else [path])
        )
        for word in words:
            is_name = re.fullmatch(r"[A-Za-z_]+(\.[a-z_]+)?", word) and not word.endswith(".py")
            for name in word.split(".") if is_name else []:
                assert re.search(rf"\b{name}\b", text), f"{question}: no {name} there"


def test_the_floors_are_those_that_are_checked(root: Path) -> None:
    """CONTRIBUTING draws the layers that import-linter holds the code to."""
    settings = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    [layers] = [
        contract["layers"]
        for contract in settings["tool"]["importlinter"]["contracts"]
        if contract["type"] == "layers"
    ]
    text = (root / "CONTRIBUTING.md").read_text(encoding="utf-8").split("from the top down:")[1]
    drawn = [line.split() for line in text.split("```")[1].strip().splitlines()]
    # The simulator is told of below them.
    checked = [[room for room in layer.split(" | ") if room != "simulator"] for layer in layers]
    assert drawn == checked
