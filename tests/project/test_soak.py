"""``make soak``: what grows is found, and what only goes up and down is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.soak import Sample, faults_in, take_sample

STEADY = [Sample(170_000_000 + day % 3 * 1_000_000, 17, 3, 6_000_000) for day in range(30)]


def test_what_levels_off_is_no_fault() -> None:
    """Growth of the first days, while nothing is forgotten yet, is none either."""
    filling = [Sample(100_000_000 + day * 7_000_000, 17, 3, day * 600_000) for day in range(10)]
    assert faults_in([*filling, *STEADY[10:]]) == []


@pytest.mark.parametrize(
    ("sample", "name"),
    [
        (Sample(190_000_000, 17, 3, 6_000_000), "memory_bytes"),
        (Sample(170_000_000, 20, 3, 6_000_000), "files"),
        (Sample(170_000_000, 17, 6, 6_000_000), "threads"),
        (Sample(170_000_000, 17, 3, 7_000_000), "state_bytes"),
    ],
)
def test_what_grows_is_named(sample: Sample, name: str) -> None:
    """Each for itself, where it is above the second third by the last day."""
    found = faults_in([*STEADY[:-1], sample])
    assert [one.split()[0] for one in found] == [name]


def test_a_sample_is_what_this_process_takes(tmp_path: Path) -> None:
    """The state with its log, and an open file more."""
    state = tmp_path / "state.db"
    state.write_bytes(bytes(100))
    (tmp_path / "state.db-wal").write_bytes(bytes(20))
    before = take_sample(state)
    with state.open("rb"):
        assert take_sample(state).files == before.files + 1
    assert before.state_bytes == 120
    assert before.memory_bytes > 1_000_000
    assert before.threads >= 1
