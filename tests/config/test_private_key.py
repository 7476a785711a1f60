"""A private key however a variable, a secret store or an editor hands it over."""

from __future__ import annotations

import base64
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from monitor.config import OrgSettings, load
from monitor.errors import ConfigurationError
from monitor.genesys.client.auth import load_rsa_key

KEY = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
NUMBERS = KEY.private_numbers()


def pem(form: PrivateFormat) -> str:
    """The key as PEM text."""
    return KEY.private_bytes(Encoding.PEM, form, NoEncryption()).decode()


FORMS = {"pkcs8": pem(PrivateFormat.PKCS8), "pkcs1": pem(PrivateFormat.TraditionalOpenSSL)}


def org_with(key: str) -> OrgSettings:
    """An org whose variable holds this text."""
    (org,) = load(None, {"GENESYS_CLIENT_ID": "client", "GENESYS_PRIVATE_KEY": key}).org
    return org


def base64_of(text: str | bytes) -> str:
    """As ``base64 -w0`` has it."""
    return base64.b64encode(text.encode() if isinstance(text, str) else text).decode()


HANDED_OVER: dict[str, Callable[[str], str]] = {
    "as it is": lambda text: text,
    "without a line end": lambda text: text.strip(),
    "with CRLF": lambda text: text.replace("\n", "\r\n"),
    "with CR": lambda text: text.replace("\n", "\r"),
    "line ends written out": lambda text: text.replace("\n", r"\n"),
    "CRLF written out": lambda text: text.replace("\n", r"\r\n"),
    "line ends written out twice": lambda text: text.replace("\n", r"\\n"),
    "line ends written out before real ones": lambda text: text.replace("\n", "\\n\n"),
    "lines that go on": lambda text: text.replace("\n", "\\\n"),
    "spaces for line ends": lambda text: text.replace("\n", " "),
    "tabs for line ends": lambda text: text.replace("\n", "\t"),
    "no line ends at all": lambda text: text.replace("\n", ""),
    "no white space at all": lambda text: "".join(text.split()),
    "no-break spaces": lambda text: text.replace("\n", "\u00a0"),
    "indented": lambda text: textwrap.indent(text, "    "),
    "blank lines between": lambda text: text.replace("\n", "\n\n"),
    "double quotes": lambda text: f'"{text}"',
    "single quotes": lambda text: f"'{text.strip()}'",
    "quotes twice": lambda text: f"""'"{text.strip()}"'""",
    "quotes, line ends written out": lambda text: '"' + text.strip().replace("\n", r"\n") + '"',
    "a quote at its begin alone": lambda text: f'"{text}',
    "a byte order mark": lambda text: f"\ufeff{text}",
    "a byte order mark and quotes": lambda text: f'\ufeff"{text}"',
    "words before it": lambda text: f"Bag Attributes\n    friendlyName: x\n{text}",
    "base64": base64_of,
    "base64 with a line end": lambda text: base64_of(text) + "\n",
    "base64 in lines": lambda text: base64.encodebytes(text.encode()).decode(),
    "base64 in lines of CRLF": lambda text: (
        base64.encodebytes(text.encode()).decode().replace("\n", "\r\n")
    ),
    "base64, line ends written out": lambda text: (
        base64.encodebytes(text.encode()).decode().replace("\n", r"\n")
    ),
    "base64 in quotes": lambda text: f'"{base64_of(text)}"',
    "base64 without its padding": lambda text: base64_of(text).rstrip("="),
    "base64 for URLs": lambda text: base64.urlsafe_b64encode(text.encode()).decode(),
    "base64 of CRLF": lambda text: base64_of(text.replace("\n", "\r\n")),
    "base64 of a byte order mark": lambda text: base64_of(f"\ufeff{text}"),
    "base64 of UTF-16": lambda text: base64_of(text.encode("utf-16-le")),
    "base64 of base64": lambda text: base64_of(base64_of(text)),
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
@pytest.mark.parametrize("hand_over", HANDED_OVER.values(), ids=HANDED_OVER)
def test_a_key_is_taken_as_it_was_handed_over(hand_over: Callable[[str], str], form: str) -> None:
    """Whatever became of its line ends, the key is the same."""
    read = org_with(hand_over(form)).read_private_key()
    assert read is not None
    assert load_rsa_key(read).private_numbers() == NUMBERS


@pytest.mark.parametrize("hand_over", HANDED_OVER.values(), ids=HANDED_OVER)
def test_a_file_may_hold_the_same(hand_over: Callable[[str], str], tmp_path: Path) -> None:
    """A mounted secret is written by the same hands; named by a variable, and by the file's key."""
    path = tmp_path / "key"
    path.write_bytes(hand_over(FORMS["pkcs8"]).encode())
    org = org_with(str(path))
    by_key = OrgSettings(name="acme", client_id="client", private_key_file=path)
    for read in (org.read_private_key(), by_key.read_private_key()):
        assert read is not None
        assert load_rsa_key(read).private_numbers() == NUMBERS


def test_a_path_may_stand_in_quotes(tmp_path: Path) -> None:
    """They are the env file's, not the file's name."""
    path = tmp_path / "key.pem"
    path.write_text(FORMS["pkcs8"], encoding="utf-8")
    assert org_with(f'"{path}"\r').read_private_key() == FORMS["pkcs8"].strip()


def test_the_key_is_told_from_the_certificate_beside_it() -> None:
    """A bundle holds both: the key is what signs."""
    certificate = "-----BEGIN CERTIFICATE-----\nbm90IG9uZQ==\n-----END CERTIFICATE-----\n"
    for bundle in (certificate + FORMS["pkcs8"], FORMS["pkcs8"] + certificate):
        read = org_with(bundle).read_private_key()
        assert read is not None
        assert load_rsa_key(read).private_numbers() == NUMBERS


def test_a_key_that_is_well_stays_as_it_is() -> None:
    """Only what is broken is mended."""
    for text in FORMS.values():
        assert org_with(text).read_private_key() == text.strip()


def test_an_encrypted_key_is_still_told() -> None:
    """Its header lines survive, so that the error is the right one."""
    encrypted = KEY.private_bytes(
        Encoding.PEM, PrivateFormat.TraditionalOpenSSL, BestAvailableEncryption(b"secret")
    ).decode()
    read = org_with(encrypted.replace("\n", r"\n")).read_private_key()
    assert read is not None
    load_pem_private_key(read.encode(), password=b"secret")
    with pytest.raises(ConfigurationError, match="is encrypted"):
        load_rsa_key(read)


def test_a_key_cut_after_its_first_line_is_told() -> None:
    """What is left of a PEM in an env file that takes one line a variable."""
    for cut in (FORMS["pkcs8"].splitlines()[0], FORMS["pkcs8"][:900]):
        with pytest.raises(ConfigurationError, match="ends before its END line") as caught:
            org_with(cut).read_private_key()
        assert "base64" in caught.value.hint


@pytest.mark.parametrize(
    "given",
    [
        base64_of("no key at all, only some words that somebody has encoded"),
        base64_of(KEY.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())),
        base64_of(b"\xff\xfe\x00"),
        "====",
    ],
)
def test_base64_of_anything_else_is_refused(given: str) -> None:
    """It is not shown: it may be the bare body of the key."""
    with pytest.raises(ConfigurationError, match="neither PEM text nor") as caught:
        org_with(given).read_private_key()
    assert given not in caught.value.message + caught.value.hint
