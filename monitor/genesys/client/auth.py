"""Tokens: client credentials or a signed assertion, cached, and renewed once for all who wait.

Wire formats: RFC 6749 (4.4, client credentials) and RFC 7523 (2.1, jwt-bearer).
"""

from __future__ import annotations

import copy
import re
import threading
import uuid
from collections.abc import Callable
from typing import Protocol

import jwt
import msgspec
import requests
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from requests.auth import AuthBase, HTTPBasicAuth

from monitor.clock import Clock
from monitor.errors import (
    AuthenticationError,
    ConfigurationError,
    GenesysError,
    NotJsonError,
    TooMuchAskedError,
    WrongShapeError,
)
from monitor.genesys.client.budget import Deadline
from monitor.genesys.client.coercion import number
from monitor.genesys.client.decoding import decode_leniently
from monitor.genesys.client.endpoint import Endpoint
from monitor.genesys.client.errors import error_detail, error_for
from monitor.genesys.client.rate_limiter import RateLimiter
from monitor.genesys.client.transport import READ_TIMEOUT_SECONDS, Request, Response, Transport
from monitor.redaction import SECRETS

TOKEN = Endpoint("POST", "/oauth/token")
EARLY_SECONDS = 10.0
"""A token is renewed this long before it expires, so that none expires on its way."""

DEFAULT_LIFETIME_SECONDS = 300.0
"""Taken where the answer names no lifetime: the shortest that a client can be given."""

LONGEST_LIFETIME_SECONDS = 172_800.0
"""The longest that a client can be given: two days."""

_TOKEN_TEXT = re.compile(r"[\x21-\x7e]{1,16384}")

REFUSAL_REST_SECONDS = 30.0
"""How long refused credentials are not tried again: they don't mend themselves."""

ASSERTION_LIFETIME_SECONDS = 300
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_SMALLEST_KEY_BITS = 2048  # RFC 7518, 3.3, for RS256


class TokenProvider(Protocol):
    """Gives tokens."""

    def token(self, deadline: Deadline) -> str:
        """Return a token that is valid now, fetched within the deadline where there is none."""
        ...

    def invalidate(self, token: str) -> None:
        """Give this token out no more: the platform refused it."""
        ...


class Grant(Protocol):
    """A way to ask for a token."""

    token_url: str

    def form(self) -> dict[str, str]:
        """Return the form to post."""
        ...

    def credentials(self) -> AuthBase | None:
        """Return what goes into the Authorization header, if anything."""
        ...

    @property
    def hint(self) -> str:
        """What to check when the platform refuses it."""
        ...


class ClientCredentials:
    """The client-credentials grant: client id and secret by HTTP Basic."""

    hint = "Check client_id, the client secret and the region; the client must be active."

    def __init__(self, client_id: str, secret: str, token_url: str) -> None:
        """Keep what the platform gave for this client.

        Args:
            client_id: The OAuth client's id.
            secret: Its secret.
            token_url: Where tokens come from.
        """
        SECRETS.keep(secret)
        self.token_url = token_url
        self._client_id = client_id
        self._secret = secret

    def __repr__(self) -> str:
        """Return which client at which address; never the secret."""
        return f"ClientCredentials(client_id={self._client_id!r}, token_url={self.token_url!r})"

    def form(self) -> dict[str, str]:
        """Return the form to post."""
        return {"grant_type": "client_credentials"}

    def credentials(self) -> AuthBase:
        """Client id and secret as HTTP Basic, in UTF-8."""
        return HTTPBasicAuth(self._client_id.encode(), self._secret.encode())


class SignedJwt:
    """The jwt-bearer grant: an RS256 assertion, signed with the client's private key."""

    hint = (
        "Check that the private key belongs to client_id, that the region is right, "
        "and that this machine's clock is."
    )

    def __init__(
        self, client_id: str, private_key_pem: str, token_url: str, *, clock: Clock
    ) -> None:
        """Load the key.

        Args:
            client_id: The OAuth client's id; issuer and subject of the assertion.
            private_key_pem: An unencrypted RSA private key as PEM text.
            token_url: Where tokens come from; the audience of the assertion.
            clock: Time of issue and expiry.

        Raises:
            ConfigurationError: The key is not one, is encrypted, is not RSA, or is too short.
        """
        SECRETS.keep(private_key_pem)
        self.token_url = token_url
        self._client_id = client_id
        self._key = load_rsa_key(private_key_pem)
        self._clock = clock

    def __repr__(self) -> str:
        """Return which client at which address; never the key."""
        return f"SignedJwt(client_id={self._client_id!r}, token_url={self.token_url!r})"

    def form(self) -> dict[str, str]:
        """Return the form to post, with a fresh assertion: its ``jti`` is never used twice."""
        issued_at = int(self._clock.now())
        claims = {
            "iss": self._client_id,
            "sub": self._client_id,
            "aud": self.token_url,
            "iat": issued_at,
            "exp": issued_at + ASSERTION_LIFETIME_SECONDS,
            "jti": str(uuid.uuid4()),
        }
        assertion = jwt.encode(claims, self._key, algorithm="RS256")
        SECRETS.keep_for_now(assertion)  # a credential while it lives
        return {"grant_type": JWT_BEARER, "assertion": assertion}

    def credentials(self) -> None:
        """Nothing: the assertion says who asks."""


def load_rsa_key(pem: str) -> RSAPrivateKey:
    """Read an RSA private key from PEM text.

    Raises:
        ConfigurationError: It is not one, is encrypted, is not RSA, or is too short.
    """
    try:
        key = load_pem_private_key(pem.encode(), password=None)
    except TypeError as error:
        raise ConfigurationError(
            "The private key is encrypted",
            "Decrypt it first: openssl pkey -in encrypted.pem -out key.pem, readable by this user.",
        ) from error
    except (ValueError, UnsupportedAlgorithm) as error:
        what = "a public key" if "BEGIN PUBLIC KEY" in pem else "not a private key in PEM form"
        what = "a certificate" if "BEGIN CERTIFICATE" in pem else what
        raise ConfigurationError(
            f"The private key can't be used: it is {what}",
            "Give the whole PEM text of an RSA private key, from its BEGIN line to its END line.",
        ) from error
    if not isinstance(key, RSAPrivateKey):
        raise ConfigurationError(
            "The private key can't be used: it is not an RSA key",
            "RS256 needs RSA: openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048.",
        )
    if key.key_size < _SMALLEST_KEY_BITS:
        raise ConfigurationError(
            f"The private key can't be used: {key.key_size} bits are too short for RS256",
            f"Use an RSA key of at least {_SMALLEST_KEY_BITS} bits.",
        )
    return key


class BearerToken(AuthBase):
    """Puts a token on a request; as an auth object it wins over a .netrc file."""

    def __init__(self, token: str) -> None:
        """Keep the token."""
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Set the Authorization header."""
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


class _TokenResponse(msgspec.Struct, frozen=True):
    """A token as it came; the lifetime may be anything, and is read by ``lifetime_seconds``."""

    access_token: object
    expires_in: object = None


def lifetime_seconds(expires_in: object) -> float:
    """Return how long a token may be used, from whatever came as ``expires_in``.

    A number, or a text that holds one; anything else says nothing, and neither does a lifetime that
    is over before it begins. None is believed to be longer than the longest that can be set.
    """
    said = number(expires_in)
    if said is None or said <= 0:
        return DEFAULT_LIFETIME_SECONDS
    return min(float(said), LONGEST_LIFETIME_SECONDS)


class TokenCache:
    """Keeps one token and renews it before it expires; safe to use from several threads.

    Threads that need a token while one is being fetched wait for that one, and share its failure
    too. Refused credentials are not tried again for a while: each caller gets the same refusal.
    """

    def __init__(
        self,
        grant: Grant,
        transport: Transport,
        *,
        rate_limiter: RateLimiter,
        clock: Clock,
        reload: Callable[[], Grant | None] = lambda: None,
    ) -> None:
        """Begin without a token.

        Args:
            grant: How to ask for one.
            transport: What carries the request.
            rate_limiter: Keeps to the rate limits.
            clock: Measures how long a token is good, and how long a refusal rests.
            reload: Asked when the credentials are refused: the grant with what their file holds
                now; None where nothing has changed.
        """
        self._reload = reload
        self._grant = grant
        self._transport = transport
        self._clock = clock
        self._rate_limiter = rate_limiter
        self._lock = threading.Lock()
        self._token = ""
        self._renew_at = 0.0
        self._failures = 0
        self._failure: GenesysError | None = None
        self._refused_until = 0.0

    def token(self, deadline: Deadline) -> str:
        """Return a token that is valid now, fetched within the deadline where there is none.

        Args:
            deadline: The time that the caller has.

        Raises:
            AuthenticationError: The credentials were refused, now or a moment ago.
            GenesysError: The platform could not be asked, or its answer was no token.
        """
        failures_before = self._failures
        with self._lock:
            now = self._clock.monotonic()
            if self._token and now < self._renew_at:
                return self._token
            shared = self._failures != failures_before
            if self._failure is not None and (shared or now < self._refused_until):
                raise copy.copy(self._failure)
            try:
                self._log_in(deadline)
            except GenesysError as error:
                self._failures += 1
                self._failure = error
                refused = isinstance(error, AuthenticationError)
                self._refused_until = now + REFUSAL_REST_SECONDS if refused else 0.0
                raise
            self._failure = None
            return self._token

    def invalidate(self, token: str) -> None:
        """Give this token out no more; one that was renewed in the meantime is kept."""
        with self._lock:
            if self._token == token:
                self._token = ""

    def _log_in(self, deadline: Deadline) -> None:
        """Fetch a token; with what the credential file holds now where the old one is refused."""
        try:
            self._renew(deadline)
        except AuthenticationError:
            changed = self._reload()
            if changed is None:
                raise
            self._grant = changed
            self._renew(deadline)

    def _renew(self, deadline: Deadline) -> None:
        self._rate_limiter.acquire(TOKEN.label, deadline.at)
        form = self._grant.form()
        asked_at = self._clock.monotonic()
        response = self._send_form(
            Request(
                TOKEN.label,
                TOKEN.method,
                self._grant.token_url,
                auth=self._grant.credentials(),
                form=form,
                read_timeout_seconds=deadline.at_most(READ_TIMEOUT_SECONDS),
            )
        )
        self._refuse_unless_ok(response)
        try:
            decoded, _ = decode_leniently(response.body, _TokenResponse)
        except msgspec.ValidationError as error:
            raise WrongShapeError(
                f"The answer of {self._grant.token_url} is not a token: {error}",
                "Check login_url.",
                endpoint=TOKEN.label,
                status=response.status,
                correlation_id=response.correlation_id,
            ) from error
        except (msgspec.DecodeError, ValueError, RecursionError) as error:
            raise NotJsonError(
                f"The answer of {self._grant.token_url} is not JSON",
                "Check login_url and region; a proxy or a web page answered.",
                endpoint=TOKEN.label,
                status=response.status,
                correlation_id=response.correlation_id,
            ) from error
        token = decoded.access_token
        if not isinstance(token, str) or _TOKEN_TEXT.fullmatch(token) is None:
            # It is not kept, and not shown: a part of it may be a token all the same.
            raise WrongShapeError(
                f"The access_token that {self._grant.token_url} gave can't stand in a header",
                "Check login_url; a token is visible ASCII without spaces.",
                endpoint=TOKEN.label,
                status=response.status,
                correlation_id=response.correlation_id,
            )
        SECRETS.keep_for_now(token)
        lifetime = lifetime_seconds(decoded.expires_in)
        self._token = token
        self._renew_at = asked_at + max(lifetime - EARLY_SECONDS, lifetime / 2)

    def _send_form(self, request: Request) -> Response:
        try:
            return self._transport.send(request)
        except TooMuchAskedError as error:
            # Nothing was asked for that could be less.
            raise WrongShapeError(
                error.message, "Check login_url.", endpoint=TOKEN.label
            ) from error

    def _refuse_unless_ok(self, response: Response) -> None:
        error = error_for(TOKEN, response, self._clock.now())
        if error is None:
            return
        if response.status not in {400, 401, 403}:
            raise error
        said = str(error_detail(response))
        raise AuthenticationError(
            f"{self._grant.token_url} refused the credentials" + (f": {said}" if said else ""),
            self._grant.hint,
            endpoint=TOKEN.label,
            status=response.status,
            correlation_id=response.correlation_id,
        )
