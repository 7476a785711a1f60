"""Integration actions (the data actions), their templates and functions, and integrations."""

from __future__ import annotations

import re
from dataclasses import dataclass

import msgspec

from monitor.errors import NotJsonError
from monitor.genesys.api.pagination import NamedRecord, paginate
from monitor.genesys.client.api_client import Client
from monitor.genesys.client.coercion import ImplausibleError, Record, RecordPage, check_id
from monitor.genesys.client.decoding import decode_strictly, unusable_response, wrong_entity_error
from monitor.genesys.client.endpoint import Endpoint
from monitor.json_decoding import decode_json
from monitor.sanitize import sanitize, sanitize_id

LIST_ACTIONS = Endpoint(
    "GET", "/api/v2/integrations/actions", ("integrations:action:view", "bridge:actions:view")
)
GET_ACTION = Endpoint(
    "GET",
    "/api/v2/integrations/actions/{actionId}",
    ("integrations:action:view", "bridge:actions:view"),
)
GET_TEMPLATE = Endpoint(
    "GET",
    "/api/v2/integrations/actions/{actionId}/templates/{fileName}",
    ("integrations:action:view", "bridge:actions:view"),
)
LIST_INTEGRATIONS = Endpoint("GET", "/api/v2/integrations", ("integrations:integration:view",))
GET_FUNCTION = Endpoint(
    "GET",
    "/api/v2/integrations/actions/{actionId}/function",
    ("integrations:actionFunction:view",),
)
FUNCTION_INTEGRATION_TYPE = "function-data-actions"
"""The type of the integrations whose actions are functions."""
_LONGEST_TIMEOUT_SECONDS = 3600
"""Sixty times what the platform takes: more is a slip, and no timeout is guessed from it."""

REQUEST_TEMPLATE = "requesttemplate.vm"
SUCCESS_TEMPLATE = "successtemplate.vm"
"""File names under which the platform keeps an action's two templates."""

_WEB_PAGE = re.compile(r"\s*<(!doctype\s+html|html)\b", re.IGNORECASE)
_ERROR_FIELDS = frozenset({"message", "code", "status", "error", "errors", "contextId"})
_FEWEST_ERROR_FIELDS = 2


class IntegrationAction(msgspec.Struct, frozen=True):
    """A data action as the platform lists it (its model ``Action``).

    Attributes:
        id: For example ``custom_-_...``; static actions begin with ``static``.
        name: The name its author gave it.
        integration_id: The integration it belongs to; empty where left out.
        category: For example ``Web Services Data Actions``; empty where left out.
        version: Counts its changes; a write must name the newest. None where left out.
        timeout_ms: The timeout that was set; None where none was (absent, null or 0).
        secure: Whether it is for secure flows alone; None where left out.
    """

    id: str
    name: str
    integration_id: str = ""
    category: str = ""
    version: int | None = None
    timeout_ms: int | None = None
    secure: bool | None = None

    @property
    def is_static(self) -> bool:
        """Whether it belongs to the platform, so that nobody can edit it."""
        return self.id.startswith("static")


@dataclass(frozen=True, slots=True)
class ListedIntegration:
    """An integration as the platform lists it (its model ``Integration``).

    Attributes:
        name: Its name; empty where left out.
        type_id: The id of its type, such as ``custom-rest-actions``; empty where left out.
    """

    name: str = ""
    type_id: str = ""

    @property
    def has_functions(self) -> bool | None:
        """Whether its actions are functions; None where its type was left out."""
        return self.type_id == FUNCTION_INTEGRATION_TYPE if self.type_id else None


@dataclass(frozen=True, slots=True)
class WholeAction:
    """A data action as it was read.

    Attributes:
        action: What this program knows of it.
        raw: All of it as JSON, byte for byte.
        is_whole: Whether the end of the answer was seen.
    """

    action: IntegrationAction
    raw: bytes
    is_whole: bool


@dataclass(frozen=True, slots=True)
class ActionTemplate:
    """One of an action's two templates as it was read.

    Attributes:
        text: What it says.
        is_whole: Whether the end of the answer was seen; a text that was cut does not show it.
    """

    text: str
    is_whole: bool


class _ConfigAnswer(msgspec.Struct, frozen=True, rename="camel"):
    timeout_seconds: int | None = None


class _ActionAnswer(Record, frozen=True, rename="camel"):
    """An action as it came; the platform leaves fields out or sends null."""

    id: str
    name: str | None = None
    integration_id: str | None = None
    category: str | None = None
    version: int | None = None
    secure: bool | None = None
    config: _ConfigAnswer | None = None

    def __post_init__(self) -> None:
        """Refuse an id that can't be asked for again, and a timeout that can't be set.

        Raises:
            ImplausibleError: Which the decoder turns into an error that names the place.
        """
        check_id(self.id)
        seconds = self.config.timeout_seconds if self.config else None
        if seconds is not None and not 0 <= seconds <= _LONGEST_TIMEOUT_SECONDS:
            reason = "a timeout that can't be"
            raise ImplausibleError("number", reason)

    def action(self) -> IntegrationAction:
        """Return the same without nulls; an action without a name goes by its id."""
        seconds = self.config.timeout_seconds if self.config else None
        return IntegrationAction(
            id=self.id,
            name=sanitize(self.name or "") or self.id,
            integration_id=sanitize_id(self.integration_id or ""),
            category=sanitize(self.category or ""),
            version=self.version,
            timeout_ms=seconds * 1000 if seconds else None,
            secure=self.secure,
        )


class _Function(msgspec.Struct, frozen=True, rename="camel"):
    timeout_seconds: int | None = None


class _FunctionConfig(msgspec.Struct, frozen=True):
    function: _Function | None = None


class _ActionPage(RecordPage, frozen=True, rename="camel"):
    entities: tuple[_ActionAnswer, ...] | None = None
    page_count: int | None = None


class _IntegrationType(msgspec.Struct, frozen=True):
    id: str | None = None


class _IntegrationAnswer(NamedRecord, frozen=True, rename="camel"):
    integration_type: _IntegrationType | None = None


class _IntegrationPage(RecordPage, frozen=True, rename="camel"):
    entities: tuple[_IntegrationAnswer, ...] | None = None
    page_count: int | None = None


def list_actions(client: Client, *, with_authentication: bool = False) -> list[IntegrationAction]:
    """Return every data action of the org with its configuration, each id once.

    Args:
        client: Asks.
        with_authentication: Custom authentication actions too. Nothing in an answer tells them
            from others: they are what a list without them lacks.

    Raises:
        GenesysError: One of the tree.
    """
    params = {"includeConfig": "true"}
    if with_authentication:
        params["includeAuthActions"] = "true"
    pages = paginate(client, LIST_ACTIONS, _ActionPage, params)
    return [entity.action() for entity in pages]


def get_action(client: Client, action_id: str) -> IntegrationAction:
    """One data action with its configuration.

    Raises:
        NotFoundError: There is none with this id.
        GenesysError: Any other error of the tree.
    """
    return get_action_document(client, action_id).action


def get_action_document(client: Client, action_id: str) -> WholeAction:
    """One data action with its configuration, and the text it came as.

    A write sends it back, so what is another action's must not pass for it.

    Raises:
        NotFoundError: There is none with this id.
        WrongShapeError: The answer is about another action.
        GenesysError: Any other error of the tree.
    """
    response = client.fetch(
        GET_ACTION, path={"actionId": action_id}, params={"includeConfig": "true"}
    )
    action = decode_strictly(GET_ACTION, response, _ActionAnswer).action()
    if action.id.casefold() != action_id.casefold():
        raise wrong_entity_error(GET_ACTION, response, action_id, action.id)
    return WholeAction(action, response.body, response.is_whole)


def get_template(client: Client, action_id: str, file_name: str) -> ActionTemplate:
    """Return one of an action's templates, whatever type the platform calls it.

    A write sends it back, so a proxy's page that came in its place must not pass for it.

    Raises:
        NotFoundError: The action has no such template.
        NotJsonError: It is no text in UTF-8, a web page, or an error that came as a success.
        GenesysError: Any other error of the tree.
    """
    response = client.fetch(
        GET_TEMPLATE,
        path={"actionId": action_id, "fileName": file_name},
        headers={"Accept": "text/plain, */*"},
    )
    try:
        text = response.body.decode()
    except UnicodeDecodeError as error:
        said = f"The template {file_name} of the action {action_id} is no text in UTF-8"
        hint = "Look at it under Admin > Integrations > Actions."
        raise unusable_response(NotJsonError, GET_TEMPLATE, response, said, hint) from error
    if _WEB_PAGE.match(text) or _is_error(response.body):
        said = f"The template {file_name} of the action {action_id} came as a web page or an error"
        hint = "Check region and api_url; a proxy or a web page answered in the platform's place."
        raise unusable_response(NotJsonError, GET_TEMPLATE, response, said, hint)
    return ActionTemplate(text, response.is_whole)


def _is_error(body: bytes) -> bool:
    """Whether a text is an error's document: a template that makes one of its own has variables."""
    try:
        said = decode_json(body, dict[str, object])
    except (msgspec.DecodeError, RecursionError):
        return False
    return len(_ERROR_FIELDS & said.keys()) >= _FEWEST_ERROR_FIELDS and b"$" not in body


def is_authentication_action(client: Client, action_id: str) -> bool:
    """Return whether it is a custom authentication action, which has no timeout to set.

    The platform tells them apart in one way only: lists leave them out unless they are asked for.

    Raises:
        GenesysError: One of the tree.
    """

    def is_listed(more: dict[str, str]) -> bool:
        listed = paginate(client, LIST_ACTIONS, _ActionPage, {"ids": action_id, **more})
        return any(entity.id == action_id for entity in listed)

    return not is_listed({}) and is_listed({"includeAuthActions": "true"})


def list_integrations(client: Client) -> dict[str, ListedIntegration]:
    """Return every integration of the org by its id.

    Raises:
        GenesysError: One of the tree.
    """
    pages = paginate(client, LIST_INTEGRATIONS, _IntegrationPage, {})
    return {
        one.id: ListedIntegration(
            sanitize(one.name or ""), (one.integration_type and one.integration_type.id) or ""
        )
        for one in pages
    }


def function_timeout_ms(client: Client, action_id: str) -> int | None:
    """Return the timeout that was set for a function data action; None where none was.

    Raises:
        NotFoundError: It is no function data action.
        GenesysError: Any other error of the tree.
    """
    response = client.call(GET_FUNCTION, _FunctionConfig, path={"actionId": action_id})
    seconds = response.function.timeout_seconds if response.function else None
    return seconds * 1_000 if seconds and 0 < seconds <= _LONGEST_TIMEOUT_SECONDS else None
