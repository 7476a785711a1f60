"""A gateway in front of the platform that compresses answers, and rewrites their ETags."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Request, Response

    from monitor.simulator.world import World


def compressed(response: Response, request: Request, world: World) -> Response:
    """Compress an answer with an ETag where this world's gateway does; ``If-Match`` stays as it is.

    Args:
        response: The answer as the platform gave it.
        request: What it answers.
        world: Whether there is such a gateway, and what it makes of an ETag.
    """
    asked_for = request.accept_encodings["gzip"] > 0 and "Accept-Encoding" in request.headers
    if world.etag == "strong" or not (asked_for or world.etag == "stubborn"):
        return response
    etag = response.headers.get("ETag")
    if etag is None:
        return response
    response.set_data(gzip.compress(response.get_data()))
    response.headers["Content-Encoding"] = "gzip"
    response.headers["Vary"] = "Accept-Encoding"
    response.headers["ETag"] = f"W/{etag}" if world.etag == "weak" else f'{etag[:-1]}-gzip"'
    return response
