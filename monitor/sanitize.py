"""Texts that others wrote, made fit to be kept, compared and shown."""

from __future__ import annotations

import re
from typing import Final

from monitor.redaction import SECRETS

LONGEST_ID: Final = 200
"""Characters of an id, an error type or a status that are kept: with four bytes each, three of them
still fit into one entry of PostgreSQL's index."""

LONGEST_NAME: Final = 300
"""Characters of a name that are kept; the platform's own names end at 256."""

_LONGEST_LOOKED_AT: Final = 16_384
"""Characters in front of those that are cut off: a secret may be written with escapes."""

_SPACE: Final = re.compile(r"[\t\n\v\f\r\x85\u2028\u2029]+")
_UNFIT: Final = re.compile(
    r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\u2028\u2029\u202a-\u202e\u2066-\u2069]"
)
_STEERING: Final = re.compile(
    r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]|\r(?!\n)"
)
_STEERING_BUT_COLOURS: Final = re.compile(rf"(?!\x1b\[[0-9;]*m)(?:{_STEERING.pattern})")
_REPLACEMENT: Final = "\ufffd"
_HEADER: Final = re.compile(r"[\x21-\x7e]+(?:[ \t]+[\x21-\x7e]+)*")


def sanitize(text: str, longest: int = LONGEST_NAME) -> str:
    """Return a text that every database, log and label can hold; a good one comes back as it is.

    Line ends become a space. Half characters, NUL and other control characters, those too that turn
    the direction of what follows, become U+FFFD: they show that something stood there, and two
    texts that differ in one place still differ. A secret that this process knows is masked: whoever
    may name an action could put the token into it.

    Args:
        text: Any text.
        longest: More characters than that are cut off.
    """
    # Before it is cut: half of a secret would no longer be known for one.
    text = SECRETS.redact_name(text[: longest + _LONGEST_LOOKED_AT])
    if len(text) > longest:
        text = text[: longest - 1] + "…"
    if _UNFIT.search(text) is None:
        return text
    return _UNFIT.sub(_REPLACEMENT, _SPACE.sub(" ", text))


def sanitize_id(text: str) -> str:
    """Return an id, an error type or a status as ``sanitize`` does, at most ``LONGEST_ID`` long."""
    return sanitize(text, LONGEST_ID)


def tame(text: str, *, with_colours: bool = False) -> str:
    """Return a text that steers no terminal; line ends and tabs stay.

    Args:
        text: Any text, whoever wrote it.
        with_colours: Whether the escape sequences that colour a text stay, too.
    """
    pattern = _STEERING_BUT_COLOURS if with_colours else _STEERING
    return pattern.sub(_REPLACEMENT, text)


def is_header_safe(text: str) -> bool:
    """Whether a text can stand in an HTTP header as it is: visible ASCII with spaces between."""
    return _HEADER.fullmatch(text) is not None
