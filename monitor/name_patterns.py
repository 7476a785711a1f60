"""Patterns of names in the settings: one rule for what they name, wherever that is asked."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase


def is_named(patterns: Iterable[str], names: Iterable[str]) -> bool:
    """Return whether one of some names or ids is, or matches, one of some patterns.

    A pattern names what it is letter by letter, so that a name with brackets in it can be given as
    it is; else ``*``, ``?`` and ``[...]`` are wildcards, and letters differ by case. Nothing names
    what has no name.

    Args:
        patterns: Such as ``crm-*``.
        names: Names and ids of one action, and of what it is kept in.
    """
    given = [name for name in names if name]
    return any(
        name == pattern or fnmatchcase(name, pattern) for pattern in patterns for name in given
    )
