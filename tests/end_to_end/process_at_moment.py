"""``timeout-monitor`` as a process that believes it is another time.

Everything but the clock is the program's own. ``python process_at_moment.py MOMENT ARGUMENT...``:
MOMENT is epoch seconds; from there on its clock runs as fast as any other.
"""

from __future__ import annotations

import sys

import time_machine

from monitor.cli import main

if __name__ == "__main__":
    moment = float(sys.argv.pop(1))
    with time_machine.travel(moment, tick=True):
        main()
