"""The lock files pin what pyproject.toml asks for, by hash and from no named place."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

LOCKS = ("requirements.lock", "requirements-build.lock", "requirements-dev.lock")

PIN = re.compile(r"(?P<name>[a-z0-9-]+)==(?P<version>[0-9][^ ]*)( ; [^\\]+)? \\")
HASH = re.compile(r"    --hash=sha256:[0-9a-f]{64}( \\)?")
REMARK = re.compile(r"    # .+")

LISTS = ("dependencies = [", "build = [", "dev = [", "ignore = [", '"tests/**" = [')
"""Lists of pyproject.toml in which each line owes a reason."""


def pins(lock: Path) -> dict[str, str]:
    """Versions by canonical name."""
    lines = lock.read_text(encoding="utf-8").splitlines()
    found = [match for match in map(PIN.fullmatch, lines) if match]
    return {canonicalize_name(match["name"]): match["version"] for match in found}


def asked_for(pyproject: dict[str, Any], lock: str) -> list[Requirement]:
    """What a lock must hold, as pyproject.toml puts it."""
    groups = pyproject["dependency-groups"]
    lines = {
        "requirements.lock": pyproject["project"]["dependencies"],
        "requirements-build.lock": groups["build"] + pyproject["build-system"]["requires"],
        "requirements-dev.lock": [
            *pyproject["project"]["dependencies"],
            *groups["build"],
            *(line for line in groups["dev"] if isinstance(line, str)),
        ],
    }
    return [Requirement(line) for line in lines[lock]]


@pytest.mark.parametrize("lock", LOCKS)
def test_every_package_is_pinned_by_hash(root: Path, lock: str) -> None:
    """Each line is an exact pin, one of its hashes, or a remark: no range, no option, no host."""
    without_hash: set[str] = set()
    package = ""
    for line in (root / lock).read_text(encoding="utf-8").splitlines():
        if PIN.fullmatch(line):
            package = line.partition("==")[0]
            without_hash.add(package)
        elif HASH.fullmatch(line):
            without_hash.discard(package)
        else:
            assert REMARK.fullmatch(line), line
        assert "://" not in line, line
    assert package
    assert not without_hash


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_is_in_step_with_pyproject(root: Path, pyproject: dict[str, Any], lock: str) -> None:
    """Every dependency is in the lock, at a version that its specifier allows."""
    locked = pins(root / lock)
    for requirement in asked_for(pyproject, lock):
        version = locked.get(canonicalize_name(requirement.name))
        assert version is not None, f"{requirement.name} is not in {lock}: run make lock"
        assert requirement.specifier.contains(version), f"{requirement}, {lock} has {version}"


def test_tests_run_what_users_run(root: Path) -> None:
    """The dev lock holds everything of the other two, at the same versions."""
    dev = pins(root / "requirements-dev.lock").items()
    for lock in ("requirements.lock", "requirements-build.lock"):
        assert pins(root / lock).items() <= dev


def test_every_lock_has_its_test(root: Path) -> None:
    """A lock file that is added is held to the same rules."""
    assert {path.name for path in root.glob("requirements*")} == set(LOCKS)


@pytest.mark.parametrize("beginning", LISTS)
def test_each_line_gives_its_reason(root: Path, beginning: str) -> None:
    """A dependency says what it is for, and an ignored rule why it is ignored."""
    text = (root / "pyproject.toml").read_text(encoding="utf-8")
    block = text.partition(f"\n{beginning}\n")[2].partition("\n]")[0]
    owing = [line for line in block.splitlines() if line.startswith('  "')]
    assert owing
    assert [line for line in owing if not re.search(r'",\s+# .*\w', line)] == []


def test_each_dependency_names_its_licence(root: Path) -> None:
    """What runs with the program comes under a licence that was looked at."""
    text = (root / "pyproject.toml").read_text(encoding="utf-8")
    block = text.partition("\ndependencies = [\n")[2].partition("\n]")[0]
    unnamed = [line for line in block.splitlines() if not re.search(r"; [\w./ -]+$", line)]
    assert unnamed == []
