"""How an ordered fault looks on the wire, down to a connection that just ends."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING, Final

from flask import Response
from waitress.channel import ClientDisconnected
from werkzeug.wsgi import ClosingIterator

from monitor.simulator.api_errors import ApiError, missing_permission, unauthorized
from monitor.simulator.responses import error_response

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterable

    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

    from monitor.simulator.faults import Fault

_CUT: Final = "simulator.cut_after_seconds"
_SHORTENED: Final = "simulator.shortened"
_REFUSED_AFTER: Final = "simulator.refused_after"
_LOST_BYTES: Final = 9
"""What a shortened stream lacks: more than gzip's own eight bytes of checksum and length."""

_JSON: Final = "application/json"
_HTML: Final = """<!DOCTYPE html>
<html><head><title>Sign in to continue</title></head>
<body><h1>Proxy authentication required</h1></body></html>
"""

_PAGES: Final = {"html": 200, "html_forbidden": 403, "html_not_found": 404}
"""The status of a proxy's page."""

_BODIES: Final = {
    "wrong_shape": ('{"entities": 17, "results": 17, "conversations": 17, "id": 17}', _JSON),
    "empty": ("", _JSON),
    "job_pending": ('{"state": "PENDING"}', _JSON),
    "job_failed": ('{"state": "FAILED", "errorMessage": "The query was too expensive."}', _JSON),
    "job_cancelled": ('{"state": "CANCELLED"}', _JSON),
    "job_expired": ('{"state": "EXPIRED"}', _JSON),
}


def _refusal(kind: str) -> ApiError:
    """Return the refusal that a fault of this kind answers."""
    if kind == "unauthorized":
        return unauthorized()
    if kind == "forbidden":
        return missing_permission(("simulated:missing:permission",))
    return ApiError(*_REFUSALS[kind])


_REFUSALS: Final = {
    "rate_limited": (429, "too.many.requests", "Rate limit exceeded the maximum."),
    "not_found": (404, "not.found", "The requested resource could not be found"),
    "bad_request": (400, "bad.request", "The request could not be understood by the server."),
    "conflict": (409, "version.mismatch", "The version does not match the current version."),
    "precondition_failed": (412, "precondition.failed", "If-Match names another version."),
    "request_timeout": (408, "request.timeout", "The request timed out."),
    "server_error": (500, "internal.server.error", "The server encountered an unexpected error."),
    "unavailable": (503, "service.unavailable", "Service is unavailable."),
}


class FaultMiddleware:
    """The telephone line in front of the application: it can be cut without an answer."""

    def __init__(self, app: WSGIApplication, closing: threading.Event) -> None:
        """Stand in front of an application; ``closing`` ends requests that hang."""
        self._app = app
        self._closing = closing

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Serve a request, unless a fault asked for the connection to end.

        The application's own answer is held back until then: a cut line shows nothing of it.
        """
        held: list[tuple[object, ...]] = []

        def hold(*parts: object) -> object:
            held.append(parts)
            return lambda _: None

        chunks = self._app(environ, hold)  # type: ignore[arg-type]  # a start_response by duty
        body = list(chunks)
        if isinstance(chunks, ClosingIterator):
            chunks.close()
        seconds = environ.get(_CUT)
        if seconds is not None:
            self._closing.wait(seconds)
            raise ClientDisconnected
        refused = environ.get(_REFUSED_AFTER)
        if refused is not None:
            return refused(environ, start_response)  # type: ignore[no-any-return]  # a Response
        if environ.get(_SHORTENED):
            status, headers = held[-1][:2]
            body = [gzip.compress(b"".join(body))[:-_LOST_BYTES]]
            start_response(status, _with_length(headers, len(body[0])))  # type: ignore[arg-type]
            return body
        start_response(*held[-1])  # type: ignore[arg-type]  # what the application handed over
        return body


def _with_length(headers: object, length: int) -> list[tuple[str, str]]:
    """Return the headers of an answer that was compressed, and framed as if that were all of it."""
    own: list[tuple[str, str]] = list(headers)  # type: ignore[call-overload]  # by WSGI's contract
    kept = [one for one in own if one[0].lower() not in {"content-length", "content-encoding"}]
    return [*kept, ("Content-Encoding", "gzip"), ("Content-Length", str(length))]


def fault_response(fault: Fault, environ: WSGIEnvironment) -> Response | None:
    """Return the answer that a fault gives; None where the request is to be served all the same."""
    kind = fault.kind.removesuffix("_after")
    if kind == "cut":
        environ[_SHORTENED] = True
        return None
    if kind in {"hang", "reset"}:
        environ[_CUT] = fault.hang_seconds if kind == "hang" else 0.0
        return None if kind != fault.kind else Response(status=204)
    if fault.kind in _PAGES:
        return Response(_HTML, _PAGES[fault.kind], content_type="text/html; charset=utf-8")
    if fault.kind in _BODIES:
        body, content_type = _BODIES[fault.kind]
        return Response(body, content_type=content_type)
    refusal = _refusal(kind)
    if kind in {"rate_limited", "unavailable"} and fault.retry_after_seconds is not None:
        refusal.headers["Retry-After"] = str(fault.retry_after_seconds)
    answer = error_response(refusal)
    if kind != fault.kind:
        environ[_REFUSED_AFTER] = answer
        return None
    return answer
