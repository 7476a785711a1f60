"""Which names the pages answer to, so that no other web site can read them through a browser.

A site whose own name is made to resolve to this machine (DNS rebinding) is asked by the browser as
itself: only the Host header tells. An address can't be claimed so, and this host's names neither.
"""

from __future__ import annotations

import socket
from ipaddress import ip_address
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Iterable


class HostNames:
    """The names by which this server may be asked, besides addresses."""

    def __init__(self, names: Iterable[str]) -> None:
        """Know these names.

        Args:
            names: Names without a port; capital letters and a last dot make no difference.
        """
        self._names = frozenset(_plain(name) for name in names if name)

    @classmethod
    def of_this_machine(cls, *others: str) -> Self:
        """Return ``localhost``, this machine's name with and without its domain, and others."""
        name = socket.gethostname()
        return cls(("localhost", name, name.partition(".")[0], *others))

    def allow(self, host: str | None) -> bool:
        """Return whether a request with this Host header may see the pages.

        Args:
            host: The header; None where there is none, which no browser does.
        """
        if host is None:
            return True
        name = _without_port(host.strip())
        return _is_address(name) or _plain(name) in self._names


def _without_port(host: str) -> str:
    name, colon, port = host.rpartition(":")
    if colon and (port.isdecimal() or not port):
        host = name
    return host[1:-1] if host.startswith("[") and host.endswith("]") else host


def _plain(name: str) -> str:
    return name.lower().removesuffix(".")


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True
