"""By which names the pages may be asked: no other web site may read them through a browser."""

from __future__ import annotations

import socket
from collections.abc import Callable
from email.parser import BytesHeaderParser

import pytest

from monitor.web import HostNames
from tests.exporter.snapshots import org_snapshot
from tests.web.conftest import LOOPBACK, Answer, Site

Server = Callable[..., Site]

PAGES = ("/", "/api/v1/status", "/api/v1/actions", "/api/v1/changes", "/nothing")
MACHINES = ("/metrics", "/healthz", "/readyz")
HERE = socket.gethostname()

OURS = (
    "localhost",
    "LocalHost:9840",
    "localhost.",
    "localhost.:9840",
    "127.0.0.1",
    "192.0.2.7:9840",
    "[::1]",
    "[::1]:9840",
    "[2001:DB8::7]:443",
    "localhost:",
    HERE,
    f"{HERE.upper()}:9840",
    f"{HERE.partition('.')[0]}.",
    "monitor.example.com",
    "Monitor.Example.Com.:443",
)
OTHERS = (
    "evil.example",
    "evil.example:9840",
    "localhost.evil.example",
    "evil-localhost",
    "127.0.0.1.evil.example",
    "monitor.example.com.evil.example",
    f"{HERE}.evil.example",
    "example.com",
    "[::1].evil.example",
    "[evil.example]:9840",
    "1.2.3",
    "",
    ".",
)


@pytest.fixture
def hosts() -> HostNames:
    """What a daemon on this machine knows, with one name in its settings."""
    return HostNames.of_this_machine("0.0.0.0", "monitor.example.com")  # noqa: S104 - a name


@pytest.mark.parametrize("host", OURS)
def test_our_names(hosts: HostNames, host: str) -> None:
    """Addresses, localhost, this machine and the settings' names, with any port or none."""
    assert hosts.allow(host)


@pytest.mark.parametrize("host", OTHERS)
def test_names_of_others(hosts: HostNames, host: str) -> None:
    """A name that merely looks like one of ours is none."""
    assert not hosts.allow(host)


@pytest.mark.parametrize("path", PAGES)
def test_a_page_under_another_name_is_refused(serve: Server, path: str) -> None:
    """The answer shows nothing but what to do."""
    answer = serve(org_snapshot()).ask(path, Host="evil.example")

    assert answer.status == 421
    assert answer.json() == {
        "error": "Misdirected Request",
        "detail": "Nothing is shown under the name evil.example. Add it to [serve] hosts, or ask "
        "for an address of this machine.",
    }


@pytest.mark.parametrize("path", MACHINES)
def test_machines_may_ask_by_any_name(serve: Server, path: str) -> None:
    """A scraper and a health check know the server by names of their own."""
    assert serve(org_snapshot()).ask(path, Host="timeout-monitor.svc:9840").status == 200


def raw(port: int, *lines: str) -> Answer:
    """One request, byte by byte as it is written here."""
    with socket.create_connection((LOOPBACK, port), timeout=10) as client:
        client.sendall("".join(f"{line}\r\n" for line in (*lines, "")).encode())
        text = b""
        while piece := client.recv(65_536):
            text += piece
    head, _, body = text.partition(b"\r\n\r\n")
    status, _, rest = head.partition(b"\r\n")
    return Answer(int(status.split()[1]), BytesHeaderParser().parsebytes(rest), body)


def test_a_request_without_a_name(serve: Server) -> None:
    """HTTP/1.0 needs none, and no browser speaks it; HTTP/1.1 without one is a mistake."""
    port = serve(org_snapshot()).port

    assert raw(port, "GET / HTTP/1.0").status == 200
    assert raw(port, "GET / HTTP/1.1", "Connection: close").status == 400


@pytest.mark.parametrize("path", ["/", "/metrics"])
def test_two_names_are_a_mistake(serve: Server, path: str) -> None:
    """Nobody can tell which of them was meant."""
    port = serve(org_snapshot()).port
    answer = raw(port, f"GET {path} HTTP/1.1", "Host: 127.0.0.1", "Host: evil.example")

    assert answer.status == 400
    assert "host" in answer.json()["detail"]


def test_the_name_in_the_request_line_counts(serve: Server) -> None:
    """Where a request names the whole address, its host is the one that is asked."""
    port = serve(org_snapshot()).port
    close = "Connection: close"

    evil = raw(port, "GET http://evil.example/ HTTP/1.1", "Host: 127.0.0.1", close)
    ours = raw(port, "GET http://127.0.0.1/ HTTP/1.1", "Host: evil.example", close)
    assert (evil.status, ours.status) == (421, 200)
