"""What detail records hold that is no data action's: it is never counted as a timeout of one."""

from __future__ import annotations

import pytest

from monitor.genesys import Client
from monitor.model import Incident
from monitor.simulator import World
from monitor.sources import ConversationsSource
from monitor.time_ranges import TimeRange
from tests.clocks import HOUR, NOON
from tests.filled_ledger import CLASSIFIER
from tests.genesys.far_side import FarSide
from tests.poller.watched_org import SMALL, client_of
from tests.simulated_org import readable, serve_org
from tests.sources.analytics_answers import DETAILS, Json, conversation, page, segment
from tests.sources.test_conversations import PERIOD, Knows

STATION_SILENT = "error.ininedgecontrol.connection.timeout"
FLOW = {"flowId": "f1", "flowName": "Main Menu"}
KNOWS = Knows(names={"Get Customer": "by-name"}, flows={"f1": "by-flow"})


def told(far_side: FarSide, client: Client, *conversations: Json) -> list[Incident]:
    """The timeouts that a page of records tells of."""
    far_side.on(DETAILS, page(*conversations))
    source = ConversationsSource(client, CLASSIFIER, KNOWS)
    return list(source.read(PERIOD, 300, deep=False).incidents)


@pytest.mark.parametrize("code", [STATION_SILENT, "error.ininedgecontrol.session.timed_out"])
@pytest.mark.parametrize("flow", [None, FLOW], ids=["agent", "flow"])
def test_an_error_of_telephony_is_no_timeout(
    far_side: FarSide, client: Client, code: str, flow: Json | None
) -> None:
    """At an agent's station, and in a session of a flow with one data action alike."""
    one = conversation("c1", segment(NOON + 7, code=code), flow=flow)
    named = conversation(
        "c2", segment(NOON + 9, code=code, properties={"actionId": "a1"}), flow=flow
    )
    assert told(far_side, client, one, named) == []


def test_a_session_that_ran_no_flow_is_passed_over(far_side: FarSide, client: Client) -> None:
    """A dialler's own timeout; only a flow calls data actions."""
    dialled = conversation("c1", segment(NOON + 7, code="DIALER_TIMED_OUT"), flow=None)
    ran = conversation("c2", segment(NOON + 7, code="DATA_ACTION_TIMED_OUT"), flow=FLOW)
    assert [one.conversation_id for one in told(far_side, client, dialled, ran)] == ["c2"]


@pytest.mark.parametrize("contract", ["platform", "flow"])
def test_ten_telephony_errors_for_each_flow_error_add_no_timeout(contract: str) -> None:
    """Every timeout found is one that really happened, however many stations were silent."""
    time_range = TimeRange(NOON - 6 * HOUR, NOON)
    world = World(detail_errors="coded", telephony_errors="many")
    with serve_org(SMALL, world=readable(world), contract=contract) as simulator:
        client = client_of(simulator.url)
        source = ConversationsSource(client, CLASSIFIER, KNOWS)
        found = source.read(time_range, 300, deep=True).incidents
        client.close()
    truth = simulator.org.truth(time_range.start * 1_000, time_range.end * 1_000)
    flows: list[Json] = truth["flows"]  # type: ignore[assignment]
    assert len(found) == sum(flow["timeouts"] for flow in flows) > 20
    assert truth["flow_errors"]
