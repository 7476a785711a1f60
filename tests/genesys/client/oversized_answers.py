"""What answers without measure cost in memory: run as a program, alone in its process.

Prints, for each kind of answer, the error that it ended with, and last the megabytes that the
process took above what it had before the first of them.
"""

from __future__ import annotations

import json
import socket
import sys
import threading
import zlib
from pathlib import Path

from monitor.errors import GenesysError
from monitor.genesys.api.analytics import ActionAggregates
from monitor.genesys.client.api_stats import ApiCounters
from monitor.genesys.client.content_encoding import MOST_BODY_BYTES
from monitor.genesys.client.decoding import decode_leniently, translated_decode_errors
from monitor.genesys.client.endpoint import Endpoint
from monitor.genesys.client.transport import HttpTransport, Request, Response

GIGABYTE = 2**30
ZEROS = bytes(2**20)
PING = Endpoint("GET", "/ping")


def packed(body: bytes) -> bytes:
    """The same as gzip."""
    pack = zlib.compressobj(9, zlib.DEFLATED, 31)
    return pack.compress(body) + pack.flush()


def head(status: int = 200, *more: str) -> bytes:
    """The head of an answer."""
    return "\r\n".join([f"HTTP/1.1 {status} X", *more, "", ""]).encode()


def gzipped(body: bytes, status: int = 200, coding: str = "gzip") -> list[bytes]:
    """An answer with a compressed body."""
    return [head(status, f"Content-Encoding: {coding}", f"Content-Length: {len(body)}"), body]


BOMB = packed(bytes(2**24)) * 64
"""A megabyte that unpacks to one gigabyte of zeros, for gzip is gzip one after the other."""

ANSWERS = {
    "a gigabyte": [head(200, f"Content-Length: {GIGABYTE}"), *[ZEROS] * 1024],
    "a gigabyte in chunks": [
        head(200, "Transfer-Encoding: chunked"),
        *[b"100000\r\n" + ZEROS + b"\r\n"] * 1024,
    ],
    "a bomb": gzipped(BOMB),
    "a bomb in a bomb": gzipped(packed(BOMB), coding="gzip, gzip"),
    "a bomb that is refused": gzipped(BOMB, 500),
    "a bomb that leads elsewhere": gzipped(BOMB, 302),
    "thousands of codings": gzipped(BOMB, coding=", ".join(["gzip"] * 10_000)),
}

PAD = MOST_BODY_BYTES - 100
DOCUMENTS = {
    "empty records": b'{"results":[' + b",".join([b"{}"] * (PAD // 3)) + b"]}",
    "numbers for records": b'{"results":[' + b",".join([b"0"] * (PAD // 2)) + b"]}",
    "lists for records": b'{"results":[' + b",".join([b"[]"] * (PAD // 3)) + b"]}",
    "as many lists as are read": b'{"results":[' + b",".join([b"[]"] * 240_000) + b"]}",
    "as many records as are read": b'{"results":[' + b",".join([b"{}"] * 990_000) + b"]}",
    "a name of sixteen megabytes": (
        '{"results":[{"group":{"actionName":"\U0001f600' + "a" * (PAD - 60) + '"}}]}'
    ).encode(),
    "names without end": b'{"results":7,"x":{'
    + b",".join(b'"%d":0' % number for number in range(240_000))
    + b"}}",
}


def megabytes(what: str) -> float:
    """What the kernel says of this process."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(what)) / 1024


def answer(kind: str) -> str:
    """Ask a server that answers so; the name of the error."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65536)
                try:
                    for piece in ANSWERS[kind]:
                        connection.sendall(piece)
                except OSError:
                    return

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        transport = HttpTransport(ApiCounters())
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/ping"
        try:
            came = transport.send(Request("GET /ping", "GET", url))
        except GenesysError as error:
            ended = type(error).__name__
        else:
            ended = f"{came.status} with {len(came.body)} bytes, whole: {came.is_whole}"
        transport.close()
        thread.join()
    return ended


def document(kind: str) -> str:
    """Read a document; the name of the error."""
    try:
        with translated_decode_errors(PING, Response(200, {}, b"")):
            decode_leniently(DOCUMENTS[kind], ActionAggregates)
    except GenesysError as error:
        return type(error).__name__
    return "read"


def main() -> None:
    """Ask for each, and print what became of it."""
    idle = megabytes("VmRSS")
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    ended = {kind: answer(kind) for kind in ANSWERS}
    ended |= {kind: document(kind) for kind in DOCUMENTS}
    sys.stdout.write(json.dumps({"ended": ended, "above": megabytes("VmHWM") - idle}))


if __name__ == "__main__":
    main()
