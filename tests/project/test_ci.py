"""What CI's script does on machines of every sort; apt-get, sudo and make are stand-ins here."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass(frozen=True, slots=True)
class Machine:
    """A machine that has nothing but what a test puts on it.

    Attributes:
        programs: The only folder on its PATH.
        log: What was called, a line each.
    """

    programs: Path
    log: Path

    def add(self, name: str, does: str = "") -> None:
        """Put a program there that notes how it was called, and then does ``does``."""
        program = self.programs / name
        program.write_text(
            f'#!/bin/sh\necho "{name} $*" >> "{self.log}"\n{does}\n', encoding="utf-8"
        )
        program.chmod(0o755)

    def calls(self, name: str) -> list[str]:
        """How a program was called, in order."""
        lines = self.log.read_text(encoding="utf-8").splitlines() if self.log.exists() else []
        return [line for line in lines if line.startswith(f"{name} ")]


@pytest.fixture
def machine(tmp_path: Path, require_tool: Callable[[str], str]) -> Machine:
    """A Debian whose user is root and whose promtool and PostgreSQL are missing."""
    machine = Machine(tmp_path / "bin", tmp_path / "log")
    machine.programs.mkdir()
    for name in ("bash", "sh", "env", "dirname", "true"):
        (machine.programs / name).symlink_to(require_tool(name))
    machine.add("id", "echo 0")
    # These would change the machine that the tests run on.
    for name in ("apt-get", "make", "python3", "tee", "chmod", "rm", "sleep"):
        machine.add(name)
    # As the real one does: whoever writes to a program that has ended is ended by SIGPIPE.
    machine.add("tee", "while read -r _; do :; done")
    return machine


@pytest.fixture
def run_ci(
    root: Path, machine: Machine, require_tool: Callable[[str], str]
) -> Callable[[], subprocess.CompletedProcess[str]]:
    """Run the script on that machine."""

    def run() -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [require_tool("bash"), root / ".ci" / "run"],
            env={"PATH": str(machine.programs)},
            capture_output=True,
            text=True,
            check=False,
        )

    return run


RunCi = Callable[[], subprocess.CompletedProcess[str]]

PACKAGES = "prometheus prometheus-alertmanager postgresql chromium tmux"


def test_can_be_started(root: Path) -> None:
    """The script is executable and stops at the first thing that fails."""
    script = root / ".ci" / "run"
    assert os.access(script, os.X_OK)
    assert "set -euo pipefail" in script.read_text(encoding="utf-8").splitlines()


def test_runs_the_check(machine: Machine, run_ci: RunCi) -> None:
    """The last thing that CI does is what CONTRIBUTING tells everybody to run."""
    assert run_ci().returncode == 0
    assert machine.calls("make") == ["make check"]


def test_fails_as_the_check_fails(machine: Machine, run_ci: RunCi) -> None:
    """A check that fails is a CI that fails."""
    machine.add("make", "exit 2")
    assert run_ci().returncode == 2


def test_installs_what_is_missing(machine: Machine, run_ci: RunCi) -> None:
    """The package of a missing tool is installed by name, without a question."""
    run_ci()
    update, install = machine.calls("apt-get")
    assert update.startswith("apt-get update")
    assert install.endswith(f" {PACKAGES}")
    assert "--yes" in install


def test_installs_nothing_that_is_there(machine: Machine, run_ci: RunCi) -> None:
    """With every tool in place no package manager is started."""
    machine.add("promtool")
    machine.add("amtool")
    machine.add("pg_ctlcluster")
    machine.add("chromium")
    machine.add("tmux")
    run_ci()
    assert machine.calls("apt-get") == []
    assert machine.calls("make") == ["make check"]


def test_installs_the_venv_modules(machine: Machine, run_ci: RunCi) -> None:
    """A Python without its modules for virtual environments gets them."""
    machine.add("python3", "exit 1")
    run_ci()
    assert machine.calls("apt-get")[-1].endswith(f" {PACKAGES} python3-venv")


def test_tries_once_more(machine: Machine, run_ci: RunCi) -> None:
    """A mirror that fails once does not fail the run."""
    failed = machine.programs.parent / "failed"
    machine.add("apt-get", f'[ -e "{failed}" ] || {{ : > "{failed}"; exit 100; }}')
    assert run_ci().returncode == 0
    assert len([call for call in machine.calls("apt-get") if "update" in call]) == 2
    assert machine.calls("make") == ["make check"]


def test_gives_up_after_the_second_time(machine: Machine, run_ci: RunCi) -> None:
    """A mirror that stays away ends the run with apt-get's own exit code."""
    machine.add("apt-get", "exit 100")
    assert run_ci().returncode == 100
    assert len(machine.calls("apt-get")) == 2
    assert machine.calls("make") == []


def test_without_root_says_what_is_missing(machine: Machine, run_ci: RunCi) -> None:
    """A user who may not install is told what to install, and the check runs all the same."""
    machine.add("id", "echo 1000")
    done = run_ci()
    assert done.stderr == (
        f".ci/run: {PACKAGES} must be installed, which needs root or sudo without a password.\n"
    )
    assert machine.calls("apt-get") == []
    assert machine.calls("make") == ["make check"]


def test_installs_through_sudo(machine: Machine, run_ci: RunCi) -> None:
    """A user with sudo gets the same as root."""
    machine.add("id", "echo 1000")
    machine.add("sudo", 'shift; exec "$@"')
    run_ci()
    assert machine.calls("apt-get")[-1].endswith(f" {PACKAGES}")


def test_counts_as_ci(machine: Machine, run_ci: RunCi) -> None:
    """Tests that miss a tool fail rather than skip, also where the caller did not set CI."""
    machine.add("make", 'echo "CI=$CI"')
    assert "CI=true" in run_ci().stdout


def test_knows_every_tool_that_tests_require(root: Path) -> None:
    """Every tool that a test asks for is on the list, or there before CI begins."""
    script = (root / ".ci" / "run").read_text(encoding="utf-8")
    listed = re.search(r"^tools=\((.*)\)$", script, re.MULTILINE)
    assert listed
    # Prometheus and Alertmanager come in packages of their own names.
    installed = {name for pair in listed[1].split() for name in pair.split(":")}
    wanted = {
        tool
        for path in (root / "tests").rglob("*.py")
        for tool in re.findall(r'require_tool\("([\w-]+)"\)', path.read_text(encoding="utf-8"))
    }
    assert wanted - {"bash", "no-such-tool"} <= installed
