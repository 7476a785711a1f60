"""What sort of action each one is, told by its integration's type and by nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest
import stamina

from monitor.ledger import Ledger
from monitor.model import Action, ActionKind
from monitor.poller.action_kinds import FUNCTION_LOOKUPS_PER_REFRESH
from monitor.simulator import ALL_PERMISSIONS, World
from monitor.simulator.scenarios import (
    BRANCH_FINDER,
    GET_CUSTOMER,
    PARTNER_TOKEN,
    PRICE_QUOTE,
    SEND_CONFIRMATION,
)
from tests.clocks import ManualClock
from tests.poller.conftest import Watch
from tests.poller.watched_org import SMALL, WatchedOrg
from tests.simulated_org import ORG

LIST = "/api/v2/integrations"
FUNCTION = "GET /api/v2/integrations/actions/{actionId}/function"
TYPES = "integrations:integration:view"
FUNCTIONS = "integrations:actionFunction:view"


@pytest.fixture(autouse=True)
def _nothing_is_repeated() -> Iterator[None]:
    """What fails, fails at once, however busy the machine is."""
    with stamina.set_testing(True, attempts=1):
        yield


def known(watched: WatchedOrg) -> Mapping[str, Action]:
    """The actions in the ledger by id."""
    return {action.action_id: action for action in watched.ledger.state(ORG).actions}


def refuse(watched: WatchedOrg, permission: str) -> None:
    """Take a permission away from the client."""
    watched.org.grant(set(ALL_PERMISSIONS) - {permission})


def quotes(number: int) -> tuple[Any, ...]:
    """So many functions, each with 8 s of its own."""
    return tuple(
        replace(PRICE_QUOTE, action_id=f"custom_-_q{at:02}", name=f"Quote {at}", timeout_seconds=8)
        for at in range(number)
    )


@pytest.mark.parametrize("category", ["free_text", "typical"])
def test_the_type_of_its_integration_makes_a_function(watch: Watch, category: str) -> None:
    """Whatever its category is called."""
    watched = watch(world=World(function_category=category))
    watched.catalogue.refresh()
    found = known(watched)[PRICE_QUOTE.action_id]
    assert (found.kind, found.timeout_ms) == (ActionKind.FUNCTION, 15_000)


def test_a_category_makes_no_function(watch: Watch) -> None:
    """It is free text: an action of web services may be called anything."""
    named = replace(SEND_CONFIRMATION, category="Function Data Actions")
    watched = watch(replace(SMALL, actions=(*SMALL.actions, named)))
    watched.catalogue.refresh()
    found = known(watched)[named.action_id]
    assert (found.kind, found.timeout_ms) == (ActionKind.CUSTOM, 60_000)


@pytest.mark.parametrize("how", ["refused", "absent", "down"])
def test_without_types_nothing_is_guessed(
    watch: Watch, how: str, logged: list[dict[str, Any]]
) -> None:
    """A timeout that is set is known, an unset one is not; one warning says why."""
    watched = watch()
    if how == "refused":
        refuse(watched, TYPES)
    elif how == "absent":
        watched.fault("not_found", LIST, skip=1, count=1)
    else:
        watched.fault("server_error", LIST, skip=1)
    watched.catalogue.refresh()
    actions = known(watched)
    for action_id in (PRICE_QUOTE.action_id, SEND_CONFIRMATION.action_id):
        assert actions[action_id].kind is ActionKind.UNDETERMINED
        assert actions[action_id].timeout_ms is None
    assert actions[GET_CUSTOMER.action_id].kind is ActionKind.UNDETERMINED
    assert actions[GET_CUSTOMER.action_id].timeout_ms == 10_000
    assert actions[BRANCH_FINDER.action_id].kind is ActionKind.STATIC
    if how != "down":
        assert actions[PARTNER_TOKEN.action_id].kind is ActionKind.AUTHENTICATION
    (line,) = [one for one in logged if one.get("what") == "integration names"]
    assert "functions can't be told" in line["so"]


def test_what_was_known_outlives_a_platform_that_does_not_answer(
    watch: Watch, url: str, clock: ManualClock
) -> None:
    """In the next refresh and after a restart; a refusal ends it, and an answer brings it back."""
    watched = watch()
    watched.catalogue.refresh()
    before = known(watched)
    watched.fault("server_error", LIST, skip=1)
    clock.at += 600
    watched.catalogue.refresh()
    assert known(watched) == before
    watched.mend()
    with Ledger.open(url) as reopened:
        watched.restart(reopened)
        watched.fault("server_error", LIST, skip=1)
        clock.at += 600
        watched.catalogue.refresh()
        assert known(watched) == before
        watched.mend()
        refuse(watched, TYPES)
        watched.catalogue.refresh()
        assert known(watched)[PRICE_QUOTE.action_id].kind is ActionKind.UNDETERMINED
        watched.org.grant(ALL_PERMISSIONS)
        watched.catalogue.refresh()
        assert known(watched) == before


def test_a_functions_own_timeout_is_read_where_it_may_be(watch: Watch, clock: ManualClock) -> None:
    """A few at each refresh, each again after an hour."""
    number = FUNCTION_LOOKUPS_PER_REFRESH + 2
    watched = watch(replace(SMALL, actions=quotes(number), flows=()))
    asked = []
    for _ in range(3):
        watched.catalogue.refresh()
        asked.append(watched.requests()[FUNCTION])
        clock.at += 600
    assert asked == [FUNCTION_LOOKUPS_PER_REFRESH, 2, 0]
    assert {one.timeout_ms for one in known(watched).values()} == {8_000}
    clock.at += 3_600
    watched.catalogue.refresh()
    assert watched.requests()[FUNCTION] == FUNCTION_LOOKUPS_PER_REFRESH


def test_where_it_may_not_be_read_the_limit_of_functions_stands_for_it(
    watch: Watch, clock: ManualClock, logged: list[dict[str, Any]]
) -> None:
    """Asked again after an hour, not at every refresh; one warning says so."""
    watched = watch(replace(SMALL, actions=quotes(2), flows=()))
    refuse(watched, FUNCTIONS)
    watched.catalogue.refresh()
    watched.catalogue.refresh()
    assert watched.requests()[FUNCTION] == 1
    assert {one.timeout_ms for one in known(watched).values()} == {15_000}
    (line,) = [one for one in logged if one.get("what") == "function timeouts"]
    assert "15 s" in line["so"]
    assert FUNCTIONS in line["why"] + line["hint"]
    watched.org.grant(ALL_PERMISSIONS)
    clock.at += 3_600
    watched.catalogue.refresh()
    assert {one.timeout_ms for one in known(watched).values()} == {8_000}


def test_a_functions_timeout_outlives_a_platform_that_does_not_answer(
    watch: Watch, clock: ManualClock
) -> None:
    """Another timeout would be a change that nobody made."""
    watched = watch(replace(SMALL, actions=quotes(2), flows=()))
    watched.catalogue.refresh()
    watched.fault("server_error", f"{LIST}/actions/custom_-_q00/function")
    watched.restart()
    clock.at += 7_200
    watched.catalogue.refresh()
    assert {one.timeout_ms for one in known(watched).values()} == {8_000}
    assert len(watched.ledger.timeouts_in_force(ORG)) == 2


def test_without_functions_none_is_asked_about(watch: Watch) -> None:
    """The catalogue of such an org costs what it did."""
    watched = watch(SMALL)
    watched.catalogue.refresh()
    assert watched.requests()[FUNCTION] == 0


def test_losing_the_list_of_integrations_for_a_while_changes_no_timeout(
    watch: Watch, clock: ManualClock
) -> None:
    """Neither that of a function nor any other: nobody has changed one."""
    watched = watch(replace(SMALL, actions=(*SMALL.actions, GET_CUSTOMER, *quotes(2))))
    watched.catalogue.refresh()
    before = known(watched)
    refuse(watched, TYPES)
    clock.at += 600
    watched.catalogue.refresh()
    watched.org.grant(ALL_PERMISSIONS)
    clock.at += 600
    watched.catalogue.refresh()
    assert known(watched) == before
    assert watched.ledger.journal.platform_audit.outside_changes(ORG, 100) == []


def test_a_functions_timeout_outlives_a_permission_that_is_taken_away(
    watch: Watch, clock: ManualClock
) -> None:
    """What was read is likelier than the limit."""
    watched = watch(replace(SMALL, actions=quotes(2), flows=()))
    watched.catalogue.refresh()
    refuse(watched, FUNCTIONS)
    clock.at += 7_200
    watched.catalogue.refresh()
    assert {one.timeout_ms for one in known(watched).values()} == {8_000}
    assert watched.ledger.journal.platform_audit.outside_changes(ORG, 100) == []
