"""Texts that others wrote, made fit to be kept, compared and shown: each place's rule stands here.

Kept is what ``sanitize`` leaves. Where it is shown it steers nothing: no terminal (``tame``), no
spreadsheet (``cell_text``), no document for Terraform (``comment_text``, ``resource_label``), no
exposition of metrics (``label_value``). Pages and JSON see to that themselves.
"""

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
_FORMULA: Final = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20", "\t", "\r")
"""A cell that begins so, in full width too, is reckoned by spreadsheets, whatever it came from."""

_LABEL_ESCAPES: Final = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})
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
    if len(text) <= longest and text.isprintable():
        # As nearly every text is: what Python calls printable has nothing unfit in it.
        return SECRETS.redact_name(text)
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


def cell_text(value: object) -> object:
    """Return a text that no spreadsheet takes for a formula: with an apostrophe in front, then.

    Anything but a text comes back as it is.
    """
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


def comment_text(text: str) -> str:
    """Return a text as one line: a comment of Terraform's ends where its line does."""
    return " ".join(text.split())


def resource_label(name: str) -> str:
    """Return a name as Terraform takes it for a resource: ``order_status``."""
    plain = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_") or "action"
    return f"_{plain}" if plain[0].isdigit() else plain


def exposable(text: str) -> str:
    """Return a label's value as the exposition formats can carry it.

    A lone surrogate, which no encoding of ours can hold, would fail the scrape of everything else
    with it and is replaced.
    """
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def label_value(text: str) -> str:
    """Return a label's value as it stands between its quotes."""
    return exposable(text).translate(_LABEL_ESCAPES)


def is_header_safe(text: str) -> bool:
    """Whether a text can stand in an HTTP header as it is: visible ASCII with spaces between."""
    return _HEADER.fullmatch(text) is not None
