"""However answers are written and refused: every execution is counted, once, in every world."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from monitor.poller import PollResult
from monitor.simulator import World
from monitor.simulator.world import questions
from monitor.time_ranges import TimeRange
from tests.clocks import HOUR, NOON, ManualClock
from tests.poller.conftest import Watch
from tests.poller.watched_org import AGGREGATES, SMALL, WatchedOrg, really_happened
from tests.simulated_org import ORG, readable

KIND = readable()
OURS = (
    "counts",
    "percentiles",
    "empty_views",
    "absent_dimension",
    "bucket_end",
    "granularity",
    "longest_interval",
    "large_answers",
    "bad_records",
    "expires_in",
    "rate_headers",
)
READINGS = [(name, reading.value) for name in OURS for reading in questions()[name].readings]
REFUSED_BY_SOME = replace(
    SMALL,
    actions=(
        *SMALL.actions[:-1],
        replace(SMALL.actions[-1], law=replace(SMALL.actions[-1].law, rejected_share=0.3)),
    ),
)
"""The last action, whose records are the odd ones, has executions that no reader can count."""


def query_count(watched: WatchedOrg) -> int:
    """Aggregate queries since the last call."""
    return sum(n for route, n in watched.requests().items() if AGGREGATES in route)


def refused_queries(watched: WatchedOrg) -> int:
    """Requests that the platform refused so far."""
    answered = watched.client.stats().requests.items()
    return sum(n for (_, status), n in answered if status not in {"200", "201", "202"})


def lines(logged: list[dict[str, Any]], event: str) -> list[dict[str, Any]]:
    """The log lines of one kind."""
    return [line for line in logged if line["event"] == event]


@pytest.mark.parametrize(("name", "value"), READINGS)
def test_counts_equal_the_truth_in_every_reading(watch: Watch, name: str, value: str) -> None:
    """Each reading of each question by itself, and the poll is a good one."""
    watched = watch(REFUSED_BY_SOME, "actions", world=replace(KIND, **{name: value}))
    watched.catalogue.refresh()
    report = watched.source_reader.poll()
    assert report.result is PollResult.OK, report.errors
    truth = watched.truth()
    assert watched.executions() == really_happened(truth)
    assert (truth["spoiled"] > 0) is (name == "bad_records" and value != "none")


@pytest.mark.parametrize("bad", ["some", "hostile"])
@pytest.mark.parametrize("large", ["413", "504"])
@pytest.mark.parametrize("granularity", ["PT5M", "PT15M", "PT1H"])
@pytest.mark.parametrize("longest", ["7d", "1h"])
def test_counts_equal_the_truth_in_the_unkindest_worlds(
    watch: Watch, bad: str, large: str, granularity: str, longest: str
) -> None:
    """All of it at once."""
    world = World(
        counts="texts",
        percentiles="filled",
        empty_views="zeros",
        absent_dimension="null",
        bucket_end="whole",
        granularity=granularity,
        longest_interval=longest,
        large_answers=large,
        bad_records=bad,
    )
    watched = watch(REFUSED_BY_SOME, "actions", world=world, initial="3h")
    report = watched.source_reader.poll()
    assert report.result is PollResult.OK, report.errors
    assert watched.executions() == really_happened(watched.truth())
    assert watched.source_reader.poll().executions_added == 0


def test_odd_records_are_counted_and_said_once(watch: Watch, logged: list[dict[str, Any]]) -> None:
    """By what was read and why, whatever the number of polls."""
    watched = watch(REFUSED_BY_SOME, world=World(bad_records="hostile", large_answers="served"))
    watched.catalogue.refresh()
    watched.source_reader.poll()
    before = watched.client.stats().dropped_records
    watched.source_reader.poll()
    after = watched.client.stats().dropped_records
    assert {reason for source, reason in before if source == "actions"} == {
        *("shape", "number", "time", "duplicate")
    }
    assert {source for source, _ in before} == {"actions", "conversations", "catalogue"}
    assert sum(after.values()) > sum(before.values())
    said = [(line["source"], line["reason"]) for line in lines(logged, "record_dropped")]
    assert sorted(said) == sorted(before)


def test_a_name_with_half_a_character_is_known_all_the_same(watch: Watch) -> None:
    """In the catalogue and in the data it is the same name."""
    watched = watch(SMALL, world=World(bad_records="some"))
    watched.source_reader.poll()
    watched.catalogue.refresh()
    names = {one.action_id: one.name for one in watched.ledger.state(ORG).actions}
    assert set(names) == {one.action_id for one in SMALL.actions}
    assert names[SMALL.actions[0].action_id] == SMALL.actions[0].name
    assert not any("\0" in name for name in names.values())


@pytest.mark.parametrize("large", ["413", "504"])
def test_an_answer_that_is_too_large_is_asked_for_in_halves(
    watch: Watch, logged: list[dict[str, Any]], large: str
) -> None:
    """Said once, remembered at the next poll, and nothing is lost or counted twice."""
    watched = watch(SMALL, "actions", world=replace(KIND, large_answers=large), initial="6h")
    assert watched.source_reader.poll().result is PollResult.OK
    assert watched.executions() == really_happened(watched.truth())
    (line,) = lines(logged, "shorter_intervals")
    assert (line["source"], line["refused_seconds"]) == ("actions", 7_200)
    before = refused_queries(watched)
    watched.clock.at += 600
    assert watched.source_reader.poll().result is PollResult.OK
    assert refused_queries(watched) == before > 0
    assert watched.executions() == really_happened(watched.truth())


def test_a_full_length_is_tried_again_after_an_hour(watch: Watch) -> None:
    """A platform that was only busy is asked as usual again."""
    seconds = [1_000.0]
    watched = watch(SMALL, "actions", world=replace(KIND, large_answers="413"), initial="6h")
    watched.source_reader._ranges.slices._monotonic = lambda: seconds[0]  # noqa: SLF001 - nobody waits an hour
    watched.source_reader.poll()
    assert watched.source_reader._ranges.slices.seconds(watched.sources["actions"], 300) == 1_800  # noqa: SLF001
    seconds[0] += 3_599
    assert watched.source_reader._ranges.slices.seconds(watched.sources["actions"], 300) == 1_800  # noqa: SLF001
    seconds[0] += 1
    assert watched.source_reader._ranges.slices.seconds(watched.sources["actions"], 300) == 7_200  # noqa: SLF001


def test_what_no_length_cures_fails_as_it_did(watch: Watch) -> None:
    """Halved down to one window in vain: the refusal is told, and the next poll begins anew."""
    watched = watch(SMALL, "actions", world=KIND)
    watched.fault("request_timeout", AGGREGATES)
    report = watched.source_reader.poll()
    assert report.result is PollResult.FAILED
    assert getattr(report.errors["actions"], "status", None) == 408
    asked = query_count(watched)
    assert asked <= 10, "two for each length"
    watched.mend()
    assert watched.source_reader.poll().result is PollResult.OK
    assert query_count(watched) == 2, "the full length again"
    assert watched.executions() == really_happened(watched.truth())


def test_one_time_out_alone_shortens_nothing(watch: Watch, logged: list[dict[str, Any]]) -> None:
    """A platform may be slow for once: the question is put again as it was."""
    watched = watch(SMALL, "actions", world=KIND)
    watched.fault("request_timeout", AGGREGATES, count=1)
    assert watched.source_reader.poll().result is PollResult.OK
    assert lines(logged, "shorter_intervals") == []


def test_a_past_that_is_read_again_is_cut_too(watch: Watch, clock: ManualClock) -> None:
    """A backfill in a world of short intervals."""
    watched = watch(SMALL, "actions", world=replace(KIND, longest_interval="1h"))
    report = watched.source_reader.backfill(TimeRange(NOON - 6 * HOUR, NOON))
    assert report.result is PollResult.OK
    assert watched.executions() == really_happened(watched.truth())
    assert clock.at == NOON


@pytest.mark.parametrize("lateness", ["punctual", "late"])
def test_what_comes_late_is_counted_when_it_comes(
    watch: Watch, clock: ManualClock, lateness: str
) -> None:
    """A quarter of it up to forty minutes late."""
    watched = watch(replace(SMALL), "actions", world=replace(KIND, lateness=lateness))
    for _ in range(10):
        watched.source_reader.poll()
        clock.at += 300
    assert watched.source_reader.poll().result is PollResult.OK
    truth = watched.org.truth((NOON - HOUR) * 1_000, (NOON - 300) * 1_000)
    counted = sum(
        one.counts.count
        for one in watched.ledger.tallies.sums(ORG, TimeRange(NOON - HOUR, NOON - 300))
    )
    assert counted == truth["executions"]


def test_what_is_older_than_the_platform_keeps_takes_nothing_back(
    watch: Watch, clock: ManualClock
) -> None:
    """Two days are kept: asked for three, the first comes as nothing, and totals stay."""
    watched = watch(SMALL, "actions", world=replace(KIND, retention="pruned"))
    watched.source_reader.backfill(TimeRange(NOON - 3 * 24 * HOUR, NOON - 2 * 24 * HOUR))
    assert watched.executions() == {}
    watched.source_reader.poll()
    counted = watched.executions()
    clock.at += 3 * 24 * HOUR
    watched.source_reader.backfill(TimeRange(NOON - HOUR, NOON))
    assert watched.executions() == counted
