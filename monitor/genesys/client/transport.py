"""One HTTP exchange: one deadline for all of it, no redirects, no cookies, every end of it counted.

Knows nothing of tokens, retries or what an answer means; it only tells an answer from none.
"""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from http.cookiejar import DefaultCookiePolicy
from typing import NoReturn, Protocol

import requests
import urllib3.exceptions
from requests.auth import AuthBase
from requests.structures import CaseInsensitiveDict

from monitor import __version__
from monitor.errors import (
    AmbiguousWriteError,
    ConnectionFailedError,
    RequestTimeoutError,
    TooMuchAskedError,
    raised_at,
)
from monitor.genesys.client.api_stats import ApiCounters
from monitor.genesys.client.connection_settings import (
    NEVER_SENT,
    environment_mistake,
    host_of,
    is_before_sending,
    unusable_host_error,
)
from monitor.genesys.client.connections import BoundAdapter
from monitor.genesys.client.content_encoding import (
    ACCEPT_ENCODING,
    MOST_BODY_BYTES,
    MOST_REFUSAL_BYTES,
    ContentDecoder,
    has_framed_end,
)
from monitor.genesys.client.exchange import Exchange, ExchangesInFlight
from monitor.sanitize import sanitize

CONNECT_TIMEOUT_SECONDS = 5.0
"""One address of a host is given no longer than that; another may answer."""

READ_TIMEOUT_SECONDS = 30.0
"""One exchange takes no longer, from the name's resolution to the last byte of the answer: the
platform itself gives up on a query sooner, and two such fit into a poll of a minute."""
READ_FIRST = "Read the current state before anything else."
"""What to do after a write of which it is not known whether it was carried out."""
USER_AGENT = f"genesys-timeout-monitor/{__version__}"
_CHUNK_BYTES = 65_536
_LONGEST_CORRELATION_ID = 100  # characters; the platform's are UUIDs
_CONNECTIONS = 4  # what one org's poll uses at the same time, and one to spare


@dataclass(frozen=True, slots=True)
class Request:
    """What is sent.

    Attributes:
        endpoint_label: Its name in metrics and errors.
        method: HTTP method.
        url: Address without its query.
        auth: Puts the credentials on; never shown.
        params: Query parameters.
        headers: Further headers.
        body: Raw body, if any.
        form: Form fields, if any; never shown.
        read_timeout_seconds: The most that all of the exchange may take: name, connection, proxy,
            TLS, sending, and reading to the end, whatever drips meanwhile.
        repeatable: Whether sending it twice does what sending it once does.
    """

    endpoint_label: str
    method: str
    url: str
    auth: AuthBase | None = field(default=None, repr=False)
    params: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    form: Mapping[str, str] | None = field(default=None, repr=False)
    read_timeout_seconds: float = READ_TIMEOUT_SECONDS
    repeatable: bool = True


@dataclass(frozen=True, slots=True)
class Response:
    """What came back, read to its end.

    Attributes:
        status: HTTP status.
        headers: Headers; names in any case.
        body: The body, decompressed.
        is_whole: Whether its end was seen: its length reached or its last chunk there, and where it
            was compressed, the end of that too. Without that proof an answer may have been cut on
            its way, which a text does not show.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    is_whole: bool = False

    @property
    def is_success(self) -> bool:
        """Whether the status is 2xx."""
        return self.status // 100 == 2  # noqa: PLR2004 - HTTP's own class

    @property
    def correlation_id(self) -> str:
        """The platform's id of this exchange, which its support asks for; empty where absent."""
        return sanitize(self.headers.get("ININ-Correlation-Id", ""), _LONGEST_CORRELATION_ID)


class BodyTooLargeError(Exception):
    """An answer goes on after all that is read of one; never leaves this folder."""


class Transport(Protocol):
    """Carries a request to the far side and brings its answer back."""

    def send(self, request: Request) -> Response:
        """Send once and read the whole answer, whatever its status.

        Raises:
            ConnectionFailedError: No connection, or it broke.
            RequestTimeoutError: No whole answer in time.
            TooMuchAskedError: The answer is too large to be read.
            AmbiguousWriteError: One of these, after a write may have arrived.
        """
        ...

    def close(self) -> None:
        """Send nothing more, end the requests in flight and let go of the connections."""
        ...


class HttpTransport:
    """A transport over one ``requests`` session, whose connections are kept open."""

    def __init__(self, counters: ApiCounters) -> None:
        """Open a session; proxies and certificate bundles come from the usual variables.

        Args:
            counters: Told how each request ended.
        """
        self._counters = counters
        session = _Session()
        session.headers.update(
            {
                "User-Agent": USER_AGENT,
                "Accept": "application/json",
                "Accept-Encoding": ACCEPT_ENCODING,
            }
        )
        # The API keeps its state in tokens; a load balancer's cookie would only tie us to one node.
        session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self._exchanges = ExchangesInFlight()
        self._closed = threading.Event()
        adapter = BoundAdapter(self._exchanges, _CONNECTIONS)
        session.mount("https://", adapter)
        session.mount("http://", adapter)
        self._session = session

    def send(self, request: Request) -> Response:
        """Send once and read the whole answer, whatever its status.

        Raises:
            ConfigurationError: The address, a proxy or a certificate bundle is none.
            ConnectionFailedError: No connection, or it broke.
            RequestTimeoutError: No whole answer in time.
            TooMuchAskedError: The answer is too large to be read.
            AmbiguousWriteError: One of these, after a write may have arrived.
        """
        if self._closed.is_set():
            raise ConnectionFailedError(
                f"{request.endpoint_label} was not sent because the program is ending",
                endpoint=request.endpoint_label,
            )
        exchange = Exchange(request.read_timeout_seconds)
        with self._exchanges.begin(exchange):
            try:
                response = self._asked(request, exchange)
            except Exception as error:
                if isinstance(error, NEVER_SENT) and not exchange.was_connected:
                    raise environment_mistake(request.url) or unusable_host_error(
                        request.url
                    ) from error
                self._fail(request, error, has_run_out=exchange.has_run_out)
        self._counters.count_request(request.endpoint_label, str(response.status))
        return response

    def close(self) -> None:
        """Send nothing more, end the requests in flight and let go of the connections."""
        self._closed.set()
        self._exchanges.cut_all()
        self._session.close()

    def _asked(self, request: Request, exchange: Exchange) -> Response:
        """Send, and read the answer to its end.

        Raises:
            requests.RequestException: There was none, or not all of it in time.
        """
        with self._session.request(
            request.method,
            request.url,
            params=dict(request.params),
            headers=dict(request.headers),
            data=request.form if request.form is not None else request.body,
            auth=request.auth or _no_credentials,
            timeout=(
                min(CONNECT_TIMEOUT_SECONDS, request.read_timeout_seconds),
                request.read_timeout_seconds,
            ),
            # A redirect could carry the token to another host; the caller refuses it instead.
            allow_redirects=False,
            stream=True,
        ) as raw_response:
            body, came = bytearray(), 0
            stream, decoder = raw_response.raw, ContentDecoder(raw_response.headers)
            is_success = raw_response.status_code // 100 == 2  # noqa: PLR2004 - HTTP's own class
            most = MOST_BODY_BYTES if is_success else MOST_REFUSAL_BYTES
            while max(came, len(body)) <= most and (
                chunk := stream.read1(_CHUNK_BYTES, decode_content=False)
            ):
                came += len(chunk)
                for piece in decoder.feed(chunk):
                    body += piece
                    if exchange.has_run_out:
                        raise requests.ReadTimeout(response=raw_response)
                    if len(body) > most:
                        break
            is_cut_off = max(came, len(body)) > most
            if is_cut_off and is_success:
                raise BodyTooLargeError
            if exchange.is_cut:
                # In the midst of its headers it looks like an empty answer.
                raise requests.ConnectionError(response=raw_response)
            return Response(
                raw_response.status_code,
                CaseInsensitiveDict(raw_response.headers),
                bytes(body[:most]),
                is_whole=not is_cut_off
                and (decoder.has_ended if decoder.is_encoded else has_framed_end(stream)),
            )

    def _fail(self, request: Request, error: Exception, *, has_run_out: bool) -> NoReturn:
        if (request.repeatable or is_before_sending(error)) and (
            mistake := environment_mistake(request.url)
        ):
            raise mistake from error
        host = host_of(request.url)
        has_timed_out = _is_read_timeout(error) or (has_run_out and _may_have_arrived(error))
        reason = _TOO_LONG if has_timed_out or has_run_out else _reason(error)
        how = "timeout" if has_timed_out else "connection"
        how = "too_large" if isinstance(error, BodyTooLargeError) else how
        self._counters.count_request(request.endpoint_label, how)
        if not request.repeatable and _may_have_arrived(error):
            raise AmbiguousWriteError(
                f"{request.endpoint_label} was sent to {host} and no answer came, so the change "
                f"may have been made: {reason}",
                READ_FIRST,
                endpoint=request.endpoint_label,
            ) from error
        if isinstance(error, BodyTooLargeError):
            raise TooMuchAskedError(
                f"The answer of {host} to {request.endpoint_label} is {reason}",
                "Less is asked for at once where that is possible; else report it.",
                endpoint=request.endpoint_label,
            ) from error
        if has_timed_out:
            raise RequestTimeoutError(
                f"{host} did not answer {request.endpoint_label} "
                f"within {request.read_timeout_seconds:.2g} s",
                "It is slow or overloaded; try again later.",
                endpoint=request.endpoint_label,
            ) from error
        raise ConnectionFailedError(
            f"No connection to {host}: {reason}",
            "Check region, api_url and login_url, the proxy variables and TLS certificates.",
            endpoint=request.endpoint_label,
        ) from error


class _Session(requests.Session):
    """A session that looks at no redirect: the caller refuses it.

    requests would read its whole body to find the next address, without any bound, and fail on a
    ``Location`` that is no URL.
    """

    def get_redirect_target(self, resp: requests.Response) -> None:  # noqa: ARG002 - the parent's signature
        """Return that there is none."""
        return


def _no_credentials(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Stand in for credentials, so that ``requests`` does not look for some in a .netrc file."""
    return request


def _chain(error: BaseException) -> list[BaseException]:
    """The error and what caused it, the way requests and urllib3 wrap: in args, reason or cause."""
    found: list[BaseException] = []
    waiting: list[object] = [error]
    while waiting:
        candidate = waiting.pop(0)
        if not isinstance(candidate, BaseException) or candidate in found:
            continue
        found.append(candidate)
        waiting += [getattr(candidate, "reason", None), *candidate.args]
        waiting += [candidate.__cause__, candidate.__context__]
    return found


def _is_read_timeout(error: Exception) -> bool:
    return any(
        isinstance(part, requests.ReadTimeout | urllib3.exceptions.ReadTimeoutError)
        for part in _chain(error)
    )


_NOT_SENT: tuple[type[BaseException], ...] = (
    requests.ConnectTimeout,
    ssl.SSLCertVerificationError,
    urllib3.exceptions.ConnectTimeoutError,
    urllib3.exceptions.NewConnectionError,
    urllib3.exceptions.ProxyError,
)
"""What can only happen before a request is sent. Other TLS errors can also come after it."""


def _may_have_arrived(error: Exception) -> bool:
    """Return whether the far side may have got the request; True wherever that can't be told."""
    return not any(isinstance(part, _NOT_SENT) for part in _chain(error))


_TOO_LONG = "it took too long"

# The first that is found anywhere in the chain: urllib3 wraps one in another.
_REASONS: tuple[tuple[type[BaseException], str], ...] = (
    (ssl.SSLError, "the TLS handshake failed"),
    (urllib3.exceptions.ProxyError, "the proxy refused or can't be reached"),
    (socket.gaierror, "the name does not resolve"),
    (ConnectionRefusedError, "the connection was refused"),
    (TimeoutError, _TOO_LONG),
)


def _reason(error: Exception) -> str:
    """Return why there is no connection, in words that hold no address, query or credential."""
    if isinstance(error, BodyTooLargeError):
        return f"larger than {MOST_BODY_BYTES >> 20} MiB, which nothing is read of"
    chain = _chain(error)
    for part in chain:
        if isinstance(part, ssl.SSLCertVerificationError):
            return f"its certificate is not trusted ({part.verify_message})"
    for kind, words in _REASONS:
        if any(isinstance(part, kind) for part in chain):
            return words
    system = next((part for part in chain if isinstance(part, OSError) and part.strerror), None)
    if system and system.strerror:
        return system.strerror.lower()
    foreseen = (requests.RequestException, urllib3.exceptions.HTTPError, OSError)
    if any(isinstance(part, foreseen) for part in chain):
        return "the connection broke"
    return f"its answer is not HTTP ({type(error).__name__} at {raised_at(error)})"


def skew_seconds(date: str | None, received_at: float) -> float | None:
    """Return how far the platform's clock is ahead of ours, to about a second.

    Args:
        date: An answer's header ``Date``; None where it had none.
        received_at: When the answer came, by our clock; epoch seconds.
    """
    if date is None:
        return None
    try:
        # The header is cut to whole seconds, half a second is its middle.
        return parsedate_to_datetime(date).timestamp() + 0.5 - received_at
    except (ValueError, OverflowError):
        return None
