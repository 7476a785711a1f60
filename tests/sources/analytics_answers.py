"""Answers of the platform, as a test wants them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from monitor.genesys import Client
from tests.clocks import NOON
from tests.genesys.far_side import Reply

AGGREGATES = "POST /api/v2/analytics/actions/aggregates/query"
DETAILS = "POST /api/v2/analytics/conversations/details/query"

Json = dict[str, Any]

SOME_FLOW: Json = {"flowId": "f0"}
"""The flow that a conversation ran, where a test does not care which."""


def moment(at: float) -> str:
    """A moment as the platform writes it."""
    text = datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")
    return f"{text[:-3]}Z"


def bucket(
    count: object = 1,
    *,
    at: int = NOON,
    views: Mapping[str, object] | None = None,
    **stats: object,
) -> Json:
    """One window of a group: its executions, and how many of them lie in each view."""
    entry: Json = {
        "interval": f"{moment(at)}/{moment(at + 300)}",
        "metrics": [{"metric": "tTotalExecution", "stats": {"count": count, **stats}}],
    }
    if views is not None:
        entry["views"] = [
            {"name": name, "stats": {"count": number}} for name, number in views.items()
        ]
    return entry


def group(*buckets: Json, **dimensions: object) -> Json:
    """Executions that share dimensions; those that are None are left out."""
    usual: dict[str, object] = {
        "actionId": "a1",
        "actionName": "Get Customer",
        "integrationId": "i1",
        "integrationName": "CRM",
        "errorType": "NONE",
        "responseStatus": "200",
    }
    given = {name: value for name, value in (usual | dimensions).items() if value is not None}
    return {"group": given, "data": list(buckets)}


def aggregates(*groups: Json) -> Reply:
    """The answer to an aggregate query."""
    return Reply(body={"results": list(groups)})


def segment(
    at: float = NOON,
    *,
    code: str | None = "DATA_ACTION_TIMED_OUT",
    seconds: float | None = 5.0,
    properties: Mapping[str, str] | None = None,
) -> Json:
    """A segment that failed; None leaves its code or its end out."""
    entry: Json = {"segmentStart": moment(at), "segmentType": "ivr"}
    if code is not None:
        entry["errorCode"] = code
    if seconds is not None:
        entry["segmentEnd"] = moment(at + seconds)
    if properties:
        entry["properties"] = [
            {"propertyType": "string", "property": name, "value": value}
            for name, value in properties.items()
        ]
    return entry


def conversation(
    name: str = "c1",
    *segments: Json,
    began: float | None = None,
    flow: Json | None = SOME_FLOW,
) -> Json:
    """A conversation with these segments in a session of a flow, or of none."""
    first = began if began is not None else NOON - 60
    session: Json = {"mediaType": "voice", "segments": list(segments)}
    if flow is not None:
        session["flow"] = flow
    return {
        "conversationId": name,
        "conversationStart": moment(first),
        "participants": [{"purpose": "ivr", "sessions": [session]}],
    }


def page(*conversations: Json, total: int | None = None) -> Reply:
    """One page of detail records; an empty one has no list at all."""
    body: Json = {} if total is None else {"totalHits": total}
    if conversations:
        body["conversations"] = list(conversations)
    return Reply(body=body)


def dropped(client: Client) -> dict[tuple[str, str], int]:
    """Records that the client left out, by source and reason."""
    return dict(client.stats().dropped_records)
