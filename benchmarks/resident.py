"""The most memory that a process ever had resident."""

from __future__ import annotations

import re
from pathlib import Path


def most_resident_kib() -> int:
    """Return the most that this process ever had resident."""
    # Not ``ru_maxrss``, which begins with what the process had that started this one.
    status = Path("/proc/self/status").read_text("ascii")
    return int(re.findall(r"VmHWM:\s*(\d+)", status)[0])
