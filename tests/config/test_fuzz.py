"""Bytes in, settings or our own error out: the configuration file, the variables, the web file.

``corpus/`` holds inputs that were found to matter, each run as an example: ``*.toml`` and ``*.yml``
as they are, ``*.env`` as lines of variables. Add to it whatever a run finds.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from monitor.config import FILE_VARIABLE, ORG_VARIABLES, CollectSettings, RemediationSettings, load
from monitor.errors import ConfigurationError
from monitor.web import WebConfig

HERE = Path(__file__).parent
CORPUS = HERE / "corpus"
FILES = sorted([*HERE.glob("fixtures/*.toml"), *CORPUS.glob("*.toml")])
WEB_FILES = sorted(CORPUS.glob("*.yml"))
ENVIRONMENTS = sorted(CORPUS.glob("*.env"))

MOST_WORDS = 2_000
"""An error is a sentence for people, whatever was in the file."""

FRAGMENTS = st.sampled_from([
    b'"', b"'''", b"[", b"[[org]]", b"]", b"{", b"}", b"=", b"\n", b"#", b".", b",", b"\0", b"\xff",
    b"\xed\xa0\x80", b"\xef\xbb\xbf", b"nan", b"-inf", b"1e999", b"9" * 5_000, b"[" * 3_000,
    b"1979-05-27T07:32:00Z", b"true", b"0x", b"[org]", b"org.name", b"\r", b"\xe2\x80\xae",
    b"collect", b"interval", b'"1m"', b'"999999999999999999999d"', b"(a+)+$", b"sqlite:///",
    b"postgresql://u:p@[::1", b"!!python/object:os.system", b"&a [*a]", b": ", b"- ", b"\t",
])  # fmt: skip
"""What means something to TOML or YAML, or to what reads a value."""

VALUES = st.one_of(
    st.sampled_from([
        "", " ", "[", "[]", "{}", "null", "nan", "-inf", "1e999", "9" * 5_000, "[" * 3_000, "1m",
        "-1m", "9" * 30 + "d", "true", "0", "65536", "sqlite://", "sqlite:///", "postgresql://[",
        "mysql://u:secret@h/d", "http://[::1", "http://h:99999", "https://\udcff", "~nobody/x",
        "/dev/null/x", "a,b", "auto", "flow", "platform", "Mon-Fri 09:00-17:00 Europe/Berlin",
        "-----BEGIN PRIVATE KEY-----", "\udcff", "\u202e", "(a+)+$", '["("]', "mypurecloud.com",
    ]),
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12),
)  # fmt: skip

SECTIONS: dict[str, type[BaseModel]] = {
    "COLLECT": CollectSettings,
    "REMEDIATION": RemediationSettings,
}
NAMES = sorted(
    {*ORG_VARIABLES, FILE_VARIABLE, "TIMEOUT_MONITOR_STATE__URL", "TIMEOUT_MONITOR_COLLECT"}
    | {"TIMEOUT_MONITOR_SERVE__PORT", "TIMEOUT_MONITOR_ORG", "TIMEOUT_MONITOR_CLASSIFY__TIMEOUT"}
    | {
        f"TIMEOUT_MONITOR_{section}__{field.upper()}"
        for section, kind in SECTIONS.items()
        for field in kind.model_fields
    }
)


@st.composite
def spoilt(draw: st.DrawFn, files: list[Path]) -> bytes:
    """A file that is cut, or into which something was put, in up to three places."""
    text = draw(st.sampled_from(files)).read_bytes()
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(text)))
        until = draw(st.integers(at, min(len(text), at + 12)))
        text = text[:at] + draw(FRAGMENTS | st.binary(max_size=4)) + text[until:]
    return text


def check(read: Callable[[], object]) -> None:
    """Read something, or let the error be one that people can read."""
    message, hint = "-", "-"
    try:
        read()
    except ConfigurationError as error:
        message, hint = error.message, error.hint
    assert 0 < len(message) < MOST_WORDS
    assert hint


def check_web(path: Path) -> None:
    """The same for the file that protects the pages."""
    check(lambda: WebConfig.read(str(path)))


def variables_of(text: str) -> dict[str, str]:
    """Return variables from lines ``NAME=value``; half a surrogate pair is written as in JSON."""
    pairs = (line.partition("=") for line in text.splitlines())
    return {
        name: re.sub(r"\\u([0-9a-f]{4})", lambda found: chr(int(found[1], 16)), value)
        for name, _, value in pairs
    }


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the files go, one at a time."""
    return tmp_path_factory.mktemp("fuzz")


QUICKLY = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@QUICKLY
@given(text=spoilt(FILES) | st.binary(max_size=60))
def test_a_file_is_settings_or_an_error_of_ours(folder: Path, text: bytes) -> None:
    """Whatever its bytes are."""
    path = folder / "settings.toml"
    path.write_bytes(text)
    check(lambda: load(path, {}))


@QUICKLY
@given(variables=st.dictionaries(st.sampled_from(NAMES), VALUES, min_size=1, max_size=4))
def test_variables_are_settings_or_an_error_of_ours(variables: dict[str, str]) -> None:
    """Whatever they hold, beside a login that is right."""
    login = {"GENESYS_CLIENT_ID": "client", "GENESYS_CLIENT_SECRET": "secret-of-the-fuzz"}
    check(lambda: load(None, login | variables))


@QUICKLY
@given(text=spoilt(WEB_FILES) | st.binary(max_size=60))
def test_a_web_file_is_protection_or_an_error_of_ours(folder: Path, text: bytes) -> None:
    """Whatever its bytes are."""
    path = folder / "web.yml"
    path.write_bytes(text)
    check_web(path)


@pytest.mark.parametrize("path", FILES, ids=lambda one: one.name)
def test_every_file_of_the_corpus(path: Path) -> None:
    """As it is, also where it is of another encoding."""
    check(lambda: load(path, {}))


@pytest.mark.parametrize("path", WEB_FILES, ids=lambda one: one.name)
def test_every_web_file_of_the_corpus(path: Path) -> None:
    """The same."""
    check_web(path)


@pytest.mark.parametrize("path", ENVIRONMENTS, ids=lambda one: one.name)
def test_every_environment_of_the_corpus(path: Path) -> None:
    """The same."""
    check(lambda: load(None, variables_of(path.read_text("utf-8"))))
