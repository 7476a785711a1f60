"""An API of the tests' own: a thing to read, to query and to change."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from pydantic import SecretStr

from monitor.config import OrgSettings
from monitor.genesys import Client, Endpoint
from tests.genesys.far_side import Reply

READ = Endpoint("GET", "/api/v2/things/{thingId}", ("things:view", "things:all"))
QUERY = Endpoint("POST", "/api/v2/things/query")
WRITE = Endpoint("PATCH", "/api/v2/things/{thingId}", ("things:edit",), repeatable=False)
READ_A = "GET /api/v2/things/a"
QUERY_ALL = "POST /api/v2/things/query"
WRITE_A = "PATCH /api/v2/things/a"
PATH = {"thingId": "a"}


class Thing(msgspec.Struct):
    """What the tests ask for."""

    name: str


class Change(msgspec.Struct, rename="camel"):
    """What the tests send."""

    new_name: str


Ask = Callable[[Client], Thing]
ALICE = Reply(body={"name": "Alice", "unknown": 1})


def read(client: Client) -> Thing:
    """Ask for the thing ``a``."""
    return client.call(READ, Thing, path=PATH)


def write(client: Client) -> Thing:
    """Change the thing ``a``."""
    return client.call(WRITE, Thing, path=PATH, body=Change("Bob"))


def org_at(api_url: str, login_url: str = "") -> OrgSettings:
    """The settings of an org whose client has a secret."""
    return OrgSettings(
        name="x",
        client_id="id-1",
        client_secret=SecretStr("secret-1"),
        api_url=api_url,
        login_url=login_url,
    )
