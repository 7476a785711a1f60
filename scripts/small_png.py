"""Makes the PNG of a page a third of its size: 256 colours, which a page hardly has more of."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]
"""Height x width x 3: red, green, blue."""

SIGNATURE = b"\x89PNG\r\n\x1a\n"
MOST_COLOURS = 256
_CHANNELS = {2: 3, 6: 4}
"""By PNG's number for a kind of colours: with and without transparency."""


def small_png(png: bytes) -> bytes:
    """Return the same picture with at most 256 colours, the most frequent ones.

    Args:
        png: Eight bits a channel, not interlaced, as browsers write it; its transparency is lost.

    Raises:
        ValueError: It is of another kind.
    """
    pixels = decoded(png)
    height, width, _ = pixels.shape
    flat = pixels.reshape(-1, 3).astype(np.int32)
    codes = (flat[:, 0] << 16) | (flat[:, 1] << 8) | flat[:, 2]
    colours, places, counts = np.unique(codes, return_inverse=True, return_counts=True)
    kept = colours[np.argsort(-counts, kind="stable")[:MOST_COLOURS]]
    palette, all_colours = _channels(kept), _channels(colours)
    nearest = np.array(
        [int(np.argmin(((palette - colour) ** 2).sum(axis=1))) for colour in all_colours],
        dtype=np.uint8,
    )
    rows = nearest[places.reshape(-1)].reshape(height, width)
    lines = np.hstack([np.zeros((height, 1), dtype=np.uint8), rows])
    header = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    return SIGNATURE + b"".join(
        [
            chunk(b"IHDR", header),
            chunk(b"PLTE", palette.astype(np.uint8).tobytes()),
            chunk(b"IDAT", zlib.compress(lines.tobytes(), 9)),
            chunk(b"IEND", b""),
        ]
    )


def decoded(png: bytes) -> Pixels:
    """Return the pixels of a PNG of a browser.

    Raises:
        ValueError: It is of another kind.
    """
    chunks = list(_chunks(png))
    width, height, depth, kind, _, _, interlaced = struct.unpack(">IIBBBBB", dict(chunks)[b"IHDR"])
    if depth != 8 or kind not in _CHANNELS or interlaced:  # noqa: PLR2004 - bits
        raise ValueError(
            "only a PNG of eight bits a channel that is not interlaced can be made small"
        )
    channels = _CHANNELS[kind]
    data = zlib.decompress(b"".join(content for name, content in chunks if name == b"IDAT"))
    lines = np.frombuffer(data, dtype=np.uint8).reshape(height, 1 + width * channels)
    pixels = np.zeros((height, width, channels), dtype=np.uint8)
    above = np.zeros((width, channels), dtype=np.uint8)
    for number, line in enumerate(lines):
        above = pixels[number] = _unfiltered(int(line[0]), line[1:].reshape(width, channels), above)
    return pixels[:, :, :3]


def _unfiltered(kind: int, line: Pixels, above: Pixels) -> Pixels:
    """Return a line as it is: PNG keeps how each byte differs from what was foretold of it."""
    if kind == 0:
        return line
    if kind == 1:
        return np.cumsum(line, axis=0, dtype=np.uint8)
    if kind == 2:  # noqa: PLR2004 - PNG's number for it
        return line + above
    result = np.zeros_like(line)
    left = upper_left = np.zeros(line.shape[1], dtype=np.int32)
    for at, (byte, up) in enumerate(
        zip(line.astype(np.int32), above.astype(np.int32), strict=True)
    ):
        foretold = (left + up) // 2 if kind == 3 else _paeth(left, up, upper_left)  # noqa: PLR2004
        left, upper_left = (byte + foretold) % 256, up
        result[at] = left
    return result


def _paeth(
    left: npt.NDArray[np.int32], up: npt.NDArray[np.int32], corner: npt.NDArray[np.int32]
) -> npt.NDArray[np.int32]:
    guess = left + up - corner
    by_left, by_up, by_corner = abs(guess - left), abs(guess - up), abs(guess - corner)
    best = np.where(by_up <= by_corner, up, corner)
    return np.where((by_left <= by_up) & (by_left <= by_corner), left, best)


def _channels(codes: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
    return np.stack([codes >> 16, (codes >> 8) & 255, codes & 255], axis=1)


def _chunks(png: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = len(SIGNATURE)
    while at < len(png):
        (length,) = struct.unpack_from(">I", png, at)
        yield png[at + 4 : at + 8], png[at + 8 : at + 8 + length]
        at += 12 + length


def chunk(name: bytes, content: bytes) -> bytes:
    """Return a part of a PNG, with its length and its checksum."""
    crc = zlib.crc32(name + content)
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", crc)
