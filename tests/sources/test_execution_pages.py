"""Single executions from answers that no simulated org gives: strange rows, circles, refusals."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest

from monitor.errors import GenesysError, WrongShapeError
from monitor.model import Execution, ExecutionList, Truncation
from monitor.sources import ExecutionsSource
from tests.genesys.far_side import FarSide, Reply, Seen, listening
from tests.poller.watched_org import client_of
from tests.sources.recorded_progress import JOBS, LAST_HOUR, QUICK, Notes

SUBMIT, STATUS, RESULTS = f"POST {JOBS}", f"GET {JOBS}/j", f"GET {JOBS}/j/results"


@pytest.fixture
def far_side() -> Iterator[FarSide]:
    """A scripted platform whose job is done at once."""
    with listening() as far_side:
        far_side.on(SUBMIT, Reply(202, {"jobId": "j"}))
        far_side.on(STATUS, Reply(body={"state": "FULFILLED"}))
        yield far_side


@pytest.fixture
def source(far_side: FarSide) -> Iterator[ExecutionsSource]:
    """Asks it."""
    client = client_of(far_side.url, deadline_seconds=5.0)
    yield ExecutionsSource(client, QUICK)
    client.close()


def row(correlation_id: str | None, stats: Mapping[str, object]) -> dict[str, Any]:
    """One row of results, in the first minute."""
    group = {"errorType": "NONE", "responseStatus": "200"}
    return {
        "group": group | ({"correlationId": correlation_id} if correlation_id else {}),
        "data": [
            {
                "interval": "2026-11-23T11:00:00.000Z/2026-11-23T11:01:00.000Z",
                "metrics": [{"metric": "tTotalExecution", "stats": stats}],
            }
        ],
    }


def one(correlation_id: str, duration_ms: float, *, is_exact: bool = True) -> Execution:
    """The execution that such a row stands for."""
    return Execution(correlation_id, "NONE", "200", LAST_HOUR.start, duration_ms, is_exact)


def test_executions_that_share_an_id_are_told_as_far_as_can_be(
    far_side: FarSide, source: ExecutionsSource
) -> None:
    """The longest and the shortest exactly, the others by their mean, and marked."""
    stats = {"count": 4, "sum": 1000.0, "min": 100.0, "max": 500.0}
    far_side.on(RESULTS, Reply(body={"results": [row(None, stats)]}))

    listed = source.read("a", LAST_HOUR, Notes())

    assert listed.executions == (
        one("", 500.0),
        one("", 100.0),
        one("", 200.0, is_exact=False),
        one("", 200.0, is_exact=False),
    )


def test_strange_numbers_become_none_of_ours(far_side: FarSide, source: ExecutionsSource) -> None:
    """No negative duration, no execution where none is counted, nothing where nothing is said."""
    far_side.on(
        RESULTS,
        Reply(
            body={
                "results": [
                    row("a", {"count": 1, "sum": -5.0}),
                    row("b", {"count": -1, "sum": 5.0}),
                    row("c", {"count": 0}),
                    {"group": {"correlationId": "d"}},
                ]
            }
        ),
    )

    assert source.read("a", LAST_HOUR, Notes()).executions == (one("a", 0.0),)


def test_no_results_at_all_are_none(far_side: FarSide, source: ExecutionsSource) -> None:
    """The platform leaves empty lists out."""
    far_side.on(RESULTS, Reply(body={}))

    assert source.read("a", LAST_HOUR, Notes()) == ExecutionList((), 60)


def test_pages_that_lead_in_a_circle_end(far_side: FarSide, source: ExecutionsSource) -> None:
    """An error: what was read would be counted again and again."""
    page = {"results": [row("a", {"count": 1, "sum": 5.0})], "cursor": "again"}
    far_side.on(RESULTS, Reply(body=page))

    with pytest.raises(WrongShapeError, match="leads back"):
        source.read("a", LAST_HOUR, Notes())


def test_reading_ends_when_its_time_is_over(far_side: FarSide) -> None:
    """What has come is given back, as cut; one page at the least."""
    pages = (
        Reply(body={"results": [row(f"id-{at}", {"count": 1, "sum": 5.0})], "cursor": f"c{at}"})
        for at in range(5_000)
    )
    far_side.on(RESULTS, *pages)
    client = client_of(far_side.url)

    listed = ExecutionsSource(client, replace(QUICK, seconds=0.03)).read("a", LAST_HOUR, Notes())

    client.close()
    assert listed.truncation is Truncation.TIME
    assert 1 <= len(listed.executions) < 5_000


class ImpatientAtOnce(Notes):
    """Presses Ctrl-C at the first page, whatever it holds."""

    def have_read(self, executions: int) -> None:
        """Press it."""
        raise KeyboardInterrupt(executions)


def test_an_interrupt_after_an_empty_page_ends_it_too(
    far_side: FarSide, source: ExecutionsSource
) -> None:
    """No executions so far is not the same as none."""
    far_side.on(RESULTS, Reply(body={"cursor": "next"}))

    with pytest.raises(KeyboardInterrupt):
        source.read("a", LAST_HOUR, ImpatientAtOnce())


def test_a_job_that_fails_for_its_granularity_is_asked_for_a_coarser_one(
    far_side: FarSide, source: ExecutionsSource
) -> None:
    """Where the platform looks at a job only after it was submitted."""
    failed = Reply(body={"state": "FAILED", "errorMessage": "granularity too small"})
    far_side.on(STATUS, failed, failed, Reply(body={"state": "FULFILLED"}))
    far_side.on(RESULTS, Reply(body={}))

    listed = source.read("a", LAST_HOUR, Notes())

    assert listed.granularity_seconds == 900
    asked: list[Seen] = far_side.requests(SUBMIT)
    assert [seen.json["granularity"] for seen in asked] == ["PT1M", "PT5M", "PT15M"]


def test_what_is_refused_at_every_granularity_is_refused(
    far_side: FarSide, source: ExecutionsSource
) -> None:
    """The platform's words reach the user."""
    words = {"message": "the granularity is too fine", "code": "bad.request"}
    far_side.on(SUBMIT, Reply(400, words))

    with pytest.raises(GenesysError, match="the granularity is too fine"):
        source.read("a", LAST_HOUR, Notes())
    assert len(far_side.requests(SUBMIT)) == 5


@pytest.mark.parametrize("status", [400, 413])
def test_what_is_refused_at_every_length_is_refused(
    far_side: FarSide, source: ExecutionsSource, status: int
) -> None:
    """Halved down to a quarter of an hour, and not asked for coarser buckets in vain."""
    words = {"message": "the interval is too long", "code": "bad.request"}
    far_side.on(SUBMIT, Reply(status, words))

    with pytest.raises(GenesysError, match="the interval is too long"):
        source.read("a", LAST_HOUR, Notes())
    asked = [seen.json for seen in far_side.requests(SUBMIT)]
    assert [query["interval"] for query in asked] == [
        "2026-11-23T11:00:00.000Z/2026-11-23T12:00:00.000Z",
        "2026-11-23T11:00:00.000Z/2026-11-23T11:30:00.000Z",
        "2026-11-23T11:00:00.000Z/2026-11-23T11:15:00.000Z",
    ]
    assert {query["granularity"] for query in asked} == {"PT1M"}


def test_a_row_of_another_hour_is_left_out(far_side: FarSide, source: ExecutionsSource) -> None:
    """Nobody asked for it."""
    other = row("b", {"count": 1, "sum": 5.0})
    other["data"][0]["interval"] = "1970-01-01T00:00:00.000Z/1970-01-01T00:01:00.000Z"
    far_side.on(RESULTS, Reply(body={"results": [row("a", {"count": 1, "sum": 5.0}), other]}))

    listed = source.read("a", LAST_HOUR, Notes())

    assert [one.correlation_id for one in listed.executions] == ["a"]


@pytest.mark.parametrize(
    "bad",
    [{"count": 10**30}, {"count": "x"}, {"count": 1, "sum": 1e30}, {"count": -1}, {"count": [1]}],
)
def test_a_row_that_makes_no_sense_costs_itself(
    far_side: FarSide, source: ExecutionsSource, bad: dict[str, object]
) -> None:
    """A page that holds nothing else is not the last."""
    good = row("a", {"count": "1", "sum": "5.0"})
    far_side.on(
        RESULTS,
        Reply(body={"results": [row("b", bad)], "cursor": "next"}),
        Reply(body={"results": [good]}),
    )

    listed = source.read("a", LAST_HOUR, Notes())

    assert listed.executions == (one("a", 5.0),)


@pytest.mark.parametrize("job_id", ["", ".", "..", "a\0", "x" * 500, None, {}])
def test_a_job_that_can_not_be_asked_for_is_not(
    far_side: FarSide, source: ExecutionsSource, job_id: object
) -> None:
    """Its id would lead to another address."""
    far_side.on(SUBMIT, Reply(202, {"jobId": job_id}))

    with pytest.raises(WrongShapeError):
        source.read("a", LAST_HOUR, Notes())
    assert {seen.path for seen in far_side.seen} == {"/oauth/token", JOBS}


def test_a_cursor_that_no_address_holds_is_refused(
    far_side: FarSide, source: ExecutionsSource
) -> None:
    """Servers take no more than some thousand characters in an address."""
    far_side.on(RESULTS, Reply(body={"cursor": "x" * 100_000}))

    with pytest.raises(WrongShapeError, match="cursor"):
        source.read("a", LAST_HOUR, Notes())


def test_a_platform_that_takes_no_page_size_is_asked_without(
    far_side: FarSide, source: ExecutionsSource
) -> None:
    """Once is enough: the next job is asked for without it at once."""
    words = {"message": "Unknown field 'pageSize'", "code": "bad.request"}
    far_side.on(SUBMIT, Reply(400, words), Reply(202, {"jobId": "j"}))
    far_side.on(RESULTS, Reply(body={"results": [row("a", {"count": 1, "sum": 5.0})]}))

    for _ in range(2):
        assert source.read("a", LAST_HOUR, Notes()).executions == (one("a", 5.0),)
    asked = [seen.json for seen in far_side.requests(SUBMIT)]
    assert ["pageSize" in query for query in asked] == [True, False, False]


def test_a_refusal_for_another_reason_is_not_asked_again(
    far_side: FarSide, source: ExecutionsSource
) -> None:
    """A coarser granularity would not help."""
    far_side.on(SUBMIT, Reply(400, {"message": "no such dimension", "code": "bad.request"}))

    with pytest.raises(GenesysError, match="no such dimension"):
        source.read("a", LAST_HOUR, Notes())
    assert len(far_side.requests(SUBMIT)) == 1
