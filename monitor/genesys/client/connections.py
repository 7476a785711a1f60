"""Connections that know the exchange they serve: its deadline bounds each of their steps."""

from __future__ import annotations

import http.client
import socket
from ipaddress import ip_address
from typing import Any, Final
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import (
    ConnectTimeoutError,
    LocationParseError,
    NameResolutionError,
    NewConnectionError,
    ProxyError,
)

from monitor.genesys.client.exchange import Address, Exchange, ExchangesInFlight, resolve

MOST_INTERIM_ANSWERS: Final = 100
"""1xx answers before the real one. One a second for as long as an exchange may take are far fewer,
and a server that sends more without a pause would only keep a processor busy until the deadline."""

_SWITCHING_PROTOCOLS: Final = 101


class FinalResponse(http.client.HTTPResponse):
    """An answer without the interim ones before it: RFC 9110, 15.2.

    The standard library passes over ``100`` for as long as they come, and takes any other 1xx for
    the answer, so that the next request on the connection would get the answer to this one.
    """

    def _read_status(self) -> tuple[str, int, str]:
        for _ in range(MOST_INTERIM_ANSWERS):
            version, status, reason = super()._read_status()  # type: ignore[misc]  # not in the stubs
            is_interim = 100 <= status < 200  # noqa: PLR2004 - HTTP's own class
            if not is_interim or status == _SWITCHING_PROTOCOLS:
                return version, status, reason
            http.client.parse_headers(self.fp)
        reason = "interim answers without end"
        raise http.client.BadStatusLine(reason)


class BoundAdapter(HTTPAdapter):
    """An adapter whose connections, direct or through a proxy, belong to an exchange."""

    def __init__(self, exchanges: ExchangesInFlight, connections: int) -> None:
        """Open no connection yet.

        Args:
            exchanges: Knows the exchange of each thread.
            connections: The most that are kept open while unused.
        """
        self._pools = _pool_classes(exchanges)
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


def _connected(connection: HTTPConnection, exchange: Exchange) -> socket.socket:
    """Open a connection within the time of an exchange, however many addresses a name has.

    Raises:
        NameResolutionError: The name does not resolve.
        ConnectTimeoutError: The connection was not taken in time.
        NewConnectionError: It was refused, or there is no way.
    """
    problem: Exception = NewConnectionError(connection, "the name has no address")
    for family, kind, protocol, _, address in _ways(connection, exchange):
        left = exchange.remaining_seconds
        if left <= 0:
            break
        opened = socket.socket(family, kind, protocol)
        try:
            for option in connection.socket_options or ():
                opened.setsockopt(*option)
            opened.settimeout(min(float(connection.timeout or left), left))
            opened.connect(address)
            exchange.hold(opened)
        except TimeoutError as error:
            opened.close()
            problem = ConnectTimeoutError(connection, "it took too long")
            problem.__cause__ = error
        except OSError as error:
            opened.close()
            problem = NewConnectionError(connection, str(error))
            problem.__cause__ = error
        else:
            return opened
    raise problem


def _ways(connection: HTTPConnection, exchange: Exchange) -> list[Address]:
    host = connection._dns_host  # noqa: SLF001 - as urllib3 does: dots at the end mean something
    try:
        return resolve(host, connection.port, exchange.remaining_seconds)
    except UnicodeError as error:
        raise LocationParseError(host) from error
    except socket.gaierror as error:
        raise NameResolutionError(host, connection, error) from error
    except TimeoutError as error:
        raise ConnectTimeoutError(connection, str(error)) from error
    except OSError as error:
        raise NewConnectionError(connection, str(error)) from error


def _pool_classes(  # noqa: C901 - one small class in it
    exchanges: ExchangesInFlight,
) -> dict[str, type[HTTPConnectionPool]]:
    class Bound:
        """What plain and TLS connections have in common."""

        _served: Exchange | None = None
        _answer: FinalResponse | None = None

        def _new_conn(self: Any) -> socket.socket:
            exchange = self._served = exchanges.current
            return super()._new_conn() if exchange is None else _connected(self, exchange)  # type: ignore[misc]  # the connection's

        def _tunnel(self: Any) -> None:
            super()._tunnel()  # type: ignore[misc]  # the connection's
            if self._served is not None and self._served.is_cut:
                # What was cut in the midst of its headers looks like a proxy's whole answer.
                raise ProxyError("its answer took too long", TimeoutError())

        def response_class(self: Any, *args: Any, **kwargs: Any) -> FinalResponse:  # noqa: ANN401 - the parent's
            """Return an answer, kept so that it can be closed."""
            self._answer = FinalResponse(*args, **kwargs)
            return self._answer  # type: ignore[no-any-return]

        def getresponse(self: Any) -> Any:  # noqa: ANN401 - the same
            """Read the head of an answer; one that is refused holds the socket open no more."""
            try:
                return super().getresponse()  # type: ignore[misc]  # the connection's
            except BaseException:
                if self._answer is not None:
                    self._answer.close()
                raise

        def request(self: Any, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - the same
            before, exchange = self._served, exchanges.current
            if exchange is not None and before is not exchange and self.sock is not None:
                # The exchange before may not have ended yet, and must not cut this one.
                if before is not None:
                    before.let_go()
                exchange.hold(self.sock)
                self._served = exchange
            super().request(*args, **kwargs)  # type: ignore[misc]  # the connection's

    class PlainConnection(Bound, HTTPConnection):  # type: ignore[misc]  # a function for a class
        pass

    class TlsConnection(Bound, HTTPSConnection):  # type: ignore[misc]  # likewise
        pass

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = PlainConnection

    class TlsPool(HTTPSConnectionPool):
        ConnectionCls = TlsConnection

    return {"http": PlainPool, "https": TlsPool}
