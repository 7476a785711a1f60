"""Everything that speaks to Genesys Cloud, and nothing else.

``connect`` gives a client for one org; ``analytics``, ``actions``, ``flows``, ``limits`` and
``organization`` hold the questions it can be asked, ``writing`` what it can be told. Below them:
``auth`` (tokens), ``retry``, ``ratelimit``, ``transport`` (one HTTP exchange) and ``refusal`` (what
a status means).
"""

from __future__ import annotations

from monitor.genesys.client.api_client import Client, connect
from monitor.genesys.client.api_stats import ApiStats
from monitor.genesys.client.endpoint import Endpoint
from monitor.genesys.client.rate_limiter import EndpointBackoff

__all__ = ["ApiStats", "Client", "Endpoint", "EndpointBackoff", "connect"]
