"""Action aggregates: one question for all actions, and every answer as tallies."""

from __future__ import annotations

import json
import math
from collections import Counter
from typing import Any

import pytest

from monitor.counts import Counts, SeriesKey, Tally
from monitor.errors import BadRequestError, GenesysError, PermissionDeniedError, WrongShapeError
from monitor.genesys import Client
from monitor.model import BAND_EDGES_MS, COARSE_EDGES_MS, Action, ActionKind, band_of
from monitor.simulator import SimulatedOrg
from monitor.sources import ActionsSource, Evidence
from monitor.sources.actions import MOST_REPEATS
from monitor.sources.count_parts import PARTS
from monitor.time_ranges import TimeRange
from tests.clocks import HOUR, NOON
from tests.filled_ledger import CLASSIFIER
from tests.genesys.far_side import FarSide, Reply
from tests.poller.watched_org import SMALL, client_of, really_happened
from tests.simulated_org import serve_org, simulated_org
from tests.sources.analytics_answers import AGGREGATES, aggregates, bucket, dropped, group

PERIOD = TimeRange(NOON, NOON + HOUR)


def read(client: Client) -> Evidence:
    """Ask for an hour."""
    return ActionsSource(client).read(PERIOD, 300, deep=True)


def answered(far_side: FarSide, client: Client, *groups: dict[str, Any]) -> Evidence:
    """What the source makes of an answer."""
    far_side.on(AGGREGATES, aggregates(*groups))
    return read(client)


def bands_of(**counts: int) -> tuple[int, ...]:
    """Counts by the band's upper edge in milliseconds; ``open`` is the last."""
    by_edge = {f"below_{edge}": index for index, edge in enumerate(BAND_EDGES_MS)}
    bands = [0] * (len(BAND_EDGES_MS) + 1)
    for name, count in counts.items():
        bands[by_edge.get(name, len(BAND_EDGES_MS))] = count
    return tuple(bands)


class TestQuestion:
    """What is asked."""

    def test_a_read_is_a_request_for_every_ten_bands(
        self, far_side: FarSide, client: Client
    ) -> None:
        """Whatever the period, where it is deep."""
        far_side.on(AGGREGATES, aggregates())
        ActionsSource(client).read(TimeRange(NOON - 24 * HOUR, NOON), 300, deep=True)
        assert len(far_side.requests(AGGREGATES)) == math.ceil(len(BAND_EDGES_MS) / 10)

    def test_its_requests_differ_in_nothing_but_views(
        self, far_side: FarSide, client: Client
    ) -> None:
        """So that they count the same executions; and none has more views than are allowed."""
        far_side.on(AGGREGATES, aggregates())
        read(client)
        bodies = [request.json for request in far_side.requests(AGGREGATES)]
        assert all(0 < len(body.pop("views")) <= 10 for body in bodies)
        assert all(body == bodies[0] for body in bodies)

    def test_a_near_read_is_one_request_for_the_coarse_bands(
        self, far_side: FarSide, client: Client
    ) -> None:
        """They are the buckets of /metrics: exact after each poll."""
        far_side.on(AGGREGATES, aggregates())
        ActionsSource(client).read(PERIOD, 300, deep=False)
        ranges = [view["range"] for view in far_side.requests(AGGREGATES)[0].json["views"]]
        assert len(far_side.requests(AGGREGATES)) == 1
        assert [one["lt"] for one in ranges] == list(COARSE_EDGES_MS)
        assert [one["gte"] for one in ranges] == [0, *COARSE_EDGES_MS[:-1]]

    def test_where_buckets_are_fine_a_near_read_asks_for_all_of_them(
        self, far_side: FarSide, client: Client
    ) -> None:
        """As ``[serve] histogram = "full"`` has it."""
        far_side.on(AGGREGATES, aggregates())
        ActionsSource(client, near_is_coarse=False).read(PERIOD, 300, deep=False)
        assert len(far_side.requests(AGGREGATES)) == math.ceil(len(BAND_EDGES_MS) / 10)

    def test_it_asks_for_the_period_in_the_windows(self, far_side: FarSide, client: Client) -> None:
        """Interval and granularity are those of the read, in UTC."""
        far_side.on(AGGREGATES, aggregates())
        ActionsSource(client).read(PERIOD, 900, deep=False)
        body = far_side.requests(AGGREGATES)[0].json
        assert body["interval"] == "2026-11-23T12:00:00.000Z/2026-11-23T13:00:00.000Z"
        assert (body["granularity"], body["timeZone"]) == ("PT15M", "UTC")
        assert body["metrics"] == ["tTotalExecution"]

    def test_it_keeps_endings_and_names_apart(self, far_side: FarSide, client: Client) -> None:
        """Every dimension that a tally or a name needs, and no other."""
        far_side.on(AGGREGATES, aggregates())
        read(client)
        assert set(far_side.requests(AGGREGATES)[0].json["groupBy"]) == {
            "actionId",
            "actionName",
            "integrationId",
            "integrationName",
            "errorType",
            "responseStatus",
        }

    def test_its_views_are_the_latency_bands(self, far_side: FarSide, client: Client) -> None:
        """One view a band, without gap or overlap, but for the open band."""
        far_side.on(AGGREGATES, aggregates())
        read(client)
        asked = [request.json["views"] for request in far_side.requests(AGGREGATES)]
        ranges = [view["range"] for views in asked for view in views]
        assert [edge["lt"] for edge in ranges] == list(BAND_EDGES_MS)
        assert [edge["gte"] for edge in ranges] == [0, *BAND_EDGES_MS[:-1]]


class TestEndToEnd:
    """Against the simulated org."""

    @pytest.fixture
    def evidence(self) -> Evidence:
        """Six hours of a simulated org."""
        with serve_org(SMALL) as simulator:
            client = client_of(simulator.url)
            found = ActionsSource(client).read(TimeRange(NOON - 6 * HOUR, NOON), 300, deep=True)
            client.close()
        return found

    @pytest.fixture
    def org(self) -> SimulatedOrg:
        """The same org, to ask it for the truth."""
        return simulated_org(SMALL)

    def test_every_execution_is_classified_as_it_ended(
        self, evidence: Evidence, org: SimulatedOrg
    ) -> None:
        """Counts per action and outcome equal the truth, for each of the four outcomes."""
        counted: Counter[tuple[str, str]] = Counter()
        for tally in evidence.tallies:
            outcome = CLASSIFIER.outcome(tally.key.error_type, tally.key.response_status)
            counted[tally.key.action_id, str(outcome)] += tally.counts.count
        happened = really_happened(org.truth((NOON - 6 * HOUR) * 1_000, NOON * 1_000))
        assert dict(counted) == happened
        assert {outcome for _, outcome in counted} == {"success", "timeout", "error", "throttled"}

    def test_every_execution_is_in_the_band_of_its_duration(
        self, evidence: Evidence, org: SimulatedOrg
    ) -> None:
        """Bands per action equal those of the single executions."""
        rows = org.visible_executions((NOON - 6 * HOUR) * 1_000, NOON * 1_000, NOON * 1_000)
        expected: Counter[tuple[str, int]] = Counter(
            (SMALL.actions[action].action_id, band_of(duration))
            for action, duration in zip(
                rows.action.tolist(), rows.duration_ms.tolist(), strict=True
            )
        )
        counted: Counter[tuple[str, int]] = Counter()
        for tally in evidence.tallies:
            assert sum(tally.counts.bands) == tally.counts.count
            for band, count in enumerate(tally.counts.bands):
                counted[tally.key.action_id, band] += count
        assert +counted == +expected

    def test_no_key_occurs_twice_and_every_window_is_one_of_ours(self, evidence: Evidence) -> None:
        """What the ledger relies on."""
        keys = [
            (t.key.action_id, t.key.error_type, t.key.response_status, t.window_start)
            for t in evidence.tallies
        ]
        assert len(keys) == len(set(keys)) > 100
        assert all(tally.window_start % 300 == 0 for tally in evidence.tallies)

    def test_actions_come_with_their_names(self, evidence: Evidence) -> None:
        """Every action that ran, under the platform's names, of unknown kind."""
        assert set(evidence.names) == {action.action_id for action in SMALL.actions}
        payment = SMALL.actions[1]
        assert evidence.names[payment.action_id] == Action(
            action_id=payment.action_id,
            name="Take Payment",
            integration_id=payment.integration.integration_id,
            integration_name="Payments Gateway",
            kind=ActionKind.UNKNOWN,
        )


class TestOddAnswers:
    """What an honest platform hardly answers, and a real one might."""

    def test_a_tally_holds_what_the_answer_says(self, far_side: FarSide, client: Client) -> None:
        """Counts, durations and bands under the key of the bucket."""
        views: dict[str, int | None] = {"below_1000": 2, "below_7500": 1}
        one = bucket(3, at=NOON + 300, views=views, sum=8_700.0, min=800.0, max=7_000.0)
        evidence = answered(far_side, client, group(one))
        assert evidence.tallies == (
            Tally(
                SeriesKey("a1", "NONE", "200"),
                NOON + 300,
                Counts(
                    count=3,
                    duration_ms=8_700.0,
                    min_ms=800.0,
                    max_ms=7_000.0,
                    bands=bands_of(below_1000=2, below_7500=1),
                ),
            ),
        )

    @pytest.mark.parametrize("body", [{}, {"results": None}, {"results": []}])
    def test_an_answer_without_groups_is_no_evidence(
        self, far_side: FarSide, client: Client, body: object
    ) -> None:
        """Nothing ran."""
        far_side.on(AGGREGATES, Reply(body=body))
        assert read(client) == Evidence()

    def test_what_ends_between_two_requests_is_counted(
        self, far_side: FarSide, client: Client
    ) -> None:
        """In the bands of the later request: both belong to its total. Else to the earlier's."""
        first = bucket(2, views={"below_100": 2}, sum=100.0, min=40.0, max=60.0)
        second = bucket(3, views={"below_30000": 1}, sum=20_100.0, min=40.0, max=20_000.0)
        far_side.on(AGGREGATES, *(aggregates(group(one)) for one in (first, second)))
        (tally,) = read(client).tallies
        bands = bands_of(below_100=2, below_30000=1)
        assert tally.counts == Counts(3, 20_100.0, 40.0, 20_000.0, bands)
        more = bucket(3, views={"below_100": 3}, sum=150.0, min=40.0, max=60.0)
        far_side.on(AGGREGATES, *(aggregates(group(one)) for one in (first, more)))
        (tally,) = read(client).tallies
        assert tally.counts == Counts(2, 100.0, 40.0, 60.0, bands_of(below_100=2))
        assert len(far_side.requests(AGGREGATES)) == 2 * len(PARTS)

    def test_what_ends_between_two_requests_in_both_is_asked_for_again(
        self, far_side: FarSide, client: Client
    ) -> None:
        """Of the part that was asked first, and of its window alone."""
        first = bucket(2, views={"below_100": 2}, sum=100.0, min=40.0, max=60.0)
        both = {"below_100": 3, "below_30000": 1}
        more = bucket(4, views=both, sum=20_150.0, min=40.0, max=20_000.0)
        far_side.on(AGGREGATES, *(aggregates(group(one)) for one in (first, more, more)))
        evidence = read(client)
        (tally,) = evidence.tallies
        assert tally.counts == Counts(4, 20_150.0, 40.0, 20_000.0, bands_of(**both))
        assert evidence.torn_from is None
        *_, again = (one.json for one in far_side.requests(AGGREGATES))
        assert again["interval"] == "2026-11-23T12:00:00.000Z/2026-11-23T12:05:00.000Z"

    def test_a_count_that_grows_at_every_request_is_left_to_the_next_reading(
        self, far_side: FarSide, client: Client
    ) -> None:
        """Its bands would be those of no moment; what is quiet beside it is counted."""
        quiet = group(bucket(1, views={"below_100": 1}, sum=50.0, max=50.0), actionId="quiet")
        grows = [group(bucket(count, sum=40_000.0, max=40_000.0)) for count in range(1, 9)]
        far_side.on(AGGREGATES, *(aggregates(one, quiet) for one in grows))
        evidence = read(client)
        assert [tally.key.action_id for tally in evidence.tallies] == ["quiet"]
        assert evidence.torn_from == NOON
        assert len(far_side.requests(AGGREGATES)) == len(PARTS) + MOST_REPEATS

    def test_an_ending_that_one_request_alone_shows_is_kept(
        self, far_side: FarSide, client: Client
    ) -> None:
        """It came between the two, or its group was left out."""
        early = group(bucket(1, views={"below_100": 1}, sum=50.0, min=50.0, max=50.0))
        late = group(bucket(1, sum=5_000.0, min=5_000.0, max=5_000.0), errorType="TIMEOUT")
        far_side.on(AGGREGATES, aggregates(early), aggregates(early, late))
        assert {tally.key.error_type: tally.counts.count for tally in read(client).tallies} == {
            "NONE": 1,
            "TIMEOUT": 1,
        }

    def test_a_renamed_action_is_one_tally(self, far_side: FarSide, client: Client) -> None:
        """Two groups of one id, for two names: counts, durations and bands are added."""
        old = bucket(2, views={"below_250": 2}, sum=400.0, min=150.0, max=240.0)
        new = bucket(3, views={"below_100": 3}, sum=200.0, min=50.0, max=90.0)
        evidence = answered(
            far_side, client, group(old, actionName="Old"), group(new, actionName="New")
        )
        assert evidence.tallies == (
            Tally(
                SeriesKey("a1", "NONE", "200"),
                NOON,
                Counts(
                    count=5,
                    duration_ms=600.0,
                    min_ms=50.0,
                    max_ms=240.0,
                    bands=bands_of(below_100=3, below_250=2),
                ),
            ),
        )
        assert set(evidence.names) == {"a1"}

    def test_a_renamed_action_keeps_its_windows_apart(
        self, far_side: FarSide, client: Client
    ) -> None:
        """Only what falls into one window is added."""
        evidence = answered(
            far_side,
            client,
            group(bucket(2), actionName="Old"),
            group(bucket(3, at=NOON + 300), actionName="New"),
        )
        assert {t.window_start: t.counts.count for t in evidence.tallies} == {
            NOON: 2,
            NOON + 300: 3,
        }

    def test_missing_dimensions_read_as_empty(self, far_side: FarSide, client: Client) -> None:
        """No status, no error type: an ending that is not known to be a success."""
        one = group(bucket(4), errorType=None, responseStatus=None, integrationId=None)
        (tally,) = answered(far_side, client, one).tallies
        assert (tally.key.error_type, tally.key.response_status, tally.counts.count) == ("", "", 4)
        assert CLASSIFIER.outcome(tally.key.error_type, tally.key.response_status) == "error"

    def test_executions_of_a_nameless_action_go_by_its_id(
        self, far_side: FarSide, client: Client
    ) -> None:
        """Without a name the id is its name."""
        evidence = answered(far_side, client, group(bucket(), actionName=None))
        assert evidence.names["a1"].name == "a1"

    def test_executions_of_no_action_are_counted_as_unknown(
        self, far_side: FarSide, client: Client
    ) -> None:
        """Without an id they count all the same."""
        evidence = answered(far_side, client, group(bucket(2), actionId=None, actionName=None))
        assert [(t.key.action_id, t.counts.count) for t in evidence.tallies] == [("unknown", 2)]

    def test_a_group_without_dimensions_is_counted(self, far_side: FarSide, client: Client) -> None:
        """Null in the place of the group."""
        far_side.on(AGGREGATES, Reply(body={"results": [{"group": None, "data": [bucket(2)]}]}))
        assert [tally.key.action_id for tally in read(client).tallies] == ["unknown"]

    def test_null_statistics_are_zeros(self, far_side: FarSide, client: Client) -> None:
        """A count without durations is a count."""
        one = bucket(2, sum=None, min=None, max=None, views={"below_100": None})
        (tally,) = answered(far_side, client, group(one)).tallies
        assert (
            tally.counts.count,
            tally.counts.duration_ms,
            tally.counts.min_ms,
            tally.counts.max_ms,
        ) == (2, 0.0, 0.0, 0.0)

    @pytest.mark.parametrize("count", [0, None])
    def test_a_bucket_without_executions_is_no_tally(
        self, far_side: FarSide, client: Client, count: int | None
    ) -> None:
        """Zero or null: nothing to count, and the action is still named."""
        evidence = answered(far_side, client, group(bucket(count, sum=5.0)))
        assert evidence.tallies == ()
        assert set(evidence.names) == {"a1"}

    @pytest.mark.parametrize("data", [None, [], [{"interval": "2026-11-23T12:00:00.000Z/x"}]])
    def test_a_group_without_metrics_is_no_tally(
        self, far_side: FarSide, client: Client, data: object
    ) -> None:
        """Buckets that are left out, and a bucket without metrics."""
        one = {"group": {"actionId": "a1"}, "data": data}
        assert answered(far_side, client, one).tallies == ()

    def test_negative_durations_are_zeros(self, far_side: FarSide, client: Client) -> None:
        """No sum of durations ever shrinks."""
        one = bucket(2, sum=-5.0, min=-3.0, max=-1.0)
        (tally,) = answered(far_side, client, group(one)).tallies
        assert (tally.counts.duration_ms, tally.counts.min_ms, tally.counts.max_ms) == (
            0.0,
            0.0,
            0.0,
        )

    @pytest.mark.parametrize("count", [10**7 + 1, 2**63, 10**30, 1e30, -3, "NaN", 2.5])
    def test_a_count_that_can_not_be_costs_its_bucket(
        self, far_side: FarSide, client: Client, count: object
    ) -> None:
        """The ledger would keep it for ever; everything beside it is counted."""
        odd = group(bucket(count), bucket(2, at=NOON + 300), errorType="X")
        evidence = answered(far_side, client, group(bucket(1)), odd)
        assert {(t.key.error_type, t.window_start): t.counts.count for t in evidence.tallies} == {
            ("NONE", NOON): 1,
            ("X", NOON + 300): 2,
        }
        assert dropped(client) == {("actions", "number"): len(PARTS)}

    @pytest.mark.parametrize("stat", ["sum", "min", "max"])
    @pytest.mark.parametrize("value", [1e30, 10**30, 86_400_000.0, "Infinity", "long", [], True])
    def test_a_duration_that_can_not_be_costs_its_bucket(
        self, far_side: FarSide, client: Client, stat: str, value: object
    ) -> None:
        """Sums of it would drown every other, or overflow."""
        odd_bucket = bucket(1)
        odd_bucket["metrics"][0]["stats"][stat] = value
        odd = group(odd_bucket, errorType="X")
        evidence = answered(far_side, client, group(bucket(1)), odd)
        assert [tally.key.error_type for tally in evidence.tallies] == ["NONE"]
        assert dropped(client) == {("actions", "number"): len(PARTS)}

    @pytest.mark.parametrize("literal", [b"NaN", b"Infinity", b"-Infinity", b"1e400", b"9" * 5_000])
    def test_what_json_has_no_word_for_costs_its_bucket(
        self, far_side: FarSide, client: Client, literal: bytes
    ) -> None:
        """Some writers put it into their answers all the same."""
        good, odd = group(bucket(1)), group(bucket(4_711), errorType="X")
        text = json.dumps({"results": [good, odd]}).encode().replace(b"4711", literal)
        far_side.on(AGGREGATES, Reply(body=text))
        assert [tally.key.error_type for tally in read(client).tallies] == ["NONE"]

    @pytest.mark.parametrize("count", [3, 3.0, "3", "3.0", " 3 "])
    def test_a_count_is_read_however_it_is_written(
        self, far_side: FarSide, client: Client, count: object
    ) -> None:
        """As a whole number, as a float, as a text."""
        one = bucket(count, views={"below_1000": count}, sum=1500, max="800.5", min=300)
        (tally,) = answered(far_side, client, group(one)).tallies
        assert (tally.counts.count, tally.counts.duration_ms, tally.counts.max_ms) == (
            3,
            1500.0,
            800.5,
        )
        assert tally.counts.bands == bands_of(below_1000=3)
        assert dropped(client) == {}

    def test_half_a_character_costs_no_execution(self, far_side: FarSide, client: Client) -> None:
        """The name is mended, and counts are as if it were whole."""
        evidence = answered(far_side, client, group(bucket(2), actionName="Pizza \ud83c"))
        assert [tally.counts.count for tally in evidence.tallies] == [2]
        assert evidence.names["a1"].name == "Pizza \ufffd"

    def test_broken_bytes_cost_no_execution(self, far_side: FarSide, client: Client) -> None:
        """The same for what is no UTF-8 at all, and for a NUL, which PostgreSQL refuses."""
        text = json.dumps({"results": [group(bucket(2), actionName="Caf#\0")]}).encode()
        far_side.on(AGGREGATES, Reply(body=text.replace(b"#", b"\xe9")))
        evidence = read(client)
        assert [tally.counts.count for tally in evidence.tallies] == [2]
        assert evidence.names["a1"].name == "Caf\ufffd\ufffd"

    @pytest.mark.parametrize("depth", [500, 5_000, 100_000])
    def test_an_unknown_field_nested_for_ever_costs_nothing(
        self, far_side: FarSide, client: Client, depth: int
    ) -> None:
        """Nobody asked for it."""
        text = json.dumps({"results": [group(bucket(2)) | {"more": "#"}]}).encode()
        far_side.on(AGGREGATES, Reply(body=text.replace(b'"#"', b"[" * depth + b"]" * depth)))
        assert [tally.counts.count for tally in read(client).tallies] == [2]

    @pytest.mark.parametrize("status", [504, 504.0, "504"])
    def test_a_status_is_read_however_it_is_written(
        self, far_side: FarSide, client: Client, status: object
    ) -> None:
        """As a text or as a number."""
        evidence = answered(far_side, client, group(bucket(2), responseStatus=status))
        assert [tally.key.response_status for tally in evidence.tallies] == ["504"]

    def test_a_group_that_came_twice_is_counted_once(
        self, far_side: FarSide, client: Client
    ) -> None:
        """An answer that repeats itself must not double what ran."""
        one = group(bucket(2, views={"below_100": 2}, sum=100.0, min=40.0, max=60.0))
        (tally,) = answered(far_side, client, one, one).tallies
        assert (tally.counts.count, tally.counts.duration_ms) == (2, 100.0)
        assert dropped(client) == {("actions", "duplicate"): len(PARTS)}

    @pytest.mark.parametrize("order", [1, -1])
    def test_of_a_bucket_that_came_twice_with_other_numbers_the_fuller_counts(
        self, far_side: FarSide, client: Client, order: int
    ) -> None:
        """They are the same executions, seen at two moments."""
        both = [group(bucket(count, sum=count * 50.0)) for count in (10, 11)][::order]
        (tally,) = answered(far_side, client, *both).tallies
        assert (tally.counts.count, tally.counts.duration_ms) == (11, 550.0)

    @pytest.mark.parametrize("at", [NOON - 300, NOON + HOUR, 0, 4_000_000_000])
    def test_a_bucket_that_was_not_asked_for_is_left_out(
        self, far_side: FarSide, client: Client, at: int
    ) -> None:
        """It would count where nobody reads, and its moment would pass for the newest."""
        evidence = answered(far_side, client, group(bucket(2, at=at), bucket(1)))
        assert [(t.window_start, t.counts.count) for t in evidence.tallies] == [(NOON, 1)]
        assert dropped(client) == {("actions", "time"): len(PARTS)}

    def test_finer_buckets_than_asked_for_fall_into_their_window(
        self, far_side: FarSide, client: Client
    ) -> None:
        """They are one window together."""
        evidence = answered(far_side, client, group(bucket(2, at=NOON), bucket(1, at=NOON + 60)))
        assert [(t.window_start, t.counts.count) for t in evidence.tallies] == [(NOON, 3)]

    def test_a_bucket_that_one_request_can_not_show_claims_no_slow_executions(
        self, far_side: FarSide, client: Client
    ) -> None:
        """Half of its bands are unknown: what they would hold is not in the open band."""
        whole = bucket(5, views={"below_100": 1}, sum=50_000.0, min=40.0, max=31_000.0)
        spoiled = bucket(5, views={"below_20000": -1}, sum=50_000.0, min=40.0, max=31_000.0)
        far_side.on(AGGREGATES, aggregates(group(whole)), aggregates(group(spoiled)))
        (tally,) = read(client).tallies
        assert (tally.counts.count, tally.counts.bands) == (5, bands_of(below_100=1))

    def test_an_answer_of_nothing_but_nonsense_is_refused(
        self, far_side: FarSide, client: Client
    ) -> None:
        """Read as empty it would hide for ever that the platform answers otherwise now."""
        renamed = [{"time": "12:00", "metrics": []} for _ in range(12)]
        with pytest.raises(WrongShapeError, match="none of 12 records"):
            answered(far_side, client, {"group": {"actionId": "a1"}, "data": renamed})

    def test_bands_never_exceed_the_count(self, far_side: FarSide, client: Client) -> None:
        """Views that claim more give way, the slowest first."""
        views: dict[str, int | None] = {"below_100": 2, "below_250": 2, "below_500": 2}
        (tally,) = answered(far_side, client, group(bucket(3, views=views, max=400.0))).tallies
        assert tally.counts.bands == bands_of(below_100=2, below_250=1)

    def test_a_view_that_nobody_asked_for_is_ignored(
        self, far_side: FarSide, client: Client
    ) -> None:
        """Only our own names count."""
        views: dict[str, int | None] = {"above_all": 3, "below_100": 3}
        (tally,) = answered(far_side, client, group(bucket(3, views=views, max=90.0))).tallies
        assert tally.counts.bands == bands_of(below_100=3)

    def test_what_no_view_counts_took_longest(self, far_side: FarSide, client: Client) -> None:
        """The open band is what the views leave, where something took so long."""
        views: dict[str, int | None] = {"below_100": 1}
        (tally,) = answered(far_side, client, group(bucket(3, views=views, max=60_000.0))).tallies
        assert tally.counts.bands == bands_of(below_100=1, open=2)

    @pytest.mark.parametrize("longest_ms", [None, 800.0, 29_999.0])
    def test_an_answer_without_views_claims_no_slow_executions(
        self, far_side: FarSide, client: Client, longest_ms: float | None
    ) -> None:
        """Where nothing took half a minute the open band stays empty: their bands are unknown."""
        (tally,) = answered(far_side, client, group(bucket(3, max=longest_ms))).tallies
        assert (tally.counts.count, sum(tally.counts.bands)) == (3, 0)


@pytest.mark.parametrize(
    ("status", "error"), [(400, BadRequestError), (403, PermissionDeniedError)]
)
def test_a_refusal_is_the_callers_to_judge(
    far_side: FarSide, client: Client, status: int, error: type[GenesysError]
) -> None:
    """Errors come through as they are."""
    far_side.on(AGGREGATES, Reply(status, {"message": "no", "code": "x", "status": status}))
    with pytest.raises(error):
        read(client)


def test_an_answer_of_bad_records_alone_is_no_zero(far_side: FarSide, client: Client) -> None:
    """However few they are; one good record makes it an answer, and none at all is one too."""
    assert answered(far_side, client, group(bucket("soon"))).is_unreadable
    assert answered(far_side, client, group(bucket("soon")), group(bucket("later"))).is_unreadable
    assert not answered(far_side, client, group(bucket("soon")), group(bucket(1))).is_unreadable
    assert not answered(far_side, client).is_unreadable
