"""Names that belong to Terraform: what it manages, it would set back at its next apply."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase


def is_managed(patterns: Sequence[str], names: Iterable[str]) -> bool:
    """Whether one of the names or ids is, or matches, one of the patterns, such as ``crm-*``."""
    return any(
        name == pattern or fnmatchcase(name, pattern)
        for name in names
        if name
        for pattern in patterns
    )
