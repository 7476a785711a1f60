"""The target ``integration-action``: the timeout in an integration action, under its version.

Whether the platform merges a configuration that is sent in part is not known, so the whole of it
goes back: every field that came, also those this program does not know, and both templates' texts.
Whether the configuration shows these, their addresses or nothing of them is not known either: they
are always fetched by their names, as the terraform provider does, and their addresses never sent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import msgspec

from monitor.diagnosis import HOW_TO_CHANGE, Editable
from monitor.errors import GenesysError, NotFoundError, RefusedError, ServerFaultError
from monitor.genesys import (
    GET_TEMPLATE,
    REQUEST_TEMPLATE,
    SUCCESS_TEMPLATE,
    Client,
    IntegrationAction,
    WholeAction,
    get_action_document,
    get_template,
    is_authentication_action,
    list_integrations,
)
from monitor.json_decoding import decode_json
from monitor.model import (
    FUNCTION_DEFAULT_TIMEOUT_MS,
    PLATFORM_DEFAULT_TIMEOUT_MS,
    ActionKind,
)
from monitor.name_patterns import is_named
from monitor.remediation.targets.json_text import differences, digest, parse
from monitor.remediation.targets.limits import (
    validate_lock,
    validate_whole,
    validate_write,
)
from monitor.remediation.targets.target import (
    NOT_SHOWN,
    SERVER_MANAGED,
    PreSendCheck,
    TargetState,
    Written,
)
from monitor.remediation.targets.writing import ActionUpdate, patch_action

_STEP_MS = 1_000
_FIELD = "$.config.timeoutSeconds"
_TEMPLATES = (
    ("request", "requestTemplate", REQUEST_TEMPLATE),
    ("response", "successTemplate", SUCCESS_TEMPLATE),
)
"""Part of the configuration, field of a template's text in it, and the template's file."""

_Object = dict[str, msgspec.Raw]


class _Whole(msgspec.Struct, frozen=True):
    """The parts of an action that go back."""

    name: str | None = None
    category: str | None = None
    config: _Object | None = None


@dataclass(frozen=True, slots=True)
class _Document:
    """What a write needs, kept with its reading.

    Attributes:
        action: The action as it came.
        templates: Text by field; None for one that the platform does not know. None where they
            were not read, for the action can't be written in any case.
    """

    action: WholeAction
    templates: Mapping[str, str | None] | None


class IntegrationActionTarget:
    """The integration actions of an org."""

    def __init__(
        self,
        client: Client,
        *,
        kind_of: Callable[[str], ActionKind | None] = lambda _action_id: None,
        managed: Sequence[str] = (),
    ) -> None:
        """Look at one org.

        Args:
            client: The org's client.
            kind_of: What the catalogue knows of an action, by its id. Where it does not know
                whether it is a function, the platform is asked.
            managed: Patterns of names and ids that Terraform manages.
        """
        self._client = client
        self._kind_of = kind_of
        self._managed = tuple(managed)

    @property
    def kind(self) -> str:
        """Its name in the audit trail."""
        return "integration-action"

    @property
    def container_id(self) -> str:
        """Nothing: an action stands for itself."""
        return ""

    @property
    def step_ms(self) -> int:
        """The platform counts whole seconds."""
        return _STEP_MS

    def read(self, action_id: str) -> TargetState:
        """Read the action afresh, with what tells whether it can be edited, and its templates.

        The timeout of a function data action lives in its function, which is not read: the
        platform's default stands for it. Where it can't be told whether it is a function, the
        default of the others stands where none is set, and nothing can be written.

        Raises:
            NotFoundError: There is no such action.
            RefusedError: It could be edited, and its configuration is not shown, or an answer is
                not proven whole.
            ServerFaultError: A template came out two ways.
            GenesysError: Any other error of the tree.
        """
        document = get_action_document(self._client, action_id)
        action = document.action
        state = self._editable(action)
        default = (
            FUNCTION_DEFAULT_TIMEOUT_MS
            if state is Editable.FUNCTION
            else PLATFORM_DEFAULT_TIMEOUT_MS
        )
        version = "" if action.version is None else str(action.version)
        templates: Mapping[str, str | None] | None = None
        unfit = None
        if state is Editable.YES:
            validate_whole(f"the action {action.name}", is_whole=document.is_whole)
            if not _is_usable(document):
                raise _hidden(action.name, "configuration that can be understood")
            whole = _whole(document)
            if whole.config is None:
                # Its timeout is not known then either: it must not pass for one that nobody set.
                raise _hidden(action.name, "configuration")
            templates = self._templates(document)
            unfit = _unfit(document, templates)
        return TargetState(
            action_id=action_id,
            action_name=action.name,
            timeout_ms=default if action.timeout_ms is None else action.timeout_ms,
            place=_FIELD,
            is_set=action.timeout_ms is not None,
            lock=version,
            lock_name="version",
            version=version,
            editable=state,
            by_hand=HOW_TO_CHANGE[state],
            document=_Document(document, templates),
            unfit=unfit,
        )

    def write(
        self, reading: TargetState, timeout_ms: int, *, pre_send_check: PreSendCheck | None = None
    ) -> Written:
        """Send the whole configuration back with another timeout, if the version is the same.

        Raises:
            RefusedError: It can't be edited, came without version or in part, or the value is out
                of range; nothing was sent.
            ConflictError: Somebody wrote since; nothing was changed.
            AmbiguousWriteError: It is not known whether it was carried out.
            GenesysError: Any other of the tree; nothing was changed.
        """
        seconds = -(-timeout_ms // _STEP_MS)
        validate_write(reading, seconds * _STEP_MS)
        update = _update(cast("_Document", reading.document), reading.lock, seconds)
        accepted = patch_action(
            self._client, reading.action_id, update, pre_send_check=pre_send_check
        )
        return Written(seconds * _STEP_MS, accepted.version, accepted.version)

    def restore(
        self,
        before: TargetState,
        now: TargetState,
        timeout_ms: int,
        *,
        pre_send_check: PreSendCheck | None = None,
    ) -> Written:
        """Send back the whole configuration as it was read before, under the version of now.

        Raises:
            RefusedError: There is no version; nothing was sent.
            ConflictError: Somebody wrote since; nothing was changed.
            AmbiguousWriteError: It is not known whether it was carried out.
            GenesysError: Any other of the tree; nothing was changed.
        """
        validate_lock(now)
        was_unset = not before.is_set and timeout_ms == before.timeout_ms
        seconds = None if was_unset else timeout_ms // _STEP_MS
        update = _update(cast("_Document", before.document), now.lock, seconds)
        accepted = patch_action(
            self._client, before.action_id, update, pre_send_check=pre_send_check
        )
        return Written(timeout_ms, accepted.version, accepted.version)

    def differences(self, before: TargetState, after: TargetState) -> Sequence[str]:
        """Where two readings differ, but for the timeout and what the platform manages."""
        one, other = cast("_Document", before.document), cast("_Document", after.document)
        places = differences(one.action.raw, other.action.raw, {_FIELD}, SERVER_MANAGED)
        if one.templates is None or other.templates is None:
            return tuple(places)
        first, second = one.templates, other.templates
        templates = (
            f"$.config.{part}.{field}"
            for part, field, _ in _TEMPLATES
            if first.get(field) != second.get(field)
        )
        return tuple(dict.fromkeys((*places, *templates)))

    def is_unchanged(self, before: TargetState, after: TargetState) -> bool:
        """Whether the version is the same."""
        return bool(before.lock) and before.lock == after.lock

    def fingerprint(self, reading: TargetState) -> str:
        """A digest of the action without its timeout, and its templates; empty without them."""
        document = cast("_Document", reading.document)
        if document.templates is None:
            return ""
        texts = msgspec.json.encode(dict(document.templates), order="sorted")
        return digest(document.action.raw, {_FIELD}, SERVER_MANAGED, texts)

    def _editable(self, action: IntegrationAction) -> Editable:
        if action.is_static:
            return Editable.STATIC
        is_function = self._is_function(action)
        if is_function is None:
            return Editable.UNKNOWN
        if is_function:
            return Editable.FUNCTION
        # Where a timeout is set it is no authentication action: they can't have one.
        if action.timeout_ms is None and is_authentication_action(self._client, action.id):
            return Editable.CUSTOM_AUTH
        if is_named(self._managed, (action.name, action.id)):
            return Editable.TERRAFORM
        return Editable.YES

    def _is_function(self, action: IntegrationAction) -> bool | None:
        """Return whether it is a function; None where its integration's type can't be read."""
        known = self._kind_of(action.id)
        if known in {ActionKind.CUSTOM, ActionKind.FUNCTION}:
            return known is ActionKind.FUNCTION
        try:
            found = list_integrations(self._client).get(action.integration_id)
        except GenesysError:
            # What it is stays unknown, which refuses a write; what was read may still be looked at.
            return None
        return None if found is None else found.has_functions

    def _templates(self, document: WholeAction) -> dict[str, str | None]:
        """The text of both templates; None for one that the platform does not know.

        A write sends the texts back, so that one wrong answer would be enough to lose a template.
        Each is read twice, and both answers must agree, with each other and with the text that
        stands in the configuration, if there is one.

        Raises:
            ServerFaultError: They don't.
            RefusedError: Nothing shows that it came whole.
        """
        config = _whole(document).config or {}
        texts: dict[str, str | None] = {}
        for part, field, file_name in _TEMPLATES:
            text = self._template(document.action, file_name)
            shown = (_object(config.get(part)) or {}).get(field)
            known = text if shown is None else msgspec.json.decode(shown)
            if known not in {text, None} or text != self._template(document.action, file_name):
                raise ServerFaultError(
                    f"The template {file_name} of the action {document.action.name} was read twice "
                    "in a row, and came out two ways",
                    "Nothing was sent; try again when the platform answers the same twice.",
                    endpoint=GET_TEMPLATE.label,
                )
            texts[field] = text
        came = [text for text in texts.values() if text]
        if len(came) > 1 and len(set(came)) == 1 and not _shows_texts(config):
            # Nothing but these answers tells what the texts are, and a proxy says the same to all.
            raise RefusedError(
                f"Both templates of {document.action.name} came as the same text, as from somebody "
                "who answers in the platform's place",
                "Look at them under Admin > Integrations > Actions; if they are really the same, "
                "set the timeout there.",
                guard="whole_templates",
            )
        return texts

    def _template(self, action: IntegrationAction, file_name: str) -> str | None:
        try:
            template = get_template(self._client, action.id, file_name)
        except NotFoundError:
            return None
        what = f"the template {file_name} of the action {action.name}"
        validate_whole(what, is_whole=template.is_whole)
        return template.text


def _is_usable(document: WholeAction) -> bool:
    """Whether all that a write sends back can be understood, to its last character."""
    try:
        parse(document.raw)
        config = _whole(document).config or {}
        for part, field, _ in _TEMPLATES:
            shown = (_object(config.get(part)) or {}).get(field)
            if shown is not None:
                decode_json(shown, str | None)
    except (ValueError, RecursionError):
        return False
    return True


def _shows_texts(config: Mapping[str, msgspec.Raw]) -> bool:
    return any(
        (_object(config.get(part)) or {}).get(field) is not None for part, field, _ in _TEMPLATES
    )


def _unfit(document: WholeAction, templates: Mapping[str, str | None]) -> RefusedError | None:
    """Why an action can't be sent back whole: what is left out could be wiped."""
    whole, name = _whole(document), document.action.name
    config = whole.config or {}
    for what, is_shown in (
        ("name", bool(whole.name)),
        ("category", whole.category is not None),
        *(
            (f"{part} configuration", _object(config.get(part)) is not None)
            for part, _, _ in _TEMPLATES
        ),
    ):
        if not is_shown:
            return _hidden(name, what)
    for _, field, file_name in _TEMPLATES:
        if templates[field] is None:
            return RefusedError(
                f"The platform does not know the template {file_name} of {name}, and a write "
                "without it could wipe it",
                "Look whether the action is still there and published under Admin > Integrations > "
                "Actions, and set its timeout there.",
                guard="whole_templates",
            )
    return None


def _hidden(name: str, what: str) -> RefusedError:
    return RefusedError(
        f"The platform showed no {what} of {name}, and only a whole action can be sent back",
        "Check that the client may see it; else set timeoutSeconds by hand under "
        "Admin > Integrations > Actions.",
        guard=NOT_SHOWN,
    )


def _update(document: _Document, version: str, seconds: int | None) -> ActionUpdate:
    """The body of a write: all that came, and both templates; None for a timeout that is unset."""
    whole = _whole(document.action)
    config = dict(whole.config or {})
    config["timeoutSeconds"] = _raw(seconds)
    templates = document.templates
    if templates is None:  # pragma: no cover - what can't be edited is refused before
        raise _hidden(whole.name or "the action", "templates")
    for part, field, _ in _TEMPLATES:
        inner = dict(_object(config.get(part)) or {})
        inner.pop(f"{field}Uri", None)
        inner[field] = _raw(templates[field])
        config[part] = _raw(inner)
    return ActionUpdate(
        version=int(version), config=_raw(config), name=whole.name, category=whole.category
    )


def _whole(document: WholeAction) -> _Whole:
    return decode_json(document.raw, _Whole)


def _object(raw: msgspec.Raw | None) -> _Object | None:
    """The members of an object; None for null or nothing."""
    return None if raw is None else decode_json(raw, _Object | None)


def _raw(value: object) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(value))
