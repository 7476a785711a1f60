"""Names that belong to Terraform: what it manages, it would set back at its next apply."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase


def is_managed(patterns: Sequence[str], names: Iterable[str]) -> bool:
    """Whether one of the names or ids matches one of the patterns, such as ``crm-*``.

    Case makes no difference: people write names down from memory.
    """
    lowered = [name.lower() for name in names if name]
    return any(fnmatchcase(name, pattern.lower()) for pattern in patterns for name in lowered)
