"""The far side of the wire, scripted: a real HTTP server on loopback that answers as it is told."""

from __future__ import annotations

import json
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

TOKEN = "POST /oauth/token"  # noqa: S105 - a path


@dataclass(frozen=True)
class Reply:
    """One answer: bytes are sent as they are, anything else as JSON."""

    status: int = 200
    body: object = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Seen:
    """One request as it arrived."""

    method: str
    path: str
    query: dict[str, str]
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:  # noqa: ANN401 - tests compare it with literals
        """The body, read as JSON."""
        return json.loads(self.body)

    @property
    def form(self) -> dict[str, str]:
        """The body, read as a form."""
        return {name: values[0] for name, values in parse_qs(self.body.decode()).items()}


Act = Callable[[BaseHTTPRequestHandler], None]
"""What no honest server does: it writes to the connection itself, or to nowhere."""


class FarSide:
    """Answers by script and keeps what it was asked."""

    def __init__(self, url: str) -> None:
        """Begin with a token service that always works."""
        self.url = url
        self.seen: list[Seen] = []
        self.clients: set[tuple[str, int]] = set()
        self.otherwise: Reply | None = None
        self._lock = threading.Lock()
        self._script: dict[str, list[Reply | Act]] = defaultdict(list)
        self._tokens = 0

    def on(self, what: str, *replies: Reply | Act) -> None:
        """Answer ``METHOD /path`` with these in turn; the last one again and again."""
        self._script[what] = list(replies)

    def requests(self, what: str) -> list[Seen]:
        """What arrived at ``METHOD /path``."""
        return [seen for seen in self.seen if f"{seen.method} {seen.path}" == what]

    def next_reply(self, seen: Seen, client: tuple[str, int]) -> Reply | Act:
        """Keep the request and choose its answer."""
        what = f"{seen.method} {seen.path}"
        with self._lock:
            self.seen.append(seen)
            self.clients.add(client)
            replies = self._script.get(what)
            if replies:
                return replies.pop(0) if len(replies) > 1 else replies[0]
            if what == TOKEN:
                self._tokens += 1
                return Reply(
                    body={
                        "access_token": f"token-{self._tokens}",
                        "token_type": "bearer",
                        "expires_in": 86400,
                    }
                )
        if self.otherwise is not None:
            return self.otherwise
        return Reply(404, {"message": f"no script for {what}", "code": "not.found", "status": 404})


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    far_side: FarSide

    def do_any(self) -> None:
        """Keep the request and send the scripted answer."""
        length = int(self.headers.get("Content-Length") or 0)
        parts = urlsplit(self.path)
        seen = Seen(
            self.command,
            parts.path,
            dict(parse_qsl(parts.query)),
            dict(self.headers.items()),
            self.rfile.read(length),
        )
        reply = self.far_side.next_reply(seen, self.client_address)
        if not isinstance(reply, Reply):
            reply(self)
            return
        body = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
        headers = {
            "Content-Type": "application/json",
            "Content-Length": str(len(body)),
            "ININ-Correlation-Id": "corr-1",
        } | dict(reply.headers)
        self.send_response(reply.status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_PATCH = do_PUT = do_any  # noqa: N815 - names that http.server looks for

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def listening() -> Iterator[FarSide]:
    """Listen on a free port of loopback until the block ends."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    far_side = FarSide(f"http://127.0.0.1:{server.server_port}")
    server.RequestHandlerClass = type("Handler", (_Handler,), {"far_side": far_side})
    thread = threading.Thread(target=lambda: server.serve_forever(0.01), daemon=True)
    thread.start()
    try:
        yield far_side
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
