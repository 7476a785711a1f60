"""How a flow document looks before anybody changes it: nested, and full of unknown fields."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from monitor.simulator.ids import part_id

if TYPE_CHECKING:
    from collections.abc import Mapping

    from monitor.simulator.scenario_types import SimulatedAction, SimulatedFlow, Step

Json = dict[str, Any]


def first_document(flow: SimulatedFlow, actions: Mapping[str, SimulatedAction]) -> Json:
    """Return a flow document whose data actions stand at the top, in tasks, and in menu choices.

    The first step stands at the top, the second inside a task's decision, further ones take
    turns between tasks and menu choices.
    """
    steps = [_data_action(step, actions[step.action_id]) for step in flow.steps]
    inner, choices = steps[1::2], steps[2::2]
    return {
        "id": flow.flow_id,
        "name": flow.name,
        "description": "Réception et suivi: généré pour essais",
        "type": flow.flow_type,
        "version": 1,
        "division": {"id": part_id(flow.flow_id, "division"), "name": "Home"},
        "active": True,
        "lockedUser": None,
        "x-authoring": {"zoom": 1.25, "grid": [16, 16], "palette": {"night": False}},
        "actions": [
            {
                "id": part_id(flow.flow_id, "greeting"),
                "name": "Greeting",
                "type": "audio",
                "audio": {"text": "Welcome.", "bargeIn": True},
            },
            *steps[:1],
        ],
        "tasks": [_task(flow, at, step) for at, step in enumerate(inner)],
        "menus": [_menu(flow, choices)] if choices else [],
        "outcomes": [
            {"id": part_id(flow.flow_id, "done"), "name": "Done", "value": 9007199254740993}
        ],
        "dateModified": "2026-01-01T00:00:00.000Z",
        "modifiedBy": {"id": part_id(flow.flow_id, "author"), "name": "Flow author"},
    }


def _data_action(step: Step, action: SimulatedAction) -> Json:
    """Return an entry of type ``data``; without a timeout where its author named none."""
    slug = action.name.lower().replace(" ", "-")
    data: Json = {
        "url": f"https://backend.example/{slug}?channel=voice",
        "method": action.method,
        "headers": [{"name": "Accept", "value": "application/json"}],
        "body": "",
    }
    if step.timeout_ms is not None:
        data["timeout"] = step.timeout_ms
    return {
        "id": action.action_id,
        "name": action.name,
        "type": "data",
        "data": data,
        "conditions": [{"on": "failure", "goto": "apology"}],
        "outcomes": {"success": {"next": "play"}, "timeout": {"next": "apology"}},
    }


def _task(flow: SimulatedFlow, at: int, entry: Json) -> Json:
    """Return a task that calls a data action inside a decision."""
    return {
        "id": part_id(flow.flow_id, f"task {at}"),
        "name": f"Task {at + 1}",
        "states": [
            {
                "name": "Initial",
                "actions": [
                    {
                        "type": "decision",
                        "expression": "Flow.known == true",
                        "branches": {"yes": [entry], "no": []},
                    }
                ],
            }
        ],
    }


def _menu(flow: SimulatedFlow, entries: list[Json]) -> Json:
    """Return a menu with a data action behind each digit."""
    return {
        "id": part_id(flow.flow_id, "menu"),
        "name": "Menu",
        "choices": [
            {"digit": str(digit), "action": entry} for digit, entry in enumerate(entries, 1)
        ],
    }
