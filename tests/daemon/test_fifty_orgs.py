"""One daemon for many orgs: none of them is in another one's way."""

from __future__ import annotations

from pathlib import Path

from benchmarks.fifty_orgs import Crowd, report, watch

ORGS = 50
POLLS = 100
PATIENCE_SECONDS = 90.0


def test_no_poll_of_fifty_orgs_fails(tmp_path: Path) -> None:
    """All are read again and again at the shortest interval, on one SQLite file."""
    crowd = Crowd(ORGS, actions=2, interval="1s")
    outcome = watch(crowd, PATIENCE_SECONDS, tmp_path, least_polls=POLLS)

    assert outcome.polls.total() >= POLLS
    assert (outcome.bad, outcome.orgs_read) == (0, ORGS), report(crowd, outcome)
