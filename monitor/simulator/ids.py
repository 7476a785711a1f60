"""Ids of executions and conversations, derived from their serial numbers: nothing is stored."""

from __future__ import annotations

import hashlib
import uuid


def execution_id(seed: int, serial: int) -> str:
    """Return the correlation id of an execution."""
    return str(_identifier("execution", seed, serial))


def conversation_id(seed: int, serial: int) -> str:
    """Return the id of a conversation."""
    return str(_identifier("conversation", seed, serial))


def audit_id(seed: int, serial: int) -> str:
    """Return the id of an entry of the audit log."""
    return str(_identifier("audit", seed, serial))


def user_id(seed: int, serial: int) -> str:
    """Return the id of a user."""
    return str(_identifier("user", seed, serial))


def part_id(conversation: str, part: str) -> str:
    """Return the id of a participant or a session of a conversation."""
    return str(uuid.uuid5(uuid.UUID(conversation), part))


def chance(conversation: str, what: str) -> float:
    """Return a number in [0, 1) that belongs to a conversation and a purpose."""
    digest = hashlib.blake2b(f"{conversation}/{what}".encode(), digest_size=6).digest()
    return int.from_bytes(digest) / 2**48


def _identifier(kind: str, seed: int, serial: int) -> uuid.UUID:
    """Return a UUID that depends on nothing else."""
    digest = hashlib.blake2b(f"{kind}/{seed}/{serial}".encode(), digest_size=16).digest()
    return uuid.UUID(bytes=digest, version=4)
