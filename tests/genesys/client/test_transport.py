"""No connection: each reason told in words that hold no secret; proxies and TLS included."""

from __future__ import annotations

import datetime as dt
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from monitor.errors import ConfigurationError, ConnectionFailedError
from monitor.genesys.client.api_stats import ApiCounters
from monitor.genesys.client.transport import HttpTransport, Request, Response
from tests.genesys.far_side import FarSide, Reply


@pytest.fixture
def counters() -> ApiCounters:
    """Nothing counted yet."""
    return ApiCounters()


@pytest.fixture
def transport(counters: ApiCounters) -> Iterator[HttpTransport]:
    """A transport that is closed again."""
    transport = HttpTransport(counters)
    yield transport
    transport.close()


def get(transport: HttpTransport, url: str, read_timeout_seconds: float = 5) -> Response:
    """Ask for an address."""
    return transport.send(
        Request("GET /ping", "GET", url, read_timeout_seconds=read_timeout_seconds)
    )


def failure(transport: HttpTransport, url: str, read_timeout_seconds: float = 5) -> str:
    """The message of a connection that fails."""
    with pytest.raises(ConnectionFailedError) as caught:
        get(transport, url, read_timeout_seconds)
    return caught.value.message


@pytest.mark.parametrize("url", ["http://[::1/ping", "ftp://host/ping", "host/ping", "http:///p"])
def test_an_address_that_is_none_is_a_setting_to_mend(transport: HttpTransport, url: str) -> None:
    """It never works, so it is not tried again."""
    with pytest.raises(ConfigurationError, match="is not a host that can be asked"):
        get(transport, url)


def test_a_name_that_does_not_resolve_is_told(
    transport: HttpTransport, counters: ApiCounters, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The usual sign of a wrong region."""

    def no_such_name(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", no_such_name)

    message = failure(transport, "http://api.example.test/ping?secret=s")

    assert message == "No connection to api.example.test: the name does not resolve"
    assert counters.snapshot().requests == {("GET /ping", "connection"): 1}


def test_a_host_that_does_not_take_connections_is_told(transport: HttpTransport) -> None:
    """A firewall that drops packets looks like this: the queue of the listener is full."""
    with socket.socket() as listener, socket.socket() as first:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        first.connect(listener.getsockname())
        port = listener.getsockname()[1]

        message = failure(transport, f"http://127.0.0.1:{port}/ping", 0.2)

    assert message == f"No connection to 127.0.0.1:{port}: it took too long"


def test_a_proxy_that_can_not_be_reached_is_told_without_its_password(
    transport: HttpTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Proxy variables often hold credentials."""
    monkeypatch.setenv("HTTP_PROXY", "http://user:passw0rd@127.0.0.1:1")

    message = failure(transport, "http://api.example.test/ping")

    assert message == "No connection to api.example.test: the proxy refused or can't be reached"


def test_a_request_goes_through_the_proxy(
    transport: HttpTransport, far_side: FarSide, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The usual variables are honoured."""
    monkeypatch.setenv("HTTP_PROXY", far_side.url)
    far_side.on("GET /ping", Reply(body={}))

    assert get(transport, "http://api.example.test/ping").status == 200


@pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_this_machine_is_never_asked_through_a_proxy(
    transport: HttpTransport,
    far_side: FarSide,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    host: str,
) -> None:
    """A proxy means another machine by a loopback address: itself."""
    monkeypatch.setenv(name, "http://127.0.0.1:1")
    far_side.on("GET /ping", Reply(body={}))

    assert get(transport, far_side.url.replace("127.0.0.1", host) + "/ping").status == 200


def test_closing_ends_a_request_through_a_proxy(
    transport: HttpTransport, far_side: FarSide, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Connections through a proxy are remembered as well."""
    monkeypatch.setenv("HTTP_PROXY", far_side.url)

    def close_and_be_silent(handler: BaseHTTPRequestHandler) -> None:
        threading.Timer(0.05, transport.close).start()
        handler.connection.settimeout(5)
        handler.rfile.read(1)
        handler.close_connection = True

    far_side.on("GET /ping", close_and_be_silent)

    began = time.monotonic()
    failure(transport, "http://api.example.test/ping")

    assert time.monotonic() - began < 5


def certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 that vouches for itself, and its key."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "loopback")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]),
            critical=False,
        )
        .sign(key, hashes.SHA256())
    )
    paths = folder / "certificate.pem", folder / "key.pem"
    paths[0].write_bytes(made.public_bytes(Encoding.PEM))
    paths[1].write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    )
    return paths


@pytest.fixture
def tls_server(tmp_path: Path) -> Iterator[tuple[int, Path]]:
    """A server that speaks TLS, one request a connection; its port and its certificate."""
    chain, key = certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, key)
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                plain, _ = listener.accept()
            except OSError:
                return
            try:
                with context.wrap_socket(plain, server_side=True) as connection:
                    connection.recv(65536)
                    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
            except OSError:
                plain.close()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield listener.getsockname()[1], chain
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join()


def test_a_certificate_that_nobody_vouches_for_is_refused(
    transport: HttpTransport, tls_server: tuple[int, Path]
) -> None:
    """The credentials don't go there; the message says why."""
    message = failure(transport, f"https://127.0.0.1:{tls_server[0]}/ping")

    assert message.startswith(
        f"No connection to 127.0.0.1:{tls_server[0]}: its certificate is not trusted (self"
    )


def test_a_companys_own_certificate_bundle_is_used(
    transport: HttpTransport, tls_server: tuple[int, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The usual variable names it."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tls_server[1]))

    assert get(transport, f"https://127.0.0.1:{tls_server[0]}/ping").body == b"{}"


def test_a_host_that_does_not_speak_tls_is_told(
    transport: HttpTransport, far_side: FarSide
) -> None:
    """For example a plain port behind an https address."""
    message = failure(transport, far_side.url.replace("http:", "https:") + "/ping")

    assert message.endswith("the TLS handshake failed")


def test_credentials_in_an_address_are_not_shown(transport: HttpTransport) -> None:
    """Nobody should put them there; some do."""
    message = failure(transport, "http://user:passw0rd@127.0.0.1:1/ping")

    assert "passw0rd" not in message
    assert "127.0.0.1:1" in message


def test_forms_and_credentials_do_not_show_in_a_request() -> None:
    """A request may end up in a log."""
    request = Request("POST /x", "POST", "http://h/x", form={"assertion": "secret-1"})

    assert "secret-1" not in repr(request)
