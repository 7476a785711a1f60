"""Which data action a user means."""

from __future__ import annotations

import pytest

from monitor.errors import ConfigurationError
from monitor.investigation.action_lookup import ActionMatch, find_action, known_actions
from monitor.ledger import OrgState
from monitor.model import UNKNOWN_ACTION, Action, ActionKind

ACTIONS = {
    "a": Action("a", "Order Status"),
    "b": Action("b", "Order History"),
    "c": Action("c", "Take Payment"),
}


def known(*more: ActionMatch) -> list[ActionMatch]:
    """The actions of an org, and more."""
    return [*(ActionMatch("acme", action) for action in ACTIONS.values()), *more]


@pytest.mark.parametrize("asked", ["a", "Order Status", "order status", "ORDER STATUS"])
def test_an_id_or_a_name_in_any_case_is_enough(asked: str) -> None:
    """Each of them finds the action."""
    assert find_action(asked, known()).action.action_id == "a"


def test_an_id_goes_before_a_name() -> None:
    """An action that is called like the id of another one does not hide it."""
    assert find_action("a", known(ActionMatch("acme", Action("d", "a")))).action.action_id == "a"


def test_the_very_spelling_goes_before_any_case() -> None:
    """Two names that differ in case alone can both be asked for."""
    other = ActionMatch("acme", Action("d", "order status"))

    assert find_action("Order Status", known(other)).action.action_id == "a"
    assert find_action("order status", known(other)).action.action_id == "d"


def test_a_name_of_several_actions_names_them() -> None:
    """One sentence with the candidates, and what to do."""
    other = ActionMatch("acme", Action("d", "Order Status"))

    with pytest.raises(ConfigurationError) as raised:
        find_action("Order Status", known(other))
    assert raised.value.message == "2 data actions are called Order Status: a and d"
    assert raised.value.hint == "Name one of them by its id."


def test_a_name_of_several_orgs_names_them_too() -> None:
    """The org can be the difference, even between equal ids."""
    other = ActionMatch("globex", Action("a", "Order Status"))

    with pytest.raises(ConfigurationError) as raised:
        find_action("a", known(other))
    assert raised.value.message.endswith("a (org acme) and a (org globex)")
    assert "--org" in raised.value.hint


def test_a_name_of_very_many_actions_stays_a_sentence() -> None:
    """A few are named, the others counted."""
    many = [ActionMatch("acme", Action(f"id-{at}", "Lookup")) for at in range(50)]

    with pytest.raises(ConfigurationError, match=r"id-3, id-4 and 45 more$"):
        find_action("Lookup", many)


def test_an_action_that_is_gone_does_not_make_a_name_ambiguous() -> None:
    """One that was deleted and made anew is the one that is there."""
    gone = ActionMatch("acme", Action("old", "Order Status"), is_gone=True)

    assert find_action("Order Status", known(gone)).action.action_id == "a"
    assert find_action("old", known(gone)).action.action_id == "old"


def test_an_action_that_is_gone_can_still_be_asked_for() -> None:
    """Its last executions may be what matters."""
    gone = ActionMatch("acme", Action("old", "Old Lookup"), is_gone=True)

    assert find_action("Old Lookup", known(gone)).action.action_id == "old"


@pytest.mark.parametrize(
    ("asked", "near"),
    [
        ("Ordr Status", "Perhaps it is Order Status."),
        ("payment", "Perhaps it is Take Payment."),
        ("order", "Perhaps it is Order History or Order Status."),
    ],
)
def test_an_unknown_name_gets_near_ones(asked: str, near: str) -> None:
    """Those that hold it, then those that look like it."""
    with pytest.raises(ConfigurationError) as raised:
        find_action(asked, known())
    assert raised.value.message == f"No data action is called {asked}, nor has one this id"
    assert raised.value.hint == near


@pytest.mark.parametrize("asked", ["xyzzy", ""])
def test_a_name_that_is_like_no_other_gets_a_hint_all_the_same(asked: str) -> None:
    """Where to find the names."""
    with pytest.raises(ConfigurationError) as raised:
        find_action(asked, known())
    assert "timeout-monitor report lists them" in raised.value.hint


def test_candidates_are_all_that_the_catalogues_know() -> None:
    """Of every org; the place for timeouts without an action is no action."""
    unknown = Action(UNKNOWN_ACTION, UNKNOWN_ACTION, kind=ActionKind.UNKNOWN)
    states = (
        OrgState("acme", actions=(ACTIONS["a"], unknown)),
        OrgState("globex", actions=(ACTIONS["b"],), gone=frozenset({"b"})),
    )

    assert known_actions(states) == (
        ActionMatch("acme", ACTIONS["a"]),
        ActionMatch("globex", ACTIONS["b"], is_gone=True),
    )
