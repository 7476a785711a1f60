"""What a shell offers while a command is being typed."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from tests.cli.terminal_window import terminal_window
from tests.daemon.place import ROOT, Place
from tests.simulated_org import SMALL, serve_live_org

HOSTILE = (
    "$(touch evil)",
    "`touch evil`",
    "'; touch evil; '",
    '"; touch evil; "',
    "-rf",
    "a\\b",
    "*",
)
"""Names that a shell which evaluates what it is offered would obey."""

Complete = Callable[..., list[str]]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """A state that was filled once, with names that nobody should offer to a shell too."""
    first, *others = SMALL.actions
    hostile = [
        replace(first, name=name, action_id=f"{number:08}-0000-5000-8000-000000000000")
        for number, name in enumerate(HOSTILE)
    ]
    scenario = replace(SMALL, actions=(first, *others, *hostile))
    folder = tmp_path_factory.mktemp("completion")
    with serve_live_org(scenario) as simulator:
        there = Place(folder, simulator)
        polled = there.run("poll")
        assert polled.code == 0, polled.err
    program = folder / "timeout-monitor"
    program.write_text(f"#!{sys.executable}\nfrom monitor.cli import main\nmain()\n")
    program.chmod(0o755)
    return there


@pytest.fixture(scope="module")
def shell(place: Place, require_tool: Callable[[str], str]) -> Callable[[str], str]:
    """Run a script of bash that finds the program, and return what it prints."""

    def run(script: str) -> str:
        done = subprocess.run(
            [require_tool("bash"), "--norc", "-c", script],
            cwd=place.folder,
            env=variables(place),
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout

    return run


def variables(place: Place) -> dict[str, str]:
    """The environment in which the program is found."""
    path = f"{place.folder}{os.pathsep}{os.environ['PATH']}"
    return {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT)}


@cache
def script_of(shell: Callable[[str], str]) -> str:
    """What a shell runs at its start."""
    # The program asks who started it: with a command behind it, bash does not give its place up.
    return shell("timeout-monitor --show-completion; :")


@pytest.fixture
def complete(shell: Callable[[str], str]) -> Complete:
    """What bash offers for the last of these words."""

    def offered(*words: str) -> list[str]:
        typed = " ".join(f"'{word}'" for word in ("timeout-monitor", *words))
        script = f"""
            {script_of(shell)}
            COMP_WORDS=({typed}) COMP_CWORD={len(words)}
            _timeout_monitor_completion timeout-monitor
            printf '%s\\n' "${{COMPREPLY[@]}}"
        """
        return shell(script).split("\n")[:-1]

    return offered


def test_commands_and_options_are_offered(complete: Complete) -> None:
    """By their beginning."""
    assert complete("inv") == ["investigate"]
    assert "--min-severity" in complete("report", "--m")
    assert complete("report", "--format", "c") == ["csv"]


def test_actions_are_offered_from_the_state(complete: Complete) -> None:
    """In any case, and so as they must be typed."""
    assert complete("investigate", "ord") == ["Order\\ Status"]
    assert complete("apply", "Order\\ St") == ["Order\\ Status"]
    assert complete("resume", "--action", "Take") == ["Take\\ Payment"]


def test_orgs_are_offered_from_the_settings(complete: Complete) -> None:
    """Wherever one may be chosen."""
    assert complete("plan", "--org", "a") == ["acme"]


def test_no_name_is_offered_that_a_shell_would_obey(complete: Complete, place: Place) -> None:
    """Of such an action the id is."""
    offered = complete("investigate", "")

    assert "00000000-0000-5000-8000-000000000000" in offered
    assert not any(one.startswith(("$", "`", "'", '"', "-", "*")) for one in offered)
    assert not (place.folder / "evil").exists()


def test_without_a_state_nothing_is_offered_and_nothing_is_made(
    complete: Complete, place: Place
) -> None:
    """Nor is anything said: the line that is being typed stays as it is."""
    lost = place.state.rename(place.folder / "elsewhere.db")
    try:
        assert complete("investigate", "ord") == [""]
        assert not place.state.exists()
    finally:
        lost.rename(place.state)


def test_the_tab_key_in_a_shell(
    place: Place, require_tool: Callable[[str], str], tmp_path: Path
) -> None:
    """What is installed works in a shell that somebody types into."""
    home = tmp_path / "home"
    home.mkdir()
    words = (f"HOME={home}", f"PATH={variables(place)['PATH']}", f"PYTHONPATH={ROOT}")
    with terminal_window(require_tool("tmux"), place.folder, 100, 24) as window:
        window.run("env", *words, require_tool("bash"), "--norc")
        window.run("timeout-monitor", "--install-completion")
        window.eventually((home / ".bashrc").exists, "the installation")
        window.run("source", home / ".bashrc")
        window.type("timeout-monitor inv\torder\t")

        def completed() -> bool:
            return any(
                "timeout-monitor investigate Order\\ Status" in one for one in window.lines()
            )

        window.eventually(completed, "the completed line")
        assert completed()


@pytest.mark.parametrize("shell_name", ["bash", "zsh", "fish"])
def test_every_shell_has_its_script(shell: Callable[[str], str], shell_name: str) -> None:
    """It is printed for packages, whatever shell asks."""
    script = shell(f"_TIMEOUT_MONITOR_COMPLETE=source_{shell_name} timeout-monitor")

    assert "timeout-monitor" in script
    assert f"complete_{shell_name}" in script
