"""Whether the end of an answer was seen: each way in which a body can be cut, over a socket."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler

import pytest
import urllib3

from monitor.errors import ConnectionFailedError
from monitor.genesys.client.api_stats import ApiCounters
from monitor.genesys.client.transport import HttpTransport, Request, Response
from tests.genesys.far_side import Act, FarSide

TEXT = b'{"name": "${input.name}", "notes": "' + b"a line of a template, " * 400 + b'"}'
CUT = 9
"""Bytes that are lost at the end; a gzip stream ends with eight of checksum and length."""


def deflated(data: bytes) -> bytes:
    """Deflate without zlib's header, as some servers send it."""
    raw = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return raw.compress(data) + raw.flush()


CODINGS: dict[str, Callable[[bytes], bytes]] = {
    "identity": lambda data: data,
    "gzip": gzip.compress,
    "members": lambda data: gzip.compress(data[:100]) + gzip.compress(data[100:]),
    "deflate": zlib.compress,
    "bare deflate": deflated,
    "twice": lambda data: gzip.compress(zlib.compress(data)),
}
NAMES = {
    "gzip": "gzip",
    "members": "x-gzip",
    "deflate": "deflate",
    "bare deflate": "deflate",
    "twice": "deflate, GZIP",
}


def sends(body: bytes, headers: Mapping[str, str]) -> Act:
    """An answer of these very bytes, after which the connection ends."""

    def act(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response_only(200)
        for name, value in {**headers, "Connection": "close"}.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(body)
        handler.close_connection = True

    return act


def chunks(body: bytes, *, last: bool = True) -> bytes:
    """The body in chunks of a thousand bytes."""
    pieces = [body[at : at + 1_000] for at in range(0, len(body), 1_000)]
    framed = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces)
    return framed + (b"0\r\n\r\n" if last else b"")


def answer_of(coding: str, framing: str, *, is_cut: bool) -> Act:
    """A text, encoded, framed, and cut or not; a cut body is framed as if it had been whole."""
    body = CODINGS[coding](TEXT)
    cut = body[:-CUT] if is_cut else body
    headers = {"Content-Encoding": NAMES[coding]} if coding in NAMES else {}
    if framing == "length":
        return sends(cut, {**headers, "Content-Length": str(len(cut))})
    if framing == "longer length":
        return sends(cut, {**headers, "Content-Length": str(len(body))})
    if framing == "chunked":
        return sends(chunks(cut), {**headers, "Transfer-Encoding": "chunked"})
    if framing == "no last chunk":
        return sends(chunks(cut, last=False), {**headers, "Transfer-Encoding": "chunked"})
    return sends(cut, headers)


@pytest.fixture
def transport() -> Iterator[HttpTransport]:
    """A transport that is closed again."""
    transport = HttpTransport(ApiCounters())
    yield transport
    transport.close()


def ask(transport: HttpTransport, far_side: FarSide, act: Act) -> Response:
    """What is made of an answer."""
    far_side.on("GET /text", act)
    return transport.send(Request("GET /text", "GET", f"{far_side.url}/text"))


@pytest.mark.parametrize("framing", ["length", "chunked"])
@pytest.mark.parametrize("coding", CODINGS)
def test_a_whole_answer_is_whole(
    transport: HttpTransport, far_side: FarSide, coding: str, framing: str
) -> None:
    """However it is encoded and framed."""
    answer = ask(transport, far_side, answer_of(coding, framing, is_cut=False))

    assert (answer.body, answer.is_whole) == (TEXT, True)


@pytest.mark.parametrize("coding", [one for one in CODINGS if one != "identity"])
def test_the_end_of_an_encoding_is_proof_enough(
    transport: HttpTransport, far_side: FarSide, coding: str
) -> None:
    """Where the connection is closed and no length is told."""
    answer = ask(transport, far_side, answer_of(coding, "close", is_cut=False))

    assert (answer.body, answer.is_whole) == (TEXT, True)


@pytest.mark.parametrize("framing", ["length", "chunked", "close"])
@pytest.mark.parametrize("coding", [one for one in CODINGS if one != "identity"])
def test_a_compressed_answer_without_its_end_is_not_whole(
    transport: HttpTransport, far_side: FarSide, coding: str, framing: str
) -> None:
    """A proxy got only part of it, and framed what it had; nothing else shows that."""
    answer = ask(transport, far_side, answer_of(coding, framing, is_cut=True))

    assert not answer.is_whole


@pytest.mark.parametrize("is_cut", [False, True])
def test_an_answer_that_ends_by_close_is_not_whole(
    transport: HttpTransport, far_side: FarSide, *, is_cut: bool
) -> None:
    """Nobody can tell whether it was cut."""
    answer = ask(transport, far_side, answer_of("identity", "close", is_cut=is_cut))

    assert not answer.is_whole


@pytest.mark.parametrize("framing", ["longer length", "no last chunk"])
@pytest.mark.parametrize("coding", CODINGS)
def test_an_answer_that_its_framing_shows_to_be_cut_is_none(
    transport: HttpTransport, far_side: FarSide, coding: str, framing: str
) -> None:
    """It is asked again like any other that broke."""
    with pytest.raises(ConnectionFailedError):
        ask(transport, far_side, answer_of(coding, framing, is_cut=True))


@pytest.mark.parametrize("coding", CODINGS)
def test_chunks_without_the_last_are_no_answer_though_all_bytes_are_there(
    transport: HttpTransport, far_side: FarSide, coding: str
) -> None:
    """The far side had more to say, or nobody knows."""
    with pytest.raises(ConnectionFailedError):
        ask(transport, far_side, answer_of(coding, "no last chunk", is_cut=False))


@pytest.mark.parametrize(
    ("headers", "body", "is_whole"),
    [
        ({"Content-Length": "0"}, b"", True),
        ({"Transfer-Encoding": "chunked"}, b"0\r\n\r\n", True),
        ({"Content-Encoding": "gzip"}, gzip.compress(b""), True),
        ({"Content-Encoding": "gzip", "Content-Length": "0"}, b"", False),
        ({"Content-Encoding": "gzip"}, b"", False),
        ({"Content-Encoding": "deflate", "Transfer-Encoding": "chunked"}, b"0\r\n\r\n", False),
        ({}, b"", False),
    ],
    ids=["length", "chunk", "gzip", "no gzip", "gzip by close", "no deflate", "close"],
)
def test_an_empty_answer_is_whole_only_where_it_says_so(
    transport: HttpTransport,
    far_side: FarSide,
    headers: dict[str, str],
    body: bytes,
    *,
    is_whole: bool,
) -> None:
    """By a length of nothing, a last chunk, or the end of its encoding."""
    answer = ask(transport, far_side, sends(body, headers))

    assert (answer.body, answer.is_whole) == (b"", is_whole)


@pytest.mark.parametrize("wrong", [-1, -5])
def test_a_checksum_that_is_wrong_is_no_answer(
    transport: HttpTransport, far_side: FarSide, wrong: int
) -> None:
    """Neither gzip's length nor its CRC may be."""
    body = bytearray(gzip.compress(TEXT))
    body[wrong] ^= 1

    with pytest.raises(ConnectionFailedError):
        ask(transport, far_side, sends(bytes(body), {"Content-Encoding": "gzip"}))


@pytest.mark.parametrize(
    ("rest", "is_whole"),
    [(b"\0" * 40, True), (b"more", False), (gzip.compress(TEXT)[:30], False)],
    ids=["padding", "anything", "half a member"],
)
def test_what_follows_the_end_of_gzip_counts(
    transport: HttpTransport, far_side: FarSide, rest: bytes, *, is_whole: bool
) -> None:
    """Padding is nothing; anything else, or half of another member, shows that it was cut."""
    body = gzip.compress(TEXT) + rest
    headers = {"Content-Encoding": "gzip", "Content-Length": str(len(body))}

    answer = ask(transport, far_side, sends(body, headers))

    assert answer.body.startswith(TEXT)
    assert answer.is_whole is is_whole


def test_an_encoding_that_nobody_asked_for_is_not_whole(
    transport: HttpTransport, far_side: FarSide
) -> None:
    """Its end can't be seen."""
    headers = {"Content-Encoding": "br", "Content-Length": "5"}

    answer = ask(transport, far_side, sends(b"\x0b\x02\x80hi", headers))

    assert not answer.is_whole
    assert far_side.seen[-1].headers["Accept-Encoding"] == "gzip, deflate"


def test_chunks_behind_another_transfer_encoding_are_not_taken_for_the_end(
    transport: HttpTransport, far_side: FarSide
) -> None:
    """The library below reads those until the connection is closed."""
    headers = {"Transfer-Encoding": "gzip, chunked"}

    answer = ask(transport, far_side, sends(chunks(gzip.compress(TEXT)), headers))

    assert not answer.is_whole


def test_a_body_that_swells_is_read_in_pieces(transport: HttpTransport, far_side: FarSide) -> None:
    """Sixteen million bytes out of sixteen thousand, each once."""
    text = b"x" * 16_000_000
    act = sends(gzip.compress(text), {"Content-Encoding": "gzip"})

    answer = ask(transport, far_side, act)

    assert (len(answer.body), answer.is_whole) == (len(text), True)


def test_the_library_below_takes_a_cut_stream_for_a_whole_one(far_side: FarSide) -> None:
    """Why the end of an encoding is looked for here: this fails as soon as urllib3 does it."""
    far_side.on("GET /text", answer_of("gzip", "length", is_cut=True))

    with urllib3.PoolManager() as pool:
        answer = pool.request("GET", f"{far_side.url}/text", retries=False)

    assert answer.data == TEXT
