"""Secrets and keys that are rotated while the program runs."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import jwt
import pytest
import structlog.testing
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from monitor.config import OrgSettings
from monitor.errors import AuthenticationError
from monitor.genesys import Client, connect
from monitor.genesys.api.organization import ORGANIZATION as PING
from monitor.genesys.client.auth import REFUSAL_REST_SECONDS
from tests.clocks import ManualClock
from tests.genesys.far_side import FarSide, Reply

TOKEN = "POST /oauth/token"  # noqa: S105 - a route
REFUSED = Reply(401, {"error": "invalid_client"})
ACCEPTED = Reply(body={"access_token": "new", "expires_in": 86400})
ANSWERED = Reply(body={"id": "org", "name": "Org"})

OpenClient = Callable[..., Client]


@pytest.fixture
def open_client(far_side: FarSide, clock: ManualClock) -> Iterator[OpenClient]:
    """A client of an org with such a credential."""
    far_side.on("GET /api/v2/organizations/me", ANSWERED)
    with ExitStack() as stack:

        def opened(**credential: str | Path) -> Client:
            org = OrgSettings.model_validate(
                {"name": "acme", "client_id": "id-1", "api_url": far_side.url, **credential}
            )
            client = connect(org, clock=clock)
            stack.callback(client.close)
            return client

        yield opened


def secrets_sent(far_side: FarSide) -> list[str]:
    """The secret of each login so far."""
    headers = [seen.headers["Authorization"] for seen in far_side.requests(TOKEN)]
    return [base64.b64decode(one.split()[1]).decode().partition(":")[2] for one in headers]


def test_a_rotated_secret_is_used_at_once(
    open_client: OpenClient, far_side: FarSide, tmp_path: Path
) -> None:
    """The refusal of the old one is not even seen, and the change is logged once."""
    file = tmp_path / "secret"
    file.write_text("old-one\n")
    client = open_client(client_secret_file=file)
    file.write_text("new-one\n")
    far_side.on(TOKEN, REFUSED, ACCEPTED)
    with structlog.testing.capture_logs() as logs:
        client.fetch(PING)
        client.fetch(PING)

    assert secrets_sent(far_side) == ["old-one", "new-one"]
    assert [entry["event"] for entry in logs] == ["credential_read_again"]
    assert "one" not in str([list(entry.values()) for entry in logs]).replace("None", "")


def test_a_secret_that_is_rotated_after_the_refusal(
    open_client: OpenClient, far_side: FarSide, clock: ManualClock, tmp_path: Path
) -> None:
    """The file is looked at once a refusal: again when the rest after the last one is over."""
    file = tmp_path / "secret"
    file.write_text("old-one")
    client = open_client(client_secret_file=file)
    far_side.on(TOKEN, REFUSED, REFUSED, ACCEPTED)
    for _ in range(3):
        with pytest.raises(AuthenticationError):
            client.fetch(PING)
    assert secrets_sent(far_side) == ["old-one"]
    file.write_text("new-one")
    with pytest.raises(AuthenticationError):
        client.fetch(PING)
    assert secrets_sent(far_side) == ["old-one"]
    clock.at += REFUSAL_REST_SECONDS
    client.fetch(PING)

    assert secrets_sent(far_side) == ["old-one", "old-one", "new-one"]


@pytest.mark.parametrize("content", [None, b"", b"\xff\xfe\xff"])
def test_a_file_in_the_middle_of_its_rotation(
    open_client: OpenClient, far_side: FarSide, clock: ManualClock, tmp_path: Path, content: bytes
) -> None:
    """A file that is gone, empty or no text leaves the refusal as it is, until it is whole."""
    file = tmp_path / "secret"
    file.write_text("old-one")
    client = open_client(client_secret_file=file)
    file.unlink()
    if content is not None:
        file.write_bytes(content)
    far_side.on(TOKEN, REFUSED, REFUSED, ACCEPTED)
    with pytest.raises(AuthenticationError, match="refused the credentials"):
        client.fetch(PING)
    file.write_text("new-one")
    clock.at += REFUSAL_REST_SECONDS
    client.fetch(PING)

    assert secrets_sent(far_side) == ["old-one", "old-one", "new-one"]


def test_a_secret_in_the_settings_is_refused_once(
    open_client: OpenClient, far_side: FarSide
) -> None:
    """There is nothing to read again, and the same secret is not tried twice."""
    client = open_client(client_secret="the-one")  # noqa: S106 - a test's
    far_side.on(TOKEN, REFUSED)
    with pytest.raises(AuthenticationError):
        client.fetch(PING)

    assert secrets_sent(far_side) == ["the-one"]


def pem(key: RSAPrivateKey) -> bytes:
    """A key as it is kept in a file."""
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def test_a_rotated_key_signs_the_next_login(
    open_client: OpenClient, far_side: FarSide, tmp_path: Path
) -> None:
    """The same holds for a private key in a file; half of a key changes nothing."""
    old, new = (rsa.generate_private_key(public_exponent=65_537, key_size=2_048) for _ in "12")
    file = tmp_path / "key.pem"
    file.write_bytes(pem(old))
    client = open_client(private_key_file=file)
    file.write_bytes(pem(new))
    far_side.on(TOKEN, REFUSED, ACCEPTED)
    client.fetch(PING)

    form = far_side.requests(TOKEN)[-1].body.decode()
    assertion = form.partition("assertion=")[2].partition("&")[0]
    claims = jwt.decode(
        assertion,
        new.public_key(),
        algorithms=["RS256"],
        # The test's clock is not the machine's.
        options={"verify_exp": False, "verify_iat": False, "verify_aud": False},
    )
    assert claims["iss"] == "id-1"
