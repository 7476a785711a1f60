"""Who saved what and when, as the platform's audit log keeps it, and the query that reads it.

Fields as in the SDK's ``AuditLogMessage``; the query as its ``AuditRealtimeQueryRequest``. An entry
shows only some time after what it tells of.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Final, Literal

import msgspec
from msgspec import Meta

from monitor.simulator.ids import audit_id, chance, user_id
from monitor.simulator.timestamps import iso, parse_interval

if TYPE_CHECKING:
    from collections.abc import Mapping

    from monitor.simulator.world import World

Json = dict[str, object]

KEPT_DAYS: Final = 14
"""What the realtime query reaches back to; its published description says so."""

_SOONEST_MS: Final = 20_000
_LATEST_MS: Final = 240_000
_USERS: Final = ("Ines Duarte", "Tomasz Wilk", "Priya Raman", "Jon Aske")


@dataclass(frozen=True, slots=True)
class Editor:
    """Who saves something: a person in the platform's own pages, or an OAuth client.

    Attributes:
        client_id: The client; empty for a person.
        user_id: The person; empty for a client.
        user_name: The person's name.
    """

    client_id: str = ""
    user_id: str = ""
    user_name: str = ""


def person(seed: int, number: int) -> Editor:
    """Return one of the org's administrators."""
    place = number % len(_USERS)
    return Editor(user_id=user_id(seed, place), user_name=_USERS[place])


@dataclass(frozen=True, slots=True)
class _Entry:
    """One saved action."""

    entry_id: str
    at_ms: int
    visible_ms: int
    action_id: str
    editor: Editor
    before: Mapping[str, str]
    after: Mapping[str, str]


class _Filter(msgspec.Struct, rename="camel", forbid_unknown_fields=True, frozen=True):
    """``AuditQueryFilter``."""

    property: Literal[
        "UserId", "TrusteeOrganizationId", "ClientId", "Action", "EntityType", "EntityId"
    ]
    value: str


class _Sort(msgspec.Struct, rename="camel", forbid_unknown_fields=True, frozen=True):
    """``AuditQuerySort``."""

    name: Literal["Timestamp"]
    sort_order: Literal["ascending", "descending"] = "descending"


class RealtimeQuery(msgspec.Struct, rename="camel", forbid_unknown_fields=True, frozen=True):
    """Body of ``POST /api/v2/audits/query/realtime``."""

    interval: str
    service_name: Annotated[str, Meta(min_length=1)]
    filters: list[_Filter] | None = None
    sort: list[_Sort] | None = None
    page_number: Annotated[int, Meta(ge=1)] = 1
    page_size: Annotated[int, Meta(ge=1, le=100)] = 25


class AuditLog:
    """The audit log of one org. Thread-safe."""

    def __init__(self, seed: int, world: World) -> None:
        """Begin with no entry."""
        self._seed = seed
        self._world = world
        self._lock = threading.Lock()
        self._entries: list[_Entry] = []

    def note(
        self,
        at_ms: int,
        action_id: str,
        editor: Editor,
        before: Mapping[str, str],
        after: Mapping[str, str],
    ) -> None:
        """Keep who saved an action, and its properties before and after as texts."""
        with self._lock:
            entry_id = audit_id(self._seed, len(self._entries))
            late_ms = _SOONEST_MS + int(chance(entry_id, "late") * (_LATEST_MS - _SOONEST_MS))
            self._entries.append(
                _Entry(entry_id, at_ms, at_ms + late_ms, action_id, editor, before, after)
            )

    @property
    def editors(self) -> tuple[Editor, ...]:
        """Who saved, in that order."""
        return tuple(entry.editor for entry in self._entries)

    def query(self, query: RealtimeQuery, now_ms: int, *, with_names: bool) -> Json:
        """Return ``AuditRealtimeQueryResultsResponse``.

        Args:
            query: The question.
            now_ms: Epoch milliseconds.
            with_names: Whether users are shown with their names (``expand=user``).

        Raises:
            ApiError: 400; the interval.
        """
        from_ms, to_ms = parse_interval(query.interval, KEPT_DAYS)
        from_ms = max(from_ms, now_ms - KEPT_DAYS * 86_400_000)
        with self._lock:
            entries = list(self._entries)
        found = [
            entry
            for entry in entries
            if query.service_name == "Integrations"
            and from_ms <= entry.at_ms < to_ms
            and entry.visible_ms <= now_ms
            and all(_holds(entry, one) for one in query.filters or ())
        ]
        newest_first = not query.sort or query.sort[0].sort_order == "descending"
        found.sort(key=lambda entry: entry.at_ms, reverse=newest_first)
        first = (query.page_number - 1) * query.page_size
        shown = found[first : first + query.page_size]
        return {
            "entities": [self._shown(entry, with_names=with_names) for entry in shown],
            "pageSize": query.page_size,
            "pageNumber": query.page_number,
            "total": len(found),
            "pageCount": -(-len(found) // query.page_size),
        }

    def _shown(self, entry: _Entry, *, with_names: bool) -> Json:
        """``AuditLogMessage``."""
        editor = entry.editor
        shown: Json = {
            "id": entry.entry_id,
            "serviceName": "Integrations",
            "level": "USER",
            "eventDate": iso(entry.at_ms),
            "action": "Update",
            "entity": {"id": entry.action_id},
            "entityType": "Action",
            "status": "SUCCESS",
            "application": "",
            "initiatingAction": {},
            "transactionInitiator": True,
            "propertyChanges": self._changes(entry),
            "context": {},
            "entityChanges": [],
            # As in published answers: a person's entry has a client without an id.
            "client": {"id": editor.client_id},
        }
        if editor.user_id:
            uri = f"/api/v2/users/{editor.user_id}"
            name = {"name": editor.user_name} if with_names else {}
            shown["user"] = {"id": editor.user_id, **name, "selfUri": uri}
        return shown

    def _changes(self, entry: _Entry) -> list[Json]:
        """``PropertyChange`` of each property that differs, as the world has them."""
        if self._world.audit_properties == "none":
            return []
        before, after = entry.before, entry.after
        if self._world.audit_properties == "config":
            return [_change("config", _nested(before), _nested(after))]
        return [
            _change(name, before.get(name), after.get(name))
            for name in sorted(before.keys() | after.keys())
            if before.get(name) != after.get(name)
        ]


def _change(name: str, before: str | None, after: str | None) -> Json:
    """``PropertyChange``; a property that was not set has no value."""
    return {
        "property": name,
        "oldValues": [] if before is None else [before],
        "newValues": [] if after is None else [after],
    }


def _nested(properties: Mapping[str, str]) -> str:
    """Return all of a configuration as one JSON text; whole numbers as such."""
    config = {
        name.removeprefix("config."): int(value) if name == "config.timeoutSeconds" else value
        for name, value in properties.items()
        if name.startswith("config.")
    }
    return msgspec.json.encode(config).decode()


def _holds(entry: _Entry, one: _Filter) -> bool:
    """Return whether an entry passes a filter."""
    values = {
        "UserId": entry.editor.user_id,
        "TrusteeOrganizationId": "",
        "ClientId": entry.editor.client_id,
        "Action": "Update",
        "EntityType": "Action",
        "EntityId": entry.action_id,
    }
    return values[one.property] == one.value
