"""Analytics: times on the wire, bodies as they are sent, answers with everything left out."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.errors import BadRequestError, PermissionDeniedError
from monitor.genesys import Client
from monitor.genesys.api.analytics import (
    ACTION_AGGREGATES,
    ActionAggregateQuery,
    ActionAggregates,
    ActionFilter,
    ActionPredicate,
    ConversationDetailQuery,
    Paging,
    Range,
    SegmentFilter,
    SegmentPredicate,
    Stats,
    View,
    conversation_details,
    epoch_ms,
    epoch_seconds,
    interval,
)
from monitor.time_ranges import TimeRange
from tests.genesys.far_side import FarSide, Reply

AGGREGATES = "POST /api/v2/analytics/actions/aggregates/query"
DETAILS = "POST /api/v2/analytics/conversations/details/query"
NEW_YEAR = 1_767_225_600
HOUR = "2026-01-01T00:00:00.000Z/2026-01-01T01:00:00.000Z"
QUERY = ActionAggregateQuery(interval=HOUR)
DETAIL_QUERY = ConversationDetailQuery(interval=HOUR)


def test_an_interval_is_written_as_the_platform_writes_it() -> None:
    """UTC, milliseconds, a slash."""
    assert interval(TimeRange(NEW_YEAR, NEW_YEAR + 3600)) == HOUR


@given(st.integers(0, 4_000_000_000), st.integers(0, 10_000_000))
def test_what_is_written_is_read_back(start: int, seconds: int) -> None:
    """Writing and reading a time lose nothing."""
    begins, _, ends = interval(TimeRange(start, start + seconds)).partition("/")

    assert (epoch_seconds(begins), epoch_seconds(ends)) == (start, start + seconds)


@pytest.mark.parametrize(
    "text", ["2026-01-01T01:00:00+01:00", "2026-01-01T00:00Z", "2026-01-01T00:00:00.000Z"]
)
def test_other_ways_to_write_the_same_moment_are_read(text: str) -> None:
    """Zones and missing seconds are no obstacle."""
    assert epoch_seconds(text) == NEW_YEAR


@pytest.mark.parametrize("text", ["2026-01-01T00:00:00", "yesterday", "", "1767225600"])
def test_a_time_without_a_zone_is_refused(text: str) -> None:
    """Guessing a zone would count executions in the wrong window."""
    with pytest.raises(ValueError, match=r"zone|isoformat"):
        epoch_seconds(text)


@given(st.datetimes(min_value=datetime(1980, 1, 1), max_value=datetime(2100, 1, 1)))  # noqa: DTZ001 - a zone is put on below
def test_milliseconds_survive(moment: datetime) -> None:
    """The key of a segment is exact to the millisecond, whatever its zone."""
    moment = moment.replace(
        microsecond=moment.microsecond // 1000 * 1000, tzinfo=timezone(timedelta(hours=5))
    )

    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    assert epoch_ms(moment) == (moment - epoch) // timedelta(milliseconds=1)


def test_an_aggregate_query_goes_out_in_the_platforms_words(
    client: Client, far_side: FarSide
) -> None:
    """The body is the documented one, to the letter."""
    far_side.on(AGGREGATES, Reply(body={}))

    client.call(
        ACTION_AGGREGATES,
        ActionAggregates,
        body=ActionAggregateQuery(
            interval=HOUR,
            granularity="PT5M",
            group_by=("actionId", "errorType"),
            metrics=("tTotalExecution",),
            views=(View("ms_0_100", Range(0, 100)), View("ms_100", Range(gte=100))),
            filter=ActionFilter("and", (ActionPredicate.matches("actionId", "custom_-_1"),)),
            time_zone="UTC",
        ),
    )

    assert far_side.requests(AGGREGATES)[0].json == {
        "interval": HOUR,
        "granularity": "PT5M",
        "groupBy": ["actionId", "errorType"],
        "metrics": ["tTotalExecution"],
        "views": [
            {
                "target": "tTotalExecution",
                "name": "ms_0_100",
                "function": "rangeBound",
                "range": {"gte": 0, "lt": 100},
            },
            {
                "target": "tTotalExecution",
                "name": "ms_100",
                "function": "rangeBound",
                "range": {"gte": 100},
            },
        ],
        "filter": {
            "type": "and",
            "predicates": [
                {
                    "type": "dimension",
                    "dimension": "actionId",
                    "operator": "matches",
                    "value": "custom_-_1",
                }
            ],
        },
        "timeZone": "UTC",
    }


def test_what_was_not_asked_is_not_sent(client: Client, far_side: FarSide) -> None:
    """No null goes over the wire."""
    far_side.on(AGGREGATES, Reply(body={}))

    client.call(ACTION_AGGREGATES, ActionAggregates, body=QUERY)

    assert far_side.requests(AGGREGATES)[0].json == {"interval": HOUR}


def test_aggregates_are_read(client: Client, far_side: FarSide) -> None:
    """Dimensions, window, counts, durations and views, as facts D shows them."""
    far_side.on(
        AGGREGATES,
        Reply(
            body={
                "results": [
                    {
                        "group": {"actionId": "custom_-_1", "errorType": "NONE"},
                        "data": [
                            {
                                "interval": HOUR,
                                "metrics": [
                                    {
                                        "metric": "tTotalExecution",
                                        "stats": {"count": 3, "min": 120, "max": 7800, "sum": 9e3},
                                    }
                                ],
                                "views": [
                                    {"name": "fast", "stats": {"count": 2, "sum": 240.0}},
                                    {"name": "none", "stats": {"count": 0}},
                                    {"name": "null"},
                                ],
                            }
                        ],
                    }
                ]
            }
        ),
    )

    (group,) = client.call(ACTION_AGGREGATES, ActionAggregates, body=QUERY).results
    (bucket,) = group.data

    assert (group.dimension("actionId"), group.dimension("errorType")) == ("custom_-_1", "NONE")
    assert group.dimension("responseStatus") == ""
    assert bucket.start == NEW_YEAR
    assert bucket.stats == Stats(count=3, sum=9000.0, min=120.0, max=7800.0)
    assert bucket.view_counts({"slow": 0, "fast": 1}) == (0, 2)


@pytest.mark.parametrize("body", [{}, {"results": None}, {"results": []}])
def test_an_org_where_nothing_ran_has_no_results(
    client: Client, far_side: FarSide, body: object
) -> None:
    """The platform leaves out what is empty."""
    far_side.on(AGGREGATES, Reply(body=body))

    assert client.call(ACTION_AGGREGATES, ActionAggregates, body=QUERY).results == ()


@pytest.mark.parametrize(
    "bucket",
    [
        {},
        {"metrics": None, "views": None},
        {"metrics": []},
        {"metrics": [{"metric": "tTotalExecution"}]},
        {"metrics": [{"metric": "tTotalExecution", "stats": None}]},
        {"metrics": [{"metric": "tTotalExecution", "stats": {}}]},
        {"metrics": [{"metric": "tTotalExecution", "stats": {"count": None, "sum": None}}]},
        {"metrics": [{"metric": "nSomething", "stats": {"count": 7}}]},
    ],
)
def test_missing_statistics_are_zeros(
    client: Client, far_side: FarSide, bucket: dict[str, object]
) -> None:
    """A bucket may come without metrics, and a metric without statistics."""
    data = [{"interval": HOUR} | bucket]
    far_side.on(AGGREGATES, Reply(body={"results": [{"group": None, "data": data}]}))

    (group,) = client.call(ACTION_AGGREGATES, ActionAggregates, body=QUERY).results

    assert group.data[0].stats == Stats()
    assert group.data[0].view_counts({"fast": 0}) == (0,)
    assert group.dimension("actionId") == ""


def test_a_group_without_data_is_empty(client: Client, far_side: FarSide) -> None:
    """Nothing is made up for it."""
    far_side.on(AGGREGATES, Reply(body={"results": [{"group": {"actionId": None}}]}))

    (group,) = client.call(ACTION_AGGREGATES, ActionAggregates, body=QUERY).results

    assert (group.data, group.dimension("actionId")) == ((), "")


@pytest.mark.parametrize("interval", ["2026-01-01T00:00:00/x", "soon/later", "", 17, None])
def test_a_bucket_whose_interval_can_not_be_read_is_left_out(
    client: Client, far_side: FarSide, interval: object
) -> None:
    """A count in an unknown window must not be counted in a wrong one; the others are."""
    good = {"interval": "2026-01-01T00:00:00.000Z/2026-01-01T00:05:00.000Z"}
    body = {"results": [{"data": [{"interval": interval}, good]}]}
    far_side.on(AGGREGATES, Reply(body=body))

    (group,) = client.call(ACTION_AGGREGATES, ActionAggregates, body=QUERY).results

    assert [bucket.start for bucket in group.data] == [1_767_225_600]
    assert sum(client.stats().dropped_records.values()) == 1


def test_the_platforms_words_about_a_granularity_reach_the_caller(
    client: Client, far_side: FarSide
) -> None:
    """A caller steps to a coarser one when the message names it."""
    far_side.on(AGGREGATES, Reply(400, {"message": "Invalid granularity", "code": "bad.request"}))

    with pytest.raises(BadRequestError) as caught:
        client.call(ACTION_AGGREGATES, ActionAggregates, body=QUERY)

    assert caught.value.detail == "Invalid granularity"


def test_a_detail_query_goes_out_in_the_platforms_words(client: Client, far_side: FarSide) -> None:
    """The body is the documented one, to the letter."""
    far_side.on(DETAILS, Reply(body={}))

    conversation_details(
        client,
        ConversationDetailQuery(
            interval=HOUR,
            segment_filters=(
                SegmentFilter(
                    "or",
                    (
                        SegmentPredicate.exists("errorCode"),
                        SegmentPredicate.matches("exitReason", "FLOW_ERROR_DISCONNECT"),
                    ),
                ),
            ),
            paging=Paging(100, 1),
            order="asc",
            order_by="conversationStart",
        ),
    )

    assert far_side.requests(DETAILS)[0].json == {
        "interval": HOUR,
        "segmentFilters": [
            {
                "type": "or",
                "predicates": [
                    {"type": "dimension", "dimension": "errorCode", "operator": "exists"},
                    {
                        "type": "dimension",
                        "dimension": "exitReason",
                        "operator": "matches",
                        "value": "FLOW_ERROR_DISCONNECT",
                    },
                ],
            }
        ],
        "paging": {"pageSize": 100, "pageNumber": 1},
        "order": "asc",
        "orderBy": "conversationStart",
    }


def test_detail_records_are_read(client: Client, far_side: FarSide) -> None:
    """From the conversation down to the segment that failed and its properties."""
    segment = {
        "segmentStart": "2026-01-01T00:00:00.123Z",
        "segmentEnd": "2026-01-01T00:00:04.123Z",
        "segmentType": "ivr",
        "errorCode": "error.timeout",
        "properties": [
            {"propertyType": "string", "property": "actionId", "value": "custom_-_1"},
            {"property": "empty"},
        ],
    }
    flow = {"flowId": "f", "flowName": "Main", "exitReason": "FLOW_ERROR_DISCONNECT"}
    session = {"mediaType": "voice", "flow": flow, "segments": [segment]}
    far_side.on(
        DETAILS,
        Reply(
            body={
                "conversations": [
                    {
                        "conversationId": "c",
                        "conversationStart": "2026-01-01T00:00:00.000Z",
                        "participants": [{"purpose": "ivr", "sessions": [session]}],
                    }
                ],
                "totalHits": 1,
            }
        ),
    )

    page = conversation_details(client, DETAIL_QUERY)

    (conversation,) = page.conversations
    (read_session,) = conversation.participants[0].sessions
    (read_segment,) = read_session.segments
    assert page.total_hits == 1
    assert conversation.conversation_start == datetime(2026, 1, 1, tzinfo=UTC)
    assert read_session.flow is not None
    assert (read_session.flow.flow_id, read_session.flow.flow_name) == ("f", "Main")
    assert read_segment.segment_start is not None
    assert epoch_ms(read_segment.segment_start) == NEW_YEAR * 1000 + 123
    assert read_segment.error_code == "error.timeout"
    assert read_segment.properties == {"actionId": "custom_-_1"}


@pytest.mark.parametrize("body", [{}, {"conversations": None}, {"conversations": []}])
def test_an_hour_without_errors_has_no_conversations(
    client: Client, far_side: FarSide, body: object
) -> None:
    """The platform leaves out what is empty."""
    far_side.on(DETAILS, Reply(body=body))

    page = conversation_details(client, DETAIL_QUERY)

    assert (page.conversations, page.total_hits) == ((), 0)


@pytest.mark.parametrize(
    "conversation",
    [
        {},
        {"participants": None},
        {"participants": [{}]},
        {"participants": [{"sessions": None}]},
        {"participants": [{"sessions": [{}]}]},
        {"participants": [{"sessions": [{"segments": None, "flow": None}]}]},
        {"participants": [{"sessions": [{"segments": [{"properties": None}]}]}]},
    ],
)
def test_records_with_parts_left_out_are_read(
    client: Client, far_side: FarSide, conversation: dict[str, object]
) -> None:
    """Every level may be missing or null."""
    body = {"conversations": [{"conversationId": "c"} | conversation]}
    far_side.on(DETAILS, Reply(body=body))

    (read,) = conversation_details(client, DETAIL_QUERY).conversations

    segments = [x for p in read.participants for s in p.sessions for x in s.segments]
    assert all(segment.properties == {} for segment in segments)


def test_a_segment_time_without_a_zone_is_left_out(client: Client, far_side: FarSide) -> None:
    """Nobody knows when it was; the conversation stands."""
    segment = {"segmentStart": "2026-01-01T00:00:00"}
    participants = [{"sessions": [{"segments": [segment]}]}]
    far_side.on(
        DETAILS,
        Reply(body={"conversations": [{"conversationId": "c", "participants": participants}]}),
    )

    (read,) = conversation_details(client, DETAIL_QUERY).conversations

    assert read.participants[0].sessions[0].segments == ()
    assert client.stats().dropped_records == {("conversations", "time"): 1}


def test_both_names_of_the_missing_permission_are_told(client: Client, far_side: FarSide) -> None:
    """The platform's permission and the scope of the flow contract."""
    far_side.on(DETAILS, Reply(403, {"code": "missing.permissions"}))

    with pytest.raises(PermissionDeniedError) as caught:
        conversation_details(client, DETAIL_QUERY)

    assert "analytics:conversationDetail:view" in caught.value.hint
    assert "analytics:detail:view" in caught.value.hint
