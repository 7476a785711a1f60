"""The daemon as a process whose leases are short: ``leased_process.py CONFIG SECONDS CLOCK...``.

Everything but that and the clock is the program's own. It takes itself for one on another machine,
so that nobody there can tell that it has died.
"""

from __future__ import annotations

import sys
from pathlib import Path
from unittest.mock import patch

from monitor import logs
from monitor.config import load
from monitor.daemon import Daemon
from tests.clocks import ScaledClock


def main() -> None:
    """Do what ``timeout-monitor run`` does."""
    config, seconds = Path(sys.argv[1]), float(sys.argv[2])
    clock = ScaledClock(*map(float, sys.argv[3:6]))
    logs.configure()
    with patch("monitor.ledger.reading_leases.process_identity", lambda: ""):
        daemon = Daemon(load(config), clock=clock, load=None, lease_seconds=seconds)
    daemon.run()


if __name__ == "__main__":
    main()
