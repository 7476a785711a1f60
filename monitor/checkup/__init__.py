"""Whether everything is in place: settings, state, port, credentials, clock and permissions."""

from __future__ import annotations

from monitor.checkup.findings import Finding, Level
from monitor.checkup.probes import check_up

__all__ = ["Finding", "Level", "check_up"]
