"""Where paths in the settings lead, and paths that nothing can be read from."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from monitor.config import Settings, load, small_file
from monitor.errors import ConfigurationError, TimeoutMonitorError
from monitor.ledger import Ledger, inspect_state
from monitor.store import StateMaintenance
from monitor.web import WebConfig

ORG = "[[org]]\nname = 'acme'\nclient_id = 'c'\n"
FILES = {
    "web_config": "[serve]\nweb_config = {}\n" + ORG + "client_secret = 's'\n",
    "client_secret_file": ORG + "client_secret_file = {}\n",
    "private_key_file": ORG + "private_key_file = {}\n",
    "write_client_secret_file": ORG
    + "client_secret = 's'\nwrite_client_id = 'w'\nwrite_client_secret_file = {}\n",
    "write_private_key_file": ORG
    + "client_secret = 's'\nwrite_client_id = 'w'\nwrite_private_key_file = {}\n",
}
"""A configuration for each setting that names a file to be read."""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A configuration file in a directory of its own, beside the one that commands are run in."""
    path = tmp_path / "etc" / "settings.toml"
    path.parent.mkdir()
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    return path


def where(settings: Settings, key: str) -> str:
    """Where a setting leads."""
    return settings.serve.web_config if key == "web_config" else str(getattr(settings.org[0], key))


def read(settings: Settings, key: str) -> object:
    """What is read from it."""
    if key == "web_config":
        return WebConfig.read(settings.serve.web_config)
    org = settings.org[0].as_writer() if key.startswith("write_") else settings.org[0]
    return org.read_private_key() if "private" in key else org.read_client_secret()


@pytest.mark.parametrize("key", FILES)
def test_a_path_in_the_file_counts_from_the_file(file: Path, key: str) -> None:
    """Wherever a command is run: a daemon and a person in a shell mean the same file."""
    file.write_text(FILES[key].format("'secrets/one'"))

    assert where(load(file, {}), key) == str(file.parent / "secrets" / "one")


@pytest.mark.parametrize("key", FILES)
def test_a_file_that_lies_in_the_working_directory_is_named(file: Path, key: str) -> None:
    """Such paths counted from there before: the other file is not taken in silence, nor is none."""
    file.write_text(FILES[key].format("'one'"))
    Path("one").write_text("from before")

    with pytest.raises(ConfigurationError, match="which is not there; the working") as refused:
        load(file, {})
    assert f"{key} counts from the configuration file" in refused.value.message
    assert str(file.parent / "one") in refused.value.message
    assert str(Path.cwd() / "one") in refused.value.message

    (file.parent / "one").write_text("from now")
    with pytest.raises(ConfigurationError, match="has a file of that name too"):
        load(file, {})

    Path("one").unlink()
    Path("one").symlink_to(file.parent / "one")
    assert where(load(file, {}), key) == str(file.parent / "one")


def test_a_key_that_is_given_as_a_path_counts_from_the_file(file: Path) -> None:
    """As it does from a key whose name says that it is one."""
    file.write_text(ORG + "private_key = 'keys/acme.pem'\n")
    (file.parent / "keys").mkdir()
    (file.parent / "keys" / "acme.pem").write_text("a key")

    assert load(file, {}).org[0].read_private_key() == "a key"


def test_a_path_in_a_variable_counts_from_the_working_directory(file: Path) -> None:
    """As in every shell."""
    file.write_text(ORG + "client_secret = 's'\n")

    settings = load(file, {"TIMEOUT_MONITOR__SERVE__WEB_CONFIG": "web.yml"})

    assert settings.serve.web_config == str(Path.cwd() / "web.yml")


@pytest.mark.parametrize("key", FILES)
def test_a_home_directory_is_found(
    file: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, key: str
) -> None:
    """Of this user, in every setting that is a path."""
    monkeypatch.setenv("HOME", str(tmp_path))
    file.write_text(FILES[key].format("'~/one'") + "[state]\nurl = 'sqlite:///~/state.db'\n")

    settings = load(file, {})

    assert where(settings, key) == str(tmp_path / "one")
    assert settings.state.url == f"sqlite:///{tmp_path}/state.db"


@pytest.mark.parametrize("path", ["~nobody-of-this-name/one", "a\\u0000b"])
@pytest.mark.parametrize("key", [*FILES, "url", "audit_file"])
def test_what_is_no_path_is_refused(file: Path, key: str, path: str) -> None:
    """By the name of its setting."""
    forms = FILES | {
        "url": "[state]\nurl = {}\n",
        "audit_file": "[remediation]\naudit_file = {}\n",
    }
    value = f'"sqlite:///{path}"' if key == "url" else f'"{path}"'
    file.write_text(forms[key].format(value))

    with pytest.raises(ConfigurationError, match=f"{key} ") as refused:
        load(file, {})
    assert "home directory that is not there" in refused.value.message or "NUL" in str(
        refused.value
    )


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("n" * 300, "File name too long"),
        ("folder", "Is a directory"),
        ("pipe", "Nobody writes into this pipe"),
        ("/dev/zero", "It is a device"),
        ("large", "It is larger than 1 MiB"),
        ("absent", "No such file"),
    ],
)
@pytest.mark.parametrize("key", FILES)
def test_what_can_not_be_read_is_told_as_what_it_is(
    file: Path, monkeypatch: pytest.MonkeyPatch, key: str, name: str, told: str
) -> None:
    """Nothing waits for ever, and nothing is read without end."""
    monkeypatch.setattr(small_file, "PIPE_SECONDS", 0.05)
    file.write_text(FILES[key].format(f"'{name}'"))
    (file.parent / "folder").mkdir()
    os.mkfifo(file.parent / "pipe")
    (file.parent / "large").write_bytes(b"a" * ((1 << 20) + 1))
    settings = load(file, {})

    with pytest.raises(ConfigurationError, match=told):
        read(settings, key)


def test_a_pipe_that_is_written_into_is_read(file: Path) -> None:
    """As a shell's <(command) is."""
    file.write_text(FILES["client_secret_file"].format("'pipe'"))
    pipe = file.parent / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=lambda: pipe.write_text("sesame\n"), daemon=True)
    writer.start()

    assert load(file, {}).org[0].read_client_secret() == "sesame"
    writer.join(5)


@pytest.mark.parametrize("name", ["folder", "pipe", "/dev/null", "n" * 300])
def test_a_state_that_is_no_file_is_refused(file: Path, name: str) -> None:
    """In words, and at once."""
    (file.parent / "folder").mkdir()
    os.mkfifo(file.parent / "pipe")
    file.write_text(f"[state]\nurl = 'sqlite:///{name}'\n")

    told = "File name too long" if name.startswith("nn") else "is no file"

    for look in (
        lambda: Ledger.open(load(file, {}).state.url),
        lambda: inspect_state(load(file, {}).state.url, [], busy_timeout_seconds=1.0),
        lambda: StateMaintenance(load(file, {}).state.url, busy_timeout_seconds=1.0).repair(
            Path("new.db")
        ),
    ):
        with pytest.raises(TimeoutMonitorError, match=told) as refused:
            look()
        assert refused.value.hint
