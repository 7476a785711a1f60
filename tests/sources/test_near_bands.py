"""Successes just below a timeout, however the platform tells them."""

from __future__ import annotations

from typing import Any

import pytest

from monitor.errors import GenesysError, WrongShapeError
from monitor.genesys import Client
from monitor.sources import NearBandsSource
from monitor.time_ranges import TimeRange
from tests.clocks import NOON
from tests.filled_ledger import CLASSIFIER
from tests.genesys.far_side import FarSide, Reply
from tests.sources.analytics_answers import AGGREGATES, bucket, group

QUARTER = 6 * 3_600
DAY = TimeRange(NOON, NOON + 4 * QUARTER)


def near(at: int, *counts: object) -> Any:  # noqa: ANN401 - JSON
    """An hour's bucket: successes by near band of 5 s."""
    names = ("from_4000", "from_4500", "from_4750")
    return bucket(99, at=at, sum=1.0, min=1.0, max=1.0, views=dict(zip(names, counts, strict=True)))


def read(far_side: FarSide, client: Client, *groups: Any) -> dict[tuple[str, int], tuple[int, ...]]:  # noqa: ANN401 - JSON
    """What is made of an answer about two actions."""
    far_side.on(AGGREGATES, Reply(body={"results": list(groups)}))
    found = NearBandsSource(client, CLASSIFIER).read(["a1", "a2"], 5_000, DAY, QUARTER)
    return dict(found)


def test_it_asks_once_for_all_that_share_a_timeout(far_side: FarSide, client: Client) -> None:
    """Of these actions alone, by hours, with a view a band, the last of them open."""
    read(far_side, client)

    [request] = far_side.requests(AGGREGATES)
    assert request.json["granularity"] == "PT1H"
    assert request.json["filter"] == {
        "type": "or",
        "predicates": [
            {"type": "dimension", "dimension": "actionId", "operator": "matches", "value": one}
            for one in ("a1", "a2")
        ],
    }
    assert [view["range"] for view in request.json["views"]] == [
        {"gte": 4_000, "lt": 4_500},
        {"gte": 4_500, "lt": 4_750},
        {"gte": 4_750},
    ]


def test_hours_add_up_to_periods(far_side: FarSide, client: Client) -> None:
    """Successes of all statuses, by action; what failed or was empty is not among them."""
    found = read(
        far_side,
        client,
        group(near(NOON, 1, 2, 3), near(NOON + 3_600, 1, 0, 0), near(NOON + QUARTER, 0, 0, 5)),
        group(near(NOON, 10, 0, 0), responseStatus="201"),
        group(near(NOON, 7, 7, 7), errorType="ACTION.REQUEST.TIMEOUT", responseStatus="504"),
        group(near(NOON, 0, 0, 0), actionId="a2"),
    )

    assert found == {("a1", NOON): (12, 2, 3), ("a1", NOON + QUARTER): (0, 0, 5)}


def test_answers_that_repeat_or_stray_count_once(far_side: FarSide, client: Client) -> None:
    """A bucket twice, one that was not asked for, an action of others, a view that is missing."""
    found = read(
        far_side,
        client,
        group(near(NOON, 1, 2, 3), near(NOON, 2, 2, 3)),
        group(near(NOON, 1, 1, 1)),
        group(near(NOON - 3_600, 50, 50, 50), near(DAY.end, 50, 50, 50)),
        group(near(NOON, 60, 60, 60), actionId="foreign"),
        group(bucket(4, at=NOON, sum=1.0, min=1.0, max=1.0), actionId="a2"),
    )

    assert found == {("a1", NOON): (2, 2, 3)}
    dropped = client.stats().dropped_records
    assert dropped["executions", "duplicate"] == 2
    assert dropped["executions", "time"] == 2


def test_an_answer_of_nonsense_is_no_answer(far_side: FarSide, client: Client) -> None:
    """Nothing is kept of it, so that it is asked for again."""
    with pytest.raises(WrongShapeError):
        read(far_side, client, group(bucket("many", at=NOON)), group(bucket(-1, at=NOON)))


def test_what_the_platform_refuses_is_an_error(far_side: FarSide, client: Client) -> None:
    """For the caller to judge."""
    far_side.on(AGGREGATES, Reply(400, {"code": "bad.request", "message": "interval"}))
    with pytest.raises(GenesysError):
        NearBandsSource(client, CLASSIFIER).read(["a1"], 5_000, DAY, QUARTER)
