"""The API tells of itself, and answers as it says."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from monitor.snapshot import Snapshot, SnapshotHolder
from monitor.web import create_app
from monitor.web.api_description import ROUTES
from tests.clocks import ManualClock
from tests.exporter.snapshots import CRM, NOW, ORG
from tests.render.filled_documents import filled_snapshot
from tests.web.conftest import Site

Server = Callable[..., Site]

PAGES = ("/", "/changes", "/static/", "/actions/")
"""What people look at has no place in a description for programs."""

FILLED = {"{org}": ORG, "{action_id}": CRM.action_id}


@pytest.fixture
def site(serve: Server, tmp_path: Path) -> Site:
    """A server of a snapshot in which everything is filled."""
    return serve(shown=filled_snapshot(tmp_path))


@pytest.fixture
def description(site: Site) -> Any:  # noqa: ANN401 - OpenAPI
    """What the API says of itself."""
    return site.ask("/api/v1/openapi.json").json()


def test_every_route_for_programs_is_listed_and_described(site: Site, description: Any) -> None:  # noqa: ANN401
    """A route that is served and not told of would be anybody's guess."""
    app = create_app(SnapshotHolder(Snapshot(taken_at=NOW)), CollectorRegistry(), ManualClock(NOW))
    served = {rule.rule for rule in app.url_map.iter_rules()}
    for_programs = {one for one in served if one != "/" and not one.startswith(PAGES[1:])}
    listed = site.ask("/api/v1").json()["routes"]

    assert {route.flask_rule for route in ROUTES} == for_programs
    assert {one["path"] for one in listed} == description["paths"].keys()
    assert all(one["summary"].endswith(".") for one in listed)


def test_the_description_is_valid_openapi(description: Any) -> None:  # noqa: ANN401
    """By the schema of OpenAPI 3.1 itself, and with a name of its own for every operation."""
    judge = pytest.importorskip("openapi_spec_validator")
    judge.OpenAPIV31SpecValidator(description).validate()
    names = [path["get"]["operationId"] for path in description["paths"].values()]
    assert len(set(names)) == len(names)


def test_every_key_is_explained(description: Any) -> None:  # noqa: ANN401
    """Whoever reads a schema learns what each key means, and what null does."""
    schemas = description["components"]["schemas"]
    assert len(schemas) > 20
    unexplained = [
        f"{name}.{key}"
        for name, schema in schemas.items()
        for key, said in schema.get("properties", {}).items()
        if not said.get("description", "").strip()
    ]
    assert unexplained == []


def answers(site: Site, description: Any) -> Iterator[tuple[str, int, Any, Any]]:  # noqa: ANN401
    """Yield the path, status, body and schema of every answer in JSON."""
    for path, item in description["paths"].items():
        asked = path
        for name, value in FILLED.items():
            asked = asked.replace(name, value)
        paths = [asked, asked.replace(ORG, "nobody")] if "{org}" in path else [asked]
        paths += [f"{asked}?verdict=nothing"] if path == "/api/v1/actions" else []
        for one in paths:
            got = site.ask(one)
            responses = item["get"]["responses"]
            said = responses.get(str(got.status), responses["default"])["content"]
            if "application/json" in said:
                yield one, got.status, got.json(), said["application/json"]["schema"]


def test_every_answer_keeps_to_its_schema(site: Site, description: Any) -> None:  # noqa: ANN401
    """Of the real server: good answers, a daemon that is not ready, and what is refused."""
    judge = pytest.importorskip("jsonschema")
    seen = {}
    for later in (0, 1_000):
        site.clock.at = NOW + later
        for path, status, body, schema in answers(site, description):
            whole = {"components": description["components"], **schema}
            judge.Draft202012Validator(whole).validate(body)
            seen[path, status] = body
    assert {status for _, status in seen} == {200, 400, 404, 503}


def test_no_answer_has_a_key_that_is_not_described(site: Site, description: Any) -> None:  # noqa: ANN401
    """A key without a word would be one that scripts find and nobody explains."""
    schemas = description["components"]["schemas"]

    def unknown(value: Any, schema: Any, where: str) -> Iterator[str]:  # noqa: ANN401
        choices = schema.get("anyOf", [schema])
        given = next((one for one in choices if one.get("type") != "null"), schema)
        if "$ref" in given:
            given = schemas[given["$ref"].rpartition("/")[2]]
        if isinstance(value, list):
            for one in value:
                yield from unknown(one, given.get("items", {}), where)
        elif isinstance(value, dict) and "properties" in given:
            for key, inner in value.items():
                if key not in given["properties"]:
                    yield f"{where}.{key}"
                else:
                    yield from unknown(inner, given["properties"][key], f"{where}.{key}")

    for path, _, body, schema in answers(site, description):
        assert list(unknown(body, schema, path)) == []
