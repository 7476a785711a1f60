"""What the page of changes shows, row by row, each in words."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Guard:
    """What one guard said."""

    name: str
    passed: bool
    detail: str


@dataclass(frozen=True, slots=True)
class ChangeStep:
    """One line about a change: when, what, and by whom where that was somebody else."""

    at: float
    words: str
    detail: str
    actor: str


@dataclass(frozen=True, slots=True)
class ChangeRow:
    """A change of a timeout, in words.

    Attributes:
        key: Names it among all rows.
        at: When it was decided or seen; epoch seconds.
        org: The org's configured name.
        action: The action's name.
        url: The action's page.
        before: The timeout before.
        after: The timeout after, or the one that was to be set.
        severity: How much what came of it matters, as a class.
        outcome: What came of it.
        note: Why.
        damage: What else its write has changed.
        by: Who.
        by_what: How that is known, or from where.
        number: Its number; None where others made it.
        steps: How it went.
        why: Why it was decided.
        guards: What every guard said when it was decided.
        can_undo: Whether ``rollback`` would undo it.
    """

    key: str
    at: float
    org: str
    action: str
    url: str
    before: str
    after: str
    severity: str
    outcome: str
    note: str
    by: str
    by_what: str
    damage: str = ""
    number: int | None = None
    steps: tuple[ChangeStep, ...] = ()
    why: str = ""
    guards: tuple[Guard, ...] = ()
    can_undo: bool = False


@dataclass(frozen=True, slots=True)
class SwitchRow:
    """A switch that was set, in words."""

    key: str
    at: float
    org: str
    severity: str
    words: str
    detail: str
    by: str
    by_what: str
    action: str = ""
    url: str = ""


@dataclass(frozen=True, slots=True)
class NotMadeGroup:
    """What was decided in a row and not made.

    Attributes:
        key: Names it while it grows.
        at: The newest; epoch seconds.
        since: The oldest.
        words: How many, and what.
        rows: Each of them.
    """

    key: str
    at: float
    since: float
    words: str
    rows: tuple[ChangeRow, ...]


@dataclass(frozen=True, slots=True)
class Stop:
    """Whether changes are made in an org, in words.

    Attributes:
        org: The org's configured name.
        mode: What its mode means.
        severity: How much it matters, as a class.
        words: What stops changes, or that nothing does.
        since: Since when; epoch seconds, None where not known.
        by: Who stopped them, and why.
        command: What lets them go on; empty where nobody has stopped them.
    """

    org: str
    mode: str
    severity: str
    words: str
    since: float | None = None
    by: str = ""
    command: str = ""
