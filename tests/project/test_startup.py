"""Commands start light; how fast is measured in benchmarks/startup.py, not here."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="module")
def startup(root: Path) -> Iterator[ModuleType]:
    """The benchmark, as a module."""
    spec = importlib.util.spec_from_file_location("startup", root / "benchmarks" / "startup.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "startup", module)  # dataclasses look their module up
        spec.loader.exec_module(module)
        yield module


@pytest.mark.parametrize("option", ["--version", "--help"])
def test_neither_version_nor_help_imports_pandas(
    startup: ModuleType, tmp_path: Path, option: str
) -> None:
    """Asking for the version or for help loads the commands, and no pandas."""
    imported = startup.imported_modules((str(startup.SCRIPT), option), tmp_path)
    assert "monitor.cli" in imported
    assert "pandas" not in imported


def test_sees_an_import_of_pandas(startup: ModuleType, tmp_path: Path) -> None:
    """A program that does import it is caught, so that the test above means something."""
    assert "pandas" in startup.imported_modules(("-c", "import pandas"), tmp_path)


def test_a_command_that_fails_is_not_measured(startup: ModuleType, tmp_path: Path) -> None:
    """The time of a command that broke would be a lie."""
    with pytest.raises(subprocess.CalledProcessError):
        startup.start_seconds(("-c", "raise SystemExit(3)"), tmp_path)
