"""Open sockets of a session, so that a request in flight can be ended from another thread.

A daemon has to end within five seconds, and a request may wait thirty for its answer: shutting its
socket down wakes it at once.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit
from weakref import WeakSet

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool


class OpenSockets:
    """The sockets that are open now; safe to use from several threads."""

    def __init__(self) -> None:
        """Begin with none."""
        self._lock = threading.Lock()
        self._sockets: WeakSet[socket.socket] = WeakSet()

    def remember(self, opened: socket.socket) -> None:
        """Keep a socket for as long as somebody else uses it."""
        with self._lock:
            self._sockets.add(opened)

    def shut_down(self) -> None:
        """Wake whoever reads from or writes to one of them; each gets a connection error."""
        with self._lock:
            for opened in self._sockets:
                # It may have ended by itself in this very moment.
                with suppress(OSError):
                    opened.shutdown(socket.SHUT_RDWR)


class RememberingAdapter(HTTPAdapter):
    """An adapter whose connections, direct or through a proxy, are remembered."""

    def __init__(self, sockets: OpenSockets, connections: int) -> None:
        """Open no connection yet.

        Args:
            sockets: Told of each new socket.
            connections: The most that are kept open while nobody uses them.
        """
        self._pools = _pool_classes(sockets.remember)
        super().__init__(pool_connections=connections, pool_maxsize=connections)

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:  # type: ignore[override]  # noqa: ANN401 - the parent's
        """Send a request; to this machine itself without a proxy, which means another by it."""
        if _is_this_machine(request.url or ""):
            options["proxies"] = {}
        return super().send(request, **options)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - the parent's signature
        """Make the pools of direct connections."""
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = self._pools

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:  # noqa: ANN401 - the parent's signature
        """Make the pools of connections through a proxy."""
        manager = super().proxy_manager_for(proxy, **kwargs)
        manager.pool_classes_by_scheme = self._pools
        return manager


def _is_this_machine(url: str) -> bool:
    try:
        host = urlsplit(url).hostname or ""
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _pool_classes(
    remember: Callable[[socket.socket], None],
) -> dict[str, type[HTTPConnectionPool]]:
    class PlainConnection(HTTPConnection):
        def connect(self) -> None:
            super().connect()
            remember(self.sock)

    class TlsConnection(HTTPSConnection):
        def connect(self) -> None:
            super().connect()
            remember(self.sock)

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = PlainConnection

    class TlsPool(HTTPSConnectionPool):
        ConnectionCls = TlsConnection

    return {"http": PlainPool, "https": TlsPool}
