"""A way to a server that can fall silent: what is sent arrives nowhere, and nothing says so."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

CHUNK_BYTES = 65_536


class Network:
    """Passes on what both ends send, while it is not silent, in a thread of its own."""

    def __init__(self, port: int) -> None:
        """Lead to a port of this machine.

        Args:
            port: The server's.
        """
        self.port = 0
        self._target = port
        self._speaks = asyncio.Event()
        self._speaks.set()
        self._ended = asyncio.Event()
        self._is_there = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), name="network")

    @contextmanager
    def silence(self) -> Iterator[None]:
        """Pass nothing on while the block lasts; afterwards what was sent meanwhile as well."""
        assert self._loop is not None
        self._loop.call_soon_threadsafe(self._speaks.clear)
        try:
            yield
        finally:
            self._loop.call_soon_threadsafe(self._speaks.set)

    def start(self) -> None:
        """Begin, at ``port``."""
        self._thread.start()
        self._is_there.wait()

    def end(self) -> None:
        """End, with every connection."""
        assert self._loop is not None
        self._loop.call_soon_threadsafe(self._ended.set)
        self._thread.join()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        server = await asyncio.start_server(self._lead, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        self._is_there.set()
        await self._ended.wait()
        server.close()

    async def _lead(self, near: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        with suppress(OSError, asyncio.CancelledError):
            await self._speaks.wait()
            far, forth = await asyncio.open_connection("127.0.0.1", self._target)
            await asyncio.gather(self._pass_on(near, forth), self._pass_on(far, back))
        back.close()

    async def _pass_on(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        try:
            while chunk := await source.read(CHUNK_BYTES):
                await self._speaks.wait()
                target.write(chunk)
                await target.drain()
        finally:
            target.close()


@contextmanager
def network_to(port: int) -> Iterator[Network]:
    """A network of its own, from ``Network.port`` of this machine to another port of it."""
    network = Network(port)
    network.start()
    try:
        yield network
    finally:
        network.end()
