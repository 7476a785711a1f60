"""Settings and keys that can't be used: one sentence, one hint, exit code 2."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Command
from tests.cli.error_messages import assert_refused
from tests.simulated_org import SECRET

READ_NOTHING = ("poll", "check", "report", "run", "backfill --from 2026-01-01 --to 2026-01-02")
"""Every command that needs an org."""


@pytest.mark.parametrize("words", READ_NOTHING)
def test_no_configuration(command: Command, words: str) -> None:
    """Without any org it is told what to add; nothing is created."""
    finished = command(*words.split())

    assert_refused(finished, 2, "No org is configured")
    assert finished.out == ""
    assert list(Path.cwd().iterdir()) == []


def test_a_configuration_file_that_is_absent(command: Command) -> None:
    """Its name was mistyped, most likely: it is not passed over."""
    assert_refused(command("--config", "absent.toml", "poll"), 2, "absent.toml does not exist")


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ("[collect", "The settings can't be read"),
        ("colect = 1", "colect: is not a setting"),
        ("[collect]\nintervall = '1m'", "collect.intervall: is not a setting"),
        ("[collect]\ninterval = 'soon'", "collect.interval: 'soon' is not a duration"),
        ("[collect]\ninterval = '2h'", "interval must not be longer than lookback"),
        ("[collect]\nwindow = '7m'", "window must be one of"),
        ("[collect]\nsources = []", "sources must name at least one"),
        ("[state]\nretention = '1d'", "state.retention must be at least"),
        ("[classify]\ntimeout_error_types = ['(']", "is not a regular expression"),
        ("[serve]\nport = 70000", "serve.port"),
        ("[[org]]\nname = 'a'\nclient_id = 'b'", "no credential"),
        (
            "[[org]]\nname = 'a'\nclient_id = 'b'\nclient_secret = 'c'\nprivate_key = 'd'",
            "client_secret and private_key contradict each other",
        ),
        (
            "[[org]]\nname = 'a'\nclient_id = 'b'\nclient_secret = 'c'\napi_url = 'http://h'",
            "plain http would send the credentials in the clear",
        ),
        (
            "[[org]]\nname = 'a'\nclient_id = 'b'\nclient_secret = ''",
            "org.0: client_secret is empty",
        ),
    ],
)
def test_a_configuration_that_contradicts_itself(
    command: Command, more: str, sentence: str
) -> None:
    """The key is named by its full path."""
    Path("timeout-monitor.toml").write_text(more, encoding="utf-8")

    assert_refused(command("poll"), 2, sentence)


def test_a_password_in_an_address_is_refused_and_not_repeated(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Credentials have a place of their own."""
    monkeypatch.setenv("GENESYS_CLIENT_ID", "client")
    monkeypatch.setenv("GENESYS_CLIENT_SECRET", SECRET)
    monkeypatch.setenv("GENESYS_API_URL", "https://user:open-sesame@api.example.com")

    finished = command("poll")

    assert_refused(finished, 2, "org.0.api_url: a URL must not hold a user or a password")
    assert "open-sesame" not in finished.err


@pytest.mark.parametrize("words", ["poll", "run", "check"])
@pytest.mark.parametrize(
    ("matter", "sentence"),
    [
        ("encrypted", "The private key is encrypted"),
        ("public", "it is a public key"),
        ("garbage", "it is not a private key in PEM form"),
        ("binary", "can't be read from"),
        ("empty", "is empty"),
        ("elliptic", "it is not an RSA key"),
        ("short", "1024 bits are too short"),
        ("missing", "can't be read from"),
    ],
)
def test_a_key_that_is_none(
    command: Command, keys: dict[str, Path], words: str, matter: str, sentence: str
) -> None:
    """Every wrong key has a sentence of its own, and none of the key is shown."""
    Path("timeout-monitor.toml").write_text(
        f"[[org]]\nname = 'acme'\nclient_id = 'c'\nprivate_key_file = '{keys[matter]}'\n"
        "[serve]\nport = 0\n",
        encoding="utf-8",
    )

    finished = command(words)

    if words == "check":
        assert finished.code == 2
        assert sentence in finished.out
        assert finished.said[0] == "1 check has failed."
    else:
        assert_refused(finished, 2, sentence)
    if keys[matter].exists():
        body = keys[matter].read_bytes().splitlines()[1:2]
        assert all(line.decode(errors="ignore") not in finished.err for line in body)


def test_a_key_without_its_frame_is_not_shown(
    command: Command, keys: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A PEM whose BEGIN line was lost on the way is no path to be repeated in an error."""
    body = "".join(keys["good"].read_text().splitlines()[1:])
    monkeypatch.setenv("GENESYS_CLIENT_ID", "client")
    monkeypatch.setenv("GENESYS_PRIVATE_KEY", body)

    finished = command("poll")

    assert_refused(finished, 2, "neither PEM text nor")
    assert body[:20] not in finished.err
