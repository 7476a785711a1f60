"""Counts equal the truth whatever words, statuses and durations the platform uses for a timeout."""

from __future__ import annotations

from collections import Counter

import pytest

from monitor.contract import Contract
from monitor.simulator import World
from monitor.summary import summarise
from monitor.time_ranges import TimeRange
from tests.clocks import NOON
from tests.filled_ledger import CLASSIFIER
from tests.poller.conftest import Watch
from tests.poller.watched_org import SMALL, really_happened
from tests.simulated_org import ORG

WORDS = ("named", "seen", "prose")
STATUSES = ("none", "408", "504")
DURATIONS = ("beyond", "at_limit", "zero")
HOUR = TimeRange(NOON - 3_600, NOON)


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("words", WORDS)
def test_timeouts_are_counted_by_word_or_by_status(watch: Watch, words: str, status: str) -> None:
    """Where neither tells, they are errors by name, and what they may be is told."""
    world = World(error_words=words, timeout_status=status)
    watched = watch(SMALL, "actions", world=world)
    watched.catalogue.refresh()
    watched.source_reader.poll()

    counted, truth = watched.executions(), really_happened(watched.truth())

    hidden = words == "seen" and status == "none"
    told = summarise(watched.ledger, ORG, Contract.PLATFORM, HOUR, CLASSIFIER).errors_at_timeout
    if hidden:
        assert _failed_together(counted) == _failed_together(truth)
        assert [one.error_type for one in told] == ["ACTION.PROCESSING"]
    else:
        assert counted == truth
        assert told == ()


@pytest.mark.parametrize("duration", DURATIONS)
def test_a_duration_changes_no_count(watch: Watch, duration: str) -> None:
    """What is shown of a timeout's length decides neither whether nor when it is counted."""
    watched = watch(SMALL, "actions", world=World(timeout_duration=duration))
    watched.source_reader.poll()

    assert watched.executions() == really_happened(watched.truth())


def _failed_together(counts: dict[tuple[str, str], int]) -> Counter[tuple[str, str]]:
    """Timeouts and errors as one."""
    joined: Counter[tuple[str, str]] = Counter()
    for (action_id, outcome), count in counts.items():
        joined[action_id, "failed" if outcome in {"timeout", "error"} else outcome] += count
    return joined
