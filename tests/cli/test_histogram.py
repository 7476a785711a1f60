"""The picture of durations, as text."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.cli.histogram import histogram
from monitor.investigation import LatencyBand

EDGES = [0, 100, 500, 1_000, 3_000, 10_000, None]


def bands(*counts: int, timeouts: int = 0, others: int = 0) -> list[LatencyBand]:
    """Successes by band; timeouts and others go into the one from 3 s on."""
    edges = pairwise(EDGES)
    return [
        LatencyBand(
            lower or 0,
            upper,
            count,
            timeouts if lower == 3_000 else 0,
            others if lower == 3_000 else 0,
        )
        for count, (lower, upper) in zip(counts, edges, strict=False)
    ]


def drawn(
    shown: list[LatencyBand],
    timeout_seconds: float | None = 3.0,
    width: int = 60,
    *,
    ascii_only: bool = True,
) -> list[str]:
    """The lines of the picture."""
    return histogram(shown, timeout_seconds, width, ascii_only=ascii_only).plain.splitlines()


def test_a_bar_per_band_and_the_timeout_between() -> None:
    """Labels, bars as long as they are many, counts, and the line where the timeout lies."""
    assert drawn(bands(0, 10, 20, 5, 0, 0, timeouts=4)) == [
        "100 ms - 500 ms  " + "#" * 20 + " " * 19 + "  10",
        "   500 ms - 1 s  " + "#" * 39 + "  20",
        "      1 s - 3 s  " + "#" * 10 + " " * 29 + "   5",
        "-- timeout 3 s " + "-" * 45,
        "     3 s - 10 s  " + "T" * 8 + " " * 31 + "   4",
        "# success   T timeout   e error or throttled",
    ]


def test_the_way_to_the_timeout_is_shown() -> None:
    """Empty bands before it are the headroom; those at the other end say nothing."""
    lines = drawn(bands(7, 0, 0, 0, 0, 0))

    assert [line.strip().split("  ")[0] for line in lines] == [
        "below 100 ms",
        "100 ms - 500 ms",
        "500 ms - 1 s",
        "1 s - 3 s",
        "-- timeout 3 s " + "-" * 45,
        "# success",
    ]


def test_without_a_known_timeout_there_is_no_line() -> None:
    """And no empty bands are shown for its sake."""
    assert len(drawn(bands(0, 0, 9, 0, 0, 0), None)) == 2


def test_the_open_band_has_a_name() -> None:
    """It has no upper end."""
    assert drawn(bands(0, 0, 0, 0, 0, 3), None)[0].startswith("10 s and more")


def test_what_is_rare_can_be_seen() -> None:
    """One timeout among ten thousand successes has its mark."""
    lines = drawn(bands(0, 0, 0, 0, 10_000, 0, timeouts=1, others=1))

    bar = lines[-2].split("  ")[1]
    assert (bar.count("T"), bar.count("e")) == (1, 1)


def test_a_terminal_gets_blocks_and_colours() -> None:
    """A mark of its own for each ending, for those who see no colours."""
    text = histogram(bands(0, 0, 0, 0, 9, 0, timeouts=9, others=9), 3.0, 60, ascii_only=False)

    assert {"\N{FULL BLOCK}", "\N{DARK SHADE}", "\N{LIGHT SHADE}"} <= set(text.plain)
    assert "-- timeout" not in text.plain
    assert {"green", "red", "yellow"} <= {str(span.style) for span in text.spans}


def test_nothing_at_all_is_only_the_legend() -> None:
    """No execution and no timeout known."""
    assert len(drawn(bands(0, 0, 0, 0, 0, 0), None)) == 1


@given(
    counts=st.lists(st.integers(0, 10**7), min_size=6, max_size=6),
    timeouts=st.integers(0, 10**6),
    width=st.integers(45, 250),
    timeout_seconds=st.sampled_from([None, 0.1, 3.0, 10.0]),
    ascii_only=st.booleans(),
)
def test_no_line_is_wider_than_there_is_room(
    counts: list[int],
    timeouts: int,
    width: int,
    timeout_seconds: float | None,
    ascii_only: bool,  # noqa: FBT001 - hypothesis passes it by name
) -> None:
    """Whatever the counts are; and plain text is ASCII."""
    lines = drawn(bands(*counts, timeouts=timeouts), timeout_seconds, width, ascii_only=ascii_only)

    assert max(map(len, lines)) <= width
    assert not ascii_only or "".join(lines).isascii()


@pytest.mark.parametrize("width", [1, 10, 25])
def test_too_little_room_is_no_error(width: int) -> None:
    """Lines are then as narrow as labels and counts allow."""
    assert drawn(bands(1, 2, 3, 4, 5, 6), 3.0, width)
