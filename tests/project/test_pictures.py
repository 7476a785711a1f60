"""README.md against the demo that it shows."""

from __future__ import annotations

import re
import struct
import zlib
from functools import cache

import numpy as np

from scripts.pictures import (
    PICTURES,
    README,
    ROOT,
    picture,
    recorded_screen,
    renewed,
    sample,
    standing_demo,
)
from scripts.small_png import SIGNATURE, chunk, decoded, small_png


@cache
def page() -> str:
    """README.md."""
    return README.read_text(encoding="utf-8")


def test_the_demo_is_shown_as_it_is() -> None:
    """`make pictures` would change neither the sample nor the picture of the terminal."""
    with standing_demo() as daemon:
        screen = recorded_screen(daemon)

    assert renewed(page(), sample(screen)) == page()
    assert picture(screen) == (PICTURES / "demo.svg").read_text(encoding="utf-8")


def test_every_picture_is_there_and_small() -> None:
    """What README.md shows exists, is said in words too, and holds nobody up."""
    pictures = re.findall(r"!\[([^\]]*)\]\(([^)]+)\)|<img[^>]* src=\"([^\"]+)\"", page())

    assert pictures
    for words, path, source in pictures:
        assert words or source
        assert (ROOT / (path or source)).stat().st_size < 150_000


def test_a_small_picture_has_the_colours_of_the_large_one() -> None:
    """Where there are few of them, each pixel keeps its own."""
    pixels = np.zeros((3, 4, 3), dtype=np.uint8)
    pixels[0, 1], pixels[1, 2], pixels[2] = (255, 0, 0), (0, 10, 200), (7, 7, 7)
    above = np.vstack([np.zeros((1, 4, 3), dtype=np.uint8), pixels[:-1]])
    lines = b"".join(
        bytes([kind]) + (line - foretold).tobytes()
        for kind, line, foretold in zip((0, 2, 2), pixels, [above[0] * 0, *above[1:]], strict=True)
    )
    header = struct.pack(">IIBBBBB", 4, 3, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(lines)), (b"IEND", b""))
    png = SIGNATURE + b"".join(chunk(*one) for one in chunks)

    assert (decoded(png) == pixels).all()
    small = small_png(png)
    assert small.startswith(SIGNATURE)
    assert bytes([7, 7, 7]) in small
