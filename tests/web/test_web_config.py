"""TLS and passwords from a file of exporter-toolkit's format."""

from __future__ import annotations

import http.client
import os
from base64 import b64encode
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import bcrypt
import pytest
from prometheus_client import CollectorRegistry

from monitor.errors import ConfigurationError
from monitor.snapshot import SnapshotHolder
from monitor.web import WebConfig, WebServer, create_app
from monitor.web.web_config import Passwords
from tests.clocks import ManualClock
from tests.exporter.snapshots import NOW, org_snapshot, snapshot
from tests.web.certificates import Certificate, make_certificate
from tests.web.conftest import LOOPBACK

HASHED = bcrypt.hashpw(b"open sesame", bcrypt.gensalt(4)).decode().replace("$2b$", "$2y$")
GOOD = "prometheus:open sesame"


@pytest.fixture
def web_file(tmp_path: Path, certificate: Certificate) -> Path:
    """A file with everything that is understood; its paths count from its own folder."""
    file = tmp_path / "web.yml"
    file.write_text(
        f"tls_server_config:\n  cert_file: {certificate.cert_file.name}\n  key_file: key.pem\n"
        f"  min_version: TLS13\nbasic_auth_users:\n  prometheus: {HASHED}\n",
    )
    return file


@pytest.fixture
def protected(web_file: Path) -> Iterator[WebServer]:
    """A server that goes by the file."""
    config = WebConfig.read(str(web_file))
    holder = SnapshotHolder(snapshot(org_snapshot()))
    app = create_app(holder, CollectorRegistry(), ManualClock(NOW), passwords=config.passwords)
    with WebServer(app, LOOPBACK, 0, tls=config.tls) as server:
        yield server


def ask(
    server: WebServer, trusted: Certificate, path: str, login: str | None = None
) -> http.client.HTTPResponse:
    """One request over TLS, with user and password where there are some."""
    connection = http.client.HTTPSConnection(
        LOOPBACK, server.port, timeout=10, context=trusted.for_client()
    )
    headers = {"Authorization": f"Basic {b64encode(login.encode()).decode()}"} if login else {}
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer


@pytest.mark.parametrize("path", ["/", "/metrics", "/readyz", "/api/v1/status"])
def test_only_with_a_password(protected: WebServer, certificate: Certificate, path: str) -> None:
    """Everything that shows something wants one, and says so to a browser."""
    refused = ask(protected, certificate, path)

    assert refused.status == 401
    assert refused.headers["WWW-Authenticate"] == 'Basic realm="Timeout Monitor"'
    assert ask(protected, certificate, path, GOOD).status == 200
    assert ask(protected, certificate, path, GOOD).status == 200


@pytest.mark.parametrize(
    "login", ["prometheus:wrong", "prometheus:", "nobody:open sesame", ":", "p\N{SNOWMAN}:x" * 90]
)
def test_a_wrong_password(protected: WebServer, certificate: Certificate, login: str) -> None:
    """It is refused like none at all, also after a right one."""
    assert ask(protected, certificate, "/", GOOD).status == 200
    assert ask(protected, certificate, "/", login).status == 401


def test_many_who_guess_keep_nobody_waiting(certificate: Certificate) -> None:
    """Two are tried at a time, the others sent away; who knows it is answered, as is the probe."""
    slow = bcrypt.hashpw(b"never guessed", bcrypt.gensalt(12)).decode()
    passwords = Passwords({"prometheus": HASHED, "slow": slow})
    app = create_app(
        SnapshotHolder(snapshot(org_snapshot())),
        CollectorRegistry(),
        ManualClock(NOW),
        None,
        passwords,
    )
    with WebServer(app, LOOPBACK, 0, tls=certificate.for_server()) as server:
        assert ask(server, certificate, "/metrics", GOOD).status == 200
        with ThreadPoolExecutor(32) as guessers:
            guesses = [
                guessers.submit(ask, server, certificate, "/", f"slow:guess {one}")
                for one in range(32)
            ]
            known = [ask(server, certificate, "/metrics", GOOD).status for _ in range(5)]
            alive = ask(server, certificate, "/healthz").status
        answers = [guess.result() for guess in guesses]

    assert (known, alive) == ([200] * 5, 200)
    assert {answer.status for answer in answers} == {401, 429}
    assert {answer.headers["Retry-After"] for answer in answers if answer.status == 429} == {"1"}


def test_whether_it_is_alive_may_be_asked_by_anybody(
    protected: WebServer, certificate: Certificate
) -> None:
    """A container's health check seldom has a password."""
    assert ask(protected, certificate, "/healthz").status == 200


def test_a_certificate_that_is_renewed(
    protected: WebServer, certificate: Certificate, tmp_path: Path
) -> None:
    """The next connection gets the new one; half of a new one leaves the old."""
    assert ask(protected, certificate, "/healthz").status == 200
    good = certificate.cert_file.read_bytes()
    (tmp_path / "new").mkdir()
    new = make_certificate(tmp_path / "new")
    certificate.cert_file.write_bytes(good[: len(good) // 2])
    old = make_trusted(tmp_path, good)
    assert ask(protected, old, "/healthz").status == 200
    for source, target in (
        (new.cert_file, certificate.cert_file),
        (new.key_file, certificate.key_file),
    ):
        target.write_bytes(source.read_bytes())
        os.utime(target, (1, 1))

    assert ask(protected, new, "/healthz").status == 200


def make_trusted(folder: Path, cert: bytes) -> Certificate:
    """A certificate to trust, kept where nobody changes it."""
    kept = folder / "kept.pem"
    kept.write_bytes(cert)
    return Certificate(kept, kept)


def test_no_file_protects_nothing() -> None:
    """The default is plain HTTP for everybody."""
    assert WebConfig.read("") == WebConfig()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("- 1", "can't be used"),
        ("a: [", "is not YAML"),
        ("a: 2026-13-45", "is not YAML"),
        ("[" * 100_000, "is not YAML"),
        ("{a: " * 5_000, "is not YAML"),
        (f"a: {'9' * 5_000}", "is not YAML"),
        ("? [a]\n: b", "is not YAML"),
        ("a: !!timestamp x", "is not YAML"),
        ("basic_auth_users: {2026-01-02: 1}", "basic_auth_users"),
        ("tls_server_config: {cert_file: ., key_file: key.pem}", "is no file"),
        ('tls_server_config: {cert_file: "a\\0b", key_file: key.pem}', "can't be used"),
        ("tls_server_config: {cert_file: cert.pem}", "tls_server_config.key_file: Field required"),
        ("tls_server_config: {cert_file: none.pem, key_file: key.pem}", "No such file"),
        ("tls_server_config: {cert_file: cert.pem, key_file: cert.pem}", "can't be used"),
        (
            "tls_server_config: {cert_file: cert.pem, key_file: key.pem, client_auth_type: Any}",
            "client_auth_type: Extra inputs are not permitted",
        ),
        (
            "tls_server_config: {cert_file: cert.pem, key_file: key.pem, min_version: TLS10}",
            "tls_server_config.min_version",
        ),
        ("basic_auth_users: {someone: open sesame}", "what someone has is not a bcrypt hash"),
        ("http_server_config: {http2: true}", "http_server_config: Extra inputs"),
    ],
)
def test_files_that_can_not_be_used(
    certificate: Certificate, tmp_path: Path, text: str, sentence: str
) -> None:
    """What is not understood is refused in a sentence, and no password is repeated in it."""
    assert certificate.cert_file.exists()
    file = tmp_path / "web.yml"
    file.write_text(text)
    with pytest.raises(ConfigurationError) as refused:
        WebConfig.read(str(file))

    assert sentence in refused.value.message
    assert "sesame" not in refused.value.message
    assert refused.value.hint


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    """It is named."""
    with pytest.raises(ConfigurationError, match=r"web\.yml can't be read: No such file"):
        WebConfig.read(str(tmp_path / "web.yml"))


def test_a_user_of_another_name_has_no_password() -> None:
    """Not even the one that strangers are compared with."""
    passwords = Passwords({"prometheus": HASHED})

    assert passwords.allow("prometheus", "open sesame")
    assert not passwords.allow("prometheus ", "open sesame")
    assert not passwords.allow("nobody", "nobody knows")
