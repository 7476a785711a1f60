"""Everything that asks Genesys Cloud, and nothing else; what writes is behind the targets' door.

``connect`` gives a client for one org. ``client`` has the client itself: tokens, retries, rate
limits, one HTTP exchange, and the reading of its answer. ``api`` has the questions it can be asked:
analytics, actions, flows, audits, limits and who answers.
"""

from __future__ import annotations

from monitor.genesys import api, client
from monitor.genesys.api import *  # noqa: F403 - its face is part of this one
from monitor.genesys.api import analytics
from monitor.genesys.api.analytics import *  # noqa: F403 - the same
from monitor.genesys.client import *  # noqa: F403 - the same

__all__: list[str] = []
__all__ += analytics.__all__
__all__ += api.__all__
__all__ += client.__all__
