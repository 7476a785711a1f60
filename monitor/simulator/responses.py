"""Answers on the wire, a gateway that compresses them, and what routes read from a request."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

from flask import Response, g, request

from monitor.platform_limits import MOST_ENTITIES_A_PAGE
from monitor.simulator.api_errors import ApiError, bad_request, missing_permission
from monitor.simulator.malformed_records import encoded

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from flask import Request

    from monitor.simulator.org import SimulatedOrg
    from monitor.simulator.world import World

Json = dict[str, object]


def answer(body: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """JSON."""
    return Response(encoded(body), status, dict(headers or {}), content_type="application/json")


def error_response(refusal: ApiError) -> Response:
    """Return a refusal in the platform's error body."""
    return answer(refusal.body(g.get("correlation_id", "")), refusal.status, refusal.headers)


def require(org: SimulatedOrg, any_of: Sequence[str]) -> None:
    """Go on only with one of these permissions.

    Raises:
        ApiError: 403 that names them.
    """
    if not org.permissions_of(g.usage.client_id).intersection(any_of):
        raise missing_permission(any_of)


def flag(name: str) -> bool:
    """Return a query parameter that is true or false; false where it is absent.

    Raises:
        ApiError: 400.
    """
    text = request.args.get(name, "false").lower()
    if text not in {"true", "false"}:
        message = f"The query parameter '{name}' must be true or false"
        raise bad_request(message)
    return text == "true"


def number(name: str, default: int, most: int | None = None) -> int:
    """Return a query parameter that is a whole number from 1 to ``most``.

    Raises:
        ApiError: 400.
    """
    text = request.args.get(name, str(default))
    if not text.isdecimal() or int(text) < 1 or (most is not None and int(text) > most):
        message = f"The query parameter '{name}' must be a whole number from 1 to {most or 'any'}"
        raise bad_request(message)
    return int(text)


def paged(entities: Sequence[Json], path: str) -> Json:
    """One page of a listing, with the paging fields of every ``...EntityListing``."""
    size, page = number("pageSize", 25, MOST_ENTITIES_A_PAGE), number("pageNumber", 1)
    pages = -(-len(entities) // size)
    listing: Json = {
        "entities": list(entities[(page - 1) * size : page * size]),
        "pageSize": size,
        "pageNumber": page,
        "total": len(entities),
        "pageCount": pages,
        "selfUri": _page_uri(path, size, page),
        "firstUri": _page_uri(path, size, 1),
        "lastUri": _page_uri(path, size, max(1, pages)),
    }
    if page < pages:
        listing["nextUri"] = _page_uri(path, size, page + 1)
    if page > 1:
        listing["previousUri"] = _page_uri(path, size, page - 1)
    return listing


def _page_uri(path: str, size: int, page: int) -> str:
    """Return the address of a page."""
    return f"{path}?pageSize={size}&pageNumber={page}"


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
