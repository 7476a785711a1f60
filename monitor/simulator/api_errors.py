"""Requests that the simulated platform refuses, in the platform's own shape and words.

Body as in the SDK's ``ErrorBody``: message, code, status, messageParams, contextId, details,
errors and, for limits, limit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class ApiError(Exception):
    """An answer that is not 200.

    Attributes:
        status: HTTP status.
        code: The platform's code, for example ``bad.request``.
        message: The platform's sentence.
        headers: Further headers, for example ``Retry-After``.
        limit: The limit that was exceeded, as the platform names it; None where none was.
    """

    def __init__(  # noqa: PLR0913 - the parts of an error body
        self,
        status: int,
        code: str,
        message: str,
        *,
        params: Mapping[str, str] | None = None,
        details: Sequence[Mapping[str, str]] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Keep the parts; the correlation id is only known when it is answered."""
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.headers = dict(headers or {})
        self._params = dict(params or {})
        self._details = [dict(detail) for detail in details]
        self.limit: Mapping[str, object] | None = None

    def body(self, correlation_id: str) -> dict[str, object]:
        """Return the error body."""
        body: dict[str, object] = {
            "message": self.message,
            "code": self.code,
            "status": self.status,
            "messageParams": self._params,
            "contextId": correlation_id,
            "details": self._details,
            "errors": [],
        }
        if self.limit is not None:
            body["limit"] = self.limit
        return body


def bad_request(message: str, *, code: str = "bad.request") -> ApiError:
    """400: the content of the request."""
    return ApiError(400, code, message)


def not_found(what: str) -> ApiError:
    """404: a path or an id that is not there."""
    return ApiError(404, "not.found", f"The requested resource could not be found: {what}")


def unauthorized(message: str = "Invalid login credentials.") -> ApiError:
    """401: no token, or one that is not valid any more."""
    return ApiError(401, "bad.credentials", message)


def missing_permission(any_of: Sequence[str]) -> ApiError:
    """403: none of these permissions is granted."""
    wanted = ", ".join(any_of)
    return ApiError(
        403,
        "missing.any.permissions",
        "Unable to perform the requested action. You must have at least one of the following "
        f"permissions assigned: [{wanted}]",
        params={"permissions": wanted},
    )


def too_many_requests(retry_after_seconds: int | None, allowed: int) -> ApiError:
    """429: the token has used up its minute; it may say when the next one begins."""
    limit = {"key": "token.rate.per.minute", "namespace": "platform.api", "value": allowed}
    message = "Rate limit exceeded the maximum."
    if retry_after_seconds is None:
        refused = ApiError(429, "too.many.requests", message)
    else:
        refused = ApiError(
            429,
            "too.many.requests",
            f"{message} Retry the request in [{retry_after_seconds}] seconds",
            params={"retryAfter": str(retry_after_seconds)},
            headers={"Retry-After": str(retry_after_seconds)},
        )
    refused.limit = limit
    return refused
