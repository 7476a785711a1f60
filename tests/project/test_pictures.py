"""README.md against the demo that it shows."""

from __future__ import annotations

import re
from functools import cache

from scripts.pictures import PICTURES, README, ROOT, picture, recorded_screen, renewed, sample


@cache
def page() -> str:
    """README.md."""
    return README.read_text(encoding="utf-8")


def test_the_demo_is_shown_as_it_is() -> None:
    """`make pictures` would change neither the sample nor the picture of the terminal."""
    screen = recorded_screen()

    assert renewed(page(), sample(screen)) == page()
    assert picture(screen) == (PICTURES / "demo.svg").read_text(encoding="utf-8")


def test_every_picture_is_there_and_small() -> None:
    """What README.md shows exists, is said in words too, and holds nobody up."""
    pictures = re.findall(r"!\[([^\]]*)\]\(([^)]+)\)|<img[^>]* src=\"([^\"]+)\"", page())

    assert pictures
    for words, path, source in pictures:
        assert words or source
        assert (ROOT / (path or source)).stat().st_size < 150_000
