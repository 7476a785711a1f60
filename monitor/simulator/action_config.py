"""How an integration action is configured: what its author left, what is shown, what a write makes.

Fields as in the SDK's ``ActionConfig``. What a configuration shows of its templates and of a
timeout that nobody set is for the ``World`` to say.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, TypeVar

import msgspec
from msgspec import Meta

from monitor.model import ActionKind
from monitor.simulator.api_errors import bad_request

if TYPE_CHECKING:
    from monitor.simulator.scenario_types import SimulatedAction
    from monitor.simulator.world import World

Json = dict[str, object]

DEFAULT_REQUEST_TEMPLATE = "${input.rawRequest}"
DEFAULT_SUCCESS_TEMPLATE = "${rawResult}"


class RequestConfig(msgspec.Struct, rename="camel", frozen=True, omit_defaults=True):
    """``RequestConfig``."""

    request_url_template: str | None = None
    request_template: str | None = None
    request_template_uri: str | None = None
    request_type: str | None = None
    headers: dict[str, str] | None = None


class ResponseConfig(msgspec.Struct, rename="camel", frozen=True, omit_defaults=True):
    """``ResponseConfig``."""

    translation_map: dict[str, str] | None = None
    translation_map_defaults: dict[str, str] | None = None
    success_template: str | None = None
    success_template_uri: str | None = None


_P = TypeVar("_P", RequestConfig, ResponseConfig)


class ActionConfig(msgspec.Struct, rename="camel", frozen=True, omit_defaults=True):
    """``ActionConfig``."""

    timeout_seconds: Annotated[int, Meta(ge=1, le=60)] | None = None
    request: RequestConfig | None = None
    response: ResponseConfig | None = None


def first_config(action: SimulatedAction) -> ActionConfig:
    """Return the config that its author left."""
    timeout = action.timeout_seconds if action.kind is ActionKind.CUSTOM else None
    slug = action.name.lower().replace(" ", "-")
    return ActionConfig(
        timeout_seconds=timeout,
        request=RequestConfig(
            request_url_template=f"https://backend.example/{slug}/${{input.id}}",
            request_template=f'{{"id": "${{input.id}}", "purpose": "{slug}"}}',
            request_type=action.method,
            headers={"Accept": "application/json", "X-Purpose": slug},
        ),
        response=ResponseConfig(
            translation_map={"status": "$.status"},
            translation_map_defaults={"status": '"unknown"'},
            success_template='{"status": ${status}}',
        ),
    )


def config_json(config: ActionConfig, uri: str, world: World) -> Json:
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


def merged(kept: ActionConfig, sent: ActionConfig) -> ActionConfig:
    """Return a configuration in which what a PATCH leaves out stays as it was."""
    return ActionConfig(
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


def with_header(config: ActionConfig, number: int) -> ActionConfig:
    """Return a configuration whose request somebody, or something, has changed."""
    if config.request is None:
        return config
    headers = {**(config.request.headers or {}), "X-Edited": str(number)}
    request = msgspec.structs.replace(config.request, headers=headers)
    return msgspec.structs.replace(config, request=request)


def check_config(action: SimulatedAction, config: ActionConfig) -> None:
    """Refuse a timeout where none can be set."""
    if config.timeout_seconds is None:
        return
    if action.authentication:
        message = "timeoutSeconds is not valid for custom authentication actions."
        raise bad_request(message)
    if action.kind is ActionKind.FUNCTION:
        message = "timeoutSeconds of a function data action is set on its function."
        raise bad_request(message)
