"""Tokens: both grants on the wire, the cache, and what a refusal says."""

from __future__ import annotations

import base64
import threading
import time
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from pydantic import SecretStr

from monitor.config import OrgSettings
from monitor.contract import Contract
from monitor.errors import (
    AuthenticationError,
    ConfigurationError,
    GenesysError,
    NotJsonError,
    RequestTimeoutError,
    ServerFaultError,
    WrongShapeError,
)
from monitor.genesys import Client, Endpoint, connect
from monitor.genesys.client.auth import ClientCredentials, SignedJwt, load_rsa_key
from tests.clocks import ManualClock
from tests.genesys.conftest import MakeClient
from tests.genesys.far_side import TOKEN, FarSide, Reply

PING = Endpoint("GET", "/ping")
PING_ONCE = Endpoint("GET", "/ping", repeatable=False)
PRIVATE_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


def pem_of(
    key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey,
    encryption: KeySerializationEncryption | None = None,
) -> str:
    """A private key as PEM text."""
    return key.private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, encryption or NoEncryption()
    ).decode()


@pytest.fixture
def far_side(far_side: FarSide) -> FarSide:
    """A platform with one endpoint that answers any token."""
    far_side.on("GET /ping", Reply(body={}))
    return far_side


def token_reply(expires_in: object) -> Reply:
    """A token with a lifetime."""
    return Reply(body={"access_token": "t", "expires_in": expires_in})


def test_client_credentials_go_by_basic(client: Client, far_side: FarSide) -> None:
    """The secret is in the Authorization header alone, the grant in the form."""
    client.fetch(PING)

    (seen,) = far_side.requests(TOKEN)
    assert seen.form == {"grant_type": "client_credentials"}
    assert seen.headers["Content-Type"] == "application/x-www-form-urlencoded"
    scheme, _, coded = seen.headers["Authorization"].partition(" ")
    assert (scheme, base64.b64decode(coded)) == ("Basic", b"id-1:secret-1")


def test_a_netrc_file_does_not_replace_credentials(
    client: Client, far_side: FarSide, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A password that somebody keeps for the host is neither sent nor preferred."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login other password wrong\n")
    monkeypatch.setenv("NETRC", str(netrc))

    client.fetch(PING)

    assert far_side.requests("GET /ping")[0].headers["Authorization"] == "Bearer token-1"


def test_a_signed_assertion_is_what_the_far_side_can_verify(
    make_client: MakeClient, far_side: FarSide, clock: ManualClock
) -> None:
    """Issuer, subject, audience, times and signature are those of the contract."""
    token_url = far_side.url + "/oauth/token"
    make_client(grant=SignedJwt("id-1", pem_of(PRIVATE_KEY), token_url, clock=clock)).fetch(PING)

    (seen,) = far_side.requests(TOKEN)
    assert "Authorization" not in seen.headers
    assert seen.form["grant_type"] == "urn:ietf:params:oauth:grant-type:jwt-bearer"
    claims = jwt.decode(
        seen.form["assertion"],
        PRIVATE_KEY.public_key(),
        algorithms=["RS256"],
        audience=token_url,
        options={"verify_exp": False, "verify_iat": False},
    )
    assert claims.pop("jti")
    assert claims == {
        "iss": "id-1",
        "sub": "id-1",
        "aud": token_url,
        "iat": int(clock.now()),
        "exp": int(clock.now()) + 300,
    }


def test_no_assertion_is_used_twice(clock: ManualClock) -> None:
    """Each has its own id, even within one second."""
    grant = SignedJwt("id-1", pem_of(PRIVATE_KEY), "https://login.x/oauth/token", clock=clock)

    assert grant.form()["assertion"] != grant.form()["assertion"]


def test_a_private_key_in_the_settings_is_used(far_side: FarSide) -> None:
    """An org with a key signs; no secret is asked for."""
    org = OrgSettings(
        name="x",
        client_id="id-1",
        private_key=SecretStr(pem_of(PRIVATE_KEY)),
        api_url=far_side.url,
        contract=Contract.FLOW,
    )

    client = connect(org)
    client.fetch(PING)
    client.close()

    assert "assertion" in far_side.requests(TOKEN)[0].form


@pytest.mark.parametrize(
    ("pem", "what"),
    [
        ("hello", "not a private key in PEM form"),
        (pem_of(PRIVATE_KEY)[:200], "not a private key in PEM form"),
        (
            PRIVATE_KEY.public_key()
            .public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
            .decode(),
            "a public key",
        ),
        ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "a certificate"),
        (pem_of(ec.generate_private_key(ec.SECP256R1())), "not an RSA key"),
        (
            pem_of(rsa.generate_private_key(65537, 1024)),  # noqa: S505 - weak on purpose
            "1024 bits are too short",
        ),
        (pem_of(PRIVATE_KEY, BestAvailableEncryption(b"x")), "encrypted"),
    ],
    ids=["text", "cut", "public", "certificate", "elliptic", "short", "encrypted"],
)
def test_a_key_that_can_not_sign_is_refused_before_it_is_used(pem: str, what: str) -> None:
    """The message says what is wrong with it, the hint what to do, and neither shows the key."""
    with pytest.raises(ConfigurationError, match=what) as caught:
        load_rsa_key(pem)

    assert caught.value.hint
    assert pem not in caught.value.message + caught.value.hint


def test_credentials_do_not_show(clock: ManualClock) -> None:
    """A grant can be printed without giving its secret or key away."""
    pem = pem_of(PRIVATE_KEY)
    shown = repr(ClientCredentials("id-1", "secret-1", "u")) + repr(
        SignedJwt("id-1", pem, "u", clock=clock)
    )

    assert "id-1" in shown
    assert "secret-1" not in shown
    assert "PRIVATE" not in shown


@pytest.mark.parametrize(
    ("expires_in", "kept_seconds"),
    [
        *[(100, 90), (20, 10), (15, 7.5), (4, 2), (None, 290)],
        *[("100", 90), ("100.0", 90), (100.0, 90), (" 100 ", 90)],
        *[(0, 290), (-5, 290), ("-5", 290), ("", 290), ("soon", 290), ("NaN", 290), ([], 290)],
        *[({"seconds": 5}, 290), (True, 290), (10**30, 172_790), ("1e30", 172_790)],
    ],
)
def test_a_token_is_kept_until_shortly_before_it_expires(
    client: Client,
    far_side: FarSide,
    clock: ManualClock,
    expires_in: object,
    kept_seconds: float,
) -> None:
    """Ten seconds early, or at half its life; after 290 s where none is named that makes sense.

    However it is written; and none is believed to live longer than two days.
    """
    far_side.on(TOKEN, token_reply(expires_in))
    client.fetch(PING)

    clock.at += kept_seconds - 0.1
    client.fetch(PING)
    assert len(far_side.requests(TOKEN)) == 1

    clock.at += 0.2
    client.fetch(PING)
    assert len(far_side.requests(TOKEN)) == 2


@pytest.mark.parametrize(
    "token",
    [
        "t\n",
        "t\r\nX-Other: 1",
        "t\0",
        "tök",
        "a b",
        " ",
        "",
        "t\ud83c",
        "x" * 20_000,
        None,
        ["t"],
    ],
)
def test_a_token_that_can_not_stand_in_a_header_is_not_kept(
    client: Client, far_side: FarSide, token: object
) -> None:
    """It is refused in our own words without being shown, and the next request asks anew."""
    bad = Reply(body={"access_token": token, "expires_in": 100})
    far_side.on(TOKEN, bad, Reply(body={"access_token": "good", "expires_in": 100}))

    with pytest.raises(WrongShapeError) as refused:
        client.fetch(PING)

    words = refused.value.message + refused.value.hint
    assert "X-Other" not in words
    assert not far_side.requests("GET /ping")
    client.fetch(PING)
    (seen,) = far_side.requests("GET /ping")
    assert seen.headers["Authorization"] == "Bearer good"


@pytest.mark.parametrize(
    "body",
    [
        b'{"access_token": "t", "expires_in": NaN}',
        b'{"access_token": "t", "expires_in": Infinity}',
        b'{"access_token": "t", "expires_in": 1e400}',
        b'{"access_token": "t", "more": "\xff \\ud83c"}',
        b'{"access_token": "t", "more": ' + b"[" * 50_000 + b"]" * 50_000 + b"}",
    ],
)
def test_what_stands_beside_a_token_does_not_spoil_it(
    client: Client, far_side: FarSide, body: bytes
) -> None:
    """A lifetime that JSON has no word for, broken characters, nesting without end."""
    far_side.on(TOKEN, Reply(body=body))
    client.fetch(PING)
    (seen,) = far_side.requests("GET /ping")
    assert seen.headers["Authorization"] == "Bearer t"


def test_many_threads_share_one_token(client: Client, far_side: FarSide) -> None:
    """Callers that begin at the same time wait for one renewal."""
    threads = [threading.Thread(target=client.fetch, args=(PING,)) for _ in range(5)]

    def slow_token(handler: BaseHTTPRequestHandler) -> None:
        time.sleep(0.05)
        body = b'{"access_token": "t", "expires_in": 100}'
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    far_side.on(TOKEN, slow_token)
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(far_side.requests("GET /ping")) == 5
    assert len(far_side.requests(TOKEN)) == 1


def test_many_threads_share_one_failed_renewal(client: Client, far_side: FarSide) -> None:
    """A token service in trouble is not asked once for each caller that waits."""
    errors: list[GenesysError] = []
    waiting = threading.Barrier(4)

    def ask() -> None:
        waiting.wait()
        try:
            client.fetch(PING_ONCE)
        except GenesysError as error:
            errors.append(error)

    def slow_fault(handler: BaseHTTPRequestHandler) -> None:
        time.sleep(0.2)
        handler.send_response(503)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    far_side.on(TOKEN, slow_fault)
    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [type(error) for error in errors] == [ServerFaultError] * 4
    assert len({id(error) for error in errors}) == 4
    assert len(far_side.requests(TOKEN)) == 1


@pytest.mark.parametrize("status", [400, 401, 403])
def test_refused_credentials_are_an_authentication_error(
    client: Client, far_side: FarSide, status: int
) -> None:
    """In the platform's words, with what to check; never with the secret, even when echoed."""
    far_side.on(
        TOKEN,
        Reply(
            status,
            {"error": "invalid_client", "error_description": "client not found: id-1:secret-1"},
        ),
    )

    with pytest.raises(AuthenticationError) as caught:
        client.fetch(PING)

    error = caught.value
    assert "client not found: id-1:*** (invalid_client)" in error.message
    assert "secret-1" not in repr(error) + error.hint
    assert "client_id" in error.hint
    assert (error.endpoint, error.status, error.correlation_id) == (TOKEN, status, "corr-1")


def test_a_refused_assertion_hints_at_key_and_clock(
    make_client: MakeClient, far_side: FarSide, clock: ManualClock
) -> None:
    """A wrong clock is the least obvious reason, so it is named."""
    far_side.on(TOKEN, Reply(400, {"error": "invalid_grant"}))
    grant = SignedJwt("id-1", pem_of(PRIVATE_KEY), far_side.url + "/oauth/token", clock=clock)

    with pytest.raises(AuthenticationError, match="invalid_grant") as caught:
        make_client(grant=grant).fetch(PING)

    assert "clock" in caught.value.hint


def test_refused_credentials_are_left_alone_for_a_while(
    client: Client, far_side: FarSide, clock: ManualClock
) -> None:
    """They don't mend themselves; asking in a loop could get the client locked out."""
    far_side.on(TOKEN, Reply(401, {}), token_reply(100))
    for _ in range(5):
        with pytest.raises(AuthenticationError):
            client.fetch(PING)
    assert len(far_side.requests(TOKEN)) == 1

    clock.at += 31
    client.fetch(PING)

    assert len(far_side.requests(TOKEN)) == 2


@pytest.mark.parametrize(("ahead", "later"), [(2 * 3600, 0), (0, -2 * 3600), (0, 3600)])
def test_a_clock_that_is_set_blocks_no_login(
    client: Client, far_side: FarSide, clock: ManualClock, ahead: float, later: float
) -> None:
    """Refused for a clock that was wrong, perhaps: half a minute later it is tried again."""
    far_side.on(TOKEN, Reply(401, {}), token_reply(100))
    clock.ahead = ahead
    for _ in range(2):
        with pytest.raises(AuthenticationError):
            client.fetch(PING)
    clock.ahead = later
    with pytest.raises(AuthenticationError):
        client.fetch(PING)
    assert len(far_side.requests(TOKEN)) == 1

    clock.at += 31
    client.fetch(PING)

    assert len(far_side.requests(TOKEN)) == 2


def test_a_clock_that_is_set_back_keeps_no_token_beyond_its_time(
    client: Client, far_side: FarSide, clock: ManualClock
) -> None:
    """It is renewed when it has been used for so long, whatever the clock shows then."""
    far_side.on(TOKEN, token_reply(100))
    client.fetch(PING)
    clock.ahead = -3600
    client.fetch(PING)
    assert len(far_side.requests(TOKEN)) == 1
    clock.at += 91
    client.fetch(PING)

    assert len(far_side.requests(TOKEN)) == 2


def test_a_token_service_in_trouble_is_asked_again(client: Client, far_side: FarSide) -> None:
    """A fault of the token service is repeated like one of the API, within the deadline."""
    far_side.on(TOKEN, Reply(503), token_reply(100))

    client.fetch(PING)

    assert client.stats().requests[TOKEN, "503"] == 1


def test_a_web_page_is_no_token(client: Client, far_side: FarSide) -> None:
    """A wrong login_url is told so."""
    far_side.on(TOKEN, Reply(200, b"<html>"))

    with pytest.raises(NotJsonError, match="not JSON") as caught:
        client.fetch(PING)

    assert "login_url" in caught.value.hint


@pytest.mark.parametrize("body", [{}, {"access_token": ""}, {"access_token": 5}])
def test_an_answer_without_a_token_is_a_wrong_shape(
    client: Client, far_side: FarSide, body: object
) -> None:
    """JSON is not enough: there must be a token in it."""
    far_side.on(TOKEN, Reply(200, body))

    with pytest.raises(WrongShapeError, match="access_token"):
        client.fetch(PING)


def test_a_silent_token_service_does_not_outlast_the_deadline(
    make_client: MakeClient, far_side: FarSide
) -> None:
    """Waiting for a token is part of the call's time."""

    def silence(handler: BaseHTTPRequestHandler) -> None:
        handler.connection.settimeout(5)
        handler.rfile.read(1)
        handler.close_connection = True

    far_side.on(TOKEN, silence)

    began = time.monotonic()
    with pytest.raises(RequestTimeoutError):
        make_client(deadline_seconds=0.2).fetch(PING)

    assert time.monotonic() - began < 5
