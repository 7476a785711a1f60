"""Serve a simulated org over real HTTP from a thread of its own."""

from __future__ import annotations

import errno
import socket
import threading
from typing import TYPE_CHECKING, Self

from waitress.server import create_server

from monitor.errors import ConfigurationError
from monitor.simulator.app import LARGEST_BODY, create_app

if TYPE_CHECKING:
    from types import TracebackType

    from waitress.server import BaseWSGIServer

    from monitor.simulator.org import SimulatedOrg

_MOST_CONNECTIONS = 1_000
_THREADS = 8
"""Enough for a few clients and some requests that are ordered to hang."""
_CLOSING_SECONDS = 5.0


class RunningSimulator:
    """A simulator that answers until it is closed; also a context manager.

    Attributes:
        org: What is behind it.
        host: Where it listens.
        port: The port it got.
    """

    def __init__(self, org: SimulatedOrg, server: BaseWSGIServer, closing: threading.Event) -> None:
        """Start answering."""
        self.org = org
        self.host: str = server.effective_host
        self.port = int(server.effective_port)
        self._server = server
        self._closing = closing
        self._thread = threading.Thread(target=server.run, name="simulator", daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """Base address of the API and of the login server alike, without a slash at its end."""
        return f"http://{self.host}:{self.port}"

    def wait(self, seconds: float | None = None) -> None:
        """Block until it is closed, or for so long."""
        self._closing.wait(seconds)

    def close(self) -> None:
        """Stop answering; a second call does nothing."""
        if self._closing.is_set():
            return
        self._closing.set()
        self._server.trigger.pull_trigger(self._hang_up)
        self._thread.join(_CLOSING_SECONDS)
        self._server.task_dispatcher.shutdown()
        self._server.trigger.close()

    def __enter__(self) -> Self:
        """Answer inside the block."""
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close."""
        self.close()

    def _hang_up(self) -> None:
        """Close the listening socket and every connection; runs in the loop's own thread.

        The loop ends when it has nothing left to watch. Its wake-up pipe is only taken out of its
        sight: a request that is just ending may still write to it, so it is closed last.
        """
        for channel in list(self._server.active_channels.values()):
            channel.close()
        self._server.asyncore.dispatcher.close(self._server)
        self._server.trigger.del_channel()


def serve(
    org: SimulatedOrg, host: str = "127.0.0.1", port: int = 0, *, scheme: str = "http"
) -> RunningSimulator:
    """Serve an org.

    Args:
        org: What is behind it.
        host: Where to listen.
        port: 0 for any free one.
        scheme: ``https`` where something in front of it ends TLS, so that it knows the address
            that its clients use, which is the audience of a signed login.

    Raises:
        ConfigurationError: The port is in use, or can't be listened on.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listening = socket.create_server((host, port), family=family)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            message = f"port {port} on {host} is in use"
            hint = "choose another port, or 0 for any free one"
        else:
            message = f"can't listen on {host}:{port}: {error.strerror or error}"
            hint = "choose an address of this machine and a port above 1023"
        raise ConfigurationError(message, hint) from error
    closing = threading.Event()
    server = create_server(
        create_app(org, closing),
        sockets=[listening],
        threads=_THREADS,
        # A fleet of daemons keeps a connection for each of its orgs.
        connection_limit=_MOST_CONNECTIONS,
        asyncore_use_poll=True,
        url_scheme=scheme,
        ident="simulated-genesys-cloud",
        clear_untrusted_proxy_headers=True,
        # The largest bodies stay in memory: waitress closes its files when it pleases.
        inbuf_overflow=2 * LARGEST_BODY,
        outbuf_overflow=2 * LARGEST_BODY,
    )
    return RunningSimulator(org, server, closing)
