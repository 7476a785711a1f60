"""The catalogue of an org that speaks only of flows: their documents say what they wait for."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from monitor.errors import ServerFaultError
from monitor.genesys import RequestBudget
from monitor.ledger import Reading
from monitor.model import Action, ActionKind, FlowErrorTally, Incident
from monitor.simulator import PUNCTUAL, scenario
from monitor.simulator.scenarios import (
    GET_CUSTOMER,
    MAIN_MENU,
    PAYMENT_LINE,
    PRICE_QUOTE,
    STOCK_LINE,
    TAKE_PAYMENT,
)
from monitor.time_ranges import TimeRange
from tests.clocks import NOON
from tests.poller.conftest import Watch
from tests.poller.watched_org import WatchedOrg, raise_timeout
from tests.simulated_org import ORG

FLOWS = replace(scenario("flow"), lateness=PUNCTUAL)
FLOW = "/api/v2/flows"
GET_FLOW = "GET /api/v2/flows/{flowId}"


def seen(watched: WatchedOrg, *flow_ids: str) -> None:
    """Let the ledger hold one timeout in each of these flows."""
    incidents = [
        Incident(f"c-{flow_id}", NOON * 1_000, NOON + 1.0, "unknown", "", flow_id, "", "TIMED_OUT")
        for flow_id in flow_ids
    ]
    time_range = TimeRange(NOON, NOON + 300)
    watched.ledger.record(
        ORG, "conversations", Reading(time_range, 300, NOON + 300.0, incidents=incidents)
    )


def known(watched: WatchedOrg) -> dict[str, Action]:
    """The actions in the ledger by id, without those that only the data names."""
    actions = watched.ledger.state(ORG).actions
    return {a.action_id: a for a in actions if a.kind is not ActionKind.UNKNOWN}


def test_flows_that_were_seen_are_read_for_their_actions(watch: Watch) -> None:
    """Actions come with the timeout of the document, and those of other flows are not read."""
    watched = watch(FLOWS)
    seen(watched, MAIN_MENU.flow_id)
    assert watched.catalogue.refresh() == 4
    actions = known(watched)
    assert set(actions) == {step.action_id for step in MAIN_MENU.steps}
    customer = actions[GET_CUSTOMER.action_id]
    assert (customer.kind, customer.name) == (ActionKind.FLOW, "Get Customer")
    assert customer.timeout_ms == 10_000


def test_a_document_without_a_timeout_waits_for_the_default(watch: Watch) -> None:
    """A data action whose document names none has 3 s."""
    watched = watch(FLOWS)
    seen(watched, MAIN_MENU.flow_id)
    watched.catalogue.refresh()
    unset = next(step.action_id for step in MAIN_MENU.steps if step.timeout_ms is None)
    assert known(watched)[unset].timeout_ms == 3_000


def test_an_org_in_which_no_flow_was_seen_has_no_actions(watch: Watch) -> None:
    """Before the first timeout there is nothing to read."""
    watched = watch(FLOWS)
    assert watched.catalogue.refresh() == 0
    assert watched.requests()[GET_FLOW] == 0


def test_the_configured_flow_is_read_before_any_record_names_it(watch: Watch) -> None:
    """Its timeouts in force are known from the first moment on, beside those of flows seen."""
    watched = watch(FLOWS)
    watched.flow_id = PAYMENT_LINE.flow_id
    watched.restart()
    assert watched.catalogue.refresh() == 1
    assert known(watched)[TAKE_PAYMENT.action_id].timeout_ms == 15_000
    seen(watched, MAIN_MENU.flow_id)
    assert watched.catalogue.refresh() == 5


@pytest.mark.parametrize(
    ("action_id", "meant"),
    [
        (GET_CUSTOMER.action_id, GET_CUSTOMER.action_id),
        ("get customer", GET_CUSTOMER.action_id),
        ("nobody", None),
    ],
)
def test_the_configured_action_may_go_by_its_name(
    watch: Watch, action_id: str, meant: str | None
) -> None:
    """As for ``flow set-timeout``; one that the flow does not have is no action at all."""
    watched = watch(FLOWS)
    watched.flow_id, watched.action_id = MAIN_MENU.flow_id, action_id
    watched.restart()
    assert watched.catalogue.sole_action(MAIN_MENU.flow_id) == meant


def test_documents_tell_which_flows_use_an_action(watch: Watch) -> None:
    """Whatever was read of them: no dependency tracking is needed, nor is there any."""
    watched = watch(FLOWS)
    seen(watched, MAIN_MENU.flow_id, PAYMENT_LINE.flow_id)
    watched.catalogue.refresh()
    state = watched.ledger.state(ORG)
    assert (TAKE_PAYMENT.action_id, PAYMENT_LINE.flow_id) in state.flow_use
    assert (GET_CUSTOMER.action_id, MAIN_MENU.flow_id) in state.flow_use
    assert state.flow_names[PAYMENT_LINE.flow_id] == "Payment Line"


def test_a_flow_that_is_gone_is_left_out_with_one_warning(
    watch: Watch, logged: list[dict[str, Any]]
) -> None:
    """404: the other flows are read, now and at every refresh, and the warning comes once."""
    watched = watch(FLOWS)
    seen(watched, PAYMENT_LINE.flow_id, "deleted")
    for _ in range(3):
        assert watched.catalogue.refresh() == 1
    lines = [line for line in logged if line["event"] == "flow_unread"]
    assert [line["flow_id"] for line in lines] == ["deleted"]


@pytest.mark.parametrize("kind", ["forbidden", "bad_request", "wrong_shape"])
def test_a_flow_that_can_not_be_read_stops_no_other_one(watch: Watch, kind: str) -> None:
    """One that will answer the same the next time must not end the counting of an org."""
    watched = watch(FLOWS)
    seen(watched, PAYMENT_LINE.flow_id, STOCK_LINE.flow_id)
    if kind == "wrong_shape":
        broken = {"actions": [{"type": "data", "id": "a", "data": {"url": 5}}]}
        # No author could save this; a later version of the platform might.
        watched.org.flows.place(STOCK_LINE.flow_id, json.dumps(broken).encode())
    else:
        watched.fault(kind, f"{FLOW}/{STOCK_LINE.flow_id}")
    assert watched.catalogue.refresh() == 1
    assert watched.catalogue.sole_action(STOCK_LINE.flow_id) is None
    watched.source_reader.poll()
    assert watched.executions() != {}


def test_a_flow_that_can_be_read_again_is_warned_of_anew(
    watch: Watch, logged: list[dict[str, Any]]
) -> None:
    """Refused, granted, refused: the second refusal is news."""
    watched = watch(FLOWS)
    seen(watched, PAYMENT_LINE.flow_id)
    for _ in range(2):
        watched.fault("forbidden", FLOW)
        watched.catalogue.refresh()
        watched.mend()
        watched.catalogue.refresh()
    assert [line["event"] for line in logged].count("flow_unread") == 2


def test_a_flow_that_fails_for_now_is_asked_again(watch: Watch) -> None:
    """5xx: attribution waits for an answer rather than guess, and nothing is counted meanwhile."""
    watched = watch(replace(FLOWS, flows=(PAYMENT_LINE,)), deadline_seconds=1.5)
    watched.fault("server_error", FLOW)
    with pytest.raises(ServerFaultError):
        watched.catalogue.sole_action(PAYMENT_LINE.flow_id)
    report = watched.source_reader.poll()
    assert type(report.errors["conversations"]) is ServerFaultError
    assert watched.ledger.coverage(ORG, "conversations") == ()
    watched.mend()
    watched.source_reader.poll()
    assert set(watched.executions()) == {(TAKE_PAYMENT.action_id, "timeout")}


def test_a_flow_is_read_once_between_refreshes(watch: Watch) -> None:
    """However many timeouts ask for its only action."""
    watched = watch(replace(FLOWS, flows=(PAYMENT_LINE,)), initial="6h")
    watched.source_reader.poll()
    assert sum(watched.executions().values()) > 1
    assert watched.requests()[GET_FLOW] == 1


def test_the_sole_action_of_a_flow_comes_from_its_document(watch: Watch) -> None:
    """One data action in it: that one; several: nobody knows."""
    watched = watch(FLOWS)
    assert watched.catalogue.sole_action(PAYMENT_LINE.flow_id) == TAKE_PAYMENT.action_id
    assert watched.catalogue.sole_action(MAIN_MENU.flow_id) is None


def test_a_data_action_that_makes_no_sense_costs_itself(watch: Watch) -> None:
    """The flow's other actions are known; but none of them is its only one."""
    watched = watch(FLOWS)
    seen(watched, PAYMENT_LINE.flow_id)
    good = {"type": "data", "id": "good", "name": "Pizza #", "data": {"timeout": 5_000}}
    odd = {"type": "data", "id": "odd", "data": {"url": 5}}
    text = json.dumps({"actions": [good, odd]}).replace("#", r"\ud83c")
    watched.org.flows.place(PAYMENT_LINE.flow_id, text.encode())
    watched.catalogue.refresh()
    assert {action.name for action in known(watched).values()} == {"Pizza \ufffd"}
    assert watched.catalogue.sole_action(PAYMENT_LINE.flow_id) is None
    assert watched.client.stats().dropped_records == {("catalogue", "shape"): 1}


def test_the_configured_action_is_that_of_its_flow(watch: Watch) -> None:
    """FLOW_ID with ACTION_ID says which of several it is; of another flow it says nothing."""
    watched = watch(FLOWS)
    for told in (PRICE_QUOTE.action_id, "price quote"):
        watched.flow_id, watched.action_id = STOCK_LINE.flow_id, told
        watched.restart()
        assert watched.catalogue.sole_action(STOCK_LINE.flow_id) == PRICE_QUOTE.action_id
    assert watched.catalogue.sole_action(PAYMENT_LINE.flow_id) == TAKE_PAYMENT.action_id


def test_a_flow_that_only_lost_a_caller_is_not_read(watch: Watch) -> None:
    """A large org has hundreds of them, and no timeout asks for their documents."""
    watched = watch(FLOWS)
    lost = FlowErrorTally(PAYMENT_LINE.flow_id, "FLOW_ERROR_EXIT", NOON, 1)
    watched.ledger.record(
        ORG,
        "flow-errors",
        Reading(
            TimeRange(NOON, NOON + 300),
            300,
            NOON + 300.0,
            flow_errors=[lost],
            flow_error_basis="records",
        ),
    )
    assert watched.catalogue.refresh() == 0
    assert watched.requests()[GET_FLOW] == 0


def test_flows_for_which_there_is_no_time_are_read_the_next_time(watch: Watch) -> None:
    """Those that were read are kept meanwhile, and none waits for ever."""
    watched = watch(FLOWS)
    flow_ids = [MAIN_MENU.flow_id, PAYMENT_LINE.flow_id, STOCK_LINE.flow_id]
    seen(watched, *flow_ids)
    listed = []
    for _ in range(3):
        with watched.client.within(RequestBudget(requests=1)):
            listed.append(watched.catalogue.refresh())

    assert watched.requests()[GET_FLOW] == 3
    assert listed == sorted(set(listed))
    steps = [step for flow in (MAIN_MENU, PAYMENT_LINE, STOCK_LINE) for step in flow.steps]
    assert set(known(watched)) == {step.action_id for step in steps}
    assert not watched.ledger.state(ORG).gone


def test_a_document_from_before_a_write_of_ours_does_not_replace_it(watch: Watch) -> None:
    """There was no time to read it again: it shows what was so before."""
    watched = watch(FLOWS)
    seen(watched, MAIN_MENU.flow_id, PAYMENT_LINE.flow_id)
    watched.catalogue.refresh()
    before = known(watched)[TAKE_PAYMENT.action_id].configured_timeout_ms
    assert before is not None
    watched.clock.at += 60
    raise_timeout(watched, TAKE_PAYMENT.action_id, PAYMENT_LINE.flow_id, before, before + 1_000)

    watched.clock.at += 600
    with watched.client.within(RequestBudget(requests=1)):
        watched.catalogue.refresh()
    assert known(watched)[TAKE_PAYMENT.action_id].configured_timeout_ms == before + 1_000
    watched.catalogue.refresh()
    assert known(watched)[TAKE_PAYMENT.action_id].configured_timeout_ms == before
