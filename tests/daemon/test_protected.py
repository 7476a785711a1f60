"""The daemon with a certificate and passwords."""

from __future__ import annotations

from pathlib import Path

import bcrypt
import pytest
import requests

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
