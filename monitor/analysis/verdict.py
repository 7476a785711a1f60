"""The ten verdicts, and the rule behind each."""

from __future__ import annotations

from enum import StrEnum


class Verdict(StrEnum):
    """Why an action times out, or that it does not."""

    HEALTHY = "healthy"
    SLOW_TAIL = "slow_tail"
    HANGS = "hangs"
    BIMODAL = "bimodal"
    OUTAGE = "outage"
    THROTTLED = "throttled"
    REMOTE_TIMEOUT = "remote_timeout"
    AT_CAP = "at_cap"
    TOO_LONG = "too_long"
    INSUFFICIENT = "insufficient"
