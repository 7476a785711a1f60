"""No secret in any text, in whatever form somebody wrote it."""

from __future__ import annotations

import base64
import html
import json
import os
import subprocess
import sys
import urllib.parse
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from monitor.redaction import MASK, MOST_PASSING, Redactor

ROOT = Path(__file__).parents[1]
Write = Callable[[str], str]

WRITTEN: dict[str, Write] = {
    "as it is": lambda text: text,
    "in JSON": lambda text: json.dumps({"echo": text}),
    "in JSON without ASCII's limit": lambda text: json.dumps(text, ensure_ascii=False),
    "every character as JSON escapes it": lambda text: "".join(
        f"\\u{unit:04x}" for unit in memoryview(text.encode("utf-16-le")).cast("H")
    ),
    "as Python shows it": repr,
    "as Python shows its bytes": lambda text: repr(text.encode()),
    "in a URL": lambda text: urllib.parse.quote(text, safe=""),
    "in a form": urllib.parse.quote_plus,
    "in a page": html.escape,
    "in Base64 after a client id": lambda text: base64.b64encode(
        f"client-1:{text}".encode()
    ).decode(),
    "in Base64 between others": lambda text: base64.urlsafe_b64encode(
        f"ab{text}cd".encode()
    ).decode(),
}

SECRET_TEXTS = st.text(
    st.characters(min_codepoint=0x21, max_codepoint=0xFF, exclude_categories=("Zs", "Cc", "Cf")),
    min_size=13,
    max_size=300,
)


@pytest.mark.parametrize("how", WRITTEN)
@given(secret=SECRET_TEXTS)
@example(secret="p\"a\\ss/w%ord&<é>'x")  # noqa: S106 - it protects nothing
@example(secret="eyJhbGciOiJSUzI1NiJ9." + "A1b2" * 200)
def test_a_known_secret_is_masked_however_it_is_written(how: str, secret: str) -> None:
    """Once, or once more inside another text; what stands around it stays."""
    redactor = Redactor()
    redactor.keep(secret)
    written = WRITTEN[how](secret)

    for text in (written, json.dumps(written), json.dumps({"outer": json.dumps(written)})):
        shown = redactor.redact(f"before {text} after")
        assert MASK in shown
        assert secret not in shown
        assert written not in shown
        assert shown.startswith("before ")
        assert shown.endswith(" after")


@given(text=st.text(max_size=200))
def test_a_text_without_a_secret_stays_as_it_is(text: str) -> None:
    """Whatever escapes are in it."""
    redactor = Redactor()
    redactor.keep("a-secret-that-nobody-writes")

    shown = redactor.redact(text)
    assert shown == text or MASK in shown


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("Authorization: Bearer ab12.cd34-ef56_gh78", "ab12"),
        ('{"Authorization": "Basic Y2xpZW50OnNlY3JldA=="}', "Y2xp"),
        ('{\\"authorization\\":\\"bearer ab12cd34ef56gh\\"}', "ab12"),
        ("Bearer\\nab12cd34ef56gh78", "ab12"),
        ('{"access_token": "ab12cd34"}', "ab12"),
        ("grant_type=x&client_secret=ab12cd34&y=z", "ab12"),
        ("assertion=eyJhbGci.eyJpc3Mi.c2ln", "eyJ"),
        ("postgresql://monitor:pass-1@db.example/state", "pass-1"),
        ("proxy http://ann:pass-1@proxy.example:3128 refused", "pass-1"),
    ],
)
def test_what_looks_like_a_credential_is_masked_whoever_it_belongs_to(
    text: str, hidden: str
) -> None:
    """Headers, form fields and passwords of URLs are told by their shape."""
    shown = Redactor().redact(text)

    assert hidden not in shown
    assert MASK in shown


@pytest.mark.parametrize(
    "text",
    [
        "basic authentication is off",
        "the bearer of bad news",
        "POST /oauth/token answered 400 in 0.3 s",
        "https://api.mypurecloud.ie/api/v2/flows/{flowId}",
        "set password_file, or a token",
    ],
)
def test_ordinary_words_stay(text: str) -> None:
    """A message that is masked where nothing is secret helps nobody."""
    assert Redactor().redact(text) == text


@pytest.mark.parametrize("word", ["secret", "hunter2", "password", "postgres"])
def test_a_word_is_not_kept_for_a_secret(word: str) -> None:
    """To mask it wherever it stands would spoil every message, and say what it is."""
    redactor = Redactor()
    redactor.keep(word)

    assert redactor.redact(f"the {word} of org acme") == f"the {word} of org acme"


def test_a_key_is_masked_line_by_line() -> None:
    """A traceback or an error may show any one of them; the armour is no secret."""
    key = (
        "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkq\nhkiG9w0BAQEFAASC\n-----END PRIVATE KEY-----"
    )
    redactor = Redactor()
    redactor.keep(key)

    shown = redactor.redact(f"can't read {key!r}")
    assert "MIIEvQ" not in shown
    assert "hkiG9w" not in shown
    assert "BEGIN PRIVATE KEY" in shown


def test_a_token_with_a_line_end_in_it_is_masked_in_both_halves() -> None:
    """It can't stand in a header, and what complains about it shows it."""
    redactor = Redactor()
    redactor.keep("first-half-1\nsecond-half-2")

    shown = redactor.redact("Invalid header value b'Bearer first-half-1\\nsecond-half-2'")
    assert "half" not in shown


def test_what_passes_is_bounded_and_credentials_stay() -> None:
    """A daemon renews tokens for years, and logs in with one secret."""
    redactor = Redactor()
    redactor.keep("the-secret-of-the-client-1")
    for number in range(MOST_PASSING + 5):
        redactor.keep_for_now(f"token-number-{number:05}-x")

    assert redactor.redact("the-secret-of-the-client-1") == MASK
    assert redactor.redact(f"token-number-{MOST_PASSING + 4:05}-x") == MASK
    assert redactor.redact("token-number-00000-x") == "token-number-00000-x"


@pytest.mark.parametrize("where", ["main", "thread", "unraisable"])
def test_a_crash_shows_its_traceback_without_the_secret(where: str) -> None:
    """In whatever thread it happens, and however Python prints it."""
    code = f"""
import threading
from monitor.redaction import SECRETS, redact_crashes
redact_crashes()
SECRETS.keep("secret-number-1")
def fail(*_):
    raise ValueError("refused secret-number-1")
class Dying:
    __del__ = fail
if {where!r} == "main":
    fail()
elif {where!r} == "thread":
    thread = threading.Thread(target=fail)
    thread.start()
    thread.join()
else:
    Dying()
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert "ValueError: refused ***" in done.stderr
    # The traceback shows lines of code, and this code has the secret in it by design.
    assert done.stderr.count("secret-number-1") == 0


def test_a_name_is_looked_through_again_for_a_secret_that_is_new() -> None:
    """What was found before is remembered only as long as no secret comes."""
    redactor = Redactor()
    redactor.keep("another-secret-1")
    assert redactor.redact_name("Look up s3cret-77") == "Look up s3cret-77"

    redactor.keep_for_now("s3cret-77")

    assert redactor.redact_name("Look up s3cret-77") == f"Look up {MASK}"


def test_a_name_as_short_as_its_secret_is_masked() -> None:
    """Only what is too short to hold any secret is not looked through."""
    redactor = Redactor()
    redactor.keep("a-secret-of-some-length")

    assert redactor.redact_name("a-secret-of-some-lengt") == "a-secret-of-some-lengt"
    assert redactor.redact_name("a-secret-of-some-length") == MASK
    redactor.keep("s3cret-77")
    assert redactor.redact_name("s3cret-77") == MASK


@pytest.mark.parametrize("name", ["Basic customer-lookup-2", "password: reset-flow", "a://b:c@d"])
def test_a_name_that_only_looks_like_a_secret_stays(name: str) -> None:
    """It tells one action from another."""
    assert Redactor().redact_name(name) == name
