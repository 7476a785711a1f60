"""``POST /oauth/token``: client credentials, and assertions signed with a private key."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint, request

from monitor.simulator.responses import answer
from monitor.simulator.tokens import JWT_BEARER, GrantError

if TYPE_CHECKING:
    from flask import Response

    from monitor.simulator.org import SimulatedOrg


def oauth_routes(org: SimulatedOrg) -> Blueprint:
    """The token endpoint."""
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
    """A token for the grant that the form asks for."""
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
