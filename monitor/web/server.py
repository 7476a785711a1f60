"""The web server: bound when it is made, so that a port in use is known before anything starts."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import socket
from concurrent.futures import ThreadPoolExecutor
from threading import Thread
from typing import TYPE_CHECKING, Self

from monitor.errors import ConfigurationError
from monitor.web.connections import ConnectionLimits, HttpServer

if TYPE_CHECKING:
    import ssl
    from types import TracebackType
    from wsgiref.types import WSGIApplication

_THREADS = 4
"""A scrape, a health check and two readers at a time; none of them waits for anything."""

_BACKLOG = 1024
"""Connections that nobody has taken yet. Beyond it the next one tries again a second later, which a
health check may not have."""

_FINISH_SECONDS = 1.0
"""How long requests in hand may take on close to be answered, and the answers to be sent."""


class WebServer:
    """Serves an application on one address, from its own threads."""

    def __init__(
        self,
        app: WSGIApplication,
        host: str,
        port: int,
        *,
        tls: ssl.SSLContext | None = None,
        limits: ConnectionLimits | None = None,
    ) -> None:
        """Take the address; requests wait until ``start``.

        Args:
            app: The application.
            host: Name or address to listen on.
            port: Port to listen on; 0 for any free one.
            tls: The certificate to show; None for plain HTTP.
            limits: What a client may take; the usual where None.

        Raises:
            ConfigurationError: The address can't be listened on: in use, not ours, not allowed.
        """
        # What clients do wrong is their business, and must not fill our log.
        logging.getLogger("tornado.general").setLevel(logging.ERROR)
        self._listening = _listen(host, port)
        self.port: int = self._listening.getsockname()[1]
        self._host = host
        self._app = app
        self._tls = tls
        self._limits = limits or ConnectionLimits.for_this_process()
        self._loop = asyncio.new_event_loop()
        self._closing = asyncio.Event()
        self._thread: Thread | None = None

    @property
    def address(self) -> str:
        """Where it is asked from this machine, as a URL."""
        # Whoever listens everywhere is reached, from here, on this machine.
        host = "127.0.0.1" if self._host in {"0.0.0.0", "::"} else self._host  # noqa: S104 - compared only
        host = f"[{host}]" if ":" in host else host
        return f"{'http' if self._tls is None else 'https'}://{host}:{self.port}"

    def start(self) -> None:
        """Begin to answer requests."""
        self._thread = Thread(target=self._run, name="web", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Let requests in hand finish for a moment, then let go of the address. May be repeated."""
        if self._thread is None:
            self._listening.close()
            self._loop.close()
        elif self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._closing.set)
            self._thread.join()

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

    def _run(self) -> None:
        """The thread of the loop."""
        try:
            self._loop.run_until_complete(self._serve())
        finally:
            self._loop.close()

    async def _serve(self) -> None:
        workers = ThreadPoolExecutor(_THREADS, thread_name_prefix="web")
        server = HttpServer(self._app, workers, self._limits, self._tls)
        server.add_socket(self._listening)
        try:
            await self._closing.wait()
            await server.finish(_FINISH_SECONDS)
        finally:
            workers.shutdown(wait=False, cancel_futures=True)


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
        listening.settimeout(0)  # the loop asks it only when there is somebody
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
