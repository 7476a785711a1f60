"""The daemon with a certificate and passwords."""

from __future__ import annotations

from pathlib import Path

import bcrypt
import pytest
import requests
from structlog.testing import capture_logs

from monitor.errors import ConfigurationError
from tests.daemon.conftest import MakeDaemon
from tests.daemon.place import Place
from tests.web.certificates import make_certificate


def test_a_daemon_with_a_web_configuration(
    place: Place, make_daemon: MakeDaemon, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It names its address with https, shows its certificate and wants a password."""
    certificate = make_certificate(tmp_path)
    hashed = bcrypt.hashpw(b"open sesame", bcrypt.gensalt(4)).decode()
    file = tmp_path / "web.yml"
    file.write_text(
        "tls_server_config: {cert_file: cert.pem, key_file: key.pem}\n"
        f"basic_auth_users: {{prometheus: {hashed}}}\n"
    )
    monkeypatch.setenv("TIMEOUT_MONITOR__SERVE__WEB_CONFIG", str(file))
    daemon = make_daemon(place)
    daemon.start()
    trusted = str(certificate.cert_file)

    assert daemon.address.startswith("https://127.0.0.1:")
    metrics = f"{daemon.address}/metrics"
    assert requests.get(metrics, verify=trusted, timeout=10).status_code == 401
    login = ("prometheus", "open sesame")
    assert requests.get(metrics, verify=trusted, auth=login, timeout=10).status_code == 200


def test_a_web_configuration_that_can_not_be_used(
    place: Place, make_daemon: MakeDaemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The daemon does not begin to serve without the protection that was wished for."""
    monkeypatch.setenv("TIMEOUT_MONITOR__SERVE__WEB_CONFIG", "/nowhere/web.yml")

    with pytest.raises(ConfigurationError, match="can't be read"):
        make_daemon(place)


def _user(name: str, password: bytes) -> str:
    return f"{name}: {bcrypt.hashpw(password, bcrypt.gensalt(4)).decode()}"


def test_a_reload_reads_the_passwords_again(
    place: Place, make_daemon: MakeDaemon, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever was taken out of the file is let in no longer, also where they were known."""
    file = tmp_path / "web.yml"
    file.write_text(f"basic_auth_users: {{{_user('ann', b'one')}}}\n")
    monkeypatch.setenv("TIMEOUT_MONITOR__SERVE__WEB_CONFIG", str(file))
    daemon = make_daemon(place)
    daemon.start()
    metrics = f"{daemon.address}/metrics"
    assert requests.get(metrics, auth=("ann", "one"), timeout=10).status_code == 200

    file.write_text(f"basic_auth_users: {{{_user('bob', b'two')}}}\n")
    daemon.reload()

    assert requests.get(metrics, auth=("ann", "one"), timeout=10).status_code == 401
    assert requests.get(metrics, auth=("bob", "two"), timeout=10).status_code == 200


@pytest.mark.parametrize("content", ["basic_auth_users: {}\n", "basic_auth_users: {ann: x}\n"])
def test_a_reload_that_would_take_the_passwords_away_is_refused(
    place: Place,
    make_daemon: MakeDaemon,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    content: str,
) -> None:
    """A file that was cut or spoilt opens nothing; the old users stay."""
    file = tmp_path / "web.yml"
    file.write_text(f"basic_auth_users: {{{_user('ann', b'one')}}}\n")
    monkeypatch.setenv("TIMEOUT_MONITOR__SERVE__WEB_CONFIG", str(file))
    daemon = make_daemon(place)
    daemon.start()

    file.write_text(content)
    with capture_logs() as logs:
        daemon.reload()

    assert [line["event"] for line in logs if line["log_level"] == "error"] == ["reload_refused"]
    metrics = f"{daemon.address}/metrics"
    assert requests.get(metrics, timeout=10).status_code == 401
    assert requests.get(metrics, auth=("ann", "one"), timeout=10).status_code == 200
