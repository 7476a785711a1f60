"""Commands start light; how fast is measured in benchmarks/startup.py, not here."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from benchmarks import startup


@pytest.mark.parametrize("option", ["--version", "--help"])
def test_neither_version_nor_help_imports_pandas(tmp_path: Path, option: str) -> None:
    """Asking for the version or for help loads the commands, and no pandas."""
    imported = startup.imported_modules((str(startup.SCRIPT), option), tmp_path)
    assert "monitor.cli" in imported
    assert "pandas" not in imported


def test_sees_an_import_of_pandas(tmp_path: Path) -> None:
    """A program that does import it is caught, so that the test above means something."""
    assert "pandas" in startup.imported_modules(("-c", "import pandas"), tmp_path)


def test_a_command_that_fails_is_not_measured(tmp_path: Path) -> None:
    """The time of a command that broke would be a lie."""
    with pytest.raises(subprocess.CalledProcessError):
        startup.start_seconds(("-c", "raise SystemExit(3)"), tmp_path)
