"""The platform's audit log: who saved a data action, and when.

Wire format: the platform's models AuditRealtimeQueryRequest and AuditRealtimeQueryResultsResponse.
The realtime query reaches back 14 days and needs no job; entries show seconds to minutes late.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

import msgspec

from monitor.genesys.api.analytics.timestamps import Instant
from monitor.genesys.client.api_client import Client
from monitor.genesys.client.coercion import Record, RecordPage, check_id
from monitor.genesys.client.decoding import DroppedRecord, DropReason
from monitor.genesys.client.endpoint import Endpoint
from monitor.model import AUDITS
from monitor.time_ranges import TimeRange

REALTIME_AUDITS = Endpoint(
    "POST", "/api/v2/audits/query/realtime", ("audits:audit:view",), source=AUDITS
)

REACHES_BACK_SECONDS = 14 * 86_400
"""What the realtime query still has."""

PAGE_SIZE = 100
MOST_PAGES = 20
"""Two thousand saved actions in an hour are a deployment; what is beyond is read the next time."""


class AuditFilter(msgspec.Struct, frozen=True):
    """One condition on an entry (``AuditQueryFilter``)."""

    property: Literal["EntityType", "EntityId", "ClientId", "UserId", "Action"]
    value: str


class AuditSort(msgspec.Struct, frozen=True, rename="camel"):
    """The order of entries (``AuditQuerySort``)."""

    name: Literal["Timestamp"] = "Timestamp"
    sort_order: Literal["ascending", "descending"] = "ascending"


class RealtimeAuditQuery(msgspec.Struct, frozen=True, rename="camel"):
    """Which entries to return (``AuditRealtimeQueryRequest``).

    Attributes:
        interval: Both ends to the second, as ``2026-01-01T00:00:00Z/...``.
        service_name: For example ``Integrations``.
        filters: All must hold.
        sort: The order.
        page_number: The first is 1.
        page_size: At most 100.
    """

    interval: str
    service_name: str = "Integrations"
    filters: tuple[AuditFilter, ...] = (AuditFilter("EntityType", "Action"),)
    sort: tuple[AuditSort, ...] = (AuditSort(),)
    page_number: int = 1
    page_size: int = PAGE_SIZE


class AuditedEntity(msgspec.Struct, frozen=True):
    """A user, or what was saved (``DomainEntityRef``); fields may be empty or null."""

    id: str | None = None
    name: str | None = None


class AuditedClient(msgspec.Struct, frozen=True):
    """An OAuth client (``AddressableEntityRef``)."""

    id: str | None = None


class PropertyChange(msgspec.Struct, frozen=True, rename="camel"):
    """One property before and after, as texts; no value where it was not set."""

    property: str | None = None
    old_values: tuple[str, ...] | None = None
    new_values: tuple[str, ...] | None = None


class AuditLogMessage(Record, frozen=True, rename="camel"):
    """One entry.

    Attributes:
        id: Its own id.
        event_date: When it was saved.
        action: What was done, for example ``Update``.
        status: ``SUCCESS``, ``WARNING`` or ``FAILURE``.
        entity: What it was done to.
        user: The person; None for a client.
        client: The OAuth client; without an id for a person in the platform's pages.
        property_changes: What was changed; in published answers often empty.
    """

    id: str
    event_date: Instant
    action: str | None = None
    status: str | None = None
    entity: AuditedEntity | None = None
    user: AuditedEntity | None = None
    client: AuditedClient | None = None
    property_changes: tuple[PropertyChange, ...] | None = None

    def __post_init__(self) -> None:
        """Refuse an entry without a name of its own, which could not be told from others.

        Raises:
            ImplausibleError: Which the decoder turns into an error that names the place.
        """
        check_id(self.id)


class _AuditPage(RecordPage, frozen=True, rename="camel"):
    entities: tuple[AuditLogMessage, ...] | None = None
    page_count: int | None = None


@dataclass(frozen=True, slots=True)
class ActionAudits:
    """Who saved data actions in a while.

    Attributes:
        entries: Each entry once, oldest first.
        complete: Whether these are all; where not, the newest are missing.
    """

    entries: tuple[AuditLogMessage, ...]
    complete: bool


def action_audits(client: Client, period: TimeRange) -> ActionAudits:
    """Return the entries about data actions in a period that show by now.

    Args:
        client: Asks.
        period: At most 14 days.

    Raises:
        GenesysError: One of the tree.
    """
    found: dict[str, AuditLogMessage] = {}
    query = RealtimeAuditQuery(_interval(period))
    for number in range(1, MOST_PAGES + 1):
        page = client.call(
            REALTIME_AUDITS,
            _AuditPage,
            # Only then does a user come with a name.
            params={"expand": "user"},
            body=msgspec.structs.replace(query, page_number=number),
        )
        for entry in page.entities or ():
            if period.start <= entry.event_date.timestamp() < period.end:
                found.setdefault(entry.id, entry)
            else:
                why = "an entry of a time that was not asked for"
                client.note_dropped(REALTIME_AUDITS, DroppedRecord(DropReason.TIME, why))
        # A page of known entries is not the last where the platform counts more.
        is_empty = not page.entities and not page.unread
        last = is_empty if page.page_count is None else number >= page.page_count
        if last:
            return ActionAudits(_in_order(found), complete=True)
    return ActionAudits(_in_order(found), complete=not found)


def _in_order(found: dict[str, AuditLogMessage]) -> tuple[AuditLogMessage, ...]:
    return tuple(sorted(found.values(), key=lambda entry: entry.event_date))


def _interval(period: TimeRange) -> str:
    return f"{_second(period.start)}/{_second(period.end)}"


def _second(epoch_seconds: int) -> str:
    return datetime.fromtimestamp(epoch_seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
