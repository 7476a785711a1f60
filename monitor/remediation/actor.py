"""Who acts, as the audit trail names them: a person at a machine, or the daemon on it."""

from __future__ import annotations

import getpass
import os
import secrets
import socket


def person() -> str:
    """The user and the host, such as ``alice@ops-1``; the number of a user without a name."""
    try:
        user = getpass.getuser()
    except (OSError, KeyError):
        # A container may run under a number that stands in no list of users.
        user = f"uid{os.getuid()}"
    return f"{user}@{socket.gethostname()}"


def daemon() -> str:
    """The daemon on this host, such as ``auto@ops-1``."""
    return f"auto@{socket.gethostname()}"


def running_program() -> str:
    """A name for this run of the program that no other run has."""
    return f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
