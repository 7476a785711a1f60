"""What an entry of the audit log says about a timeout."""

from __future__ import annotations

import json

import msgspec
import pytest

from monitor.genesys import AuditLogMessage
from monitor.model import TimeoutEdit
from monitor.sources.audits import timeout_edits

AT = 1_767_225_600.0
ENTRY = {
    "id": "e1",
    "eventDate": "2026-01-01T00:00:00.000Z",
    "action": "Update",
    "status": "SUCCESS",
    "entity": {"id": "a1"},
    "user": {"id": "u1", "name": "Ada Lovelace"},
    "client": {"id": ""},
}


def edits(**more: object) -> list[TimeoutEdit]:
    """What an entry comes to, with some fields of its own."""
    entry = msgspec.json.decode(json.dumps(ENTRY | more), type=AuditLogMessage)
    return timeout_edits([entry])


def changed(name: str, old: list[str] | None, new: list[str] | None) -> dict[str, object]:
    """The entry's property changes."""
    return {"propertyChanges": [{"property": name, "oldValues": old, "newValues": new}]}


def values(**more: object) -> tuple[int | None, int | None]:
    """From and to, in milliseconds."""
    (edit,) = edits(**more)
    return edit.from_ms, edit.to_ms


@pytest.mark.parametrize("properties", [{}, {"propertyChanges": []}, {"propertyChanges": None}])
def test_an_entry_without_properties_tells_who_and_when(properties: dict[str, object]) -> None:
    """As in published answers."""
    expected = TimeoutEdit("e1", AT, "a1", user_id="u1", user_name="Ada Lovelace")
    assert edits(**properties) == [expected]


@pytest.mark.parametrize(
    "name", ["config.timeoutSeconds", "timeoutSeconds", "Timeout", "config.timeout_seconds"]
)
def test_a_property_of_the_timeout_tells_both_values(name: str) -> None:
    """However the platform spells its path."""
    assert values(**changed(name, ["5"], ["9.0"])) == (5_000, 9_000)


@pytest.mark.parametrize("unset", [[], None, [""], ["0"], ["null"]])
def test_a_timeout_that_was_not_set_is_the_default(unset: list[str] | None) -> None:
    """60 s were in force."""
    assert values(**changed("timeoutSeconds", unset, ["9"])) == (60_000, 9_000)


def test_a_whole_configuration_tells_both_values() -> None:
    """As one JSON text each; one without a timeout has the default."""
    old, new = '{"timeoutSeconds": 5, "request": {}}', '{"request": {}}'
    assert values(**changed("config", [old], [new])) == (5_000, 60_000)


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("version", ["6"], ["7"]),
        ("config.request.headers.X", [], ["y"]),
        ("timeoutSeconds", ["5"], ["5"]),
        ("config", ['{"timeoutSeconds": 5}'], ['{"timeoutSeconds": 5, "request": {}}']),
    ],
)
def test_a_save_that_left_the_timeout_says_nothing(
    name: str, old: list[str], new: list[str]
) -> None:
    """It changed something else of the action."""
    assert edits(**changed(name, old, new)) == []


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("timeoutSeconds", ["five"], ["9"]),
        ("timeoutSeconds", ["-1"], ["9"]),
        ("timeoutSeconds", ["5"], ["1e300"]),
        ("timeoutSeconds", ["nan"], ["9"]),
        ("config", ["{not JSON"], ["{}"]),
        ("config", ["[" * 100_000], ["{}"]),
        ("config", ["[5]"], ["{}"]),
        ("config", ['{"timeoutSeconds": [5]}'], ["{}"]),
    ],
)
def test_a_value_that_makes_no_sense_is_not_told(name: str, old: list[str], new: list[str]) -> None:
    """Who saved the action still is."""
    assert values(**changed(name, old, new)) == (None, None)


@pytest.mark.parametrize(
    "more",
    [
        {"status": "FAILURE"},
        {"action": "Delete"},
        {"action": "View"},
        {"entity": None},
        {"entity": {"id": ""}},
    ],
)
def test_what_is_no_save_of_an_action_says_nothing(more: dict[str, object]) -> None:
    """It was refused, or was only looked at, or nobody knows of which action it is."""
    assert edits(**more) == []


@pytest.mark.parametrize(
    ("more", "who"),
    [
        ({}, "Ada Lovelace"),
        ({"user": {"id": "u1"}}, "user u1"),
        ({"user": None, "client": {"id": "c1"}}, "client c1"),
        ({"user": {}, "client": None}, "unknown"),
    ],
)
def test_who_saved_it_goes_by_the_best_name_there_is(more: dict[str, object], who: str) -> None:
    """A person's name, else an id."""
    (edit,) = edits(**more)
    assert edit.who == who
