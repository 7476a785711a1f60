"""Who acts, by which clocks, and as whom: a person at a machine, or the daemon on it."""

from __future__ import annotations

import getpass
import os
import socket
import threading
from dataclasses import dataclass, field

from monitor.clock import Clock
from monitor.sanitize import sanitize


@dataclass(frozen=True, slots=True)
class ActorContext:
    """Who changes timeouts, with what and by which clocks.

    Attributes:
        actor: ``auto`` or a user, with the host.
        holder: Names this running program in the lease.
        clock: The time of the data.
        machine: The machine's clock, which programs share.
        quarantine_seconds: How long an action is left alone.
        ended: Set once what it goes by is over: its settings were read anew, or its program ends.
            From then on nothing is begun, and nothing is sent.
    """

    actor: str
    holder: str
    clock: Clock
    machine: Clock
    quarantine_seconds: float
    ended: threading.Event = field(default_factory=threading.Event)


def person() -> str:
    """The user and the host, such as ``alice@ops-1``; the number of a user without a name."""
    try:
        user = getpass.getuser()
    except (OSError, KeyError):
        # A container may run under a number that stands in no list of users.
        user = f"uid{os.getuid()}"
    # A variable may hold any bytes, and what is no text can't be kept.
    return sanitize(f"{user}@{socket.gethostname()}")


def daemon() -> str:
    """The daemon on this host, such as ``auto@ops-1``."""
    return sanitize(f"auto@{socket.gethostname()}")
