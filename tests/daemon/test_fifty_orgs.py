"""One daemon for many orgs: none of them is in another one's way."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.fifty_orgs import Crowd, report, watch

ORGS = 50
PATIENCE_SECONDS = 200.0


@pytest.mark.timeout(300)
def test_no_poll_of_fifty_orgs_fails(tmp_path: Path) -> None:
    """All begin at once, and some are read again before the last was read, on one SQLite file."""
    crowd = Crowd(ORGS, actions=2, interval="10s")
    outcome = watch(crowd, PATIENCE_SECONDS, tmp_path, least_polls=ORGS)

    assert (outcome.bad, outcome.orgs_read) == (0, ORGS), report(crowd, outcome)
