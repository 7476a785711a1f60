"""Flow documents: the whole document, its ETag, and the data actions anywhere inside it.

This is the flow-document contract: gateways and deployments speak it, and the simulator; the
documented platform API keeps timeouts in integration actions instead.

A gateway that compresses an answer names the compressed form: Apache and Caddy turn ``"x"`` into
``"x-gzip"``, Jetty into ``"x--gzip"``, nginx into ``W/"x"``. Not all of them turn it back when it
comes in an ``If-Match``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final
from urllib.parse import urlsplit, urlunsplit

import msgspec

from monitor.errors import WrongShapeError
from monitor.genesys.client.api_client import Client
from monitor.genesys.client.decoding import (
    DroppedRecord,
    DropReason,
    decode_strictly,
    unusable_response,
    wrong_entity_error,
)
from monitor.genesys.client.endpoint import Endpoint
from monitor.json_decoding import convert_json
from monitor.sanitize import is_header_safe, sanitize, sanitize_id

GET_FLOW = Endpoint(
    "GET",
    "/api/v2/flows/{flowId}",
    ("flow:flow:read", "architect:flow:view"),
    refuses_in_any_words=True,
)

UNCOMPRESSED: Final[Mapping[str, str]] = MappingProxyType({"Accept-Encoding": "identity"})
"""Asks for an answer whose ETag no gateway has a reason to rewrite."""

_WEAK: Final = "W/"
_ENCODING: Final = re.compile(
    r"(?:--?|[;:+_])(?:x-)?(?:gzip|gz|deflate|df|brotli|br|zstd|compress|identity)(?=\"?$)",
    re.IGNORECASE,
)

FLOW_DEFAULT_TIMEOUT_MS = 3000
"""What a data action in a flow waits for when the document names no timeout."""

_LONGEST_TIMEOUT_MS = 3_600_000
"""Sixty times what the platform takes: more is no timeout but a slip."""

_LONGEST_URL = 2000


@dataclass(frozen=True, slots=True)
class FlowDataAction:
    """A data action inside a flow document: an entry of type ``data``.

    Attributes:
        action_id: Its id.
        name: Its name; empty where the document gives none.
        method: The HTTP method it calls its back end with; empty where absent.
        url: Where it calls, without query, fragment and credentials, which may be secret.
        timeout_ms: The timeout in force, in milliseconds.
        is_set: Whether the document names a timeout; False where the default is in force.
    """

    action_id: str
    name: str
    method: str
    url: str
    timeout_ms: int
    is_set: bool = True


@dataclass(frozen=True, slots=True)
class FlowDocument:
    """A flow as it was read.

    Attributes:
        flow_id: Its id.
        name: Its name; empty where the document gives none.
        version: Its version as the document writes it; empty where it gives none.
        etag: Names this state of it for a conditional write; empty where the answer had none.
        raw: The whole document, byte for byte.
        data_actions: Its data actions in the order of the document.
        unread: Data actions that make no sense and were left out.
        is_whole: Whether the end of the answer was seen.
    """

    flow_id: str
    name: str
    version: str
    etag: str
    raw: bytes
    data_actions: tuple[FlowDataAction, ...]
    is_whole: bool
    unread: int = 0

    def ids_of(self, action: str) -> set[str]:
        """Return the ids of its data actions that an id or a name means; a name in any case."""
        if any(one.action_id == action for one in self.data_actions):
            return {action}
        name = action.casefold()
        return {one.action_id for one in self.data_actions if one.name.casefold() == name}


def get_flow(client: Client, flow_id: str, *, leave_out_bad: bool = False) -> FlowDocument:
    """Read a flow with its data actions, uncompressed: a gateway that compresses changes the ETag.

    Args:
        client: Asks.
        flow_id: The flow.
        leave_out_bad: Whether a data action that makes no sense is left out and counted. A write
            must not choose among what is left: it takes the document whole, or not at all.

    Raises:
        NotFoundError: There is none with this id.
        WrongShapeError: The document can't be understood.
        GenesysError: Any other error of the tree.
    """
    response = client.fetch(
        GET_FLOW,
        path={"flowId": flow_id},
        params={"expand": "dataActions"},
        headers=UNCOMPRESSED,
    )
    if leave_out_bad:
        document = client.decode(GET_FLOW, response, dict[str, object])
    else:
        document = decode_strictly(GET_FLOW, response, dict[str, object])
    actions: list[FlowDataAction] = []
    unread = 0
    for entry in _entries(document):
        try:
            actions.append(_data_action(entry))
        except ValueError as error:
            if not leave_out_bad:
                said = f"The flow {flow_id} holds a data action that can't be understood, {error}"
                hint = "Look at that data action in the flow's document."
                raise unusable_response(WrongShapeError, GET_FLOW, response, said, hint) from error
            unread += 1
            client.note_dropped(
                GET_FLOW, DroppedRecord(DropReason.SHAPE, str(error)), response.correlation_id
            )
    given = document.get("id")
    if isinstance(given, str) and given.casefold() != flow_id.casefold():
        raise wrong_entity_error(GET_FLOW, response, flow_id, given)
    name, version = document.get("name"), document.get("version")
    return FlowDocument(
        flow_id=flow_id,
        name=sanitize(name) if isinstance(name, str) else "",
        version=sanitize_id(str(version)) if isinstance(version, str | int) else "",
        etag=_etag(response.headers.get("ETag", "")),
        raw=response.body,
        data_actions=tuple(actions),
        is_whole=response.is_whole,
        unread=unread,
    )


def _etag(text: str) -> str:
    """Return an ETag that can go back in a header; one that can't is as good as none."""
    return text if is_header_safe(text) else ""


def _entries(document: dict[str, object]) -> Iterator[dict[str, object]]:
    """Yield every data action entry, wherever it is nested, in the order of the document."""
    waiting: list[object] = [document]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            if part.get("type") == "data" and isinstance(part.get("data"), dict) and "id" in part:
                yield part
            waiting += reversed(list(part.values()))
        elif isinstance(part, list):
            waiting += reversed(part)


class _Data(msgspec.Struct, frozen=True):
    url: str | None = None
    method: str | None = None
    timeout: int | None = None


class _DataActionEntry(msgspec.Struct, frozen=True):
    id: str
    data: _Data
    name: str | None = None


def _data_action(entry: dict[str, object]) -> FlowDataAction:
    """Read one entry.

    Raises:
        ValueError: A field has another type than it should; names action and field.
    """
    try:
        read = convert_json(entry, _DataActionEntry)
    except msgspec.ValidationError as error:
        reason = f"{entry['id']!r}: {error}"
        raise ValueError(reason) from error
    timeout_ms = FLOW_DEFAULT_TIMEOUT_MS if read.data.timeout is None else read.data.timeout
    if not 0 <= timeout_ms <= _LONGEST_TIMEOUT_MS:
        reason = f"{entry['id']!r}: a timeout that can't be - at `$.data.timeout`"
        raise ValueError(reason)
    return FlowDataAction(
        action_id=read.id,
        name=sanitize(read.name or ""),
        method=sanitize(read.data.method or ""),
        url=sanitize(_without_secrets(read.data.url or ""), _LONGEST_URL),
        timeout_ms=timeout_ms,
        is_set=read.data.timeout is not None,
    )


def _without_secrets(url: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError:
        # A template such as "https://[host]/" is no URL until the flow fills it in.
        return url.partition("?")[0].partition("#")[0].rpartition("@")[2]
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def bare_etag(etag: str) -> str:
    """Return an ETag without ``W/`` and without the name of an encoding at its end."""
    stripped = etag.strip()
    return _ENCODING.sub("", stripped.removeprefix(_WEAK).strip(), count=1)


def is_same_etag(one: str, other: str) -> bool:
    """Return whether two ETags name the same state, whatever a gateway made of either."""
    return bare_etag(one) == bare_etag(other)
