"""Flow documents: read whole, written whole, with an ETag; the timeouts of contract ``flow``."""

from __future__ import annotations

import hashlib
import json
import threading
from copy import deepcopy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from monitor.simulator.api_errors import ApiError, bad_request, not_found
from monitor.simulator.flow_layout import first_document
from monitor.simulator.scenario_types import MAX_TIMEOUT_MS, STEP_DEFAULT_TIMEOUT_MS
from monitor.simulator.timestamps import iso

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from monitor.simulator.scenario_types import Scenario

Json = dict[str, Any]

_SERVER_MANAGED: Final = frozenset({"version", "dateModified", "modifiedBy"})
"""Top-level fields whose sent values are replaced by the server's own."""
_MOST_DIFFERENCES = 10


@dataclass(frozen=True, slots=True)
class StoredFlow:
    """A flow as it stands now.

    Attributes:
        number: Its position in the scenario.
        body: What it says; never changed once it is here.
        text: How it is served.
    """

    number: int
    body: Json
    text: bytes

    @property
    def etag(self) -> str:
        """A strong entity tag: another document, another tag."""
        return f'"{hashlib.sha256(self.text).hexdigest()[:20]}"'


class FlowStore:
    """The flow documents of one org. Thread-safe."""

    def __init__(self, scenario: Scenario, changed: Callable[[int, str, int], None]) -> None:
        """Write every document as its author left it.

        Args:
            scenario: The org.
            changed: Told the flow's position, the action's id and its new timeout in
                milliseconds.
        """
        self._changed = changed
        self._lock = threading.Lock()
        actions = {one.action_id: one for one in scenario.actions}
        self._documents = {
            flow.flow_id: _written(number, first_document(flow, actions))
            for number, flow in enumerate(scenario.flows)
        }
        self._sent: dict[str, bytes] = {}
        self._spoils: dict[str, tuple[str, int | None]] = {}
        self._unspoilt: dict[str, Json] = {}

    def get(self, flow_id: str) -> StoredFlow:
        """One of them.

        Raises:
            ApiError: 404.
        """
        found = self._documents.get(flow_id)
        if found is None:
            message = f"flow {flow_id}"
            raise not_found(message)
        return found

    def delete(self, flow_id: str) -> None:
        """Let its author delete a flow; one that is gone stays so."""
        with self._lock:
            self._documents.pop(flow_id, None)

    def put(self, flow_id: str, if_match: str | None, raw: bytes, now_ms: int) -> StoredFlow:
        """Replace a document by one that differs in the timeouts of data actions only.

        The bytes that came are kept, and the document is written anew, as a server would.

        Raises:
            ApiError: 428 without If-Match, 412 when it names another document, 400 when the
                document is not whole or a timeout is out of range.
        """
        with self._lock:
            current = self.get(flow_id)
            self._sent[flow_id] = raw
            if if_match is None:
                message = "The request must carry an If-Match header."
                raise ApiError(428, "precondition.required", message)
            if if_match.strip() != current.etag:
                message = "The flow was changed since it was read: If-Match names another version."
                raise ApiError(412, "precondition.failed", message)
            sent = _read(raw)
            # What a gateway has changed on the way may be put back, and nothing else.
            unspoilt = self._unspoilt.pop(flow_id, current.body)
            _check_whole(
                unspoilt
                if sent.get("description") != current.body.get("description")
                else current.body,
                sent,
            )
            by = {"id": "simulated-client", "name": "API client"}
            if flow_id in self._spoils:
                action_id, timeout_ms = self._spoils.pop(flow_id)
                self._unspoilt[flow_id] = sent
                sent = {**deepcopy(sent), "description": f"Changed on its way at {current.etag}"}
                if timeout_ms is not None:
                    _set_timeout(sent, action_id, timeout_ms)
            return self._replace(flow_id, current, sent, by, now_ms)

    def spoil(self, flow_id: str, action_id: str = "", timeout_ms: int | None = None) -> None:
        """Let the next write of a flow change its description as well, or a timeout otherwise."""
        with self._lock:
            self._spoils[flow_id] = (action_id, timeout_ms)

    def sent(self, flow_id: str) -> bytes:
        """Return the newest document that a client sent for a flow, byte for byte, accepted or not.

        Raises:
            ApiError: 404; none was sent.
        """
        with self._lock:
            found = self._sent.get(flow_id)
        if found is None:
            message = f"a document that was sent for flow {flow_id}"
            raise not_found(message)
        return found

    def place(self, flow_id: str, raw: bytes) -> StoredFlow:
        """Put any document in the place of a flow's; it is served byte for byte.

        Raises:
            ApiError: 400 where it is no JSON object, 404 where there is no such flow.
        """
        with self._lock:
            current = self.get(flow_id)
            placed = StoredFlow(current.number, _read(raw), raw)
            self._keep(flow_id, current, placed)
        return placed

    def edit(
        self, flow_id: str, now_ms: int, *, action_id: str = "", timeout_ms: int | None = None
    ) -> StoredFlow:
        """Let the flow's author save it: with another timeout, or with another description.

        Raises:
            ApiError: 404.
        """
        with self._lock:
            current = self.get(flow_id)
            body = deepcopy(current.body)
            if timeout_ms is None:
                body["description"] = f"Edited when it was at version {body.get('version')}"
            else:
                _set_timeout(body, action_id, timeout_ms)
            by = {"id": "simulated-author", "name": "Flow author"}
            return self._replace(flow_id, current, body, by, now_ms)

    def _replace(
        self, flow_id: str, current: StoredFlow, body: Json, by: Json, now_ms: int
    ) -> StoredFlow:
        """Keep a document under a new version; the lock is held."""
        version = current.body.get("version")
        version = version + 1 if isinstance(version, int) else 1
        body = {**body, "version": version, "dateModified": iso(now_ms), "modifiedBy": by}
        renewed = _written(current.number, body)
        self._keep(flow_id, current, renewed)
        return renewed

    def _keep(self, flow_id: str, current: StoredFlow, renewed: StoredFlow) -> None:
        """Keep a document, and tell which timeouts it changed; the lock is held."""
        self._documents[flow_id] = renewed
        before, after = timeouts_of(current.body), timeouts_of(renewed.body)
        for action_id, timeout_ms in after.items():
            if before.get(action_id) != timeout_ms:
                self._changed(current.number, action_id, timeout_ms)


def _written(number: int, body: Json) -> StoredFlow:
    """Return a document as this server writes it."""
    return StoredFlow(number, body, json.dumps(body, ensure_ascii=False).encode())


def _set_timeout(body: Json, action_id: str, timeout_ms: int) -> None:
    """Give a data action of a document another timeout, in place."""
    for entry in data_actions(body):
        if entry.get("id") == action_id:
            entry["data"]["timeout"] = timeout_ms


def timeouts_of(document: Json) -> dict[str, int]:
    """Milliseconds by data action; the default where the document names none."""
    return {entry["id"]: _timeout(entry) for entry in data_actions(document)}


def _timeout(entry: Json) -> Any:  # noqa: ANN401 - whatever was sent
    """Return what an entry says, or the default."""
    timeout = entry["data"].get("timeout")
    return STEP_DEFAULT_TIMEOUT_MS if timeout is None else timeout


def data_actions(node: object) -> Iterator[Json]:
    """Yield every entry of type ``data``, wherever it is nested."""
    if isinstance(node, dict):
        if node.get("type") == "data" and isinstance(node.get("data"), dict):
            yield node
        for child in node.values():
            yield from data_actions(child)
    elif isinstance(node, list):
        for child in node:
            yield from data_actions(child)


def _read(raw: bytes) -> Json:
    """Return a document from the wire."""
    try:
        document = json.loads(raw)
    except ValueError:
        message = "The request body is not JSON."
        raise bad_request(message) from None
    if not isinstance(document, dict):
        message = "The request body is not a flow document."
        raise bad_request(message)
    for entry in data_actions(document):
        timeout = _timeout(entry)
        whole = isinstance(timeout, int) and not isinstance(timeout, bool)
        if not whole or not 1 <= timeout <= MAX_TIMEOUT_MS:
            message = f"The timeout of data action '{entry.get('id')}' is not 1 to 60000 ms."
            raise bad_request(message)
    return document


def _check_whole(current: Json, sent: Json) -> None:
    """Refuse a document in which anything but a data action's timeout differs."""
    places = list(_differences(_comparable(current), _comparable(sent), "$"))
    if not places:
        return
    details = [
        {"errorCode": "flow.document.differs", "fieldName": place}
        for place in places[:_MOST_DIFFERENCES]
    ]
    message = (
        f"The flow document is not whole: it differs at {', '.join(places[:_MOST_DIFFERENCES])}"
    )
    raise ApiError(400, "flow.document.incomplete", message, details=details)


def _comparable(document: Json) -> Json:
    """Return a document without what a client may change and without the server's own values."""
    copy = deepcopy(document)
    for entry in data_actions(copy):
        entry["data"].pop("timeout", None)
    return {name: None if name in _SERVER_MANAGED else value for name, value in copy.items()}


def _differences(current: object, sent: object, place: str) -> Iterator[str]:
    """Where two documents differ, as paths."""
    if isinstance(current, dict) and isinstance(sent, dict):
        for name in current | sent:
            inner = f"{place}.{name}"
            if name not in current or name not in sent:
                yield inner
            else:
                yield from _differences(current[name], sent[name], inner)
    elif isinstance(current, list) and isinstance(sent, list) and len(current) == len(sent):
        for at, pair in enumerate(zip(current, sent, strict=True)):
            yield from _differences(*pair, f"{place}[{at}]")
    elif type(current) is not type(sent) or current != sent:
        yield place
