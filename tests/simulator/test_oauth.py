"""Who gets a token, and what it is good for."""

from __future__ import annotations

from typing import Any

import jwt
import pytest
import requests
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.clocks import NOON, ManualClock
from tests.simulator.conftest import Simulate
from tests.simulator_client import SimulatorClient

CLIENT = "signing-client"


def _pair() -> tuple[str, str]:
    """A private key and its public half, as PEM."""
    key = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return private.decode(), public.decode()


PRIVATE, PUBLIC = _pair()
OTHER_PRIVATE, _ = _pair()


@pytest.fixture
def wire(simulate: Simulate) -> SimulatorClient:
    """An org that knows a client's public key."""
    started = simulate()
    started.org.register_public_key(CLIENT, PUBLIC)
    return started


def signed(
    wire: SimulatorClient, key: str = PRIVATE, algorithm: str = "RS256", **changed: object
) -> str:
    """An assertion that is right but for what was changed; None leaves a claim out."""
    claims: dict[str, Any] = {
        "iss": CLIENT,
        "sub": CLIENT,
        "aud": f"{wire.base}/oauth/token",
        "iat": NOON,
        "exp": NOON + 300,
        "jti": "first",
    }
    claims.update(changed)
    kept = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode(kept, key, algorithm=algorithm)


def test_a_secret_gives_a_bearer_token(wire: SimulatorClient) -> None:
    """The answer has the three fields of an OAuth token."""
    answer = wire.token("simulated-client", "simulated-secret").json()
    assert set(answer) == {"access_token", "token_type", "expires_in"}
    assert (answer["token_type"], answer["expires_in"]) == ("bearer", 86_400)


def test_a_wrong_secret_is_refused(wire: SimulatorClient) -> None:
    """401 in OAuth's words."""
    answer = wire.token("simulated-client", "guess")
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


def test_an_unknown_client_is_refused(wire: SimulatorClient) -> None:
    """400 in OAuth's words."""
    answer = wire.token("nobody", "simulated-secret")
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_client")


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"grant_type": "client_credentials"}, "invalid_request"),
    ],
)
def test_other_grants_are_refused(wire: SimulatorClient, form: dict[str, str], error: str) -> None:
    """A grant nobody offers, and credentials that do not come as Basic."""
    answer = requests.post(f"{wire.base}/oauth/token", data=form, timeout=10)
    assert (answer.status_code, answer.json()["error"]) == (400, error)


def test_a_signed_assertion_gives_a_token_that_works(wire: SimulatorClient) -> None:
    """The token opens the API under the client's own id."""
    token = wire.assert_signed(signed(wire)).json()["access_token"]
    answer = wire.call("GET", "/api/v2/tokens/me", headers={"Authorization": f"Bearer {token}"})
    assert answer.json()["OAuthClient"]["id"] == CLIENT


def test_an_assertion_is_good_once(wire: SimulatorClient) -> None:
    """A replay is refused."""
    assertion = signed(wire)
    assert wire.assert_signed(assertion).status_code == 200
    again = wire.assert_signed(assertion)
    assert again.status_code == 400
    assert "jti" in again.json()["error_description"]


@pytest.mark.parametrize(
    "changed",
    [
        {"aud": "https://login.elsewhere.example/oauth/token"},
        {"sub": "another"},
        {"exp": NOON - 60},
        {"exp": NOON + 7_200},
        {"exp": "soon"},
        {"iat": NOON + 600, "exp": NOON + 900},
        {"jti": None},
        {"exp": None},
        {"iss": "nobody", "sub": "nobody"},
    ],
    ids=str,
)
def test_an_assertion_with_a_wrong_claim_is_refused(
    wire: SimulatorClient, changed: dict[str, Any]
) -> None:
    """Issuer, subject, audience, dates and id are all checked."""
    assert wire.assert_signed(signed(wire, **changed)).status_code == 400


def test_an_assertion_signed_by_another_key_is_refused(wire: SimulatorClient) -> None:
    """The signature is verified against the registered key."""
    assert wire.assert_signed(signed(wire, OTHER_PRIVATE)).status_code == 400


def test_an_assertion_with_another_algorithm_is_refused(wire: SimulatorClient) -> None:
    """A shared secret can't stand in for a signature."""
    assertion = signed(wire, "s" * 40, "HS256")
    assert wire.assert_signed(assertion).status_code == 400


def test_something_that_is_no_assertion_is_refused(wire: SimulatorClient) -> None:
    """400, not a crash."""
    assert wire.assert_signed("three.odd.words").status_code == 400


@pytest.mark.parametrize("header", ["", "Bearer", "Basic abc", "Bearer made-up"])
def test_the_api_needs_a_token(wire: SimulatorClient, header: str) -> None:
    """401 with the platform's error body."""
    answer = wire.call("GET", "/api/v2/tokens/me", headers={"Authorization": header})
    body = answer.json()
    assert answer.status_code == body["status"] == 401
    assert body["contextId"] == answer.headers["ININ-Correlation-Id"]


def test_a_token_expires(simulate: Simulate, wall: ManualClock) -> None:
    """It lives as long as it says, by the machine's clock."""
    wire = simulate()
    wall.at += 86_399
    assert wire.get("/api/v2/tokens/me").status_code == 200
    wall.at += 1
    assert wire.get("/api/v2/tokens/me").status_code == 401


def test_revoked_tokens_are_refused(wire: SimulatorClient) -> None:
    """Forgetting all tokens sends every client back to the login."""
    wire.call("DELETE", "/simulator/tokens")
    assert wire.get("/api/v2/tokens/me").status_code == 401


def test_who_am_i_needs_no_permission(wire: SimulatorClient) -> None:
    """Both addresses answer a client that may do nothing."""
    wire.org.grant(())
    assert wire.get("/api/v2/tokens/me").json()["organization"]["id"] == wire.org.organization_id
    assert wire.get("/api/v2/organizations/me").json()["id"] == wire.org.organization_id
