"""Who answers: the org behind the token, how far its clock is from ours, and known regions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import msgspec

from monitor.clock import Clock
from monitor.genesys.client.api_client import Client
from monitor.genesys.client.endpoint import Endpoint
from monitor.genesys.client.transport import skew_seconds
from monitor.sanitize import sanitize, sanitize_id

REGIONS: Mapping[str, str] = MappingProxyType(
    {
        "mypurecloud.com": "us-east-1",
        "use2.us-gov-pure.cloud": "us-east-2",
        "usw2.pure.cloud": "us-west-2",
        "cac1.pure.cloud": "ca-central-1",
        "mxc1.pure.cloud": "mx-central-1",
        "sae1.pure.cloud": "sa-east-1",
        "mypurecloud.ie": "eu-west-1",
        "euw2.pure.cloud": "eu-west-2",
        "mypurecloud.de": "eu-central-1",
        "euc2.pure.cloud": "eu-central-2",
        "edee1.eusc-pure.cloud": "eusc-de-east-1",
        "mec1.pure.cloud": "me-central-1",
        "aps1.pure.cloud": "ap-south-1",
        "apse1.pure.cloud": "ap-southeast-1",
        "mypurecloud.com.au": "ap-southeast-2",
        "mypurecloud.jp": "ap-northeast-1",
        "apne2.pure.cloud": "ap-northeast-2",
        "apne3.pure.cloud": "ap-northeast-3",
    }
)
"""Domain of each region -> the AWS region it runs in."""

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
        org_id=sanitize_id(organization.id),
        org_name=sanitize(organization.name or ""),
        clock_skew_seconds=skew_seconds(response.headers.get("Date"), received_at),
    )


def is_known_region(region: str) -> bool:
    """Return whether a domain is in the published table; an unknown one is used as it is given.

    A new region, a gateway or a simulated org is any host that the configuration names.
    """
    return region in REGIONS
