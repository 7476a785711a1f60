"""Which flows use an action, as far as dependency tracking can tell, in each of its worlds."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from monitor.simulator import World
from monitor.simulator.scenarios import (
    BRANCH_FINDER,
    CASE_UPDATES,
    LOYALTY_POINTS,
    ORDER_STATUS,
    PAYMENT_LINE,
    PRICE_QUOTE,
    TAKE_PAYMENT,
)
from tests.poller.conftest import Watch
from tests.poller.watched_org import SMALL, WatchedOrg
from tests.simulated_org import ORG

LOOKUP = "GET /api/v2/architect/dependencytracking/consumingresources"
BUILD = "GET /api/v2/architect/dependencytracking/build"
HOUR = 3600
USED = {
    (ORDER_STATUS.action_id, CASE_UPDATES.flow_id),
    (TAKE_PAYMENT.action_id, PAYMENT_LINE.flow_id),
}


def unknown(watched: WatchedOrg) -> set[str]:
    """The actions of whose use nothing is known."""
    state = watched.ledger.state(ORG)
    return {one.action_id for one in state.actions} - state.flow_lookups.keys()


@pytest.mark.parametrize("tracking", ["repeating", "built"])
@pytest.mark.parametrize("secure_type", ["SECUREACTION", "DATAACTION"])
def test_every_flow_that_uses_an_action_is_known_once(
    watch: Watch, tracking: str, secure_type: str
) -> None:
    """However often it comes, and whatever a secure action is called; no guide, no deleted flow."""
    watched = watch(SMALL, world=World(dependency_tracking=tracking, secure_type=secure_type))
    watched.catalogue.refresh()
    use = watched.ledger.state(ORG).flow_use
    assert use >= USED
    assert not [flow for action, flow in use if action == LOYALTY_POINTS.action_id]
    assert {flow for _, flow in use} == {CASE_UPDATES.flow_id, PAYMENT_LINE.flow_id}
    assert unknown(watched) == set()


def test_where_tracking_was_never_built_use_is_not_known(
    watch: Watch, logged: list[dict[str, Any]]
) -> None:
    """No flow is another thing than no answer: it is said once, and asked again after an hour."""
    watched = watch(SMALL, world=World(dependency_tracking="unbuilt"))
    for _ in range(3):
        watched.catalogue.refresh()
    assert watched.ledger.state(ORG).flow_use == frozenset()
    assert unknown(watched) == {one.action_id for one in SMALL.actions}
    assert watched.requests()[BUILD] == 1
    (line,) = [line for line in logged if line["event"] == "catalogue_without"]
    assert "was not built" in line["why"]
    assert "Architect" in line["hint"]
    watched.catalogue.refresh()
    assert watched.requests()[LOOKUP] == 0
    watched.clock.at += HOUR
    watched.catalogue.refresh()
    asked = watched.requests()
    assert (asked[BUILD], asked[LOOKUP] > 0) == (1, True)


def test_what_was_taken_for_no_use_is_forgotten(watch: Watch) -> None:
    """A state may hold it from before; what a flow was seen to use stays."""
    watched = watch(SMALL, world=World(dependency_tracking="unbuilt"))
    now = watched.clock.at
    watched.ledger.save_flow_use(ORG, LOYALTY_POINTS.action_id, {}, now)
    watched.ledger.save_flow_use(ORG, TAKE_PAYMENT.action_id, {PAYMENT_LINE.flow_id: ""}, now)
    watched.catalogue.refresh()
    assert unknown(watched) == {one.action_id for one in SMALL.actions} - {TAKE_PAYMENT.action_id}


def test_tracking_that_is_built_later_is_known_within_an_hour(watch: Watch) -> None:
    """Nobody has to restart anything."""
    watched = watch(SMALL, world=World(dependency_tracking="unbuilt"))
    watched.catalogue.refresh()
    watched.org.world = World(dependency_tracking="built")
    watched.clock.at += HOUR
    watched.catalogue.refresh()
    assert watched.ledger.state(ORG).flow_use >= USED
    assert unknown(watched) == set()


def test_a_build_is_asked_about_once_however_many_actions_have_no_users(watch: Watch) -> None:
    """It costs one request, and none while every action that is asked about is used."""
    plan = replace(SMALL, actions=(*SMALL.actions, BRANCH_FINDER, PRICE_QUOTE))
    watched = watch(plan, world=World(dependency_tracking="built"))
    watched.catalogue.refresh()
    assert watched.requests()[BUILD] == 1
    watched = watch(replace(SMALL, actions=(TAKE_PAYMENT,), flows=(PAYMENT_LINE,)))
    watched.catalogue.refresh()
    assert watched.requests()[BUILD] == 0


def test_a_build_that_does_not_answer_is_no_proof(watch: Watch) -> None:
    """Without it an empty answer means nothing."""
    watched = watch(SMALL, world=World(dependency_tracking="built"), deadline_seconds=1.5)
    watched.fault("server_error", "/api/v2/architect/dependencytracking/build")
    watched.catalogue.refresh()
    assert watched.ledger.state(ORG).flow_use >= USED
    assert unknown(watched) == {one.action_id for one in SMALL.actions} - {
        action for action, _ in watched.ledger.state(ORG).flow_use
    }


def test_a_build_that_fails_later_leaves_what_was_known(watch: Watch) -> None:
    """A failed question is no "not built": nothing is forgotten, and no use stays known."""
    watched = watch(SMALL, world=World(dependency_tracking="built"), deadline_seconds=1.5)
    watched.catalogue.refresh()
    watched.fault("server_error", "/api/v2/architect/dependencytracking/build")
    watched.clock.at += 25 * HOUR
    # What was known already is looked up anew little by little.
    for _ in SMALL.actions:
        watched.catalogue.refresh()
    assert watched.requests()[BUILD] > 1
    assert unknown(watched) == set()
    looked_up_at = watched.ledger.state(ORG).flow_lookups.values()
    assert set(looked_up_at) == {watched.clock.at}


def test_a_build_that_fails_at_the_first_forgets_nothing(watch: Watch) -> None:
    """What an earlier process learned stays."""
    plan = replace(SMALL, actions=(*SMALL.actions, BRANCH_FINDER))
    watched = watch(plan, world=World(dependency_tracking="built"), deadline_seconds=1.5)
    watched.ledger.save_flow_use(ORG, LOYALTY_POINTS.action_id, {}, watched.clock.at)
    watched.fault("server_error", "/api/v2/architect/dependencytracking/build")
    watched.catalogue.refresh()
    assert unknown(watched) == {BRANCH_FINDER.action_id}
