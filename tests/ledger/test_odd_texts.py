"""Texts that no database takes as they are: SQLite and PostgreSQL keep what can be kept of them."""

from __future__ import annotations

import pytest

from monitor.ledger import Ledger
from monitor.model import Action
from tests.evidence import ORG, SOURCE, T0, incident, reading, tally

ODD = ["a\0b", "a\u202eb", "a\ud83cb", "a\x1bb", "x" * 100_000, "\U0001f355" * 3_000]


@pytest.mark.parametrize("text", ODD)
def test_a_reading_with_odd_texts_is_counted(ledger: Ledger, text: str) -> None:
    """Whatever stands in an id, a name or an error type: nothing of the reading is lost."""
    seen = reading(
        tally(3, error_type=text),
        tally(2, action_id=text),
        incidents=[
            incident(
                text,
                action_id=text,
                action_name=text,
                flow_id=text,
                flow_name=text,
                error_type=text,
            )
        ],
        names={text: Action(text, text, text, text, text)},
    )
    recorded = ledger.record(ORG, SOURCE, seen)
    assert (recorded.executions_added, recorded.incidents_added) == (5, 1)
    assert ledger.record(ORG, SOURCE, seen).executions_added == 0


@pytest.mark.parametrize("text", ODD)
def test_a_catalogue_with_odd_texts_is_kept(ledger: Ledger, text: str) -> None:
    """Names of actions, integrations, categories and flows."""
    ledger.save_catalogue(ORG, [Action("a1", text, text, text, text)], T0)
    ledger.save_flow_use(ORG, "a1", {text: text}, T0)
    state = ledger.state(ORG)
    assert [action.action_id for action in state.actions] == ["a1"]
    assert len(state.flow_use) == 1
    assert "\0" not in state.actions[0].name
