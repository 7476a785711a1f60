"""Incidents: each counted once, per flow and action."""

from __future__ import annotations

from monitor.ledger import IncidentTotal, Ledger
from monitor.model import UNKNOWN_ACTION, Action, ActionKind
from monitor.time_ranges import TimeRange
from tests.evidence import (
    ORG,
    T0,
    WINDOW_SECONDS,
    count_of,
    incident,
    reading,
    tally,
    totals,
    windows,
)

SOURCE = "conversations"


def test_an_incident_counts_once(ledger: Ledger) -> None:
    """Pages and polls repeat detail records."""
    once = reading(incidents=[incident(), incident()])

    first = ledger.record(ORG, SOURCE, once)
    second = ledger.record(ORG, SOURCE, once)

    assert (first.incidents_added, second.incidents_added) == (1, 0)
    assert ledger.state(ORG).incident_totals == (IncidentTotal("f1", "a1", 1, 1),)


def test_conversations_count_once_per_flow_and_action(ledger: Ledger) -> None:
    """A caller who is hit three times is one conversation, in every reading."""
    ledger.record(ORG, SOURCE, reading(incidents=[incident(), incident(segment=1)]))
    ledger.record(ORG, SOURCE, reading(incidents=[incident(segment=2), incident("c2")]))

    assert ledger.state(ORG).incident_totals == (IncidentTotal("f1", "a1", 4, 2),)


def test_a_conversation_counts_in_each_flow_that_it_was_hit_in(ledger: Ledger) -> None:
    """Totals are kept per pair of flow and action."""
    ledger.record(
        ORG,
        SOURCE,
        reading(
            incidents=[
                incident(),
                incident(segment=1, flow_id="f2"),
                incident(segment=2, action_id="a2"),
            ]
        ),
    )

    assert ledger.state(ORG).incident_totals == (
        IncidentTotal("f1", "a1", 1, 1),
        IncidentTotal("f1", "a2", 1, 1),
        IncidentTotal("f2", "a1", 1, 1),
    )


def test_more_conversations_than_one_query_holds_count_once(ledger: Ledger) -> None:
    """Known incidents are found whatever their number."""
    many = [incident(f"c{number}") for number in range(1_201)]
    ledger.record(ORG, SOURCE, reading(incidents=many))

    recorded = ledger.record(ORG, SOURCE, reading(incidents=[*many, incident("new")]))

    assert recorded.incidents_added == 1


def test_a_reading_that_repeats_itself_counts_once(ledger: Ledger) -> None:
    """However far apart the repeats are, and whatever is between them."""
    many = [incident(f"c{number}") for number in range(1_201)]

    recorded = ledger.record(ORG, SOURCE, reading(incidents=[*many, *many[::-1]]))

    assert recorded.incidents_added == 1_201
    (total,) = ledger.state(ORG).incident_totals
    assert (total.incidents, total.conversations) == (1_201, 1_201)


def test_incidents_come_back_as_they_went_in(ledger: Ledger) -> None:
    """Incidents of a period are listed oldest first, the end of the period excluded."""
    kept = [
        incident("c2", at=T0 + 1.5, action_name="Get Customer", flow_name="Main"),
        incident("c1", at=T0 + 20.25, action_name="Get Customer", flow_name="Main"),
    ]
    after = incident("c3", at=T0 + 60.0, action_name="Get Customer", flow_name="Main")
    ledger.record(ORG, SOURCE, reading(incidents=[after, *reversed(kept)]))

    assert ledger.impact.incidents(ORG, TimeRange(T0, T0 + 60)) == kept


def test_incidents_without_names_take_those_known_now(ledger: Ledger) -> None:
    """A name learned later shows on what came before."""
    ledger.record(ORG, SOURCE, reading(incidents=[incident()]))
    ledger.save_catalogue(ORG, [Action("a1", "Get Customer")], T0)
    ledger.save_flow_use(ORG, "a1", {"f1": "Main"}, T0)

    (found,) = ledger.impact.incidents(ORG, windows(0, 12))

    assert (found.action_name, found.flow_name) == ("Get Customer", "Main")


def test_incidents_of_another_source_are_not_executions(ledger: Ledger) -> None:
    """Where executions come from aggregates, a detail record adds none."""
    ledger.record(ORG, SOURCE, reading(incidents=[incident()]))

    assert ledger.state(ORG).totals == {}


def test_incidents_that_are_executions_count_as_such_once(ledger: Ledger) -> None:
    """Where detail records are all there is, each new one is one execution."""
    one = reading(incidents=[incident()], incidents_are_executions=True)
    two = reading(incidents=[incident(), incident("c2")], incidents_are_executions=True)

    added = [ledger.record(ORG, SOURCE, read).executions_added for read in (one, two, two)]

    assert added == [1, 1, 0]
    assert count_of(ledger, error_type="Timeout") == 2


def test_executions_from_incidents_stand_in_the_window_of_their_failure(ledger: Ledger) -> None:
    """The window is the one that ``at`` lies in; there is no status, duration or band."""
    ledger.record(
        ORG,
        SOURCE,
        reading(incidents=[incident(at=T0 + WINDOW_SECONDS + 0.5)], incidents_are_executions=True),
    )

    (found,) = ledger.tallies.sums(ORG, windows(1, 2))
    assert (found.key.error_type, found.key.response_status, found.counts.count) == (
        "Timeout",
        "",
        1,
    )
    assert (found.counts.duration_ms, sum(found.counts.bands)) == (0.0, 0)
    assert ledger.tallies.sums(ORG, windows(0, 1)) == []


def test_executions_from_incidents_come_on_top_of_a_tally(ledger: Ledger) -> None:
    """A window that already counts some keeps its bands and grows by the new incident."""
    ledger.record(ORG, SOURCE, reading(tally(3, error_type="Timeout")))

    ledger.record(ORG, SOURCE, reading(incidents=[incident()], incidents_are_executions=True))

    total = totals(ledger)["a1", "Timeout"]
    assert (total.count, sum(total.bands), total.duration_ms) == (4, 3, 600.0)


def test_a_tally_and_an_incident_of_one_reading_both_count(ledger: Ledger) -> None:
    """Within one reading an incident comes on top as well."""
    ledger.record(
        ORG,
        SOURCE,
        reading(
            tally(3, error_type="Timeout"), incidents=[incident()], incidents_are_executions=True
        ),
    )

    assert count_of(ledger, error_type="Timeout") == 4


def test_incidents_show_which_flow_uses_an_action(ledger: Ledger) -> None:
    """Pairs with an action and a flow that are both known are flow use."""
    ledger.record(
        ORG,
        SOURCE,
        reading(
            incidents=[
                incident(),
                incident(segment=1, flow_id=""),
                incident(segment=2, action_id=UNKNOWN_ACTION),
            ]
        ),
    )

    assert ledger.state(ORG).flow_use == {("a1", "f1")}


def test_the_unknown_action_takes_nobodys_name(ledger: Ledger) -> None:
    """It stands for many actions."""
    ledger.record(
        ORG,
        SOURCE,
        reading(incidents=[incident(action_id=UNKNOWN_ACTION, action_name="Get Customer")]),
    )

    assert ledger.state(ORG).actions == (
        Action(UNKNOWN_ACTION, UNKNOWN_ACTION, kind=ActionKind.UNKNOWN),
    )


def test_a_flow_goes_by_its_newest_name(ledger: Ledger) -> None:
    """History that is read later does not bring an old name back."""
    ledger.record(ORG, SOURCE, reading(incidents=[incident(at=T0 + 50, flow_name="New")]))
    ledger.record(
        ORG,
        SOURCE,
        reading(
            incidents=[
                incident("c2", at=T0 + 10, flow_name="Old"),
                incident("c3", at=T0 + 90, flow_name=""),
            ]
        ),
    )

    assert ledger.state(ORG).flow_names == {"f1": "New"}


def test_a_flow_that_nobody_named_goes_by_its_id(ledger: Ledger) -> None:
    """Every flow seen is known; an unknown flow is none."""
    ledger.record(ORG, SOURCE, reading(incidents=[incident(), incident("c2", flow_id="")]))

    assert ledger.state(ORG).flow_names == {"f1": "f1"}


def test_any_name_replaces_none(ledger: Ledger) -> None:
    """A name counts even where it is older than the nameless record."""
    ledger.record(ORG, SOURCE, reading(incidents=[incident(at=T0 + 90)]))
    ledger.record(ORG, SOURCE, reading(incidents=[incident("c2", at=T0 + 9, flow_name="Main")]))

    assert ledger.state(ORG).flow_names == {"f1": "Main"}
