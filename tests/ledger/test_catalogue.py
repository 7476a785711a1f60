"""The catalogue: actions, the timeout in force over time, and the flows that use them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from monitor.ledger import Ledger
from monitor.model import Action, ActionKind
from tests.evidence import ORG, SOURCE, T0, incident, reading, tally
from tests.statements import statements

CRM = Action(
    "a1", "Get Customer", "i1", "CRM", "Web Services Data Actions", ActionKind.CUSTOM, 3_000
)


def with_timeout(timeout_ms: int | None) -> Action:
    """The same action with another timeout."""
    return Action("a1", "Get Customer", configured_timeout_ms=timeout_ms)


def test_the_catalogue_comes_back_as_it_went_in(ledger: Ledger) -> None:
    """Every field of every kind of action is kept; the order is that of the ids."""
    listed = [CRM, *(Action(kind.value, "x", kind=kind) for kind in sorted(ActionKind))]

    ledger.save_catalogue(ORG, list(reversed(listed)), T0)

    assert ledger.state(ORG).actions == tuple(sorted(listed, key=lambda action: action.action_id))
    assert ledger.state(ORG).gone == frozenset()


def test_an_action_that_changed_is_replaced(ledger: Ledger) -> None:
    """The newest catalogue stands."""
    ledger.save_catalogue(ORG, [CRM], T0)
    renamed = Action("a1", "Get Client", "i1", "CRM", configured_timeout_ms=4_000)

    ledger.save_catalogue(ORG, [renamed], T0 + 1)

    assert ledger.state(ORG).actions == (renamed,)


def test_an_action_listed_twice_is_one(ledger: Ledger) -> None:
    """Pages shift while they are read."""
    ledger.save_catalogue(ORG, [CRM, CRM], T0)

    assert ledger.state(ORG).actions == (CRM,)
    assert len(ledger.timeouts_in_force(ORG)) == 1


def test_an_action_no_longer_listed_stays_known_as_gone(ledger: Ledger) -> None:
    """Its series live on, so its name must."""
    ledger.save_catalogue(ORG, [CRM], T0)

    ledger.save_catalogue(ORG, [], T0 + 1)

    state = ledger.state(ORG)
    assert (state.actions, state.gone) == ((CRM,), frozenset({"a1"}))


def test_what_was_deleted_is_not_listed_in_its_place(ledger: Ledger) -> None:
    """An action, and one that another flow still has; what nobody can tell is taken to be there."""
    assert ledger.is_listed(ORG, "a1")
    ledger.save_catalogue(ORG, [CRM, replace(CRM, action_id="a2")], T0)
    assert ledger.is_listed(ORG, "a1", "f1"), "nobody has asked which flows use it"
    ledger.save_flow_use(ORG, "a1", {"f1": "Main", "f2": "Other"}, T0)
    assert ledger.is_listed(ORG, "a1", "f1")
    ledger.save_flow_use(ORG, "a1", {"f2": "Other"}, T0 + 1)

    assert not ledger.is_listed(ORG, "a1", "f1")
    assert ledger.is_listed(ORG, "a1", "f2")
    assert ledger.is_listed(ORG, "a1")
    ledger.save_catalogue(ORG, [replace(CRM, action_id="a2")], T0 + 2)
    assert not ledger.is_listed(ORG, "a1")
    assert not ledger.is_listed(ORG, "a1", "f2")
    assert ledger.is_listed(ORG, "a2")
    assert ledger.is_listed(ORG, "a3"), "which it has never seen"


def test_an_action_that_comes_back_is_not_gone(ledger: Ledger) -> None:
    """A catalogue read while an integration was off does no lasting harm."""
    for listed in ([CRM], [], [CRM]):
        ledger.save_catalogue(ORG, listed, T0)

    assert ledger.state(ORG).gone == frozenset()


def test_an_action_only_seen_in_data_is_not_gone(ledger: Ledger) -> None:
    """What was never listed can't have left the list."""
    ledger.record(ORG, SOURCE, reading(tally(1)))

    ledger.save_catalogue(ORG, [], T0)

    assert ledger.state(ORG).gone == frozenset()


def test_the_catalogue_replaces_what_the_data_said(ledger: Ledger) -> None:
    """An action seen in the data first becomes a proper one."""
    ledger.record(ORG, SOURCE, reading(tally(1)))

    ledger.save_catalogue(ORG, [CRM], T0)

    assert ledger.state(ORG).actions == (CRM,)


def test_the_timeout_in_force_is_kept_when_first_seen_and_when_it_changes(ledger: Ledger) -> None:
    """A catalogue that says the same again adds nothing to the history."""
    for hours, timeout_ms in enumerate((3_000, 3_000, 4_500, 4_500, 3_000)):
        ledger.save_catalogue(ORG, [with_timeout(timeout_ms)], T0 + hours * 3_600.0)

    assert ledger.timeouts_in_force(ORG) == [
        ("a1", T0, 3_000),
        ("a1", T0 + 7_200.0, 4_500),
        ("a1", T0 + 14_400.0, 3_000),
    ]


def test_an_unset_timeout_is_the_platforms_default(ledger: Ledger) -> None:
    """The history keeps what calls really wait for; None where nobody knows."""
    static = Action("static_-_1", "Find User", kind=ActionKind.STATIC)

    ledger.save_catalogue(ORG, [with_timeout(None), static], T0)

    assert ledger.timeouts_in_force(ORG) == [("a1", T0, 60_000), ("static_-_1", T0, None)]


def test_an_unknown_timeout_is_kept_once(ledger: Ledger) -> None:
    """Nobody's knowing is no change either."""
    static = Action("static_-_1", "Find User", kind=ActionKind.STATIC)
    for at in (T0, T0 + 1):
        ledger.save_catalogue(ORG, [static], at)

    assert len(ledger.timeouts_in_force(ORG)) == 1


def test_timeouts_of_all_actions_are_listed_oldest_first(ledger: Ledger) -> None:
    """The history of an org is one line of time."""
    ledger.save_catalogue(ORG, [Action("b", "B", configured_timeout_ms=1)], T0)
    ledger.save_catalogue(
        ORG,
        [Action("a", "A", configured_timeout_ms=2), Action("b", "B", configured_timeout_ms=3)],
        T0 + 1,
    )

    assert ledger.timeouts_in_force(ORG) == [("b", T0, 1), ("a", T0 + 1, 2), ("b", T0 + 1, 3)]


def test_a_clock_that_went_back_does_not_hide_the_newest_timeout(ledger: Ledger) -> None:
    """What began later than now was dated by a clock that was wrong."""
    ledger.save_catalogue(ORG, [with_timeout(3_000)], T0)

    ledger.save_catalogue(ORG, [with_timeout(4_000)], T0 - 3_600.0)

    assert ledger.timeouts_in_force(ORG) == [("a1", T0, 4_000)]


def test_flow_use_is_replaced_per_action(ledger: Ledger) -> None:
    """Dependency tracking always tells all flows of one action."""
    ledger.save_flow_use(ORG, "a1", {"f1": "Main", "f2": "Billing"}, T0)
    ledger.save_flow_use(ORG, "a2", {"f1": "Main"}, T0)

    ledger.save_flow_use(ORG, "a1", {"f3": "Night"}, T0 + 1)

    assert ledger.state(ORG).flow_use == {("a1", "f3"), ("a2", "f1")}


def test_flow_use_seen_in_incidents_stays(ledger: Ledger) -> None:
    """A flow that did call the action is its user, whatever the tracking says."""
    ledger.record(ORG, SOURCE, reading(incidents=[incident(flow_id="f9")]))

    ledger.save_flow_use(ORG, "a1", {}, T0)

    assert ledger.state(ORG).flow_use == {("a1", "f9")}


def test_flow_use_brings_names(ledger: Ledger) -> None:
    """Names of flows are known from dependency tracking too, the newest for each."""
    ledger.save_flow_use(ORG, "a1", {"f1": "Main"}, T0)
    ledger.save_flow_use(ORG, "a2", {"f1": "Main Menu"}, T0 + 1)

    assert ledger.state(ORG).flow_names == {"f1": "Main Menu"}


def test_a_reading_writes_no_name_that_is_known(ledger: Ledger) -> None:
    """Each poll names every action; only new ones, and names in the place of ids, are written."""
    bare = Action("a1", "a1", kind=ActionKind.UNKNOWN)
    named = replace(bare, name="Get Customer", integration_name="CRM")
    listed = Action("a2", "Take Payment", kind=ActionKind.CUSTOM)
    ledger.save_catalogue(ORG, [listed], T0)

    def writes(names: Mapping[str, Action], count: int) -> int:
        counted = [tally(count, action_id=action_id) for action_id in names]
        with statements() as sent:
            ledger.record(ORG, SOURCE, reading(*counted, names=names))
        return sum(statement.startswith("INSERT INTO actions") for statement in sent)

    assert writes({"a1": bare, "a2": listed}, 1) == 1
    assert writes({"a1": bare, "a2": replace(listed, name="Another")}, 2) == 0
    assert writes({"a1": named, "a2": listed}, 3) == 1
    assert writes({"a1": replace(named, name="Another"), "a2": listed}, 4) == 0
    assert (
        writes({"a1": bare, "a2": listed, "a3": Action("a3", "a3", kind=ActionKind.UNKNOWN)}, 5)
        == 1
    )

    names = {action.action_id: action.name for action in ledger.state(ORG).actions}
    assert names == {"a1": "Get Customer", "a2": "Take Payment", "a3": "a3"}
