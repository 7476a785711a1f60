"""Numbers, nouns and shares are put into words in one place, ``monitor/formats.py``."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

MONITOR = Path(__file__).parents[2] / "monitor"
FORMATS = MONITOR / "formats.py"
SOURCES = sorted(path for path in MONITOR.rglob("*") if path.suffix in {".py", ".html"})

BY_HAND = {
    "a share": re.compile(r"\{[^{}]*:[^{}\s]*%\}|:\.\d+f\} ?%"),
    "a plural": re.compile(r"""(["'])s?\1 if [^\n"']*[=!]= 1\b|(["'])s\2 if [^\n"']*> 1\b"""),
}


@pytest.mark.parametrize("what", BY_HAND)
def test_nothing_is_put_into_words_by_hand(what: str) -> None:
    """A share has a space before its sign, and one of a thing is no plural: by one rule."""
    found = [
        f"{path.relative_to(MONITOR)}:{number}: {line.strip()}"
        for path in SOURCES
        if path != FORMATS
        for number, line in enumerate(path.read_text().splitlines(), start=1)
        if BY_HAND[what].search(line)
    ]
    assert not found, "\n".join(found)
