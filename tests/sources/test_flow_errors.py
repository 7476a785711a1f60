"""Flow aggregates: counted once, and given up for detail records only where that is certain."""

from __future__ import annotations

import pytest

from monitor.contract import Contract
from monitor.errors import GenesysError, NotFoundError, PermissionDeniedError
from monitor.genesys import Client
from monitor.sources import ConversationsSource, Evidence, FlowErrorsSource
from monitor.sources.source import is_interval_too_long
from monitor.time_ranges import TimeRange
from tests.clocks import NOON, ManualClock
from tests.filled_ledger import CLASSIFIER
from tests.genesys.far_side import FarSide, Reply
from tests.simulated_org import ORG
from tests.sources.analytics_answers import (
    DETAILS,
    Json,
    conversation,
    dropped,
    moment,
    page,
    segment,
)
from tests.sources.test_conversations import KnowsNothing

FLOWS = "POST /api/v2/analytics/flows/aggregates/query"
PERIOD = TimeRange(NOON, NOON + 900)
SHORTEST = TimeRange(NOON, NOON + 300)
EXIT = "FLOW_ERROR_EXIT"
REFUSED = Reply(400, {"message": "The dimension 'exitReason' is not supported", "status": 400})
TOO_LARGE = Reply(413, {"message": "too large", "status": 413})


def source_of(client: Client) -> FlowErrorsSource:
    """Wire a source whose clock stands still."""
    conversations = ConversationsSource(client, CLASSIFIER, KnowsNothing())
    clock = ManualClock(NOON + 900)
    return FlowErrorsSource(client, conversations, clock, org=ORG, contract=Contract.PLATFORM)


def group(*counts: tuple[int, int], reason: str | None = EXIT) -> Json:
    """Callers lost in one flow, by the start of their window."""
    data = [
        {
            "interval": f"{moment(at)}/{moment(at + 300)}",
            "metrics": [{"metric": "nFlow", "stats": {"count": count}}],
        }
        for at, count in counts
    ]
    reasons = {} if reason is None else {"exitReason": reason}
    return {"group": {"flowId": "f1", **reasons}, "data": data}


def flows(*groups: Json) -> Reply:
    """The answer to a query of flow aggregates."""
    return Reply(body={"results": list(groups)})


def counted(evidence: Evidence) -> dict[int, int]:
    """Callers by the start of their window."""
    return {one.window_start: one.callers for one in evidence.flow_errors}


@pytest.mark.parametrize(
    "refusal", [TOO_LARGE, Reply(400, {"message": "The interval is too long", "status": 400})]
)
def test_a_question_that_is_too_long_is_shortened_before_records_are_counted(
    far_side: FarSide, client: Client, refusal: Reply
) -> None:
    """Only the shortest question tells that the platform does not count."""
    far_side.on(FLOWS, refusal)
    far_side.on(DETAILS, page())
    source = source_of(client)
    with pytest.raises(GenesysError) as raised:
        source.read(PERIOD, 300, deep=True)
    assert is_interval_too_long(raised.value)
    assert far_side.requests(DETAILS) == []
    assert source.read(SHORTEST, 300, deep=True).flow_error_basis == "records"


def test_a_stray_refusal_changes_nothing(far_side: FarSide, client: Client) -> None:
    """What was answered before is asked again, and nobody is taken for not lost meanwhile."""
    answer = flows(group((NOON, 3)))
    far_side.on(FLOWS, answer, Reply(404, b"<html>not here</html>"), answer)
    source = source_of(client)
    assert counted(source.read(PERIOD, 300, deep=True)) == {NOON: 3}
    with pytest.raises(GenesysError) as raised:
        source.read(PERIOD, 300, deep=True)
    # Neither would leave the source on.
    assert not isinstance(raised.value, NotFoundError | PermissionDeniedError)
    again = source.read(PERIOD, 300, deep=True)
    assert (counted(again), again.flow_error_basis) == ({NOON: 3}, "aggregates")
    assert far_side.requests(DETAILS) == []


def test_a_stray_refusal_at_the_very_first_is_asked_again_at_once(
    far_side: FarSide, client: Client
) -> None:
    """A program that polls once has no next poll."""
    far_side.on(FLOWS, REFUSED, flows(group((NOON, 3))))
    evidence = source_of(client).read(PERIOD, 300, deep=True)
    assert (counted(evidence), evidence.flow_error_basis) == ({NOON: 3}, "aggregates")


def test_two_refusals_in_a_row_are_believed(far_side: FarSide, client: Client) -> None:
    """From then on the records are counted, and flow aggregates rest."""
    far_side.on(FLOWS, flows(group((NOON, 3))), REFUSED)
    far_side.on(DETAILS, page())
    source = source_of(client)
    source.read(PERIOD, 300, deep=True)
    with pytest.raises(GenesysError):
        source.read(PERIOD, 300, deep=True)
    assert source.read(PERIOD, 300, deep=True).flow_error_basis == "records"
    asked = len(far_side.requests(FLOWS))
    assert source.read(PERIOD, 300, deep=True).flow_error_basis == "records"
    assert len(far_side.requests(FLOWS)) == asked


def test_a_window_that_comes_twice_counts_once(far_side: FarSide, client: Client) -> None:
    """In its own group, or in a group that comes twice; it is said."""
    far_side.on(FLOWS, flows(group((NOON, 3), (NOON, 3)), group((NOON, 3), (NOON + 300, 2))))
    evidence = source_of(client).read(PERIOD, 300, deep=True)
    assert counted(evidence) == {NOON: 3, NOON + 300: 2}
    assert dropped(client) == {("flow-errors", "duplicate"): 2}


def test_a_window_that_was_not_asked_for_is_said(far_side: FarSide, client: Client) -> None:
    """It lies after the period, or begins inside a window."""
    far_side.on(FLOWS, flows(group((NOON, 3), (NOON + 900, 2), (NOON + 17, 1))))
    evidence = source_of(client).read(PERIOD, 300, deep=True)
    assert counted(evidence) == {NOON: 3}
    assert dropped(client) == {("flow-errors", "time"): 2}


def test_an_answer_without_exit_reasons_is_no_zero(far_side: FarSide, client: Client) -> None:
    """A platform that ignores the grouping is counted from its records."""
    far_side.on(FLOWS, flows(group((NOON, 3), reason=None)))
    far_side.on(DETAILS, page())
    assert source_of(client).read(PERIOD, 300, deep=True).flow_error_basis == "records"


def test_an_answer_without_anybody_is_a_zero(far_side: FarSide, client: Client) -> None:
    """Nobody was lost."""
    far_side.on(FLOWS, flows())
    assert source_of(client).read(PERIOD, 300, deep=True).flow_error_basis == "aggregates"


def test_a_caller_whose_session_is_still_open_is_counted_once_it_is_known_when_they_left(
    far_side: FarSide, client: Client
) -> None:
    """Dated by a segment that was over before, they would be counted in two windows."""
    flow = {"flowId": "f1", "exitReason": EXIT}
    first = segment(NOON, code=None, seconds=60.0)
    goes_on = conversation("c1", first, segment(NOON + 60, code=None, seconds=None), flow=flow)
    over = conversation("c1", first, segment(NOON + 60, code=None, seconds=500.0), flow=flow)
    ended = {**goes_on, "conversationEnd": moment(NOON + 600)}
    far_side.on(FLOWS, REFUSED)
    far_side.on(DETAILS, page(goes_on), page(over), page(ended))
    source = source_of(client)
    found = [counted(source.read(PERIOD, 300, deep=True)) for _ in range(3)]
    assert found == [{}, {NOON + 300: 1}, {NOON: 1}]


def test_an_answer_of_bad_records_alone_is_no_zero(far_side: FarSide, client: Client) -> None:
    """The period is still owed."""
    bad = group((NOON, 3))
    bad["data"][0]["interval"] = "soon"
    far_side.on(FLOWS, flows(bad))
    assert source_of(client).read(PERIOD, 300, deep=True).is_unreadable
