"""What an answer other than 2xx means: one error of the tree for each, with what to do about it."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

import msgspec

from monitor.errors import (
    AmbiguousWriteError,
    AuthenticationError,
    BadRequestError,
    ConflictError,
    GenesysError,
    NotFoundError,
    NotJsonError,
    PermissionDeniedError,
    RateLimitedError,
    RequestTimeoutError,
    ServerFaultError,
    TooMuchAskedError,
)
from monitor.genesys.client.decoding import decode_leniently
from monitor.genesys.client.endpoint import Endpoint
from monitor.genesys.client.rate_limiter import retry_after_seconds
from monitor.genesys.client.transport import READ_FIRST, Response
from monitor.redaction import SECRETS
from monitor.sanitize import sanitize

_LONGEST_WORDS = 300  # characters; a proxy's page is no message
_LONGEST_FORM = 100  # characters of a content type
_LONGEST_HOST = 253  # characters of a name in the name service
_Text = Annotated[str | None, msgspec.Meta(description="The platform may send null.")]


class _ErrorBody(msgspec.Struct, frozen=True):
    """The fields used of the platform's ErrorBody, and of an OAuth error (RFC 6749, 5.2)."""

    message: _Text = None
    code: _Text = None
    error: _Text = None
    error_description: _Text = None
    description: _Text = None


class ErrorDetail(msgspec.Struct, frozen=True):
    """What the platform said about a refusal.

    Attributes:
        code: Its error code; empty where it gave none.
        message: Its message; empty where it gave none.
    """

    code: str = ""
    message: str = ""

    def __str__(self) -> str:
        """Message and code in one phrase; empty where it said nothing."""
        if self.message and self.code:
            return f"{self.message} ({self.code})"
        return self.message or self.code


def error_detail(response: Response) -> ErrorDetail:
    """Return the platform's own code and message, cut to one short line."""
    try:
        body, _ = decode_leniently(response.body, _ErrorBody)
    except (msgspec.DecodeError, ValueError, RecursionError):
        return ErrorDetail()
    message = body.message or body.error_description or body.description or ""
    return ErrorDetail(
        # Before they are cut: half of a secret would no longer be known for one.
        code=sanitize(SECRETS.redact(body.code or body.error or ""), _LONGEST_WORDS),
        message=sanitize(" ".join(SECRETS.redact(message).split()).rstrip("."), _LONGEST_WORDS),
    )


def error_for(endpoint: Endpoint, response: Response, now: float) -> GenesysError | None:
    """Return the error that an answer stands for; None for 2xx.

    Args:
        endpoint: What was asked.
        response: What came back.
        now: Epoch seconds, for a ``Retry-After`` that is a date.
    """
    status = response.status
    if response.is_success:
        return None
    words = error_detail(response)
    said = f": {words}" if str(words) else ""
    label, correlation = endpoint.label, response.correlation_id
    if _is_from_intermediary(endpoint, status, words):
        form = sanitize(response.headers.get("Content-Type", "no content type"), _LONGEST_FORM)
        return NotJsonError(
            f"{label} was answered with status {status} and without the platform's words ({form})",
            "A proxy or gateway in between has answered; it is asked again at the next read. Where "
            "it stays so, check region, api_url and the proxy.",
            endpoint=label,
            status=status,
            correlation_id=correlation,
        )
    message, hint = _sentence(endpoint, response, said)
    if status == 429:  # noqa: PLR2004
        return RateLimitedError(
            message,
            hint,
            endpoint=label,
            status=status,
            correlation_id=correlation,
            retry_after_seconds=retry_after_seconds(response.headers, now) or 0.0,
        )
    kind = _kind(status)
    if not endpoint.repeatable and kind in _AMBIGUOUS:
        kind, message, hint = AmbiguousWriteError, f"{message}; the change may be made", READ_FIRST
    if issubclass(kind, BadRequestError):
        return kind(
            message,
            hint,
            endpoint=label,
            status=status,
            correlation_id=correlation,
            code=words.code,
            detail=words.message,
        )
    return kind(message, hint, endpoint=label, status=status, correlation_id=correlation)


_REFUSED = frozenset({403, 404, 410})
"""What says, in the platform's own words, that a permission or a resource is missing."""


def _is_from_intermediary(endpoint: Endpoint, status: int, words: ErrorDetail) -> bool:
    """Return whether a refusal of a read comes from something between here and the platform.

    Every refusal of the platform has a message or a code in JSON. One without says nothing of what
    the client may do: to take it for a missing permission were to stop asking. A write that was
    refused was not carried out, whatever refused it.
    """
    may_be = endpoint.repeatable and not endpoint.refuses_in_any_words
    return may_be and status in _REFUSED and not str(words)


OVERLOADED = frozenset({408, 504})
"""What the platform answers where it runs out of time, be it busy or the answer too large."""


def overloaded_error(endpoint: Endpoint, error: GenesysError) -> TooMuchAskedError:
    """Return the error for one of ``OVERLOADED`` that came again and again."""
    return TooMuchAskedError(
        error.message,
        "It is overloaded, or too much was asked at once: less is asked for from now on.",
        endpoint=endpoint.label,
        status=error.status,
        correlation_id=error.correlation_id,
    )


_KINDS: dict[int, type[GenesysError]] = {
    401: AuthenticationError,
    403: PermissionDeniedError,
    404: NotFoundError,
    408: RequestTimeoutError,
    409: ConflictError,
    410: NotFoundError,
    412: ConflictError,
    413: TooMuchAskedError,
}


_AMBIGUOUS = (RequestTimeoutError, ServerFaultError, NotJsonError)
"""What does not tell whether a write was carried out; any other refusal says that it was not."""


def _kind(status: int) -> type[GenesysError]:
    if status >= 500:  # noqa: PLR2004 - HTTP's own classes
        return ServerFaultError
    if status < 400:  # noqa: PLR2004
        return NotJsonError
    return _KINDS.get(status, BadRequestError)


def _sentence(endpoint: Endpoint, response: Response, said: str) -> tuple[str, str]:
    label, status = endpoint.label, response.status
    if status < 400:  # noqa: PLR2004 - HTTP's own classes
        target = _redirected_to(response.headers.get("Location", ""))
        return (
            f"{label} was answered by a redirect to {target}, which is not followed",
            "Set region, api_url and login_url to the platform's own hosts.",
        )
    if status >= 500:  # noqa: PLR2004
        return (
            f"The platform failed on {label} with status {status}{said}",
            "Nothing is wrong on this side; it is asked again at the next read.",
        )
    return _SENTENCES.get(status, _bad_request)(endpoint, status, said)


def _redirected_to(location: str) -> str:
    """Return the host that a ``Location`` leads to."""
    try:
        host = urlsplit(location).hostname
    except ValueError:
        host = None
    return sanitize(host, _LONGEST_HOST) if host else "nowhere"


def _bad_request(endpoint: Endpoint, status: int, said: str) -> tuple[str, str]:
    return (
        f"The platform refused {endpoint.label} with status {status}{said}",
        "The request does not fit this org's API; report it with the correlation id.",
    )


def _unauthorised(endpoint: Endpoint, _status: int, said: str) -> tuple[str, str]:
    return (
        f"The platform refused the token for {endpoint.label}{said}",
        "Check that the OAuth client is active and belongs to this org and region.",
    )


def _forbidden(endpoint: Endpoint, _status: int, said: str) -> tuple[str, str]:
    if not endpoint.permissions:
        return (
            f"The OAuth client may not use {endpoint.label}{said}",
            "Check the client's roles and divisions under Admin > Integrations > OAuth.",
        )
    first, *others = endpoint.permissions
    permissions = first + (f" (or {' or '.join(others)})" if others else "")
    return (
        f"The OAuth client may not use {endpoint.label}{said}",
        (
            f"Grant {permissions} to a role under Admin > Roles/Permissions, "
            "and that role to the client under Admin > Integrations > OAuth > Roles."
        ),
    )


def _not_found(endpoint: Endpoint, _status: int, said: str) -> tuple[str, str]:
    return (
        f"The platform does not know what {endpoint.label} asked for{said}",
        "Check the id, and that region or api_url is the one this org lives in.",
    )


def _timed_out(endpoint: Endpoint, _status: int, said: str) -> tuple[str, str]:
    return (
        f"The platform ran out of time on {endpoint.label}{said}",
        "It is overloaded, or too much was asked at once; it is asked again at the next read.",
    )


def _too_much(endpoint: Endpoint, _status: int, said: str) -> tuple[str, str]:
    return (
        f"The answer to {endpoint.label} would be too large for the platform{said}",
        "Less is asked for at once from now on.",
    )


def _conflict(endpoint: Endpoint, _status: int, said: str) -> tuple[str, str]:
    return (
        f"Somebody else wrote before {endpoint.label}{said}",
        "Read the current state and decide again.",
    )


def _rate_limited(endpoint: Endpoint, _status: int, said: str) -> tuple[str, str]:
    return (
        f"The platform wants fewer requests to {endpoint.label}{said}",
        "It is asked again by itself when the time is over; reading less often avoids this."
        if endpoint.repeatable
        else "Nothing was changed; try again when the time is over.",
    )


_SENTENCES = {
    401: _unauthorised,
    403: _forbidden,
    404: _not_found,
    408: _timed_out,
    409: _conflict,
    410: _not_found,
    412: _conflict,
    413: _too_much,
    429: _rate_limited,
}
