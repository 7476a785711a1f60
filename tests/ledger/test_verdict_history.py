"""What was told of an action, from when to when: written once, pruned when it is old."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

from monitor.clock import CLOCK_TOLERANCE_SECONDS
from monitor.investigation import load_timelines
from monitor.ledger import KeptDiagnosis, Ledger, PastVerdict, SaidVerdict
from monitor.render.timeline import describe_timeline
from monitor.store import StateMaintenance
from monitor.time_ranges import TimeRange
from tests.evidence import ORG, T0

HEALTHY = SaidVerdict("healthy")
EVER = TimeRange(0, T0 * 2)
DAY = 86_400


def tell(ledger: Ledger, at: float, **said: SaidVerdict) -> None:
    """Let a diagnosis of all actions be told."""
    kept, _ = ledger.diagnoses.last(ORG)
    made = KeptDiagnosis("x", at, b"", dict.fromkeys(said, b""), kept.stamp if kept else "")
    assert ledger.diagnoses.keep(ORG, made, frozenset(said), said)


def told(ledger: Ledger, action_id: str = "one") -> list[PastVerdict]:
    """All that was ever told of an action."""
    return ledger.diagnoses.verdicts(ORG, EVER, action_id)


def open_verdicts(ledger: Ledger) -> Mapping[str, PastVerdict]:
    """What is told now."""
    return ledger.diagnoses.last(ORG)[1]


def test_what_is_told_again_is_written_once(ledger: Ledger) -> None:
    """It began when it was told first, and goes on."""
    for number in range(3):
        tell(ledger, T0 + number * 300, one=HEALTHY)
    assert told(ledger) == [PastVerdict("one", "healthy", T0, None, T0, None)]


def test_one_verdict_follows_another(ledger: Ledger) -> None:
    """The first ends where what the second speaks of began, which is before it was told."""
    tell(ledger, T0, one=HEALTHY)
    tell(ledger, T0 + 9_000, one=SaidVerdict("hangs", since=T0 + 6_000))
    tell(ledger, T0 + 9_300, one=SaidVerdict("hangs", since=T0 + 6_300))
    assert told(ledger) == [
        PastVerdict("one", "healthy", T0, T0 + 6_000, T0, T0 + 9_000),
        PastVerdict("one", "hangs", T0 + 6_000, None, T0 + 9_000, None),
    ]
    assert open_verdicts(ledger)["one"].verdict == "hangs"


def test_what_is_over_ends_before_it_is_told_no_more(ledger: Ledger) -> None:
    """And what holds of no period in particular has held ever since."""
    tell(ledger, T0, one=SaidVerdict("outage", since=T0 - 900))
    tell(ledger, T0 + 600, one=SaidVerdict("outage", since=T0 - 900, until=T0 + 300))
    assert told(ledger)[-1].until == T0 + 300
    tell(ledger, T0 + DAY, one=HEALTHY)
    assert told(ledger) == [
        PastVerdict("one", "outage", T0 - 900, T0 + 300, T0, T0 + DAY),
        PastVerdict("one", "healthy", T0 + 300, None, T0 + DAY, None),
    ]


def test_it_may_go_on_again(ledger: Ledger) -> None:
    """As long as nothing else was told."""
    tell(ledger, T0, one=SaidVerdict("outage", since=T0 - 900, until=T0 - 300))
    tell(ledger, T0 + 600, one=SaidVerdict("outage", since=T0 + 300))
    assert told(ledger) == [PastVerdict("one", "outage", T0 - 900, None, T0, None)]


def test_the_value_that_was_advised_last_is_kept(ledger: Ledger) -> None:
    """Each verdict has its own."""
    tell(ledger, T0, one=SaidVerdict("slow_tail", since=T0, advised_ms=7_000.0))
    tell(ledger, T0 + 300, one=SaidVerdict("slow_tail", since=T0, advised_ms=8_000.0))
    tell(ledger, T0 + 600, one=HEALTHY)
    assert [one.advised_ms for one in told(ledger)] == [8_000.0, None]


def test_what_is_told_no_more_is_over(ledger: Ledger) -> None:
    """Of an action that is gone nothing is told; of one that comes back it is told anew."""
    tell(ledger, T0, one=HEALTHY, two=HEALTHY)
    tell(ledger, T0 + 300, two=HEALTHY)
    assert told(ledger) == [PastVerdict("one", "healthy", T0, T0 + 300, T0, T0 + 300)]
    tell(ledger, T0 + 600, one=HEALTHY, two=HEALTHY)
    assert len(told(ledger)) == 2
    assert len(told(ledger, "two")) == 1


def test_what_was_untold_for_a_while_goes_on_where_it_ended(ledger: Ledger) -> None:
    """The same hangs are told again: no moment is told of twice, and nothing has changed."""
    hangs = SaidVerdict("hangs", since=T0 - DAY)
    tell(ledger, T0, one=hangs, two=HEALTHY)
    tell(ledger, T0 + 3_600, two=HEALTHY)
    tell(ledger, T0 + DAY, one=hangs, two=HEALTHY)
    assert told(ledger) == [
        PastVerdict("one", "hangs", T0 - DAY, T0 + 3_600, T0, T0 + 3_600),
        PastVerdict("one", "hangs", T0 + 3_600, None, T0 + DAY, None),
    ]
    assert not describe_timeline(load_timelines(ledger, ORG, EVER)["one"], EVER)

    tell(ledger, T0 + 2 * DAY, one=HEALTHY, two=HEALTHY)
    assert describe_timeline(load_timelines(ledger, ORG, EVER)["one"], EVER).startswith(
        "hangs → healthy ("
    )


def test_an_outage_that_is_told_again_ends_no_earlier_than_it_begins(ledger: Ledger) -> None:
    """What was told of it while it went on stands."""
    tell(ledger, T0, one=SaidVerdict("outage", since=T0 - 900), two=HEALTHY)
    tell(ledger, T0 + 600, two=HEALTHY)
    over = SaidVerdict("outage", since=T0 - 900, until=T0 + 300)
    tell(ledger, T0 + 900, one=over, two=HEALTHY)
    assert [(one.since, one.until) for one in told(ledger)] == [
        (T0 - 900, T0 + 600),
        (T0 + 600, T0 + 600),
    ]


def test_a_clock_that_was_set_back_loses_nothing(ledger: Ledger) -> None:
    """Nor does it let anything end before it began."""
    for at, verdict in ((T0, "healthy"), (T0, "hangs"), (T0 - 999, "outage"), (T0, "healthy")):
        tell(ledger, at, one=SaidVerdict(verdict))
    found = told(ledger)
    assert [one.verdict for one in found] == ["healthy", "hangs", "outage", "healthy"]
    assert all((one.until or one.since) >= one.since for one in found)
    assert all((one.told_until or one.told_from) >= one.told_from for one in found)
    assert [one.told_until is None for one in found] == [False, False, False, True]


def test_what_a_clock_told_that_was_ahead_ruins_nothing_that_follows(ledger: Ledger) -> None:
    """It counts as told just now, in its order; what is true is told from now on."""
    hour = 3_600
    ahead = T0 + 3 * DAY
    tell(ledger, T0 - 2 * DAY, one=HEALTHY, two=HEALTHY)
    tell(ledger, ahead, one=SaidVerdict("slow_tail", since=ahead - hour), two=HEALTHY)
    tell(ledger, ahead + 60, one=SaidVerdict("hangs", since=ahead - hour))
    tell(ledger, T0, one=HEALTHY)
    tell(ledger, T0 + 4 * hour, one=SaidVerdict("hangs", since=T0 + hour))
    tell(ledger, T0 + 10 * hour, one=HEALTHY)
    outage = SaidVerdict("outage", since=T0 + 18 * hour, until=T0 + 19 * hour)
    tell(ledger, T0 + 20 * hour, one=outage)

    *void, hangs, healthy, last = told(ledger)
    assert hangs == PastVerdict(
        "one", "hangs", T0 + hour, T0 + 10 * hour, T0 + 4 * hour, T0 + 10 * hour
    )
    assert (healthy.since, healthy.until) == (T0 + 10 * hour, T0 + 18 * hour)
    assert last == PastVerdict(
        "one", "outage", T0 + 18 * hour, T0 + 19 * hour, T0 + 20 * hour, None
    )
    assert [one.verdict for one in void] == ["healthy", "slow_tail", "hangs", "healthy"]
    assert void[0].since == T0 - 2 * DAY
    for one, after in pairwise(told(ledger)):
        assert one.told_from < after.told_from
        assert one.told_until is not None
        assert one.until is not None
        assert one.since <= one.until <= after.since
    assert all(one.told_from < T0 + 1 for one in void)
    # Of one that is gone, too.
    assert told(ledger, "two")[-1].told_until == T0


def test_many_verdicts_of_the_future_stay_apart(ledger: Ledger) -> None:
    """However many a clock has told that was ahead, and however soon after those of before."""
    verdicts = ["healthy", "hangs"] * 300
    tell(ledger, T0 - 0.1, one=SaidVerdict("outage"))
    for number, verdict in enumerate(verdicts):
        tell(ledger, T0 + DAY + number, one=SaidVerdict(verdict))
    tell(ledger, T0, one=SaidVerdict("outage"))
    found = told(ledger)
    assert [one.verdict for one in found] == ["outage", *verdicts, "outage"]
    assert all(one.told_from < after.told_from for one, after in pairwise(found))


def test_clocks_of_two_hosts_may_differ(ledger: Ledger) -> None:
    """By so little that nothing is brought back."""
    tell(ledger, T0 + CLOCK_TOLERANCE_SECONDS, one=HEALTHY)
    tell(ledger, T0, one=HEALTHY)
    assert told(ledger)[0].told_from == T0 + CLOCK_TOLERANCE_SECONDS


def test_only_what_lies_in_the_period_is_returned(ledger: Ledger) -> None:
    """By when it was told, or by what it was told of."""
    tell(ledger, T0, one=HEALTHY)
    tell(ledger, T0 + 9_000, one=SaidVerdict("hangs", since=T0 + 6_000))
    tell(ledger, T0 + 20_000, one=HEALTHY)

    def within(since: int, until: int) -> list[str]:
        found = ledger.diagnoses.verdicts(ORG, TimeRange(T0 + since, T0 + until))
        return [one.verdict for one in found]

    assert within(0, 100) == ["healthy"]
    assert within(6_000, 6_100) == ["healthy", "hangs"]
    assert within(9_100, 9_200) == ["hangs"]
    assert within(30_000, 30_100) == ["healthy"]
    assert within(-9_000, -8_000) == []


def test_old_ones_are_pruned_apart_from_windows(ledger: Ledger) -> None:
    """By when they were told last; what is told still stays, however old."""
    tell(ledger, T0, one=HEALTHY, two=HEALTHY)
    tell(ledger, T0 + DAY, one=SaidVerdict("hangs"), two=HEALTHY)
    tell(ledger, T0 + 2 * DAY, one=HEALTHY, two=HEALTHY)
    ledger.housekeeping.prune(T0 + 9 * DAY, T0 + DAY)
    assert len(told(ledger)) == 3
    ledger.housekeeping.prune(T0 + 10 * DAY, T0 + DAY + 1)
    assert [one.verdict for one in told(ledger)] == ["hangs", "healthy"]
    ledger.housekeeping.prune(T0 + 11 * DAY)
    assert [one.verdict for one in told(ledger)] == ["healthy"]
    assert len(told(ledger, "two")) == 1


def test_a_check_finds_what_can_t_have_been_told(ledger: Ledger, url: str) -> None:
    """It is told which table, and how many rows."""
    tell(ledger, T0, one=HEALTHY)
    tell(ledger, T0 + 300, one=SaidVerdict("hangs"))
    assert not _broken(url)
    with ledger._database.writing() as connection:  # noqa: SLF001 - what no user can do
        connection.exec_driver_sql(
            "UPDATE verdict_history SET until = since - 1, told_until = NULL"
        )
    assert _broken(url) == {
        "verdicts": "rows that can't be: 2 in verdict_history, "
        "1 in verdict_history, which are told at the same time"
    }


def _broken(url: str) -> dict[str, str]:
    with StateMaintenance(url).faults() as rules:
        return {one.rule: one.detail for one in rules if one.detail}
