"""This process as its machine tells it from all others, and whether another one still runs."""

from __future__ import annotations

import os
import secrets
import socket
from pathlib import Path

from monitor.sanitize import sanitize

_BOOT = Path("/proc/sys/kernel/random/boot_id")
_PID_NAMESPACE = Path("/proc/self/ns/pid")
_STATE, _START = 0, 19
"""Places in ``/proc/<pid>/stat`` after the name, from 0: see proc_pid_stat(5), fields 3 and 22."""


def this_place() -> str:
    """Return the host and the process, for people."""
    # A host name may hold any bytes, and what is no text can't be kept.
    return sanitize(f"{socket.gethostname()} (process {os.getpid()})")


def running_program() -> str:
    """Return a name for this run of the program that no other run has, as leases hold it."""
    return f"{this_place()} {secrets.token_hex(8)}"


def process_identity() -> str:
    """Return what names this process and no other one, ever; empty where the system has no word.

    The start of the machine and the namespace of process ids are part of it: two containers may
    have a process of the same number.
    """
    machine, start = _machine(), _fields(os.getpid())
    return f"{machine}/{os.getpid()}/{start[_START]}" if machine and start else ""


def has_ended(identity: str) -> bool:
    """Whether a process has certainly ended; what runs elsewhere, or can't be told, has not."""
    machine, _, rest = identity.partition("/")
    pid, _, start = rest.partition("/")
    if not machine or machine != _machine() or not pid.isdecimal():
        return False
    if not _exists(int(pid)):
        return True
    fields = _fields(int(pid))
    # A number may be given to another process; one that waits to be buried does nothing any more.
    return bool(fields) and (fields[_START] != start or fields[_STATE] in {"Z", "X"})


def _exists(pid: int) -> bool:
    """Whether there may be a process of this number, whoever runs it."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        # Somebody else's, or a number that no process has and that can't be asked about.
        return True
    return True


def _machine() -> str:
    try:
        namespace = _PID_NAMESPACE.readlink()
        return f"{_BOOT.read_text(encoding='ascii').strip()}-{namespace}"
    except (OSError, ValueError):
        return ""


def _fields(pid: int) -> list[str]:
    try:
        told = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    fields = told.rpartition(")")[2].split()
    return fields if len(fields) > _START else []
