"""What mode ``auto`` did to timeouts, held against the laws that were drawn. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

from benchmarks.auto_actions import DrawnAction
from benchmarks.over_time import HALF, WORTH
from monitor.diagnosis import Verdict
from monitor.journal import Change, ChangeState
from monitor.model import CAP_MS

_TINY = 1e-9


class Fate(StrEnum):
    """What became of a change by the end."""

    KEPT = "kept"
    UNDONE = "undone"
    OPEN = "open"


class Worth(StrEnum):
    """What a change did, by the law of its moment."""

    NEEDLESS = "needless: the target was met already"
    HALF = "rescues half of the timeouts or more"
    SOME = "rescues a fifth to half"
    VAIN = "vain: rescues less than a fifth"


@dataclass(frozen=True, slots=True)
class Rails:
    """What must hold, whatever the data say.

    Attributes:
        max_step: The largest step, as a multiple.
        cooldown: The least time between two raises of an action; seconds.
        look_seconds: How long it is from one turn to the next.
    """

    max_step: float
    cooldown: float
    look_seconds: float


@dataclass(frozen=True, slots=True)
class Course:
    """What was done to one org.

    Attributes:
        drawn: Its actions.
        may_try: Ids of those that ``allow_trials`` names.
        changes: The changes that were sent, the oldest first.
        in_force: By action id, since when (epoch seconds) the platform had which timeout (ms).
        verdicts: The last verdict of each action, by its id.
        ended_at: When it was last looked at; epoch seconds.
        trips: How often failures in a row have stopped everything, and a person let it go on.
    """

    drawn: tuple[DrawnAction, ...]
    may_try: frozenset[str]
    changes: tuple[Change, ...]
    in_force: Mapping[str, Sequence[tuple[float, int]]]
    verdicts: Mapping[str, Verdict]
    ended_at: float
    trips: int = 0

    def action(self, action_id: str) -> DrawnAction:
        """Return the action of this id."""
        return next(one for one in self.drawn if one.name == action_id)


def broken_rails(course: Course, rails: Rails) -> Iterator[str]:
    """Look at what the platform had, whatever the program says it did.

    Yields:
        Each timeout above the cap, each step too large or too soon, each trial that has outlasted
        its end, and each timeout that no change of the record explains; in words.
    """
    for action_id, timeouts in course.in_force.items():
        raised_at = float("-inf")
        for (_, before_ms), (at, after_ms) in pairwise(timeouts):
            what = f"{action_id}: {before_ms} ms to {after_ms} ms at {at:.0f}"
            if not _is_recorded(course, action_id, at, before_ms, after_ms):
                yield f"{what} is in no record"
            if after_ms <= before_ms:
                continue
            if after_ms > CAP_MS:
                yield f"{what} is above {CAP_MS} ms"
            if after_ms > rails.max_step * before_ms + _TINY:
                yield f"{what} is a larger step than {rails.max_step}"
            if at - raised_at < rails.cooldown:
                yield f"{what} is {at - raised_at:.0f} s after the last raise"
            raised_at = at
    for change in course.changes:
        yield from _late_trials(course, change, rails)


def _is_recorded(course: Course, action_id: str, at: float, before_ms: int, after_ms: int) -> bool:
    return any(
        (one.from_ms, one.to_ms, one.sent_at) == (before_ms, after_ms, at)
        or (
            one.state is ChangeState.ROLLED_BACK
            and (one.to_ms, one.from_ms, one.ended_at) == (before_ms, after_ms, at)
        )
        for one in course.changes
        if one.action_id == action_id
    )


def _late_trials(course: Course, change: Change, rails: Rails) -> Iterator[str]:
    ends_at = change.trial_ends_at
    if ends_at is None or fate(change) is Fate.KEPT:
        return
    timeouts = course.in_force[change.action_id]
    moments = [*(at for at, _ in timeouts[1:]), course.ended_at]
    for (since, value_ms), until in zip(timeouts, moments, strict=True):
        is_its_own = value_ms == change.to_ms and since == change.sent_at
        if is_its_own and until > ends_at + rails.look_seconds:
            yield f"the trial {change.change_id} outlasted its end by {until - ends_at:.0f} s"


def fate(change: Change) -> Fate:
    """Return what became of a change."""
    if change.state is ChangeState.VERIFIED:
        return Fate.KEPT
    return Fate.UNDONE if change.state is ChangeState.ROLLED_BACK else Fate.OPEN


def worth(course: Course, change: Change) -> Worth:
    """Return what a change did, by the law that was in force when it was sent."""
    action, at = course.action(change.action_id), change.sent_at or change.began_at
    if action.meets_target(change.from_ms, at):
        return Worth.NEEDLESS
    rescued = action.rescued(change.from_ms, change.to_ms, at)
    if rescued >= HALF:
        return Worth.HALF
    return Worth.SOME if rescued >= WORTH else Worth.VAIN


def tally(courses: Sequence[Course], *, trials: bool) -> Counter[tuple[Worth, Fate]]:
    """Count changes by what they did and what became of them; trials alone, or raises alone."""
    return Counter(
        (worth(course, one), fate(one))
        for course in courses
        for one in course.changes
        if bool(one.trial_seconds) is trials
    )


def helped(course: Course, rails: Rails) -> Iterator[DrawnAction]:
    """Yield the slow tails that behave alike throughout and that one step up would help.

    It would rescue half of the timeouts, and the target is missed by more than chance hides.
    """
    for one in course.drawn:
        step_ms = int(one.timeout_ms * rails.max_step / 1_000 + _TINY) * 1_000
        is_missed = one.late_share(one.timeout_ms, course.ended_at) > CLEARLY_MISSED
        if one.action.later or not is_missed or step_ms > CAP_MS:
            continue
        if one.rescued(one.timeout_ms, step_ms, course.ended_at) >= HALF:
            yield one


CLEARLY_MISSED = 0.0125
"""Of the calls: an action at the border of the target is not one that has to be raised."""


def left_alone(course: Course, rails: Rails, *, may_try: bool) -> Counter[str]:
    """Count such slow tails by what became of them: raised, or what was said of them last."""
    raised = {one.action_id for one in course.changes if fate(one) is not Fate.UNDONE}
    undone = {one.action_id for one in course.changes} - raised
    found = Counter[str]()
    for one in helped(course, rails):
        if (one.name in course.may_try) is not may_try:
            continue
        if one.name in raised:
            found["raised"] += 1
        else:
            said = str(course.verdicts.get(one.name, "nothing"))
            found[f"undone, {said}" if one.name in undone else said] += 1
    return found
