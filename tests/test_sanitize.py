"""Texts that others wrote: what is kept of them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.sanitize import LONGEST_ID, LONGEST_NAME, is_header_safe, sanitize, sanitize_id

ANY = st.text(st.characters() | st.characters(categories=["Cs", "Cc"]))


@given(ANY)
def test_what_is_kept_fits_everywhere(text: str) -> None:
    """It encodes, holds no control character, is not too long, and stays as it is the next time."""
    kept = sanitize(text)
    assert "\0" not in kept
    assert len(kept.encode()) <= 4 * LONGEST_NAME
    assert not any(ord(one) < 32 or 0x7F <= ord(one) < 0xA0 for one in kept)
    assert sanitize(kept) == kept


@pytest.mark.parametrize("text", ["Get Customer", "Überweisung prüfen", "注文", "🍕 Order", ""])
def test_a_good_text_is_the_very_same(text: str) -> None:
    """Nothing is lost."""
    assert sanitize(text) is text
    assert sanitize_id(text) is text


def test_texts_that_differ_in_one_broken_place_still_differ() -> None:
    """What stood there is shown as something."""
    assert sanitize("Pizza\ud83c") == sanitize("Pizza\0") == "Pizza\ufffd"


def test_line_ends_become_a_space() -> None:
    """A name is one line."""
    assert sanitize("Get\r\nCustomer\tNow") == "Get Customer Now"


def test_a_text_that_is_too_long_is_cut_where_it_shows() -> None:
    """An id at the length that an index takes."""
    assert sanitize_id("x" * 5000) == "x" * (LONGEST_ID - 1) + "…"


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        ('"abc"', True),
        ("Bearer x", True),
        ("", False),
        (" x", False),
        ("x\n", False),
        ("a\r\nb", False),
        ("a\0b", False),
        ("é", False),
    ],
)
def test_only_visible_ascii_fits_a_header(text: str, *, fits: bool) -> None:
    """Anything else fails when it is sent, or is another header."""
    assert is_header_safe(text) is fits
