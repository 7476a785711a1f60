"""What programs can ask for, told once: ``/api/v1`` lists it, and OpenAPI is generated from it.

The schemas come from the types of ``monitor.render`` that the answers are made of, so that what is
described is what is answered.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import msgspec

from monitor import __version__
from monitor.diagnosis import Severity, Verdict
from monitor.render import (
    AliveDocument,
    ChangesDocument,
    Document,
    ErrorDocument,
    IndexDocument,
    ReadinessDocument,
    ReportDocument,
    RouteDocument,
    SingleActionDocument,
    StatusDocument,
)
from monitor.web.exposition import ExpositionFormat

if TYPE_CHECKING:
    from collections.abc import Mapping

_SCHEMAS = "#/components/schemas/"
_JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Parameter:
    """What is to be put into a path or behind it.

    Attributes:
        name: Its name.
        place: ``path`` or ``query``.
        description: What it means.
        values: What it may be; empty where it is any text.
    """

    name: str
    place: str
    description: str
    values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Route:
    """One thing that programs can ask for.

    Attributes:
        path: Its path, with names of parameters in braces.
        summary: What it answers, in a sentence.
        answers: What each status comes with: a document, or None for JSON of any shape.
        parameters: What it takes.
        texts: Media types that it answers instead of JSON.
        rule: The path as Flask matches it; empty where that is the path itself.
    """

    path: str
    summary: str
    answers: Mapping[HTTPStatus, type[Document] | None] = field(default_factory=dict)
    parameters: tuple[Parameter, ...] = ()
    texts: tuple[str, ...] = ()
    rule: str = ""

    @property
    def flask_rule(self) -> str:
        """What Flask is to match."""
        return self.rule or self.path

    @property
    def name(self) -> str:
        """One word for it, for programs that are generated: ``getActions``."""
        words = self.path.removeprefix("/api/v1").replace(".", "/").split("/")
        plain = [word.strip("{}").title().replace("_", "") for word in words if word]
        return "get" + ("".join(plain) or "Index")


INDEX = Route("/api/v1", "This list.", {HTTPStatus.OK: IndexDocument})
DESCRIPTION = Route(
    "/api/v1/openapi.json", "All of it as OpenAPI 3.1, with every key.", {HTTPStatus.OK: None}
)
STATUS = Route("/api/v1/status", "How reading each org goes.", {HTTPStatus.OK: StatusDocument})
ACTIONS = Route(
    "/api/v1/actions",
    "Every data action of the last settled day, the worst first: the document of report.",
    {HTTPStatus.OK: ReportDocument, HTTPStatus.BAD_REQUEST: ErrorDocument},
    (
        Parameter("org", "query", "Only of this org."),
        Parameter(
            "verdict", "query", "Only with this verdict.", tuple(one.value for one in Verdict)
        ),
        Parameter("min_severity", "query", "Only as severe.", tuple(one.value for one in Severity)),
    ),
)
ACTION = Route(
    "/api/v1/actions/{org}/{action_id}",
    "One data action, what was told of it over time, what other timeouts would do, its changes.",
    {HTTPStatus.OK: SingleActionDocument, HTTPStatus.NOT_FOUND: ErrorDocument},
    (
        Parameter("org", "path", "The org's name in the configuration."),
        Parameter("action_id", "path", "The platform's id of the data action."),
    ),
    # Both may hold slashes, which come as they are, however they were sent.
    rule="/api/v1/actions/<path:address>",
)
CHANGES = Route(
    "/api/v1/changes",
    "What was changed lately, by whom, and what stops changes.",
    {HTTPStatus.OK: ChangesDocument},
)
METRICS = Route(
    "/metrics", "Metrics for Prometheus.", texts=tuple(one.value for one in ExpositionFormat)
)
READINESS = Route(
    "/readyz",
    "Whether what is shown can be relied on: 200, or 503 with every reason not to.",
    {HTTPStatus.OK: ReadinessDocument, HTTPStatus.SERVICE_UNAVAILABLE: ReadinessDocument},
)
HEALTH = Route("/healthz", "Whether the program runs.", {HTTPStatus.OK: AliveDocument})

ROUTES = (
    *(INDEX, DESCRIPTION, STATUS, ACTIONS, ACTION, CHANGES),
    *(METRICS, READINESS, HEALTH),
)
"""Everything that programs can ask for."""


def index_document() -> IndexDocument:
    """Return the list of everything that programs can ask for."""
    routes = [RouteDocument(path=one.path, summary=one.summary) for one in ROUTES]
    return IndexDocument(version=__version__, routes=routes)


def openapi_document() -> dict[str, Any]:
    """Return the same as OpenAPI 3.1, with the schema of every answer."""
    answered = {
        document.__name__: document
        for route in ROUTES
        for document in (*route.answers.values(), ErrorDocument)
        if document is not None
    }
    _, schemas = msgspec.json.schema_components(answered.values(), ref_template=_SCHEMAS + "{name}")
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Timeout Monitor",
            "summary": "Data actions that time out: how often, since when, and why.",
            "description": (
                "Read-only. Words are snake_case, durations seconds, times ISO 8601 in UTC; what "
                "can't be known is null. Keys may be added, none is taken away."
            ),
            "version": __version__,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": {route.path: {"get": _operation(route)} for route in ROUTES},
        "components": {"schemas": schemas},
    }


def _operation(route: Route) -> dict[str, Any]:
    known = {str(int(status)): _answer(status, it) for status, it in route.answers.items()}
    if route.texts:
        known["200"] = {
            "description": HTTPStatus.OK.phrase,
            "content": {kind: {"schema": {"type": "string"}} for kind in route.texts},
        }
    refused = "Refused (a password is asked for, an unknown host), or a fault of the program."
    return {
        "operationId": route.name,
        "summary": route.summary,
        **(
            {"parameters": [_parameter(one) for one in route.parameters]}
            if route.parameters
            else {}
        ),
        "responses": {**known, "default": {"description": refused, **_content(ErrorDocument)}},
    }


def _answer(status: HTTPStatus, document: type[Document] | None) -> dict[str, Any]:
    return {"description": status.phrase, **_content(document)}


def _content(document: type[Document] | None) -> dict[str, Any]:
    any_object: dict[str, Any] = {"type": "object"}
    schema = any_object if document is None else {"$ref": _SCHEMAS + document.__name__}
    return {"content": {_JSON: {"schema": schema}}}


def _parameter(one: Parameter) -> dict[str, Any]:
    return {
        "name": one.name,
        "in": one.place,
        "description": one.description,
        "required": one.place == "path",
        "schema": {"type": "string", **({"enum": list(one.values)} if one.values else {})},
    }
