"""Where a relative path of the state leads."""

from __future__ import annotations

from pathlib import Path

import pytest

from monitor.config import load
from monitor.errors import ConfigurationError
from monitor.ledger import Ledger


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A configuration file in a directory of its own."""
    path = tmp_path / "etc" / "settings.toml"
    path.parent.mkdir()
    return path


@pytest.mark.parametrize(
    ("url", "where"),
    [
        ("sqlite:///state.db", "sqlite:///{etc}/state.db"),
        ("sqlite:///sub/my state#1.db", "sqlite:///{etc}/sub/my state#1.db"),
        ("sqlite:///../state.db", "sqlite:///{etc}/../state.db"),
        ("sqlite:///state.db?timeout=5", "sqlite:///{etc}/state.db?timeout=5"),
        (
            "sqlite:///file:state.db?mode=ro&uri=true",
            "sqlite:///file:{etc}/state.db?mode=ro&uri=true",
        ),
        ("sqlite:////var/state.db", "sqlite:////var/state.db"),
        ("sqlite:///file:/var/state.db?uri=true", "sqlite:///file:/var/state.db?uri=true"),
        ("sqlite:///:memory:", "sqlite:///:memory:"),
        ("postgresql://host/state.db", "postgresql://host/state.db"),
    ],
)
def test_a_relative_path_counts_from_the_file(file: Path, url: str, where: str) -> None:
    """Whatever stands before and after it; what is no relative path stays as it is."""
    file.write_text(f'[state]\nurl = "{url}"\n')

    assert load(file, {}).state.url == where.format(etc=file.parent)


def test_a_directory_of_an_odd_name_is_found(tmp_path: Path) -> None:
    """What means something in a URL is escaped."""
    folder = tmp_path / "100%25 sure?"
    folder.mkdir()
    (folder / "settings.toml").write_text('[state]\nurl = "sqlite:///my%20state.db"\n')

    with Ledger.open(load(folder / "settings.toml", {}).state.url) as ledger:
        assert ledger.was_created

    assert (folder / "my state.db").is_file()


def test_a_variable_counts_from_the_file_too(file: Path) -> None:
    """One rule for one setting."""
    file.write_text("")
    settings = load(file, {"TIMEOUT_MONITOR__STATE__URL": "sqlite:///other.db"})

    assert settings.state.url == f"sqlite:///{file.parent / 'other.db'}"


def test_without_a_file_it_counts_from_the_working_directory() -> None:
    """Where else."""
    assert load(None, {}).state.url == f"sqlite:///{Path.cwd() / 'timeout-monitor.db'}"


def test_a_whole_path_needs_no_working_directory(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which may have been deleted under the program."""
    file.write_text('[state]\nurl = "sqlite:////var/state.db"\n')
    lost = tmp_path / "lost"
    lost.mkdir()
    monkeypatch.chdir(lost)
    lost.rmdir()

    assert load(file, {}).state.url == "sqlite:////var/state.db"
    monkeypatch.chdir(tmp_path)


def test_two_places_are_named(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both of them, and what to do."""
    file.write_text("")
    monkeypatch.chdir(tmp_path)
    for folder in (file.parent, tmp_path):
        (folder / "timeout-monitor.db").touch()

    with pytest.raises(ConfigurationError, match="Two places hold a state") as refused:
        load(file, {})

    for folder in (file.parent, tmp_path):
        assert str(folder / "timeout-monitor.db") in refused.value.message
    assert refused.value.hint
