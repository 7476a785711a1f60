"""What make promises."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

AN_OLD_PYTHON = """\
#!/bin/sh
exec {python} -c '
import runpy, sys
sys.version_info = (3, 9, 2, "final", 0)
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
' "$@"
"""


@pytest.fixture
def make(root: Path, require_tool: Callable[[str], str]) -> Callable[..., tuple[int, str]]:
    """Run make in the checkout, not as a part of the make that runs these tests."""
    program = require_tool("make")
    outer = ("MAKE", "MFLAGS", "ARGS", "DURATION", "PYTHON")
    clean = {name: value for name, value in os.environ.items() if not name.startswith(outer)}

    def run(*arguments: str) -> tuple[int, str]:
        done = subprocess.run(
            [program, "--no-print-directory", "-C", root, *arguments],
            env=clean,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout

    return run


def test_help_knows_every_target(root: Path, make: Callable[..., tuple[int, str]]) -> None:
    """`make` alone lists what users may call, and nothing that is not there."""
    text = (root / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z]+):", text, re.MULTILINE))
    internal = {"help", "runtime", "dev"}
    code, output = make()
    assert code == 0
    assert set(re.findall(r"^make ([a-z]+)", output, re.MULTILINE)) == targets - internal


def test_demo_passes_its_duration_on(make: Callable[..., tuple[int, str]]) -> None:
    """DURATION becomes --duration."""
    _, output = make("-n", "demo", "DURATION=30")
    assert output.rstrip().endswith("-m monitor demo --duration 30")


def test_demo_without_a_duration_is_plain(make: Callable[..., tuple[int, str]]) -> None:
    """Without DURATION the demo runs until Ctrl-C."""
    _, output = make("-n", "demo")
    assert output.rstrip().endswith("-m monitor demo")


def test_check_runs_the_documented_tests(make: Callable[..., tuple[int, str]]) -> None:
    """What CI tests is what `make test` tests, with coverage, and it has the last word."""
    _, tested = make("-n", "test")
    _, checked = make("-n", "check")
    command = tested.splitlines()[-1].strip()
    last = next(line for line in reversed(checked.splitlines()) if not line.startswith("make"))
    assert "pytest" in command
    assert last.startswith(command)
    assert "--cov" in last


@pytest.mark.parametrize(
    "tool", ["ruff format --check", "ruff check", "mypy", "lint-imports", "pytest"]
)
def test_check_asks_every_judge(make: Callable[..., tuple[int, str]], tool: str) -> None:
    """Format, lint, types, import arrows and tests are all part of the check."""
    _, output = make("-n", "check")
    assert f"/{tool}" in output or f"-m {tool}" in output


@pytest.mark.parametrize("target", ["demo", "test", "check"])
def test_an_old_python_gets_one_sentence(
    make: Callable[..., tuple[int, str]], tmp_path: Path, target: str
) -> None:
    """Below the sentence there is nothing but make's own word that it stopped."""
    python = tmp_path / "python3.9"
    python.write_text(AN_OLD_PYTHON.format(python=shlex.quote(sys.executable)), encoding="utf-8")
    python.chmod(0o755)
    code, output = make(target, f"PYTHON={python}")
    said = [line for line in output.splitlines() if not line.startswith("make")]
    assert code != 0
    assert len(said) == 1
    assert "needs Python 3.11 or newer" in said[0]


def test_the_licence_is_the_one_declared(root: Path) -> None:
    """LICENSE holds the text of Apache-2.0."""
    text = (root / "LICENSE").read_text(encoding="utf-8")
    assert re.search(r"Apache License\s+Version 2\.0, January 2004", text)
    assert "END OF TERMS AND CONDITIONS" in text
