"""The ground that every test stands on."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import monitor


def test_no_setting_gets_in() -> None:
    """No variable that the program reads is set while tests run."""
    read = [name for name in os.environ if name.startswith(("GENESYS_", "TIMEOUT_MONITOR"))]
    assert read == []
    assert "HTTPS_PROXY" not in os.environ


def test_settings_of_the_person_who_tests_are_kept_out(root: Path) -> None:
    """Credentials and proxies in the environment of whoever runs the tests change nothing."""
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-n0", "-p", "no:cacheprovider"),
            f"{Path(__file__)}::{test_no_setting_gets_in.__name__}",
        ],
        cwd=root,
        env={
            **os.environ,
            "GENESYS_CLIENT_SECRET": "mine",
            "TIMEOUT_MONITOR__SERVE__PORT": "1",
            "HTTPS_PROXY": "http://127.0.0.1:1",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert "1 passed" in done.stdout, done.stdout


def test_tests_do_not_run_in_the_checkout(root: Path) -> None:
    """A configuration file in the checkout is out of sight, and nothing is written there."""
    assert not Path.cwd().is_relative_to(root)


def test_a_tool_is_found_by_name(require_tool: Callable[[str], str]) -> None:
    """A program that is installed is returned with its path."""
    assert Path(require_tool("make")).is_file()


def test_a_missing_tool_skips_on_a_laptop(
    require_tool: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Outside CI a test that needs a missing tool is skipped, and says which."""
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="no-such-tool is not installed"):
        require_tool("no-such-tool")


def test_a_missing_tool_fails_in_ci(
    require_tool: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In CI the same test fails, so that no check is left out unseen."""
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="no-such-tool is not installed"):
        require_tool("no-such-tool")


def test_the_changelog_knows_this_version(root: Path) -> None:
    """Users can read what the version they have brought."""
    text = (root / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f"\n## [{monitor.__version__}] - 20" in text
