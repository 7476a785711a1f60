"""Tokens: the route that gives them, how long one lives, and how much it may ask in a minute."""

from __future__ import annotations

import hmac
import secrets
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import jwt
from flask import Blueprint, request

from monitor.simulator.api_errors import too_many_requests, unauthorized
from monitor.simulator.responses import answer

if TYPE_CHECKING:
    from flask import Response

    from monitor.clock import Clock
    from monitor.simulator.org import SimulatedOrg

JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_MINUTE = 60.0
_CLOCK_SKEW_SECONDS = 30
_LONGEST_ASSERTION_SECONDS = 3_600


class GrantError(Exception):
    """The token endpoint said no; its body is OAuth's, not the platform's.

    Attributes:
        status: HTTP status.
        error: OAuth's code, for example ``invalid_client``.
        description: What is wrong.
    """

    def __init__(self, status: int, error: str, description: str) -> None:
        """Keep the parts."""
        super().__init__(description)
        self.status = status
        self.error = error
        self.description = description


@dataclass(slots=True)
class _IssuedToken:
    """A token, and what is left of its minute."""

    client_id: str
    expires_at: float
    window_start: float
    used: int = 0


@dataclass(frozen=True, slots=True)
class Usage:
    """What the rate headers say: ``inin-ratelimit-count``, ``-allowed`` and ``-reset``."""

    client_id: str
    count: int
    allowed: int
    reset_seconds: int


class TokenStore:
    """Issues tokens and counts what is asked with them. Thread-safe."""

    def __init__(
        self,
        wall: Clock,
        *,
        lifetime_seconds: int,
        requests_per_minute: int,
        says_how_long: bool = True,
    ) -> None:
        """Start without clients; times are the machine's, not the traffic's."""
        self._says_how_long = says_how_long
        self.lifetime_seconds = lifetime_seconds
        self.requests_per_minute = requests_per_minute
        self._wall = wall
        self._lock = threading.Lock()
        self._secrets: dict[str, str] = {}
        self._keys: dict[str, str] = {}
        self._tokens: dict[str, _IssuedToken] = {}
        self._spent: dict[str, float] = {}

    def register_secret(self, client_id: str, secret: str) -> None:
        """Let a client sign in with a secret."""
        self._secrets[client_id] = secret

    def register_public_key(self, client_id: str, pem: str) -> None:
        """Let a client sign in with assertions signed by the key's private half."""
        self._keys[client_id] = pem

    def by_secret(self, client_id: str, secret: str) -> str:
        """Return a token for client credentials.

        Raises:
            GrantError: Nobody of that name, or another secret.
        """
        known = self._secrets.get(client_id)
        if known is None:
            raise _invalid_client("client not found: invalid client_id")
        if not hmac.compare_digest(known.encode(), secret.encode()):
            raise _invalid_client("authentication failed", status=401)
        return self._issue(client_id)

    def by_assertion(self, assertion: str, audience: str) -> str:
        """Return a token for a signed assertion, which is good for one time only.

        Raises:
            GrantError: The signature, or any of iss, sub, aud, exp, iat and jti.
        """
        claims = self._verified(assertion, audience)
        client_id, name = claims["iss"], claims["jti"]
        issued, expires = _moment(claims, "iat"), _moment(claims, "exp")
        now = self._wall.now()
        if expires + _CLOCK_SKEW_SECONDS <= now:
            raise _invalid_grant("the assertion has expired (exp)")
        if issued - _CLOCK_SKEW_SECONDS > now:
            raise _invalid_grant("the assertion is not yet valid (iat)")
        if claims["sub"] != client_id:
            raise _invalid_grant("iss and sub must both be the client id")
        if expires - now > _LONGEST_ASSERTION_SECONDS:
            raise _invalid_grant("exp is too far in the future")
        with self._lock:
            self._spent = {old: until for old, until in self._spent.items() if until > now}
            if name in self._spent:
                raise _invalid_grant("the assertion was used before (jti)")
            self._spent[name] = expires + _CLOCK_SKEW_SECONDS
        return self._issue(client_id)

    def spend(self, token: str) -> Usage:
        """Count one request.

        Raises:
            ApiError: 401 for a token that is not valid, 429 when its minute is used up.
        """
        now = self._wall.now()
        with self._lock:
            held = self._tokens.get(token)
            if held is None or held.expires_at <= now:
                raise unauthorized()
            if now - held.window_start >= _MINUTE:
                held.window_start, held.used = now, 0
            held.used += 1
            reset = max(1, int(held.window_start + _MINUTE - now + 0.999))
            if held.used > self.requests_per_minute:
                raise too_many_requests(
                    reset if self._says_how_long else None, self.requests_per_minute
                )
            return Usage(held.client_id, held.used, self.requests_per_minute, reset)

    def revoke_all(self) -> None:
        """Forget every token: the next request with any of them is refused."""
        with self._lock:
            self._tokens.clear()

    def _issue(self, client_id: str) -> str:
        """Return a fresh token."""
        token = secrets.token_urlsafe(48)
        now = self._wall.now()
        with self._lock:
            self._tokens = {
                name: held for name, held in self._tokens.items() if held.expires_at > now
            }
            self._tokens[token] = _IssuedToken(client_id, now + self.lifetime_seconds, now)
        return token

    def _verified(self, assertion: str, audience: str) -> dict[str, Any]:
        """Return the claims of an assertion whose signature and dates hold."""
        try:
            client_id = jwt.decode(assertion, options={"verify_signature": False}).get("iss", "")
            if client_id not in self._keys:
                raise _invalid_client("client not found: no public key")
            claims: dict[str, Any] = jwt.decode(
                assertion,
                self._keys[client_id],
                algorithms=["RS256"],
                audience=audience,
                # Dates are judged below, by the same clock that tokens live by.
                options={
                    "require": ["iss", "sub", "aud", "exp", "iat", "jti"],
                    "verify_exp": False,
                    "verify_iat": False,
                },
            )
        except jwt.InvalidTokenError as error:
            raise _invalid_grant(f"assertion refused: {error}") from error
        return claims


def _moment(claims: dict[str, Any], name: str) -> float:
    """Return a claim that is a date; epoch seconds."""
    value = claims[name]
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise _invalid_grant(f"{name} must be a number of seconds")
    return float(value)


def _invalid_client(description: str, status: int = 400) -> GrantError:
    """400 or 401 as OAuth words it."""
    return GrantError(status, "invalid_client", description)


def _invalid_grant(description: str) -> GrantError:
    """400 as OAuth words it."""
    return GrantError(400, "invalid_grant", description)


def oauth_routes(org: SimulatedOrg) -> Blueprint:
    """Return the token endpoint."""
    routes = Blueprint("oauth", __name__)

    @routes.post("/oauth/token")
    def token() -> Response:
        seconds = org.tokens.lifetime_seconds
        return answer(
            {
                "access_token": _granted(org),
                "token_type": "bearer",
                "expires_in": str(seconds) if org.world.expires_in == "text" else seconds,
            },
            headers={"Cache-Control": "no-store"},
        )

    return routes


def _granted(org: SimulatedOrg) -> str:
    """Return a token for the grant that the form asks for."""
    grant = request.form.get("grant_type", "")
    if grant == "client_credentials":
        basic = request.authorization
        if basic is None or basic.type != "basic":
            raise GrantError(400, "invalid_request", "client credentials must come as Basic")
        return org.tokens.by_secret(basic.username or "", basic.password or "")
    if grant == JWT_BEARER:
        # The audience is the address that this very request came to.
        audience = f"{request.url_root}oauth/token"
        return org.tokens.by_assertion(request.form.get("assertion", ""), audience)
    raise GrantError(400, "unsupported_grant_type", f"grant_type '{grant}' is not supported")
