"""Entity tags, and what gateways that compress make of them.

One that compresses an answer names the compressed form: Apache and Caddy turn ``"x"`` into
``"x-gzip"``, Jetty into ``"x--gzip"``, nginx into ``W/"x"``. Not all of them turn it back when it
comes in an ``If-Match``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

UNCOMPRESSED: Final[Mapping[str, str]] = MappingProxyType({"Accept-Encoding": "identity"})
"""Asks for an answer whose ETag no gateway has a reason to rewrite."""

_WEAK: Final = "W/"
_ENCODING: Final = re.compile(
    r"(?:--?|[;:+_])(?:x-)?(?:gzip|gz|deflate|df|brotli|br|zstd|compress|identity)(?=\"?$)",
    re.IGNORECASE,
)


def bare_etag(etag: str) -> str:
    """Return an ETag without ``W/`` and without the name of an encoding at its end."""
    stripped = etag.strip()
    return _ENCODING.sub("", stripped.removeprefix(_WEAK).strip(), count=1)


def is_same_etag(one: str, other: str) -> bool:
    """Return whether two ETags name the same state, whatever a gateway made of either."""
    return bare_etag(one) == bare_etag(other)
