"""Reads the PEM text of a private key however it was handed over.

Env files, secret stores and editors know many ways to mangle a text of several lines. White space,
quotes and backslashes are no part of a PEM's body, so all of them can be taken off and the lines
written anew without touching the key.
"""

from __future__ import annotations

import base64
import binascii
import re

from monitor.errors import ConfigurationError

_BLOCK = re.compile(
    r"-----BEGIN(?P<label>[A-Z0-9\s]+)-----(?P<body>.*?)-----END(?P=label)-----", re.DOTALL
)
_BEGIN = "-----BEGIN"
_WRITTEN_OUT = re.compile(r"\\+[rnt]|\\+(?=\s|$)")
"""Line ends as words, however often a backslash was doubled, and those of lines that go on."""

_NO_PART_OF_A_BODY = re.compile(r"[\s\"'\ufeff\u200b]+")
_LINE = 64
"""Characters a line (RFC 7468)."""

_KEYS = ("RSA PRIVATE KEY", "EC PRIVATE KEY", "DSA PRIVATE KEY", "ENCRYPTED PRIVATE KEY")
_LABELS = {
    label.replace(" ", ""): label
    for label in (*_KEYS, "PRIVATE KEY", "OPENSSH PRIVATE KEY", "PUBLIC KEY", "CERTIFICATE")
}
_ENCODED_AT_MOST = 3
"""A secret store that encodes what was encoded already is seen; more of them are not."""


def without_wrapping(text: str) -> str:
    """Return a value without what env files leave around it: white space, and quotes in pairs."""
    text = text.strip("\ufeff").strip()
    while len(text) > 1 and text[0] == text[-1] and text[0] in "\"'":
        text = text[1:-1].strip()
    return text


def pem_text(given: str, org: str) -> str | None:
    """Return the PEM text that a text is or encodes; None where it is neither.

    Args:
        given: PEM text with its lines in any state, or base64 of all of it.
        org: Whose key it is, for the error.

    Raises:
        ConfigurationError: It begins as a PEM and lacks its end; nothing of it is shown.
    """
    text = given
    for _ in range(_ENCODED_AT_MOST):
        if _BEGIN in text:
            return _mended(text, org)
        decoded = _decoded(text)
        if decoded is None:
            return None
        text = decoded
    return None


def _mended(text: str, org: str) -> str:
    """The private key's block, else the first one, with its lines as they should be."""
    blocks = list(_BLOCK.finditer(_WRITTEN_OUT.sub("\n", text)))
    if not blocks:
        raise ConfigurationError(
            f"The private key of org {org} ends before its END line",
            "An env file takes one line a variable: give the PEM with its line ends written as "
            "\\n, or base64 of the whole file, or the path of the file.",
        )
    block = next((one for one in blocks if "PRIVATE" in one["label"]), blocks[0])
    compact = "".join(block["label"].split())
    label = _LABELS.get(compact, " ".join(block["label"].split()))
    return f"-----BEGIN {label}-----\n{_lines(block['body'])}\n-----END {label}-----"


def _lines(body: str) -> str:
    """The body in lines of 64; that of an encrypted key as it is, for its headers have meaning."""
    if ":" in body:
        return "\n".join(line.strip() for line in body.strip().splitlines())
    whole = _NO_PART_OF_A_BODY.sub("", body)
    return "\n".join(whole[at : at + _LINE] for at in range(0, len(whole), _LINE))


def _decoded(text: str) -> str | None:
    """What a text is base64 of, in UTF-8 or UTF-16; None where it is none."""
    whole = _NO_PART_OF_A_BODY.sub("", _WRITTEN_OUT.sub("", text)).rstrip("=")
    whole = whole.replace("-", "+").replace("_", "/")
    try:
        content = base64.b64decode(whole + "=" * (-len(whole) % 4), validate=True)
        return content.decode("utf-16" if b"\0" in content else "utf-8-sig")
    except (binascii.Error, ValueError):
        return None
