"""A request in the words of WSGI (PEP 3333)."""

from __future__ import annotations

import sys
from io import BytesIO
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_to_bytes, urlsplit

from tornado.httputil import RequestStartLine

if TYPE_CHECKING:
    from tornado.httputil import HTTPHeaders, HTTPServerRequest


def origin_form(start_line: RequestStartLine, headers: HTTPHeaders) -> RequestStartLine:
    """Return the request line with a path, where a proxy's form named the whole address.

    The host of the address then stands for the Host header, as RFC 9112 (3.2.2) wants it.
    """
    if not start_line.path.lower().startswith(("http://", "https://")):
        return start_line
    try:
        parts = urlsplit(start_line.path)
    except ValueError:
        return start_line
    headers["Host"] = parts.netloc
    query = f"?{parts.query}" if parts.query else ""
    return RequestStartLine(start_line.method, (parts.path or "/") + query, start_line.version)


def as_environ(request: HTTPServerRequest) -> dict[str, Any]:
    """Return a request as a WSGI application wants it."""
    host, port = request.host_name, "443" if request.protocol == "https" else "80"
    name, colon, digits = request.host.rpartition(":")
    if colon and digits.isdecimal() and not name.endswith(":"):
        port = digits
    environ: dict[str, Any] = {
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(request.path).decode("latin-1"),
        "QUERY_STRING": request.query,
        "REMOTE_ADDR": request.remote_ip,
        "SERVER_NAME": host,
        "SERVER_PORT": port,
        "SERVER_PROTOCOL": request.version,
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": request.protocol,
        "wsgi.input": BytesIO(request.body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    for header, value in request.headers.items():
        # An underscore would let one header pass for another.
        if "_" not in header:
            environ["HTTP_" + header.upper().replace("-", "_")] = value
    for header in ("CONTENT_TYPE", "CONTENT_LENGTH"):
        if f"HTTP_{header}" in environ:
            environ[header] = environ.pop(f"HTTP_{header}")
    return environ
