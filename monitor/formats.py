"""Numbers and times as people and documents write them: each once, for every room.

Rounding is for reading: whoever goes on reckoning takes the number itself.
"""

from __future__ import annotations


def seconds(duration_ms: float) -> str:
    """Return a duration as people write it: ``4.5 s``."""
    return f"{duration_ms / 1000:.1f}".removesuffix(".0") + " s"


def percent(share: float) -> str:
    """Return a share as people write it: ``1.3 %``."""
    return f"{share:.2%}".replace(".00%", "%").replace("%", " %")


_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))


def format_duration(seconds: int) -> str:
    """Return a length of time in its two largest units, such as ``3 h 20 min``."""
    parts: list[str] = []
    for length, unit in _UNITS:
        whole, seconds = divmod(seconds, length)
        if whole:
            parts.append(f"{whole} {unit}")
        elif parts:
            break
    return " ".join(parts[:2]) or "0 s"
