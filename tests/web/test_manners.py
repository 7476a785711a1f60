"""What holds for every route: read-only, JSON errors, headers that keep browsers safe."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from prometheus_client import CollectorRegistry

from monitor.snapshot import Snapshot, SnapshotHolder
from monitor.web import WebServer, create_app
from tests.clocks import ManualClock
from tests.exporter.snapshots import NOW, org_snapshot
from tests.web.conftest import LOOPBACK, Site

Server = Callable[..., Site]

ROUTES = ("/", "/metrics", "/healthz", "/readyz", "/api/v1", "/api/v1/status", "/api/v1/actions")


@pytest.mark.parametrize("path", ROUTES)
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"])
def test_nothing_but_reading(serve: Server, path: str, method: str) -> None:
    """Every method that is not a read is refused, with the methods that are allowed."""
    answer = serve(org_snapshot()).ask(path, method)

    assert answer.status == 405
    assert {name.strip() for name in answer.headers["Allow"].split(",")} == {"GET", "HEAD"}
    assert answer.json()["error"] == "Method Not Allowed"


@pytest.mark.parametrize("path", ROUTES)
def test_head_is_get_without_a_body(serve: Server, path: str) -> None:
    """HEAD gives the status and headers of GET."""
    site = serve(org_snapshot())
    head, get = site.ask(path, "HEAD"), site.ask(path)

    assert head.body == b""
    assert head.status == get.status
    assert head.headers["Content-Type"] == get.headers["Content-Type"]
    assert head.headers["Content-Length"] == get.headers["Content-Length"]


@pytest.mark.parametrize("path", ["/nothing", "/metrics/", "/api/v1/", "/static/status.css"])
def test_unknown_path_is_json(serve: Server, path: str) -> None:
    """A path that is not there is a 404 that programs can read."""
    answer = serve(org_snapshot()).ask(path)

    assert answer.status == 404
    assert answer.json()["error"] == "Not Found"


@pytest.mark.parametrize("path", ["/", "/healthz"])
def test_an_answer_has_one_date(serve: Server, path: str) -> None:
    """Whether the application has dated it or the server does."""
    assert len(serve(org_snapshot()).ask(path).headers.get_all("Date") or []) == 1


@pytest.mark.parametrize("path", [*ROUTES, "/nothing"])
def test_headers_keep_browsers_safe(serve: Server, path: str) -> None:
    """No answer may load anything of others, be framed, be sniffed, or be used again unasked."""
    headers = serve(org_snapshot()).ask(path).headers

    assert headers["Content-Security-Policy"].startswith("default-src 'none'; ")
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert ("script-src" in headers["Content-Security-Policy"]) == (path == "/")
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    is_read_again = path == "/" or path.startswith("/api")
    assert headers["Cache-Control"] == ("private, no-cache" if is_read_again else "no-store")


class BrokenClock(ManualClock):
    """A clock that fails."""

    def now(self) -> float:
        """Fail."""
        message = "the inside story"
        raise RuntimeError(message)


def test_failure_tells_nothing_of_the_inside() -> None:
    """A fault of ours is a 500 in JSON, without a trace of its cause."""
    holder = SnapshotHolder(Snapshot(taken_at=NOW))
    app = create_app(holder, CollectorRegistry(), BrokenClock())
    with WebServer(app, LOOPBACK, 0) as server:
        answer = Site(server.port, holder).ask("/readyz")

    assert answer.status == 500
    assert answer.json()["error"] == "Internal Server Error"
    assert "inside story" not in answer.text
