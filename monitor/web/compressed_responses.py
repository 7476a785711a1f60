"""Compresses what browsers and programs read, and answers 304 where they have it already.

One place for pages, documents and static files. A page that is looked at again every few seconds,
and a document of thousands of actions that a program asks for every minute, cost a few hundred
bytes until there is something new. What is always new has no place in a body that is to be the
same twice: pages print moments, and the browser makes ages of them; when it was is a header.
"""

from __future__ import annotations

import gzip
import threading
from collections import OrderedDict
from hashlib import blake2b
from http import HTTPStatus
from typing import TYPE_CHECKING

from flask import request

if TYPE_CHECKING:
    from flask import Response

KEPT_BODIES = 16
"""Compressed bodies that are kept: a page, its filters and the documents, for some readers."""

_LEVEL = 6
"""A body is compressed once and sent often, and shrinks by a fifth more than at level 1."""

_LEAST_BYTES = 1024
"""Below it, what would be saved is less than the headers take."""

_TYPES = frozenset(
    {"application/json", "image/svg+xml", "text/css", "text/html", "text/javascript"}
)

REVALIDATED = "private, no-cache"
"""Kept by the reader's own browser alone, for it may stand behind a password, and never used again
without asking: so the password is asked for each time, and 304 can be the answer. ``no-store``
would have every look send all of it anew."""


class CompressedResponses:
    """Finishes responses; keeps the newest compressed bodies. Safe to share between threads."""

    def __init__(self, kept_bodies: int = KEPT_BODIES) -> None:
        """Begin with nothing kept.

        Args:
            kept_bodies: How many compressed bodies to keep.
        """
        self._kept_bodies = kept_bodies
        self._packed: OrderedDict[bytes, bytes] = OrderedDict()
        self._keeping = threading.Lock()

    def finish(self, response: Response) -> Response:
        """Return the response with its ETag, compressed where asked for, or 304 without a body.

        What is no whole answer (an error, a redirect), or of another kind, stays as it is. The
        ETag is weak: it names what is said, compressed or not. A route that knows better than the
        body what is said sets one beforehand.
        """
        is_whole = response.status_code == HTTPStatus.OK and response.content_encoding is None
        if not is_whole or response.mimetype not in _TYPES:
            return response
        body = response.get_data()
        digest = blake2b(body, digest_size=16).digest()
        if "ETag" not in response.headers:
            response.set_etag(digest.hex(), weak=True)
        response.vary.add("Accept-Encoding")
        response.headers.setdefault("Cache-Control", REVALIDATED)
        response.make_conditional(request.environ)
        is_sent = response.status_code != HTTPStatus.NOT_MODIFIED and len(body) >= _LEAST_BYTES
        if is_sent and request.accept_encodings["gzip"] > 0:
            response.set_data(self._compressed(body, digest))
            response.content_encoding = "gzip"
        return response

    def _compressed(self, body: bytes, digest: bytes) -> bytes:
        with self._keeping:
            packed = self._packed.get(digest)
            if packed is not None:
                self._packed.move_to_end(digest)
                return packed
        packed = gzip.compress(body, _LEVEL, mtime=0)
        with self._keeping:
            self._packed[digest] = packed
            while len(self._packed) > self._kept_bodies:
                self._packed.popitem(last=False)
        return packed
