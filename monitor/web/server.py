"""The WSGI server: bound when it is made, so that a port in use is known before anything starts."""

from __future__ import annotations

import errno
import os
import socket
import time
from threading import Event, Thread
from typing import TYPE_CHECKING, Any, Self

from waitress import create_server, wasyncore

from monitor.errors import ConfigurationError

if TYPE_CHECKING:
    from types import TracebackType
    from wsgiref.types import WSGIApplication

_THREADS = 4
"""A scrape, a health check and two readers at a time; none of them waits for anything."""

_BACKLOG = 128
_FINISH_SECONDS = 1.0
"""How long requests in hand may take to finish on close, and then how long to be sent."""

_LARGEST_ANSWER_BYTES = 64 * 1024 * 1024
"""Answers wait in memory for slow clients; beyond this in a temporary file. A scrape of a large org
is several megabytes, and a hardened container may have nowhere to write."""

_LARGEST_BODY_BYTES = 16 * 1024
"""No request of ours has a body; one that is sent nevertheless is refused before it costs."""

_WAIT_SECONDS = 1.0
"""How long the loop sleeps at most; idle connections are looked after this often."""

_DRAIN_SECONDS = 0.05


class WebServer:
    """Serves an application on one address, from its own threads."""

    def __init__(self, app: WSGIApplication, host: str, port: int) -> None:
        """Take the address; requests wait until ``start``.

        Args:
            app: The application.
            host: Name or address to listen on.
            port: Port to listen on; 0 for any free one.

        Raises:
            ConfigurationError: The address can't be listened on: in use, not ours, not allowed.
        """
        listening = _listen(host, port)
        self.port: int = listening.getsockname()[1]
        self._sockets: dict[int, Any] = {}
        self._server = create_server(
            app,
            map=self._sockets,
            sockets=[listening],
            threads=_THREADS,
            backlog=_BACKLOG,
            ident="timeout-monitor",
            outbuf_overflow=_LARGEST_ANSWER_BYTES,
            max_request_body_size=_LARGEST_BODY_BYTES,
        )
        self._thread: Thread | None = None
        self._closing = Event()

    def start(self) -> None:
        """Begin to answer requests."""
        self._thread = Thread(target=self._serve, name="web", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Let requests in hand finish for a moment, then let go of the address. May be repeated."""
        self._server.task_dispatcher.shutdown(timeout=_FINISH_SECONDS)
        self._closing.set()
        if self._thread is not None and self._thread.is_alive():
            self._server.pull_trigger()
            self._thread.join()
        # Only now: the loop may end before the trigger has been pulled, which must be open then.
        wasyncore.close_all(self._sockets)

    def __enter__(self) -> Self:
        """Serve while the block runs."""
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close."""
        self.close()

    def _serve(self) -> None:
        """The loop over the sockets; while it runs, no other thread touches them."""
        while not self._closing.is_set():
            wasyncore.loop(timeout=_WAIT_SECONDS, use_poll=True, map=self._sockets, count=1)
        wasyncore.dispatcher.close(self._server)
        # What has been answered is sent; connections without anything to send close at once.
        last_moment = time.monotonic() + _FINISH_SECONDS
        while self._server.active_channels and time.monotonic() < last_moment:
            for channel in list(self._server.active_channels.values()):
                channel.close_when_flushed = True
            wasyncore.loop(timeout=_DRAIN_SECONDS, use_poll=True, map=self._sockets, count=1)


def _listen(host: str, port: int) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except (OSError, UnicodeError) as error:
        raise ConfigurationError(
            f"The host {host} to listen on can't be resolved",
            "Set [serve] host to an address of this machine, such as 127.0.0.1.",
        ) from error
    listening = socket.socket(family, kind, protocol)
    try:
        if os.name == "posix":
            # A restart must not wait for connections of the last run to time out. Elsewhere the
            # option would let two programs listen at once.
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(_BACKLOG)
    except OSError as error:
        listening.close()
        raise _refusal(error, host, port) from error
    return listening


def _refusal(error: OSError, host: str, port: int) -> ConfigurationError:
    match error.errno:
        case errno.EADDRINUSE:
            return ConfigurationError(
                f"Port {port} on {host} is in use by another program",
                "End that program, or set [serve] port (or --port) to another one.",
            )
        case errno.EACCES:
            return ConfigurationError(
                f"Listening on port {port} is not allowed for this user",
                "Set [serve] port (or --port) to 1024 or more.",
            )
        case errno.EADDRNOTAVAIL:
            return ConfigurationError(
                f"The address {host} does not belong to this machine",
                "Set [serve] host to an address of this machine, such as 127.0.0.1.",
            )
        case _:
            return ConfigurationError(
                f"Port {port} on {host} can't be listened on: {error.strerror}",
                "Check [serve] host and port.",
            )
