"""The org's integration actions as the platform lists, shows and changes them.

Fields as in the SDK's ``Action``, ``ActionConfig`` and ``UpdateActionInput``. What a configuration
shows of its templates and of a timeout that nobody set, what a PATCH does to what it leaves out,
and what answers one of an older version, is for the ``World`` to say.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, TypeVar

import msgspec
from msgspec import Meta

from monitor.model import ActionKind
from monitor.simulator.api_errors import ApiError, bad_request, not_found
from monitor.simulator.audit_log import Editor
from monitor.simulator.queries import parse_body
from monitor.simulator.timeouts import action_timeout_ms

if TYPE_CHECKING:
    from monitor.simulator.scenario_types import Scenario, SimulatedAction
    from monitor.simulator.world import World

Json = dict[str, object]

_NOBODY = Editor()
BASE = "/api/v2/integrations/actions"
DEFAULT_REQUEST_TEMPLATE = "${input.rawRequest}"
DEFAULT_SUCCESS_TEMPLATE = "${rawResult}"


class _Request(msgspec.Struct, rename="camel", frozen=True, omit_defaults=True):
    """``RequestConfig``."""

    request_url_template: str | None = None
    request_template: str | None = None
    request_template_uri: str | None = None
    request_type: str | None = None
    headers: dict[str, str] | None = None


class _Response(msgspec.Struct, rename="camel", frozen=True, omit_defaults=True):
    """``ResponseConfig``."""

    translation_map: dict[str, str] | None = None
    translation_map_defaults: dict[str, str] | None = None
    success_template: str | None = None
    success_template_uri: str | None = None


_P = TypeVar("_P", _Request, _Response)


class _Config(msgspec.Struct, rename="camel", frozen=True, omit_defaults=True):
    """``ActionConfig``."""

    timeout_seconds: Annotated[int, Meta(ge=1, le=60)] | None = None
    request: _Request | None = None
    response: _Response | None = None


class _Update(msgspec.Struct, rename="camel", frozen=True):
    """``UpdateActionInput``."""

    version: int
    name: str | None = None
    category: str | None = None
    config: _Config | None = None


@dataclass(frozen=True, slots=True)
class _Stored:
    """An action as it stands now."""

    action: SimulatedAction
    name: str
    category: str
    version: int
    config: _Config


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
            one.action_id: _Stored(one, one.name, one.category, 1, _first_config(one))
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
                config = _merged(stored.config, config)
            _check_config(stored.action, config)
            renewed = replace(
                stored,
                name=stored.name if update.name is None else update.name,
                category=stored.category if update.category is None else update.category,
                version=stored.version + 1,
                config=config,
            )
            if action_id in self._spoils:
                timeout_ms = self._spoils.pop(action_id)
                config = _with_header(config, renewed.version)
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
                config = _with_header(config, stored.version)
            self._keep(stored, replace(stored, version=stored.version + 1, config=config), editor)

    def shown(self, stored: _Stored, *, with_config: bool, with_contract: bool) -> Json:
        """Return an action as the platform of this world shows it."""
        shown = action_json(stored, with_config=with_config, with_contract=with_contract)
        if with_config:
            uri = f"{BASE}/{stored.action.action_id}"
            shown["config"] = _config_json(stored.config, uri, self._world)
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


def _first_config(action: SimulatedAction) -> _Config:
    """Return the config that its author left."""
    timeout = action.timeout_seconds if action.kind is ActionKind.CUSTOM else None
    slug = action.name.lower().replace(" ", "-")
    return _Config(
        timeout_seconds=timeout,
        request=_Request(
            request_url_template=f"https://backend.example/{slug}/${{input.id}}",
            request_template=f'{{"id": "${{input.id}}", "purpose": "{slug}"}}',
            request_type=action.method,
            headers={"Accept": "application/json", "X-Purpose": slug},
        ),
        response=_Response(
            translation_map={"status": "$.status"},
            translation_map_defaults={"status": '"unknown"'},
            success_template='{"status": ${status}}',
        ),
    )


def _config_json(config: _Config, uri: str, world: World) -> Json:
    """Return a config as the platform of a world returns it."""
    shown: Json = {}
    if config.timeout_seconds is not None or world.unset_timeout != "absent":
        unset = 0 if world.unset_timeout == "zero" else None
        shown["timeoutSeconds"] = config.timeout_seconds or unset
    if config.request is not None:
        text, address = _shown(
            config.request.request_template or DEFAULT_REQUEST_TEMPLATE,
            f"{uri}/templates/requesttemplate.vm",
            world,
        )
        request = msgspec.structs.replace(
            config.request, request_template=text, request_template_uri=address
        )
        shown["request"] = msgspec.to_builtins(request)
    if config.response is not None:
        text, address = _shown(
            config.response.success_template or DEFAULT_SUCCESS_TEMPLATE,
            f"{uri}/templates/successtemplate.vm",
            world,
        )
        response = msgspec.structs.replace(
            config.response, success_template=text, success_template_uri=address
        )
        shown["response"] = msgspec.to_builtins(response)
    return shown


def _shown(text: str, address: str, world: World) -> tuple[str | None, str | None]:
    """Return what a configuration shows of a template: its text, its address, or nothing."""
    return (
        text if world.templates_shown == "inline" else None,
        address if world.templates_shown == "uri" else None,
    )


def _merged(kept: _Config, sent: _Config) -> _Config:
    """Return a configuration in which what a PATCH leaves out stays as it was."""
    return _Config(
        timeout_seconds=kept.timeout_seconds
        if sent.timeout_seconds is None
        else sent.timeout_seconds,
        request=_laid_over(kept.request, sent.request),
        response=_laid_over(kept.response, sent.response),
    )


def _laid_over(kept: _P | None, sent: _P | None) -> _P | None:
    """One part of a configuration laid over the other; nothing of it is taken away."""
    if kept is None or sent is None:
        return kept if sent is None else sent
    named = {
        name: value for name in sent.__struct_fields__ if (value := getattr(sent, name)) is not None
    }
    return msgspec.structs.replace(kept, **named)


def _with_header(config: _Config, number: int) -> _Config:
    """Return a configuration whose request somebody, or something, has changed."""
    if config.request is None:
        return config
    headers = {**(config.request.headers or {}), "X-Edited": str(number)}
    request = msgspec.structs.replace(config.request, headers=headers)
    return msgspec.structs.replace(config, request=request)


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


def _check_config(action: SimulatedAction, config: _Config) -> None:
    """Refuse a timeout where none can be set."""
    if config.timeout_seconds is None:
        return
    if action.authentication:
        message = "timeoutSeconds is not valid for custom authentication actions."
        raise bad_request(message)
    if action.kind is ActionKind.FUNCTION:
        message = "timeoutSeconds of a function data action is set on its function."
        raise bad_request(message)


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
