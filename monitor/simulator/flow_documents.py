"""Flow documents: read whole, written whole, with an ETag; the timeouts of contract ``flow``."""

from __future__ import annotations

import hashlib
import json
import threading
from copy import deepcopy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from monitor.simulator.flow_layout import first_document
from monitor.simulator.moments import iso
from monitor.simulator.refusal import Refusal, bad_request, not_found
from monitor.simulator.scenario import MAX_TIMEOUT_MS, STEP_DEFAULT_TIMEOUT_MS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from monitor.simulator.scenario import Scenario

Json = dict[str, Any]

_SERVER_MANAGED: Final = frozenset({"version", "dateModified", "modifiedBy"})
"""Top-level fields whose sent values are replaced by the server's own."""
_MOST_DIFFERENCES = 10


@dataclass(frozen=True, slots=True)
class FlowDocument:
    """A flow as it stands now. ``body`` is never changed once it is here."""

    number: int
    body: Json

    @property
    def etag(self) -> str:
        """A strong entity tag: another document, another tag."""
        text = json.dumps(self.body, ensure_ascii=False)
        return f'"{hashlib.sha256(text.encode()).hexdigest()[:20]}"'


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
            flow.flow_id: FlowDocument(number, first_document(flow, actions))
            for number, flow in enumerate(scenario.flows)
        }

    def get(self, flow_id: str) -> FlowDocument:
        """One of them.

        Raises:
            Refusal: 404.
        """
        found = self._documents.get(flow_id)
        if found is None:
            message = f"flow {flow_id}"
            raise not_found(message)
        return found

    def put(self, flow_id: str, if_match: str | None, raw: bytes, now_ms: int) -> FlowDocument:
        """Replace a document by one that differs in the timeouts of data actions only.

        Raises:
            Refusal: 428 without If-Match, 412 when it names another document, 400 when the
                document is not whole or a timeout is out of range.
        """
        with self._lock:
            current = self.get(flow_id)
            if if_match is None:
                message = "The request must carry an If-Match header."
                raise Refusal(428, "precondition.required", message)
            if if_match.strip() != current.etag:
                message = "The flow was changed since it was read: If-Match names another version."
                raise Refusal(412, "precondition.failed", message)
            sent = _read(raw)
            _check_whole(current.body, sent)
            before, after = timeouts_of(current.body), timeouts_of(sent)
            body = {**sent, "version": current.body["version"] + 1, "dateModified": iso(now_ms)}
            body["modifiedBy"] = {"id": "simulated-client", "name": "API client"}
            renewed = FlowDocument(current.number, body)
            self._documents[flow_id] = renewed
            for action_id, timeout_ms in after.items():
                if before[action_id] != timeout_ms:
                    self._changed(current.number, action_id, timeout_ms)
        return renewed


def timeouts_of(document: Json) -> dict[str, int]:
    """Milliseconds by data action; the default where the document names none."""
    return {
        entry["id"]: entry["data"].get("timeout", STEP_DEFAULT_TIMEOUT_MS)
        for entry in data_actions(document)
    }


def data_actions(node: object) -> Iterator[Json]:
    """Every entry of type ``data``, wherever it is nested."""
    if isinstance(node, dict):
        if node.get("type") == "data" and isinstance(node.get("data"), dict):
            yield node
        for child in node.values():
            yield from data_actions(child)
    elif isinstance(node, list):
        for child in node:
            yield from data_actions(child)


def _read(raw: bytes) -> Json:
    """A document from the wire."""
    try:
        document = json.loads(raw)
    except ValueError:
        message = "The request body is not JSON."
        raise bad_request(message) from None
    if not isinstance(document, dict):
        message = "The request body is not a flow document."
        raise bad_request(message)
    for entry in data_actions(document):
        timeout = entry["data"].get("timeout", STEP_DEFAULT_TIMEOUT_MS)
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
    raise Refusal(400, "flow.document.incomplete", message, details=details)


def _comparable(document: Json) -> Json:
    """A document without what a client may change and without the server's own values."""
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
