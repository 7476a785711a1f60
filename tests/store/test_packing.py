"""Windows as bytes and back: to the very bit, and never anything else than what was written."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.store.packing import DamagedPackError, pack, unpack
from monitor.store.window_columns import BANDS, WindowColumns, columns_of, joined, no_windows

_SERIES = st.one_of(st.integers(0, 3), st.integers(0, 2**31 - 1))
_INTS = st.integers(-(2**63), 2**63 - 1)
_COUNTS = st.one_of(st.integers(0, 3), st.integers(0, 2**63 - 1))
_DURATIONS = st.one_of(
    st.integers(0, 40_000).map(float), st.floats(), st.sampled_from([0.0, -0.0, 2.0**53, 5003.25])
)
_BANDS = (
    st.lists(st.integers(0, 2), min_size=BANDS, max_size=BANDS)
    | st.integers(0, BANDS - 1).map(lambda at: [int(at == one) for one in range(BANDS)])
    | st.lists(_COUNTS, min_size=BANDS, max_size=BANDS)
)
_NO_BANDS = st.just([0] * BANDS)
"""Of executions that had no duration."""
_WINDOWS = st.sampled_from([_BANDS, _NO_BANDS, _BANDS | _NO_BANDS]).flatmap(
    lambda bands: st.lists(
        st.tuples(
            st.tuples(_SERIES, st.one_of(st.integers(0, 300), _INTS)),
            st.tuples(_COUNTS, _DURATIONS, _DURATIONS, _DURATIONS),
            bands,
        ),
        max_size=12,
        unique_by=lambda one: one[0],
    )
)


def same(one: WindowColumns, other: WindowColumns) -> bool:
    """Whether both hold the same bits, in one order."""
    return all(
        np.array_equal(
            np.ascontiguousarray(getattr(one, field.name)).astype(kind).view(np.int64),
            np.ascontiguousarray(getattr(other, field.name)).astype(kind).view(np.int64),
        )
        for field in fields(WindowColumns)
        for kind in (np.float64 if field.name.endswith("_ms") else np.int64,)
    )


@given(_WINDOWS)
def test_what_is_unpacked_is_what_was_packed(
    windows: list[tuple[tuple[int, int], tuple[int, float, float, float], list[int]]],
) -> None:
    """Whatever the numbers are: the largest integers, and doubles by their bits."""
    rows = columns_of([(*key, *numbers, *bands) for key, numbers, bands in windows])

    assert same(unpack(pack(rows)), rows.sorted())


@given(_WINDOWS, st.sets(_SERIES))
def test_what_is_unpacked_of_some_series_is_what_all_of_it_has_of_them(
    windows: list[tuple[tuple[int, int], tuple[int, float, float, float], list[int]]],
    chosen: set[int],
) -> None:
    """Whether none of them is in it, some are or all."""
    rows = columns_of([(*key, *numbers, *bands) for key, numbers, bands in windows])

    assert same(unpack(pack(rows), chosen), rows.sorted().of_series(chosen))


def test_what_follows_from_another_number_takes_no_room() -> None:
    """A window of one execution has one duration, and one of two has the sum of both."""
    rng = np.random.default_rng(1)
    took = rng.random((288, 2)) * 1_000
    took.sort(axis=1)
    none = [0] * (BANDS - 2)
    ones = columns_of([(1, at, 1, one, one, one, *none, 0, 1) for at, (one, _) in enumerate(took)])
    pairs = columns_of(
        [(1, at, 2, one + two, one, two, *none, 1, 1) for at, (one, two) in enumerate(took)]
    )

    assert len(pack(ones)) < 8.5 * len(ones)
    assert len(pack(pairs)) < 16.5 * len(pairs)


@pytest.mark.parametrize("at", [0, 1, 4, 5, 9, 13, 20, -1])
def test_bytes_that_are_not_what_was_written_are_refused(at: int) -> None:
    """One bit is enough, wherever it is."""
    packed = bytearray(pack(columns_of([(1, 300, 1, 5.0, 5.0, 5.0, *[0] * (BANDS - 1), 1)])))
    packed[at] ^= 0x10

    with pytest.raises(DamagedPackError):
        unpack(bytes(packed))


@pytest.mark.parametrize("length", [0, 1, 5, 13, 20])
def test_bytes_that_end_too_soon_are_refused(length: int) -> None:
    """A torn value is no shorter day."""
    packed = pack(columns_of([(1, 300, 1, 5.0, 5.0, 5.0, *[0] * (BANDS - 1), 1)]))

    with pytest.raises(DamagedPackError):
        unpack(packed[:length])


def test_sums_that_64_bits_do_not_hold_are_exact() -> None:
    """Nothing wraps around."""
    rows = columns_of(
        [(1, start, 2**62, 1.0, 1.0, 1.0, 2**62, *[0] * (BANDS - 1)) for start in range(4)]
    )

    sums = rows.by_bucket(0, None)

    assert (int(sums.count[0]), int(sums.bands[0][0])) == (2**64, 2**64)


def test_no_windows_are_packed_too() -> None:
    """Nothing stays nothing."""
    assert len(unpack(pack(no_windows()))) == len(joined([])) == 0
