"""What is said of something that takes its time, off a terminal."""

from __future__ import annotations

import pytest

from monitor.cli.progress import SparseLines, reading


def test_what_goes_quickly_is_not_spoken_of(capsys: pytest.CaptureFixture[str]) -> None:
    """No line in a cron job's mail."""
    with reading("Reading") as listener:
        listener.job_is("PENDING")
        listener.have_read(5)

    assert capsys.readouterr() == ("", "")


def test_what_takes_long_is_spoken_of_now_and_then() -> None:
    """After two seconds the first time, then every ten."""
    lines: list[str] = []
    now = 100.0
    sparse = SparseLines(lines.append, lambda: now)
    for second in range(30):
        now = 100.0 + second
        sparse(f"after {second} s")

    assert lines == ["after 2 s", "after 12 s", "after 22 s"]
