"""One tree of errors; each is a sentence, a hint and an exit code.

::

    TimeoutMonitorError                 1  anything below
    ├── ConfigurationError              2  settings, files or arguments that can't be used
    ├── LedgerError                     1  the state file is not ours, too new, or not writable
    │   ├── NoStateError                1  there is none, and the command makes none
    │   └── StateLostError              1  it went away, or another took its place, while in use
    ├── StaleDataError                  6  the newest data is too old to answer from
    ├── RefusedError                    3  a guard forbids the change
    ├── BusyError                       5  another program is changing timeouts of the org
    │   └── NotLeasedError              5  another program reads the org
    ├── WorkerLostError                 1  a process that diagnoses ended in the middle, twice
    ├── UnforeseenError                 1  a fault of this program's own, told by its place
    └── GenesysError                    1  the platform's answer (endpoint, status, correlation id)
        ├── AuthenticationError         4  the token or the credentials were refused (401)
        ├── PermissionDeniedError       4  a permission is missing (403)
        ├── NotFoundError               1  404
        ├── ConflictError               5  somebody else wrote first (409, 412)
        ├── EtagRewrittenError          5  nobody did, and the ETag is refused (412)
        ├── BadRequestError             1  the platform refused the request's content (400)
        │   └── TooMuchAskedError       6  the answer would be too large (413; 408 or 504 twice)
        ├── RateLimitedError            6  429, with the time until the endpoint opens again
        ├── ServerFaultError            6  5xx
        ├── RequestTimeoutError         6  no answer within the time limit (or a 408)
        ├── ConnectionFailedError       6  no connection
        ├── BudgetSpentError            6  one poll asks for no more: its time or requests are over
        ├── AmbiguousWriteError         6  a write may have been carried out, or not: read first
        ├── ReadBackError               1  what was read back is not what was written
        ├── NotJsonError                6  the answer is not JSON: hardly the platform
        └── WrongShapeError             1  JSON without the fields that were asked for
"""

from __future__ import annotations

import traceback
from pathlib import Path
from typing import ClassVar, Self

from monitor.redaction import SECRETS

_LONGEST_WORDS = 200
"""Characters of what an error outside the tree says of itself: it may quote a whole answer."""

_SOURCES = Path(__file__).parent


class TimeoutMonitorError(Exception):
    """Something a user can act on.

    Attributes:
        message: One sentence, without a full stop of its own, that says what is wrong.
        hint: One sentence that says what to do about it; may be empty.
        exit_code: What the command line exits with.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, hint: str = "") -> None:
        """Keep the sentence and the hint apart, so that each output can set them its own way.

        Neither holds a secret, whoever put it there: an error goes into logs, the state and pages.
        """
        self.message = SECRETS.redact(message)
        self.hint = SECRETS.redact(hint)
        super().__init__(self.message)


class ConfigurationError(TimeoutMonitorError):
    """Settings, files or arguments that can't be used."""

    exit_code = 2


class LedgerError(TimeoutMonitorError):
    """The state is not ours, was written by a newer program, or can't be written."""


class NoStateError(LedgerError):
    """There is no state where one is expected, and whoever looks for it may not make one."""


class StateLostError(LedgerError):
    """The state that was opened is not there any more, or another one has taken its place."""


class StaleDataError(TimeoutMonitorError):
    """The newest data is too old to answer from."""

    exit_code = 6


class RefusedError(TimeoutMonitorError):
    """A guard forbids the change; nothing was sent.

    Attributes:
        guard: The guard's name, for example ``cap``.
    """

    exit_code = 3

    def __init__(self, message: str, hint: str = "", *, guard: str = "") -> None:
        """Keep which guard spoke."""
        super().__init__(message, hint)
        self.guard = guard


class BusyError(TimeoutMonitorError):
    """Another program is changing timeouts of the org, or has taken over from this one."""

    exit_code = 5


class NotLeasedError(BusyError):
    """Another program reads the org: what was asked here is not written down."""


class WorkerLostError(TimeoutMonitorError):
    """What computes in another process was lost with it, and so was the next attempt."""


class UnforeseenError(TimeoutMonitorError):
    """A fault of this program's own: something was raised that is no error of the tree."""

    @classmethod
    def of(cls, error: BaseException) -> Self:
        """Return what is told of it: its kind, where it was raised, and its words, cut short."""
        words = SECRETS.redact(" ".join(str(error).split()))[:_LONGEST_WORDS]
        said = "".join(one if one.isprintable() else "\ufffd" for one in words)
        return cls(
            f"{type(error).__name__} was raised at {raised_at(error)}"
            + (f": {said}" if said else ""),
            "That is a fault of this program: report it with this line.",
        )


def raised_at(error: BaseException) -> str:
    """Return where an error was raised, as ``file:line``.

    Inside a library the last line of this program that led there comes first. No path tells where
    the program is installed.
    """
    places = [
        (Path(frame.f_code.co_filename), line)
        for frame, line in traceback.walk_tb(error.__traceback__)
    ]
    if not places:
        return "an unknown place"
    own = [place for place in places if place[0].is_relative_to(_SOURCES)]
    last = _place(*places[-1])
    return last if not own or own[-1] == places[-1] else f"{_place(*own[-1])} in {last}"


def _place(path: Path, line: int) -> str:
    is_own = path.is_relative_to(_SOURCES)
    shown = path.relative_to(_SOURCES.parent) if is_own else Path(*path.parts[-2:])
    return f"{shown.as_posix()}:{line}"


class GenesysError(TimeoutMonitorError):
    """An answer of the platform, or the lack of one.

    Attributes:
        endpoint: Method and path template, for example ``GET /api/v2/flows/{flowId}``.
        status: HTTP status, or None where no answer came.
        correlation_id: The platform's ``ININ-Correlation-Id``, empty where none came.
    """

    def __init__(
        self,
        message: str,
        hint: str = "",
        *,
        endpoint: str = "",
        status: int | None = None,
        correlation_id: str = "",
    ) -> None:
        """Keep what the platform's support will ask for."""
        super().__init__(message, hint)
        self.endpoint = endpoint
        self.status = status
        self.correlation_id = correlation_id


class AuthenticationError(GenesysError):
    """The token or the credentials were refused."""

    exit_code = 4


class PermissionDeniedError(GenesysError):
    """A permission is missing; the hint names it and where to grant it."""

    exit_code = 4


class NotFoundError(GenesysError):
    """The platform does not know this path or this id."""


class ConflictError(GenesysError):
    """Somebody else wrote first."""

    exit_code = 5


class EtagRewrittenError(GenesysError):
    """The platform refuses the ETag of a document that nobody has changed; nothing was written.

    A gateway in between gives ETags other than the platform's own, and does not turn them back.
    """

    exit_code = 5


class BadRequestError(GenesysError):
    """The platform refused the content of the request, in its own words.

    Attributes:
        code: The platform's error code, for example ``bad.request``.
        detail: The platform's own message.
    """

    def __init__(  # noqa: PLR0913 - the parent's keywords and two of its own
        self,
        message: str,
        hint: str = "",
        *,
        endpoint: str = "",
        status: int | None = None,
        correlation_id: str = "",
        code: str = "",
        detail: str = "",
    ) -> None:
        """Keep the platform's code and words for callers that react to them."""
        super().__init__(
            message, hint, endpoint=endpoint, status=status, correlation_id=correlation_id
        )
        self.code = SECRETS.redact(code)
        self.detail = SECRETS.redact(detail)


class TooMuchAskedError(BadRequestError):
    """The platform can't give so much in one answer: a 413, or a 408 or 504 again and again."""

    exit_code = 6


class RateLimitedError(GenesysError):
    """The platform wants fewer requests.

    Attributes:
        retry_after_seconds: Seconds until the endpoint may be asked again.
    """

    exit_code = 6

    def __init__(  # noqa: PLR0913 - the parent's keywords and one of its own
        self,
        message: str,
        hint: str = "",
        *,
        endpoint: str = "",
        status: int | None = None,
        correlation_id: str = "",
        retry_after_seconds: float = 0.0,
    ) -> None:
        """Keep how long to stay away."""
        super().__init__(
            message, hint, endpoint=endpoint, status=status, correlation_id=correlation_id
        )
        self.retry_after_seconds = retry_after_seconds


class ServerFaultError(GenesysError):
    """The platform failed (5xx)."""

    exit_code = 6


class RequestTimeoutError(GenesysError):
    """No answer within the time limit."""

    exit_code = 6


class ConnectionFailedError(GenesysError):
    """No connection to the platform."""

    exit_code = 6


class BudgetSpentError(GenesysError):
    """The time or the requests that one poll may take are used up; the rest is asked next time."""

    exit_code = 6


class AmbiguousWriteError(GenesysError):
    """A write was sent, and nothing tells whether it was carried out.

    The connection broke or time ran out after it was sent, or the answer was a 408, a 5xx or
    nothing that the platform would say. Whoever gets this reads before doing anything else; the
    write must not be repeated before that.
    """

    exit_code = 6


class ReadBackError(GenesysError):
    """A change was carried out, and what is there now is not what was written, or can't be read."""


class NotJsonError(GenesysError):
    """The answer is not JSON: a proxy or a wrong host rather than the platform."""

    exit_code = 6


class WrongShapeError(GenesysError):
    """The answer is JSON, without the fields that were asked for."""
