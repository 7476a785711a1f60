"""The set-up on machines that are ready, not ready, or not able."""

from __future__ import annotations

import ast
import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path("scripts", "bootstrap.py")

STUB = """\
#!/bin/sh
echo "$*" >> "{log}"
case "$*" in *" install "*)
  if [ -e "{broken}" ]; then echo "No matching distribution found"; exit 1; fi
esac
"""
"""Stands in for the environment's Python: notes what it was asked, installs unless told to fail."""


@pytest.fixture
def checkout(tmp_path: Path, root: Path) -> Path:
    """A checkout with empty lock files and an environment whose Python is a stub."""
    place = tmp_path / "checkout"
    (place / "scripts").mkdir(parents=True)
    shutil.copy(root / SCRIPT, place / SCRIPT)
    shutil.copy(root / "pyproject.toml", place)
    for lock in root.glob("requirements*.lock"):
        (place / lock.name).touch()
    python = place / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(
        STUB.format(log=tmp_path / "asked", broken=tmp_path / "broken"), encoding="utf-8"
    )
    python.chmod(0o755)
    version = ".".join(map(str, sys.version_info[:3]))
    (place / ".venv" / "pyvenv.cfg").write_text(f"version = {version}\n", encoding="utf-8")
    return place


def run(
    checkout: Path, which: str = "runtime", prelude: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run the script as make does; ``prelude`` is Python that changes the interpreter first."""
    script = str(checkout / SCRIPT)
    command = [sys.executable, script, which]
    if prelude:
        code = f"import runpy, sys; sys.argv = sys.argv[1:]; {prelude}\n"
        code += "runpy.run_path(sys.argv[0], run_name='__main__')"
        command = [sys.executable, "-c", code, script, which]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def asked(checkout: Path) -> list[str]:
    """What the stub was asked to do, but for whether its pip starts."""
    log = checkout.parent / "asked"
    lines = log.read_text(encoding="utf-8").splitlines() if log.exists() else []
    return [line for line in lines if not line.endswith("pip --version")]


def test_parses_on_an_old_python(root: Path) -> None:
    """Python 3.6 understands the file, so that it gets as far as the sentence about its age."""
    source = (root / SCRIPT).read_text(encoding="utf-8")
    assert ast.parse(source, feature_version=(3, 6)).body


def test_asks_for_the_version_before_anything_else(root: Path) -> None:
    """Nothing but sys is imported, and nothing is defined, before the version is known."""
    body = ast.parse((root / SCRIPT).read_text(encoding="utf-8")).body
    guard = next(index for index, node in enumerate(body) if isinstance(node, ast.If))
    before = [ast.unparse(node) for node in body[1:guard]]
    assert before == ["import sys", "OLDEST_PYTHON = (3, 11)"]


def test_oldest_python_is_the_one_of_pyproject(root: Path, pyproject: dict[str, Any]) -> None:
    """The sentence and the package's metadata ask for the same Python."""
    spec = importlib.util.spec_from_file_location("bootstrap", root / SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    bootstrap = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(bootstrap)
    oldest = ".".join(map(str, bootstrap.OLDEST_PYTHON))
    assert pyproject["project"]["requires-python"] == f">={oldest}"


def test_an_old_python_gets_one_sentence(checkout: Path) -> None:
    """Python 3.9 is told what is needed and how to name it, without a traceback."""
    done = run(checkout, prelude="sys.version_info = (3, 9, 2, 'final', 0)")
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "needs Python 3.11 or newer" in done.stderr
    assert "is 3.9:" in done.stderr
    assert "PYTHON=" in done.stderr
    assert asked(checkout) == []


@pytest.mark.parametrize("module", ["venv", "ensurepip"])
def test_a_missing_venv_module_gets_one_sentence(checkout: Path, module: str) -> None:
    """A Python without the modules of Debian's python3-venv is told which package has them."""
    done = run(checkout, prelude=f"sys.modules['{module}'] = None")
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert f"has no {module} module" in done.stderr
    assert "apt install python3" in done.stderr


def test_installs_by_hash_and_then_the_project(checkout: Path) -> None:
    """The runtime set comes from its own locks, with hashes and from no named index."""
    done = run(checkout)
    assert done.returncode == 0, done.stderr
    packages, project = asked(checkout)
    assert "install" in packages
    assert "--require-hashes --no-deps" in packages, "a lock is whole: nothing is resolved anew"
    assert "--requirement requirements.lock" in packages
    assert "requirements-dev.lock" not in packages
    assert "--no-deps --no-build-isolation --editable ." in project
    assert "index" not in packages + project
    assert "://" not in packages + project


def test_the_second_run_does_and_says_nothing(checkout: Path) -> None:
    """Once the environment stands, nothing is started and nothing is printed."""
    run(checkout)
    first = asked(checkout)
    done = run(checkout)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert asked(checkout) == first


def test_what_serves_the_tests_serves_the_demo(checkout: Path) -> None:
    """After the dev set, the runtime set has nothing left to do."""
    run(checkout, "dev")
    first = asked(checkout)
    assert "--requirement requirements-dev.lock" in first[0]
    run(checkout, "runtime")
    assert asked(checkout) == first


def test_the_demo_does_not_serve_the_tests(checkout: Path) -> None:
    """After the runtime set, the dev set is still to be installed."""
    run(checkout, "runtime")
    run(checkout, "dev")
    assert "--requirement requirements-dev.lock" in asked(checkout)[2]


@pytest.mark.parametrize("changed", ["requirements.lock", "pyproject.toml"])
def test_a_changed_lock_is_installed(checkout: Path, changed: str) -> None:
    """Other content of a lock, or of the project's own metadata, is installed again."""
    run(checkout)
    with (checkout / changed).open("a", encoding="utf-8") as file:
        file.write("# changed\n")
    run(checkout)
    assert len(asked(checkout)) == 4


def test_a_touched_lock_is_not_installed(checkout: Path) -> None:
    """The content counts, not the time: a fresh clone or a branch switch changes every time."""
    run(checkout)
    os.utime(checkout / "requirements.lock", (1, 1))
    run(checkout)
    assert len(asked(checkout)) == 2


def test_a_failure_shows_pips_own_words(checkout: Path) -> None:
    """What pip said stands above one sentence, and the next run tries again."""
    broken = checkout.parent / "broken"
    run(checkout)
    (checkout / "requirements.lock").write_text("# changed\n", encoding="utf-8")
    broken.touch()
    failed = run(checkout)
    assert failed.returncode == 1
    assert "No matching distribution found" in failed.stderr
    assert "could not be installed" in failed.stderr.splitlines()[-1]
    assert "Traceback" not in failed.stderr
    broken.unlink()
    assert run(checkout).returncode == 0


def test_a_moved_checkout_gets_a_new_environment(checkout: Path, tmp_path: Path) -> None:
    """An environment that was made elsewhere is made anew: its scripts point to the old place."""
    run(checkout)
    moved = tmp_path / "moved"
    checkout.rename(moved)
    done = run(moved)
    assert "Making .venv" in done.stderr
    python = moved / ".venv" / "bin" / "python"
    version = subprocess.run([python, "--version"], capture_output=True, text=True, check=True)
    assert version.stdout.startswith("Python 3")


def test_an_unknown_set_is_refused(checkout: Path) -> None:
    """A wrong argument is answered with what there is."""
    done = run(checkout, "everything")
    assert done.returncode == 2
    assert done.stderr == "usage: bootstrap.py runtime | dev\n"
