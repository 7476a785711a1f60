"""Takes secrets out of every text that leaves the process: log, error, crash and document.

A far side may echo a credential in any form: as it is, escaped for JSON, Python, HTML or a URL, or
as a part of what it encodes in Base64. So each live secret is known here from the moment it is
read, and every text is searched for it where it leaves, not where somebody thought of it.
"""

from __future__ import annotations

import base64
import html
import re
import sys
import threading
import traceback
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from types import TracebackType
from typing import Final
from urllib.parse import unquote

MASK: Final = "***"

SHORTEST = 8
"""Characters; a shorter secret would be found in ordinary words, and guards nothing."""

_WORD = re.compile(r"[a-z]{,12}")
"""A word is no secret: to mask ``password`` or ``postgres`` everywhere would tell which it is."""

MOST_PASSING = 512
"""Tokens and assertions; of fifty orgs each has one of both, and what was replaced stays known for
a while. Credentials are kept as long as the process lives."""

MOST_NAMES = 50_000
"""Names that were looked through and are remembered; every reading has the same ones again."""

_LONGEST_REMEMBERED = 1_000
"""Characters; longer texts are no names, and are looked through each time."""

_LONGEST = 256
"""Characters of a secret that are searched for; what runs on after them is masked with them."""

_CORE = 8
"""Characters of Base64 that are not there by chance."""

_MOST_LAYERS = 4
"""A text in a text in a text: what is quoted deeper than this, nobody reads."""

_ESCAPE = re.compile(
    r"\\+u[0-9a-fA-F]{4}|\\+x[0-9a-fA-F]{2}|\\+|(?:%[0-9a-fA-F]{2})+|&[#0-9a-zA-Z]{2,8};"
)
"""Escaped once or more: a text in a text doubles its backslashes."""

_NEEDS_READING = re.compile(r"[\\%&\n\r\t]|\s\s")

_HEADER = re.compile(
    r"(?i)\b(bearer|basic)((?:\s|\\+[nrt]|%20|\\+u0020)+)"
    r"(?=[^\s\"'\\]*[0-9=._-])[A-Za-z0-9+/=_.~%-]{12,}"
)
"""An Authorization header's credentials, whoever's they are."""

_FIELD = re.compile(
    r"(?i)((?:access_token|refresh_token|client_secret|client_assertion|assertion|password)"
    r"[\\\"']*\s*[=:]\s*[\\\"']*)[^\s\\\"'&,}*]{4,}"
)
"""A field of a login's form or answer."""

_USER_INFO = re.compile(r"(://[^/\s:@]*:)[^/\s@]+(?=@)")
"""The password of a URL."""

_TOKEN_CHARACTERS = frozenset(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=_.~%-"
)


class Redactor:
    """Knows the live secrets of this process. Thread-safe."""

    def __init__(self) -> None:
        """Know none; headers, form fields and passwords of URLs are told by their shape."""
        self._lock = threading.Lock()
        self._credentials: dict[str, tuple[_Form, ...]] = {}
        self._passing: OrderedDict[str, tuple[_Form, ...]] = OrderedDict()
        self._names: dict[str, str] = {}
        self._shortest = sys.maxsize

    def keep(self, secret: str) -> None:
        """Mask a secret for as long as the process lives; of a text of several lines, each line.

        Args:
            secret: A password or a key; what is too short to be one is left out.
        """
        with self._lock:
            for piece in _pieces(secret):
                self._forget_names(piece)
                self._credentials[piece] = self._credentials.get(piece) or _forms_of(piece)

    def keep_for_now(self, secret: str) -> None:
        """Mask a secret that is replaced before long, until many others have come after it.

        Args:
            secret: A token or an assertion.
        """
        with self._lock:
            for piece in _pieces(secret):
                self._forget_names(piece)
                self._passing[piece] = self._passing.get(piece) or _forms_of(piece)
                self._passing.move_to_end(piece)
            while len(self._passing) > MOST_PASSING:
                self._passing.popitem(last=False)

    def redact_name(self, name: str) -> str:
        """Return a name with every known secret masked; what only looks like one may be its name.

        The same names come with every reading, so that what was found is remembered; but for what
        is too short to hold a secret, as nearly all of them are.
        """
        if len(name) < self._shortest:
            return name
        found = self._names.get(name)
        if found is not None:
            return found
        with self._lock:
            names, forms = self._names, self._forms()
        found = _masked(name, forms)
        if len(name) <= _LONGEST_REMEMBERED:
            if len(names) >= MOST_NAMES:
                names.clear()
            # A secret that was learnt meanwhile has begun another table: this one is gone with it.
            names[name] = found
        return found

    def redact(self, text: str) -> str:
        """Return the text with every known secret, and all that looks like one, masked."""
        with self._lock:
            forms = self._forms()
        text = _masked(text, forms)
        text = _HEADER.sub(rf"\1\2{MASK}", text)
        text = _FIELD.sub(rf"\1{MASK}", text)
        return _USER_INFO.sub(rf"\1{MASK}", text)

    def _forms(self) -> list[_Form]:
        kept = (*self._credentials.values(), *self._passing.values())
        return [form for each in kept for form in each]

    def _forget_names(self, piece: str) -> None:
        if piece not in self._credentials and piece not in self._passing:
            self._names = {}
            # Escapes only make a text longer than what it says.
            forms = _forms_of(piece)
            self._shortest = min(self._shortest, *(len(form.text) for form in forms))


@dataclass(frozen=True, slots=True)
class _Form:
    """A text that gives a secret away.

    Attributes:
        text: What to look for.
        before: Whether what comes right before it, as far as a token could reach, is of it too.
        after: The same for what comes right after it.
    """

    text: str
    before: bool = False
    after: bool = False


@dataclass(frozen=True, slots=True)
class _Plain:
    """A text without its escapes.

    Attributes:
        text: The text.
        starts: Where in the original each character begins.
        ends: Where each ends; those of one escape all begin and end with it.
    """

    text: str
    starts: Sequence[int]
    ends: Sequence[int]


def _pieces(secret: str) -> list[str]:
    """Return what of a secret is searched for: its lines without the armour around a key."""
    lines = [" ".join(line.split()) for line in re.split(r"[\r\n]+", secret)]
    return [
        line
        for line in lines
        if len(line) >= SHORTEST and not line.startswith("-----") and not _WORD.fullmatch(line)
    ]


def _forms_of(piece: str) -> tuple[_Form, ...]:
    """Return a secret as it is, as it is read without escapes, and as a part of Base64."""
    long = len(piece) > _LONGEST
    # Its bytes may be shown one by one; and what is taken for an escape in a text is in it too.
    texts = (piece, piece.encode(errors="replace").decode("latin-1"))
    written = {form[:_LONGEST] for one in texts for form in (one, _unescaped(_as_it_is(one)).text)}
    cores = {
        _Form(core[:_LONGEST], before=True, after=True)
        for core in _cores(piece.encode(errors="replace"))
    }
    return (*(_Form(one, after=long) for one in written), *cores)


def _cores(raw: bytes) -> Iterator[str]:
    """Yield what Base64 makes of a secret, wherever it stands in the bytes that were encoded."""
    for offset in range(3):
        padded = bytes(offset) + raw
        whole = len(padded) // 3 * 4
        first = -(-offset * 8 // 6)
        for encode in (base64.standard_b64encode, base64.urlsafe_b64encode):
            core = encode(padded).decode()[first:whole]
            if len(core) >= _CORE:
                yield core


def _masked(text: str, forms: list[_Form]) -> str:
    """Return the text with every place masked in which a form is found, escaped or not."""
    spans: list[tuple[int, int]] = []
    as_it_is = _as_it_is(text)
    readings = [as_it_is, _unescaped(as_it_is)] if _NEEDS_READING.search(text) else [as_it_is]
    for plain in readings:
        there = [form for form in forms if form.text in plain.text]
        spans += (span for form in there for span in _found(form, plain, text))
    if not spans:
        return text
    spans.sort()
    joined = [spans[0]]
    for start, end in spans[1:]:
        if start <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(end, joined[-1][1])
        else:
            joined.append((start, end))
    kept = [text[: joined[0][0]]]
    kept += [text[one[1] : other[0]] for one, other in pairwise(joined)]
    return MASK.join([*kept, text[joined[-1][1] :]])


def _found(form: _Form, plain: _Plain, text: str) -> Iterator[tuple[int, int]]:
    at = plain.text.find(form.text)
    while at >= 0:
        start, end = plain.starts[at], plain.ends[at + len(form.text) - 1]
        while form.before and start and text[start - 1] in _TOKEN_CHARACTERS:
            start -= 1
        while form.after and end < len(text) and text[end] in _TOKEN_CHARACTERS:
            end += 1
        yield start, end
        at = plain.text.find(form.text, at + 1)


def _as_it_is(text: str) -> _Plain:
    return _Plain(text, range(len(text)), range(1, len(text) + 1))


def _unescaped(plain: _Plain) -> _Plain:
    """Return a text without its escapes and those inside them, and white space as one space."""
    for _ in range(_MOST_LAYERS):
        characters: list[str] = []
        starts: list[int] = []
        ends: list[int] = []
        for character, first, last in _units(plain.text):
            one = " " if character.isspace() else character
            if one != "\\" and (one != " " or characters[-1:] != [" "]):
                characters.append(one)
                starts.append(plain.starts[first])
                ends.append(plain.ends[last])
        text = "".join(characters)
        if text == plain.text:
            break
        plain = _Plain(text, starts, ends)
    return plain


def _units(text: str) -> Iterator[tuple[str, int, int]]:
    """Yield each character that is meant, with the places of the first and last that write it."""
    done = 0
    for escape in _ESCAPE.finditer(text):
        start, end = escape.span()
        yield from ((text[at], at, at) for at in range(done, start))
        yield from ((character, start, end - 1) for character in _meant(escape.group()))
        done = end
    yield from ((text[at], at, at) for at in range(done, len(text)))


def _meant(escape: str) -> str:
    """Return what an escape stands for; nothing where backslashes only quote."""
    if escape[0] == "%":
        return unquote(escape)
    if escape[0] == "&":
        return html.unescape(escape)
    return _unslashed(escape)


def _unslashed(written: str) -> str:
    """Return what backslashes and what follows them stand for; nothing where they only quote."""
    code = written.lstrip("\\")
    return chr(int(code[1:], 16)) if code else ""


SECRETS: Final = Redactor()
"""The process's own: its streams are the process's too, and any part may read a secret or fail."""


def redact_crashes() -> None:
    """Let no traceback that Python prints by itself show a secret, in whatever thread."""

    def written(
        kind: type[BaseException], error: BaseException | None, trace: TracebackType | None
    ) -> None:
        sys.stderr.write(SECRETS.redact("".join(traceback.format_exception(kind, error, trace))))

    def in_a_thread(crash: threading.ExceptHookArgs) -> None:
        written(crash.exc_type, crash.exc_value, crash.exc_traceback)

    def unraisable(crash: sys.UnraisableHookArgs) -> None:
        written(crash.exc_type, crash.exc_value, crash.exc_traceback)

    sys.excepthook, threading.excepthook, sys.unraisablehook = written, in_a_thread, unraisable
