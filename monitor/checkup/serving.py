"""Whether the daemon could serve where it is to, or serves there already."""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterator
from contextlib import closing

import requests
import urllib3

from monitor.checkup.findings import Finding, Level, failed
from monitor.config import ServeSettings
from monitor.errors import ConfigurationError
from monitor.web import WebConfig, exposure_of

_SUBJECT = "port"
_PROTECTION = "protection"
ANSWER_SECONDS = 5.0
"""Whoever asks for a check waits in front of it, and what has the port is on this machine."""


def port_finding(serve: ServeSettings) -> Finding:
    """Return whether the port is free, or a daemon of this program's has it."""
    place = f"{serve.host}:{serve.port}"
    try:
        _listen(serve.host, serve.port)
    except (OSError, UnicodeError) as error:
        if getattr(error, "errno", None) == errno.EADDRINUSE:
            if _is_ours(serve):
                return Finding(_SUBJECT, Level.OK, f"{place} is served by a daemon at work")
            return failed(
                _SUBJECT,
                ConfigurationError(
                    f"{place} is taken by another program",
                    "End it, or choose another [serve] port.",
                ),
            )
        why = getattr(error, "strerror", None) or str(error)
        return failed(
            _SUBJECT,
            ConfigurationError(
                f"Nothing can be served at {place}: {why}", "Check [serve] host and port."
            ),
        )
    free = "any port will do" if serve.port == 0 else "it is free"
    return Finding(_SUBJECT, Level.OK, f"{place}: {free}")


def exposure_findings(serve: ServeSettings) -> Iterator[Finding]:
    """Yield what is wrong with how the pages are protected, or that nothing protects them."""
    try:
        exposed = exposure_of(serve.host, WebConfig.read(serve.web_config))
    except ConfigurationError as error:
        yield failed(_PROTECTION, error)
        return
    if exposed is not None:
        yield Finding(_PROTECTION, Level.WARNING, exposed.what, exposed.hint)


def _listen(host: str, port: int) -> None:
    """Listen for a moment, and for nobody.

    Raises:
        OSError: That is not possible.
    """
    family, kind, number, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    with closing(socket.socket(family, kind, number)) as listener:
        # As the server does: a connection that has just ended does not hold the port.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(1)


def _is_ours(serve: ServeSettings) -> bool:
    """Whether what has the port answers /healthz as a daemon of this program's does."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(serve.host, serve.host)  # noqa: S104 - compared only
    host = f"[{host}]" if ":" in host else host
    schemes = ("https", "http") if serve.web_config else ("http",)
    return any(_answers_alive(f"{scheme}://{host}:{serve.port}/healthz") for scheme in schemes)


def _answers_alive(address: str) -> bool:
    with requests.Session() as session:
        # Itself is asked, not a proxy; and its certificate is made out to another name than this.
        session.trust_env = False
        session.verify = False
        urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
        try:
            answer = session.get(
                address,
                timeout=ANSWER_SECONDS,
                allow_redirects=False,
                stream=True,
            )
            with closing(answer):
                body = answer.raw.read(_LONGEST_ANSWER_BYTES, decode_content=True)
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError):
            return False
    return bool(answer.status_code == requests.codes.ok and body == _ALIVE)


_ALIVE = b'{"alive":true}'
_LONGEST_ANSWER_BYTES = 1024
