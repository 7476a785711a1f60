"""A body on its way in: decompressed, and with proof that its end was seen.

An answer that was cut can look like a whole one: a compressed stream without its end gives what
came of it, and a body that ends by close gives what came before. urllib3 2 refuses a body shorter
than its ``Content-Length`` and chunks without the last one, but takes both of those in silence.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping
from typing import Final

import urllib3
import urllib3.exceptions

ACCEPT_ENCODING: Final = "gzip, deflate"
"""What ``ContentDecoder`` understands."""

MOST_BODY_BYTES: Final = 16 * 1_048_576
"""Of an answer, as it came and decompressed. An hour of two thousand actions that are called a few
times a minute is less, and where an org has more, shorter periods are asked for. Read as texts and
numbers it may take four times as much."""

MOST_REFUSAL_BYTES: Final = 65_536
"""Of an answer other than 2xx: its words fit many times over, and nothing else is read of it."""

MOST_CODINGS: Final = 2
"""Encodings one around the other; a header that names thousands would take a window for each."""

_PIECE_BYTES: Final = 1_048_576  # a small body may swell a thousandfold
_GZIP: Final = 16 + zlib.MAX_WBITS
_PADDING: Final = b"\0"


class ContentDecoder:
    """Undoes the ``Content-Encoding`` of one body."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        """Begin before the first byte.

        Args:
            headers: The answer's; names in any case.
        """
        named = headers.get("Content-Encoding", "").split(",")
        codings = [one for one in (part.strip().lower() for part in named) if one]
        known = {"gzip", "x-gzip", "deflate", "identity"}
        self._is_known = known.issuperset(codings) and len(codings) <= MOST_CODINGS
        # What was applied last is undone first.
        self._streams = [
            _Inflater(is_gzip=one != "deflate")
            for one in reversed(codings)
            if self._is_known and one != "identity"
        ]

    @property
    def is_encoded(self) -> bool:
        """Whether there is anything to undo, known or not."""
        return bool(self._streams) or not self._is_known

    @property
    def has_ended(self) -> bool:
        """Whether each encoding has come to its own end; a checksum that is wrong raises."""
        return self._is_known and all(stream.has_ended for stream in self._streams)

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield what some more bytes of the body stand for, in pieces of limited size.

        Raises:
            urllib3.exceptions.DecodeError: They are not what the header says.
        """
        try:
            yield from _through(self._streams, data)
        except zlib.error as error:
            message = f"the body can't be decompressed: {error}"
            raise urllib3.exceptions.DecodeError(message) from error


class _Inflater:
    """One encoding: gzip, of one member or several, or deflate, with zlib's header or without."""

    def __init__(self, *, is_gzip: bool) -> None:
        self._is_gzip = is_gzip
        self._inflate = zlib.decompressobj(_GZIP if is_gzip else zlib.MAX_WBITS)
        self._has_begun = False
        self._has_rest = False

    @property
    def has_ended(self) -> bool:
        """Whether its end was seen, and nothing but padding after it."""
        return self._inflate.eof and not self._has_rest

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield what some more bytes stand for.

        Raises:
            zlib.error: They are none of this encoding.
        """
        while data and not self._has_rest:
            if self._inflate.eof:
                data = data.lstrip(_PADDING)
                if not data:
                    return
                if not self._is_gzip:
                    self._has_rest = True
                    return
                if not self._next_member(data):
                    return
            yield self._piece(data)
            data = self._inflate.unconsumed_tail or self._inflate.unused_data

    def _piece(self, data: bytes) -> bytes:
        try:
            piece = self._inflate.decompress(data, _PIECE_BYTES)
        except zlib.error:
            if self._is_gzip or self._has_begun:
                raise
            # Some servers leave out the header that RFC 9110 asks for.
            self._inflate = zlib.decompressobj(-zlib.MAX_WBITS)
            piece = self._inflate.decompress(data, _PIECE_BYTES)
        self._has_begun = True
        return piece

    def _next_member(self, data: bytes) -> bool:
        """Begin another member, unless what follows is none; then it can't be known what it is."""
        self._has_rest = not data.startswith(b"\x1f")
        if not self._has_rest:
            self._inflate = zlib.decompressobj(_GZIP)
        return not self._has_rest


def _through(streams: list[_Inflater], data: bytes) -> Iterator[bytes]:
    if not streams:
        yield data
        return
    first, *others = streams
    for piece in first.feed(data):
        yield from _through(others, piece)


def has_framed_end(raw: urllib3.BaseHTTPResponse) -> bool:
    """Return whether the end of a body that was read without an error is told by its framing.

    Args:
        raw: The response, read until it gave nothing more. The last chunk must have been there,
            for without it reading raises.
    """
    if raw.length_remaining is not None:
        return raw.length_remaining == 0
    # What http.client, below urllib3, takes for chunks; of anything else it reads until close.
    return raw.headers.get("Transfer-Encoding", "").strip().lower() == "chunked"
