"""Who answers: the org behind the token, and how far its clock is from ours."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from monitor.clock import Clock
from monitor.genesys.client.api_client import Client
from monitor.genesys.client.clock_skew import skew_seconds
from monitor.genesys.client.endpoint import Endpoint
from monitor.texts import tidy, tidy_id

ORGANIZATION = Endpoint("GET", "/api/v2/organizations/me")


@dataclass(frozen=True, slots=True)
class Identity:
    """The org that a client is logged in to.

    Attributes:
        org_id: Its id.
        org_name: Its name; empty where the platform gives none.
        clock_skew_seconds: How far the platform's clock is ahead of ours, to about a second;
            None where the answer had no date.
    """

    org_id: str
    org_name: str
    clock_skew_seconds: float | None


class _Organization(msgspec.Struct, frozen=True):
    id: str
    name: str | None = None


def whoami(client: Client, clock: Clock) -> Identity:
    """Ask which org this is; works with any valid token.

    Raises:
        GenesysError: One of the tree.
    """
    response = client.fetch(ORGANIZATION)
    received_at = clock.now()
    organization = client.decode(ORGANIZATION, response, _Organization)
    return Identity(
        org_id=tidy_id(organization.id),
        org_name=tidy(organization.name or ""),
        clock_skew_seconds=skew_seconds(response.headers.get("Date"), received_at),
    )
