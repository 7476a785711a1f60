"""Detail records: which timeouts they tell of, and which of them lie in the period asked for."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from monitor.errors import GenesysError, PermissionDeniedError
from monitor.genesys import Client
from monitor.model import Incident
from monitor.simulator import World
from monitor.simulator.scenario_types import Arrivals, LatencyLaw
from monitor.simulator.scenarios import PAYMENT_LINE, TAKE_PAYMENT
from monitor.sources import ConversationsSource, Evidence
from monitor.time_ranges import TimeRange
from tests.clocks import HOUR, NOON, ManualClock
from tests.filled_ledger import CLASSIFIER
from tests.genesys.far_side import FarSide, Reply
from tests.poller.watched_org import SMALL, client_of
from tests.simulated_org import readable, serve_org
from tests.sources.analytics_answers import DETAILS, conversation, dropped, page, segment

PERIOD = TimeRange(NOON, NOON + 900)

TALKATIVE = World(detail_errors="named", telephony_errors="some")
"""A world whose records say which data action failed."""


BUSY_NIGHT = replace(
    SMALL,
    seed=8,
    healthy_record_share=0.0,
    actions=(
        replace(
            TAKE_PAYMENT,
            law=LatencyLaw(900, never_share=0.3),
            arrivals=Arrivals(600, night_share=1.0),
        ),
    ),
    flows=(PAYMENT_LINE,),
)
"""Many calls at night, a third of which time out; one in a hundred began hours earlier."""


class KnowsNothing:
    """An attribution that never helps."""

    def action_named(self, _name: str) -> str | None:
        """Nobody."""
        return None

    def sole_action(self, _flow_id: str) -> str | None:
        """Nobody."""
        return None


class Knows:
    """An attribution from two tables."""

    def __init__(
        self, names: dict[str, str] | None = None, flows: dict[str, str] | None = None
    ) -> None:
        """Know these."""
        self.names, self.flows = names or {}, flows or {}

    def action_named(self, name: str) -> str | None:
        """By name."""
        return self.names.get(name)

    def sole_action(self, flow_id: str) -> str | None:
        """By flow."""
        return self.flows.get(flow_id)


def read(client: Client, knows: Knows | KnowsNothing | None = None) -> Evidence:
    """Ask for a quarter of an hour."""
    source = ConversationsSource(client, CLASSIFIER, knows or KnowsNothing())
    return source.read(PERIOD, 300, deep=False)


def told(
    far_side: FarSide,
    client: Client,
    *conversations: dict[str, Any],
    knows: Knows | None = None,
) -> list[Incident]:
    """The incidents that the source finds in a page."""
    far_side.on(DETAILS, page(*conversations))
    return list(read(client, knows).incidents)


class TestQuestion:
    """What is asked."""

    @pytest.mark.parametrize(("deep", "begin"), [(False, "11:00"), (True, "06:00")])
    def test_conversations_are_asked_for_from_before_the_period(
        self,
        far_side: FarSide,
        client: Client,
        deep: bool,  # noqa: FBT001 - a row of the table
        begin: str,
    ) -> None:
        """By an hour for the newest windows, by six in a deep read: they go by their start."""
        far_side.on(DETAILS, page())
        source = ConversationsSource(client, CLASSIFIER, KnowsNothing())
        source.read(PERIOD, 300, deep=deep)
        body = far_side.requests(DETAILS)[0].json
        assert body["interval"] == f"2026-11-23T{begin}:00.000Z/2026-11-23T12:15:00.000Z"

    def test_only_failures_are_asked_for(self, far_side: FarSide, client: Client) -> None:
        """The server filters: sessions of a flow with an error code, or left by a flow error."""
        far_side.on(DETAILS, page())
        read(client)
        (wanted,) = far_side.requests(DETAILS)[0].json["segmentFilters"]
        (either,) = wanted.pop("clauses")
        assert wanted == {
            "type": "and",
            "predicates": [{"dimension": "flowId", "operator": "exists", "type": "dimension"}],
        }
        assert either["type"] == "or"
        assert [
            (one["dimension"], one["operator"], one.get("value")) for one in either["predicates"]
        ] == [
            ("errorCode", "exists", None),
            ("exitReason", "matches", "FLOW_ERROR_DISCONNECT"),
            ("exitReason", "matches", "FLOW_ERROR_EXIT"),
        ]

    def test_the_newest_come_first_a_hundred_a_page(
        self, far_side: FarSide, client: Client
    ) -> None:
        """So that paging can end early."""
        far_side.on(DETAILS, page())
        read(client)
        body = far_side.requests(DETAILS)[0].json
        assert (body["order"], body["orderBy"]) == ("desc", "conversationStart")
        assert body["paging"] == {"pageSize": 100, "pageNumber": 1}


class TestEndToEnd:
    """Against the simulated org."""

    def test_every_timeout_of_a_flow_is_found(self) -> None:
        """Counts per flow equal the truth, and every one lies in the period."""
        time_range = TimeRange(NOON - 6 * HOUR, NOON)
        knows = Knows(flows={PAYMENT_LINE.flow_id: SMALL.flows[0].steps[0].action_id})
        with serve_org(SMALL, world=readable(TALKATIVE)) as simulator:
            client = client_of(simulator.url)
            source = ConversationsSource(client, CLASSIFIER, knows)
            found = source.read(time_range, 300, deep=True).incidents
            client.close()
            truth = simulator.org.truth(time_range.start * 1_000, time_range.end * 1_000)
        counted: dict[tuple[str, str], int] = {}
        for incident in found:
            assert time_range.start <= incident.at < time_range.end
            key = incident.flow_id, incident.action_id
            counted[key] = counted.get(key, 0) + 1
        flows: Any = truth["flows"]
        assert counted == {(flow["flow_id"], flow["action_id"]): flow["timeouts"] for flow in flows}
        assert len(counted) == 2

    def test_only_a_deep_read_finds_a_timeout_in_a_call_of_the_day_before(self) -> None:
        """A call that began before midnight, hours before it timed out."""
        two_at_night = NOON + 14 * HOUR
        time_range = TimeRange(two_at_night, two_at_night + HOUR)
        with serve_org(
            BUSY_NIGHT, ManualClock(time_range.end), world=readable(TALKATIVE)
        ) as simulator:
            client = client_of(simulator.url)
            source = ConversationsSource(client, CLASSIFIER, KnowsNothing())
            deep = len(source.read(time_range, 300, deep=True).incidents)
            shallow = len(source.read(time_range, 300, deep=False).incidents)
            client.close()
            truth = simulator.org.truth(time_range.start * 1_000, time_range.end * 1_000)
        flows: Any = truth["flows"]
        assert deep == sum(flow["timeouts"] for flow in flows)
        assert 0 < shallow < deep


class TestPeriod:
    """Conversations come by the day; kept is what failed in the period."""

    @pytest.mark.parametrize(
        ("ended_at", "kept"),
        [
            (NOON - 0.001, False),
            (NOON, True),
            (NOON + 899.999, True),
            (NOON + 900, False),
        ],
    )
    def test_a_timeout_counts_when_it_ended(
        self,
        far_side: FarSide,
        client: Client,
        ended_at: float,
        kept: bool,  # noqa: FBT001 - a row of the table
    ) -> None:
        """The period is half-open, to the millisecond."""
        one = conversation("c1", segment(ended_at - 10, seconds=10))
        assert bool(told(far_side, client, one)) is kept

    def test_one_conversation_may_time_out_twice(self, far_side: FarSide, client: Client) -> None:
        """Each segment is an incident of its own."""
        one = conversation("c1", segment(NOON + 1), segment(NOON + 20), segment(NOON + 2_000))
        starts = [incident.segment_start_ms for incident in told(far_side, client, one)]
        assert starts == [(NOON + 1) * 1_000, (NOON + 20) * 1_000]

    def test_an_incident_tells_what_the_record_tells(
        self, far_side: FarSide, client: Client
    ) -> None:
        """Conversation, moment, action, flow and the platform's word."""
        flow = {"flowId": "f1", "flowName": "Main Menu"}
        one = conversation(
            "c1",
            segment(NOON + 1.5, properties={"actionId": "a1", "actionName": "Get Customer"}),
            flow=flow,
        )
        assert told(far_side, client, one) == [
            Incident(
                conversation_id="c1",
                segment_start_ms=NOON * 1_000 + 1_500,
                at=NOON + 6.5,
                action_id="a1",
                action_name="Get Customer",
                flow_id="f1",
                flow_name="Main Menu",
                error_type="DATA_ACTION_TIMED_OUT",
            )
        ]


class TestOddRecords:
    """Records with something missing."""

    def test_a_segment_without_an_end_failed_when_it_began(
        self, far_side: FarSide, client: Client
    ) -> None:
        """It is still going on, or nobody wrote its end down."""
        (found,) = told(far_side, client, conversation("c1", segment(NOON + 7, seconds=None)))
        assert found.at == NOON + 7

    def test_a_segment_without_a_beginning_is_no_incident(
        self, far_side: FarSide, client: Client
    ) -> None:
        """Nothing names it, so it could be counted twice."""
        nameless = segment(NOON + 7)
        del nameless["segmentStart"]
        assert told(far_side, client, conversation("c1", nameless)) == []

    @pytest.mark.parametrize("code", [None, "", "DATA_ACTION_REMOTE_ERROR"])
    def test_a_segment_that_did_not_time_out_is_no_incident(
        self, far_side: FarSide, client: Client, code: str | None
    ) -> None:
        """The server's filter lets other failures through."""
        assert told(far_side, client, conversation("c1", segment(NOON + 7, code=code))) == []

    @pytest.mark.parametrize(
        "parts",
        [
            {},
            {"participants": None},
            {"participants": []},
            {"participants": [{"purpose": "ivr"}]},
            {"participants": [{"sessions": None}]},
            {"participants": [{"sessions": [{"segments": None}]}]},
            {"participants": [{"sessions": [{"segments": []}]}]},
        ],
    )
    def test_a_record_without_parts_is_passed_over(
        self, far_side: FarSide, client: Client, parts: dict[str, Any]
    ) -> None:
        """Conversations without participants, sessions or segments; the next one counts."""
        bare = {"conversationId": "bare", **parts}
        found = told(far_side, client, bare, conversation("c1", segment(NOON + 7)))
        assert [incident.conversation_id for incident in found] == ["c1"]

    @pytest.mark.parametrize("flow", [None, {}, {"flowId": None, "flowName": None}])
    def test_a_session_without_a_flow_is_passed_over(
        self, far_side: FarSide, client: Client, flow: dict[str, Any] | None
    ) -> None:
        """Only a flow calls data actions."""
        assert told(far_side, client, conversation("c1", segment(NOON + 7), flow=flow)) == []

    def test_a_record_without_an_id_costs_itself(self, far_side: FarSide, client: Client) -> None:
        """Without a name nothing can be counted once; the records beside it are."""
        nameless = conversation("", segment(NOON + 7))
        (found,) = told(far_side, client, nameless, conversation("c1", segment(NOON + 7)))
        assert found.conversation_id == "c1"
        assert dropped(client) == {("conversations", "shape"): 1}

    @pytest.mark.parametrize(
        ("field", "value", "reason"),
        [
            ("segmentStart", "2026-11-23T12:00:00", "time"),
            ("segmentStart", "noon", "time"),
            ("segmentEnd", 17, "time"),
            ("errorCode", {"code": 1}, "shape"),
        ],
    )
    def test_a_segment_that_makes_no_sense_costs_itself(
        self, far_side: FarSide, client: Client, field: str, value: object, reason: str
    ) -> None:
        """The other segments of its conversation are counted."""
        odd = segment(NOON + 7) | {field: value}
        (found,) = told(far_side, client, conversation("c1", odd, segment(NOON + 9)))
        assert found.segment_start_ms == (NOON + 9) * 1000
        assert dropped(client) == {("conversations", reason): 1}

    def test_a_page_short_for_bad_records_is_not_the_last(
        self, far_side: FarSide, client: Client
    ) -> None:
        """What stood on it decides, not what could be read of it."""
        nameless = [conversation("", segment(NOON + 7)) for _ in range(3)]
        full = [conversation(f"c{n}", segment(NOON + 7), began=NOON) for n in range(97)]
        far_side.on(
            DETAILS,
            page(*full, *nameless, total=101),
            page(conversation("last", segment(NOON + 7)), total=101),
        )
        names = {one.conversation_id for one in read(client).incidents}
        assert len(names) == 98
        assert "last" in names

    def test_a_page_of_bad_records_alone_is_not_the_last(
        self, far_side: FarSide, client: Client
    ) -> None:
        """A hundred good ones may follow; the platform says how many there are."""
        bad = [conversation("", segment(NOON + 7)) for _ in range(99)]
        good = conversation("c1", segment(NOON + 7), began=NOON)
        last = conversation("last", segment(NOON + 7))
        far_side.on(DETAILS, page(*bad, good, total=101), page(last, total=101))
        assert {one.conversation_id for one in read(client).incidents} == {"c1", "last"}

    def test_texts_come_fit_to_be_kept(self, far_side: FarSide, client: Client) -> None:
        """Half a character, NUL and line ends in names and codes cost nothing."""
        body = page(
            conversation(
                "c1",
                segment(NOON + 7, code="TIMED_OUT\0", properties={"actionName": "Get \ud83c\n"}),
                flow={"flowId": "f1", "flowName": "Main\0 Menu"},
            )
        )
        far_side.on(DETAILS, body)
        (found,) = read(client).incidents
        assert (found.error_type, found.action_name) == ("TIMED_OUT\ufffd", "Get \ufffd ")
        assert found.flow_name == "Main\ufffd Menu"


class TestAttribution:
    """Which action a timeout is attributed to: the first of these that knows."""

    FLOW = {"flowId": "f1", "flowName": "Main Menu"}  # noqa: RUF012 - never changed
    KNOWS = Knows(names={"Get Customer": "by-name"}, flows={"f1": "by-flow"})

    def action(self, far_side: FarSide, client: Client, **properties: str) -> str:
        """The action that a timeout in the flow is attributed to."""
        one = conversation("c1", segment(NOON + 7, properties=properties), flow=self.FLOW)
        (found,) = told(far_side, client, one, knows=self.KNOWS)
        return found.action_id

    def test_the_id_of_the_record_comes_first(self, far_side: FarSide, client: Client) -> None:
        """What the record says needs no guess."""
        properties = {"actionId": "by-id", "actionName": "Get Customer"}
        assert self.action(far_side, client, **properties) == "by-id"

    def test_then_the_only_action_of_that_name(self, far_side: FarSide, client: Client) -> None:
        """A name without an id."""
        assert self.action(far_side, client, actionName="Get Customer") == "by-name"

    def test_an_empty_id_is_no_id(self, far_side: FarSide, client: Client) -> None:
        """An empty property says nothing."""
        properties = {"actionId": "", "actionName": "Get Customer"}
        assert self.action(far_side, client, **properties) == "by-name"

    def test_then_the_only_action_of_the_flow(self, far_side: FarSide, client: Client) -> None:
        """Neither id nor name, or a name that two actions have."""
        assert self.action(far_side, client) == "by-flow"
        assert self.action(far_side, client, actionName="Ambiguous") == "by-flow"

    def test_only_the_last_is_marked(self, far_side: FarSide, client: Client) -> None:
        """What the record does not say is told apart from what it says."""
        marked = conversation("c1", segment(NOON + 7), flow=self.FLOW)
        named = conversation(
            "c2", segment(NOON + 7, properties={"actionId": "by-id"}), flow=self.FLOW
        )
        found = told(far_side, client, marked, named, knows=self.KNOWS)
        assert [one.attributed for one in found] == ["sole_action", ""]

    def test_else_nobody_knows(self, far_side: FarSide, client: Client) -> None:
        """Another flow, another name: unknown, under the name that the record gives."""
        flow = {"flowId": "f2"}
        one = conversation(
            "c1", segment(NOON + 7, properties={"actionName": "Ambiguous"}), flow=flow
        )
        (found,) = told(far_side, client, one, knows=self.KNOWS)
        assert (found.action_id, found.action_name) == ("unknown", "Ambiguous")


def test_a_refusal_is_the_callers_to_judge(far_side: FarSide, client: Client) -> None:
    """Errors come through as they are."""
    far_side.on(DETAILS, Reply(403, {"message": "no", "code": "x", "status": 403}))
    with pytest.raises(PermissionDeniedError, match="conversations/details"):
        read(client)


def test_an_attribution_that_fails_fails_the_read(far_side: FarSide, client: Client) -> None:
    """An incident under the wrong action could never be taken back."""

    class Fails(KnowsNothing):
        """Can't be asked now."""

        def sole_action(self, _flow_id: str) -> str | None:
            """Fail."""
            message = "not now"
            raise GenesysError(message)

    one = conversation("c1", segment(NOON + 7), flow={"flowId": "f1"})
    far_side.on(DETAILS, page(one))
    with pytest.raises(GenesysError, match="not now"):
        read(client, Fails())
