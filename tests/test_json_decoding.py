"""JSON as typed values, read by many threads at once."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
HOME = ROOT / "monitor" / "json_decoding.py"
ALWAYS_TYPED = {"msgspec.convert", "msgspec.json.Decoder"}


@pytest.mark.parametrize("way", ["read", "convert", "simulate"])
def test_two_threads_that_first_read_a_type_end_no_process(way: str) -> None:
    """A daemon of several orgs logs in for all of them at once, by types nobody has read as."""
    program = [sys.executable, "-m", "tests.half_prepared_type", way]
    done = subprocess.run(program, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_every_type_is_prepared_by_one_thread() -> None:
    """Nothing else in the program reads JSON as a type."""
    found = [
        f"{path.relative_to(ROOT)}:{line}"
        for path in sorted((ROOT / "monitor").rglob("*.py"))
        if path != HOME
        for line in typed_readings(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert found == []


def typed_readings(tree: ast.AST) -> Iterator[int]:
    """The lines where msgspec is asked for a value of a type."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        called = ast.unparse(node.func)
        is_typed = len(node.args) > 1 or any(one.arg == "type" for one in node.keywords)
        if called in ALWAYS_TYPED or (called == "msgspec.json.decode" and is_typed):
            yield node.lineno


def test_readings_by_a_type_are_found() -> None:
    """By which way of msgspec's ever; one without a type prepares nothing."""
    text = "msgspec.json.decode(a, type=B)\nmsgspec.convert(a, B)\nmsgspec.json.Decoder(B)\n"
    assert list(typed_readings(ast.parse(f"{text}msgspec.json.decode(a)"))) == [1, 2, 3]
