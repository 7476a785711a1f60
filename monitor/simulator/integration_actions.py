"""The org's integration actions as the platform lists, shows and changes them.

Fields as in the SDK's ``Action`` and ``UpdateActionInput``. What a PATCH does to what it leaves
out, and what answers one of an older version, is for the ``World`` to say.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import msgspec

from monitor.model import ActionKind
from monitor.simulator.action_config import (
    DEFAULT_REQUEST_TEMPLATE,
    DEFAULT_SUCCESS_TEMPLATE,
    ActionConfig,
    Json,
    check_config,
    config_json,
    first_config,
    merged,
    with_header,
)
from monitor.simulator.api_errors import ApiError, not_found
from monitor.simulator.audit_log import Editor
from monitor.simulator.queries import parse_body
from monitor.simulator.timeouts import action_timeout_ms

if TYPE_CHECKING:
    from monitor.simulator.scenario_types import Scenario, SimulatedAction
    from monitor.simulator.world import World

_NOBODY = Editor()
BASE = "/api/v2/integrations/actions"


class _Update(msgspec.Struct, rename="camel", frozen=True):
    """``UpdateActionInput``."""

    version: int
    name: str | None = None
    category: str | None = None
    config: ActionConfig | None = None


@dataclass(frozen=True, slots=True)
class _Stored:
    """An action as it stands now."""

    action: SimulatedAction
    name: str
    category: str
    version: int
    config: ActionConfig


Saved = Callable[[str, Editor, Mapping[str, str], Mapping[str, str]], None]
"""Told who saved which action, and its properties before and after as texts."""


class ActionStore:
    """The integration actions of one org. Thread-safe."""

    def __init__(
        self,
        scenario: Scenario,
        world: World,
        changed: Callable[[int, int], None],
        saved: Saved,
    ) -> None:
        """Lay them out as their authors left them.

        Args:
            scenario: The org.
            world: How the platform behaves where nobody could ask it.
            changed: Told the action's position and its new timeout in milliseconds.
            saved: Told of every save, whatever it changed.
        """
        self._world = world
        self._changed = changed
        self._saved = saved
        self._spoils: dict[str, int | None] = {}
        self._lock = threading.Lock()
        self._position = {one.action_id: at for at, one in enumerate(scenario.actions)}
        self._stored = {
            one.action_id: _Stored(one, one.name, one.category, 1, first_config(one))
            for one in scenario.actions
        }

    def listed(self, *, authentication: bool) -> list[_Stored]:
        """Return all of them; authentication actions only on request."""
        return [
            one for one in self._stored.values() if authentication or not one.action.authentication
        ]

    def get(self, action_id: str) -> _Stored:
        """One of them.

        Raises:
            ApiError: 404.
        """
        found = self._stored.get(action_id)
        if found is None:
            message = f"action {action_id}"
            raise not_found(message)
        return found

    def delete(self, action_id: str) -> None:
        """Let its author delete an action; one that is gone stays so."""
        with self._lock:
            self._stored.pop(action_id, None)

    def update(self, action_id: str, raw: bytes, client_id: str = "") -> _Stored:
        """Apply a PATCH of a client.

        Raises:
            ApiError: 400, 404, 405, 408 or 409.
        """
        with self._lock:
            stored = self.get(action_id)
            if stored.action.kind is ActionKind.STATIC:
                message = "Static actions can not be modified."
                raise ApiError(405, "integrations.static.action", message)
            update = parse_body(raw, _Update)
            if update.version != stored.version:
                raise _stale(update.version, stored.version, self._world)
            config = stored.config if update.config is None else update.config
            if self._world.patch == "merges":
                config = merged(stored.config, config)
            check_config(stored.action, config)
            renewed = replace(
                stored,
                name=stored.name if update.name is None else update.name,
                category=stored.category if update.category is None else update.category,
                version=stored.version + 1,
                config=config,
            )
            if action_id in self._spoils:
                timeout_ms = self._spoils.pop(action_id)
                config = with_header(config, renewed.version)
                if timeout_ms is not None:
                    config = msgspec.structs.replace(config, timeout_seconds=timeout_ms // 1_000)
                renewed = replace(renewed, config=config)
            self._keep(stored, renewed, Editor(client_id))
        return renewed

    def spoil(self, action_id: str, timeout_ms: int | None = None) -> None:
        """Let the next write of an action change a header as well, and keep another timeout."""
        with self._lock:
            self._spoils[action_id] = timeout_ms

    def edit(self, action_id: str, timeout_ms: int | None, editor: Editor = _NOBODY) -> None:
        """Let somebody else save an action: with another timeout, or with another header.

        Raises:
            ApiError: 404.
        """
        with self._lock:
            stored = self.get(action_id)
            config = stored.config
            if timeout_ms is not None:
                config = msgspec.structs.replace(config, timeout_seconds=timeout_ms // 1_000)
            else:
                config = with_header(config, stored.version)
            self._keep(stored, replace(stored, version=stored.version + 1, config=config), editor)

    def shown(self, stored: _Stored, *, with_config: bool, with_contract: bool) -> Json:
        """Return an action as the platform of this world shows it."""
        shown = action_json(stored, with_config=with_config, with_contract=with_contract)
        if with_config:
            uri = f"{BASE}/{stored.action.action_id}"
            shown["config"] = config_json(stored.config, uri, self._world)
        return shown

    def _keep(self, stored: _Stored, renewed: _Stored, editor: Editor) -> None:
        """Keep an action, and tell whether its timeout changed; the lock is held."""
        action_id = stored.action.action_id
        self._stored[action_id] = renewed
        if _timeout_ms(renewed) != _timeout_ms(stored):
            self._changed(self._position[action_id], _timeout_ms(renewed))
        self._saved(action_id, editor, _properties(stored), _properties(renewed))

    def template(self, action_id: str, file_name: str) -> str:
        """Return the text of a Velocity template.

        Raises:
            ApiError: 404.
        """
        config = self.get(action_id).config
        if file_name == "requesttemplate.vm" and config.request is not None:
            return config.request.request_template or DEFAULT_REQUEST_TEMPLATE
        if file_name == "successtemplate.vm" and config.response is not None:
            return config.response.success_template or DEFAULT_SUCCESS_TEMPLATE
        message = f"template {file_name} of action {action_id}"
        raise not_found(message)


def action_json(stored: _Stored, *, with_config: bool, with_contract: bool) -> Json:
    """Return an action with the configuration that is kept of it."""
    action = stored.action
    uri = f"{BASE}/{action.action_id}"
    shown: Json = {
        "id": action.action_id,
        "name": stored.name,
        "integrationId": action.integration.integration_id,
        "category": stored.category,
        "version": stored.version,
        "secure": action.secure,
        "selfUri": uri,
    }
    if with_contract:
        shown["contract"] = _contract(action)
    if with_config:
        shown["config"] = msgspec.to_builtins(stored.config)
    return shown


def function_json(stored: _Stored) -> Json:
    """``FunctionConfig`` of a function data action.

    Raises:
        ApiError: 404; it is not a function action.
    """
    action = stored.action
    if action.kind is not ActionKind.FUNCTION:
        message = f"function of action {action.action_id}"
        raise not_found(message)
    function: Json = {
        "id": f"{action.action_id}-function",
        "name": action.name,
        "handler": "index.handler",
        "runtime": "nodejs22.x",
    }
    if action.timeout_seconds is not None:
        function["timeoutSeconds"] = action.timeout_seconds
    uri = f"{BASE}/{action.action_id}/function"
    return {"id": action.action_id, "function": function, "selfUri": uri}


def _contract(action: SimulatedAction) -> Json:
    """Input and output of an action as JSON Schema."""
    return {
        "input": {
            "inputSchema": {
                "$schema": "http://json-schema.org/draft-04/schema#",
                "title": f"{action.name} request",
                "description": "What the flow hands over.",
                "type": "object",
                "required": ["id"],
                "properties": {"id": {"type": "string", "description": "What to look up."}},
                "additionalProperties": True,
            }
        },
        "output": {
            "successSchema": {
                "$schema": "http://json-schema.org/draft-04/schema#",
                "title": f"{action.name} answer",
                "type": "object",
                "properties": {"status": {"type": "string"}},
                "additionalProperties": True,
            }
        },
    }


def _properties(stored: _Stored) -> dict[str, str]:
    """Return every property by its path, as texts."""
    found: dict[str, str] = {}

    def add(path: str, node: object) -> None:
        if isinstance(node, dict):
            for name, value in node.items():
                add(f"{path}.{name}" if path else str(name), value)
        elif node is not None:
            found[path] = str(node)

    whole = {"name": stored.name, "category": stored.category, "version": stored.version}
    add("", {**whole, "config": msgspec.to_builtins(stored.config)})
    return found


def _timeout_ms(stored: _Stored) -> int:
    """Return the timeout in force."""
    return action_timeout_ms(stored.action.kind, stored.config.timeout_seconds)


def _stale(sent: int, current: int, world: World) -> ApiError:
    """409, 400 or 408: somebody else wrote first."""
    if world.conflict == "408":
        return ApiError(408, "request.timeout", "The request timed out.")
    return ApiError(
        int(world.conflict),
        "version.mismatch" if world.conflict == "409" else "bad.request",
        f"The version {sent} does not match the current version {current}.",
        params={"version": str(sent), "currentVersion": str(current)},
    )
