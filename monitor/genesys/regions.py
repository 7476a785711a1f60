"""The published regions of Genesys Cloud.

The table answers "is this a region I know?"; it never forbids one: a new region, a gateway or a
simulated org is any host that the configuration names.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

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


def is_known(region: str) -> bool:
    """Whether a domain is in the published table; an unknown one is used as it is given."""
    return region in REGIONS
