"""What may be asked of the platform: nothing is changed but through one module."""

from __future__ import annotations

import pkgutil
from importlib import import_module

import pytest

import monitor
from monitor.genesys import Endpoint

READING_POSTS = {
    "POST /oauth/token",  # a login
    "POST /api/v2/analytics/actions/aggregates/query",
    "POST /api/v2/analytics/flows/aggregates/query",
    "POST /api/v2/analytics/conversations/details/query",
    "POST /api/v2/audits/query/realtime",
    "POST /api/v2/analytics/actions/aggregates/jobs",  # a query whose answer is fetched later
    "POST /api/v2/analytics/conversations/details/jobs",  # the same
}
"""Questions that the platform takes by POST."""


@pytest.fixture(scope="module")
def endpoints() -> dict[str, tuple[str, Endpoint]]:
    """Every endpoint of the program by its label, with the module that has it."""
    found: dict[str, tuple[str, Endpoint]] = {}
    for module in pkgutil.walk_packages(monitor.__path__, "monitor."):
        if module.name != "monitor.__main__":
            for value in vars(import_module(module.name)).values():
                if isinstance(value, Endpoint):
                    found.setdefault(value.label, (module.name, value))
    return found


def test_one_module_changes_something(endpoints: dict[str, tuple[str, Endpoint]]) -> None:
    """Whatever is not a GET or a known query is a write, and stands where writes stand."""
    writes = {
        label: module
        for label, (module, endpoint) in endpoints.items()
        if endpoint.method != "GET" and label not in READING_POSTS
    }
    assert set(writes) == {
        "PUT /api/v2/flows/{flowId}",
        "PATCH /api/v2/integrations/actions/{actionId}",
    }
    assert set(writes.values()) == {"monitor.remediation.targets.writing"}


def test_no_write_is_repeated_by_itself(endpoints: dict[str, tuple[str, Endpoint]]) -> None:
    """What was sent once is sent again by who knows what became of it, and by nobody else."""
    assert all(
        endpoint.repeatable == (endpoint.method == "GET" or label in READING_POSTS)
        for label, (_, endpoint) in endpoints.items()
    )


def test_every_known_query_is_there(endpoints: dict[str, tuple[str, Endpoint]]) -> None:
    """None is allowed that the program does not have."""
    assert endpoints.keys() >= READING_POSTS
