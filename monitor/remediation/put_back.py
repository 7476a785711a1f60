"""A write that changed more than the timeout: how it is found, and how it is put back.

It is put back at once from what was read before it: once, under the lock of what is there now, and
then read and compared. Whether that worked or not, everything stops until a person resumes: what
did it once can do it again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from monitor.errors import AmbiguousWriteError, TimeoutMonitorError
from monitor.formats import exact_seconds
from monitor.journal import PUTTING_BACK, Change, ChangeState
from monitor.remediation.targets import (
    Target,
    TargetState,
    is_same_lock,
    versions_between,
    was_answered,
    writes_between,
)

DAMAGED = "the write changed more than the timeout"
"""How the words begin about a write that must stop everything."""

NOBODY_COMPARED = f"{DAMAGED}, and could not be compared at once"

NOBODY_CAN_TELL = "what else the write has changed can't be told"
"""How the words begin about a write that was not compared, and can't be any more."""

HIDDEN = f"{DAMAGED}: the platform shows no configuration any more"
"""What is said where the read-back of a write shows nothing to compare."""

BEING_PUT_BACK = "being put back"
_MOST_PLACES = 5


def is_damaged(change: Change) -> bool:
    """Return whether the write of a change has changed more than the timeout, as far as known."""
    return bool(change.damage)


def why_set_back(*, asked: bool, reason: str, detail: str) -> str:
    """Return why a change was set back, as metrics name it.

    Args:
        asked: Whether somebody has asked for it.
        reason: Why, as the code that its undoing was begun with; programs before 0.1.0 kept none.
        detail: The same in words, which may hold the platform's.
    """
    if reason == PUTTING_BACK or (not reason and BEING_PUT_BACK in detail):
        return "damage"
    return "asked" if asked else "not_helped"


def is_being_put_back(change: Change) -> bool:
    """Return whether the write under way puts back what another one has changed."""
    return change.state is ChangeState.UNDOING and change.reason == PUTTING_BACK


def keeping_damage(change: Change, detail: str) -> str:
    """Return a detail that does not make anybody forget what a change has done besides."""
    if not is_damaged(change) or DAMAGED in detail:
        return detail
    return f"{change.damage}; {detail}"


@dataclass(frozen=True, slots=True)
class Damage:
    """What a write has changed beside the timeout.

    Attributes:
        places: Where; values are left out, for they may be secret.
        is_ours: Whether it is certain that nobody else has written since.
    """

    places: tuple[str, ...]
    is_ours: bool

    @property
    def note(self) -> str:
        """The same for the record."""
        more = len(self.places) - _MOST_PLACES
        rest = f" and {more} more" if more > 0 else ""
        return f"{DAMAGED}: {', '.join(self.places[:_MOST_PLACES])}{rest}"


def damage_of(
    target: Target, before: TargetState, after: TargetState, sent_ms: int, lock_after: str | None
) -> Damage | None:
    """Return what a write of ours has changed besides; None where it changed nothing.

    What somebody else has written since is theirs, and none of ours. The lock that our answer named
    tells who wrote what is there; versions tell it only where no lock was named. Where the two
    contradict each other, nobody can tell. Another timeout than the one that was written is damage
    too, where what is there is known to come of our write and is not what was there before it.

    Args:
        target: Where the timeout is kept.
        before: What was read before the write.
        after: What was read after it.
        sent_ms: The timeout that was written.
        lock_after: The lock that the platform named in its answer; empty where it named none; None
            where the answer was lost, so that the write may not have been carried out at all.
    """
    writes = writes_between(before, after)
    is_ours = is_same_lock(lock_after, after.lock) if lock_after else writes == 1
    if not is_ours and writes != 1 and (lock_after or writes is not None):
        return None
    places = tuple(target.differences(before, after))
    if after.timeout_ms != sent_ms:
        # Without an answer, the one write that lies between may be somebody else's.
        if lock_after is None or not (is_ours or lock_after):
            return None
        # What is as it was needs no putting back: the platform said yes, and did nothing.
        if places or (after.timeout_ms, after.is_set) != (before.timeout_ms, before.is_set):
            places = (after.place, *places)
    return Damage(places, is_ours) if places else None


@dataclass(frozen=True, slots=True)
class PutBack:
    """How putting back has ended.

    Attributes:
        state: What the change is from then on; None where only a later reading can tell.
        detail: The same in words, beginning with what was damaged.
        is_done: Whether all is as it was read before, the timeout too.
        lock: The lock of what is there now; empty where unknown.
    """

    state: ChangeState | None
    detail: str
    is_done: bool = False
    lock: str = ""


def put_back(  # noqa: PLR0913, PLR0917 - the write that went wrong, and what it met
    target: Target,
    change: Change,
    damage: Damage,
    before: TargetState,
    now: TargetState,
    pre_send_check: Callable[[], None],
) -> PutBack:
    """Put back what was read before a write, and the timeout from before the change. Sent once.

    Args:
        target: Where the timeout is kept.
        change: The change, which is ``UNDOING``.
        damage: What was changed besides.
        before: What was read before the write.
        now: What is there now.
        pre_send_check: Whether it may still be sent; what it raises is an end like any other.
    """
    stays = state_of(change, now.timeout_ms)
    answer, is_refused = "", False
    try:
        target.restore(before, now, change.from_ms, pre_send_check=pre_send_check)
    except TimeoutMonitorError as error:
        answer, is_refused = error.message, not isinstance(error, AmbiguousWriteError)
        if is_refused and not was_answered(error):
            return PutBack(stays, f"{damage.note}; not put back: {answer}", lock=now.lock)
    try:
        after = target.read(change.action_id)
    except TimeoutMonitorError as error:
        return PutBack(None, f"{damage.note}; sent back, and not read back: {error.message}")
    left = target.differences(before, after)
    if is_refused and (left or after.timeout_ms != change.from_ms):
        state = state_of(change, after.timeout_ms)
        return PutBack(state, f"{damage.note}; not put back: {answer}", lock=after.lock)
    if after.timeout_ms != change.from_ms or (left and answer):
        if answer and target.is_unchanged(now, after):
            return PutBack(None, f"{damage.note}; it may have been sent back: {answer}")
        state = state_of(change, after.timeout_ms)
        words = f"{damage.note}; not put back: {exact_seconds(after.timeout_ms)} is in force"
        return PutBack(state, words, lock=after.lock)
    words = "put back as it was read before, and nothing differs any more"
    if left:
        words = f"put back, and it still differs at {', '.join(left[:_MOST_PLACES])}"
    return PutBack(
        ChangeState.ROLLED_BACK, f"{damage.note}; {words}", is_done=not left, lock=after.lock
    )


def state_of(change: Change, value_ms: int) -> ChangeState:
    """Return what a change that was being undone is, by the timeout that is there."""
    known = {change.from_ms: ChangeState.ROLLED_BACK, change.to_ms: ChangeState.UNHELPFUL}
    return known.get(value_ms, ChangeState.SUPERSEDED)


def evidence_before(
    target: Target, before: TargetState, sent_over: TargetState
) -> Mapping[str, object]:
    """Return what a later program needs to find out whether a write changed more than the timeout.

    Args:
        target: Where the timeout is kept.
        before: All but the timeout is to be as it is here.
        sent_over: What is there when the write is sent.
    """
    return {"before": {"digest": target.fingerprint(before), "version": sent_over.version}}


def why_nobody_can_tell(change: Change, reading: TargetState, kept: Mapping[str, object]) -> str:
    """Return why a write that was carried out was not compared, and can't be any more, in words.

    Args:
        change: A change of which ``found_damage`` tells nothing.
        reading: What is there now.
        kept: The evidence that was recorded when it was sent.
    """
    before = kept.get("before")
    if not isinstance(before, dict) or not before.get("digest"):
        return f"{NOBODY_CAN_TELL}: what was there before it was not recorded"
    writes = versions_between(str(before.get("version", "")), reading.version)
    has_our_lock = bool(change.lock_after) and is_same_lock(change.lock_after, reading.lock)
    if writes == 1 or has_our_lock:
        return f"{NOBODY_CAN_TELL}: not all of what is there now could be read"
    return f"{NOBODY_CAN_TELL}: it was written again before that was compared"


def found_damage(
    target: Target, change: Change, reading: TargetState, evidence: Mapping[str, object]
) -> bool | None:
    """Return whether a write that was not compared has changed more than the timeout.

    Args:
        target: Where the timeout is kept.
        change: A change whose write was sent, and perhaps carried out.
        reading: What is there now.
        evidence: What was recorded when it was sent.

    Returns:
        None where nobody can tell: it was not carried out, somebody else has written since, or not
        all of it could be read.
    """
    kept = evidence.get("before")
    sent_ms = change.from_ms if change.state is ChangeState.UNDOING else change.to_ms
    if not isinstance(kept, dict):
        return None
    was_accepted = change.state is ChangeState.APPLIED
    version = str(kept.get("version", ""))
    is_next = versions_between(version, reading.version) == 1
    is_ours = was_accepted and bool(change.lock_after)
    is_ours = is_ours and is_same_lock(change.lock_after, reading.lock)
    if not (is_ours or is_next):
        return None
    if reading.timeout_ms != sent_ms:
        # What was accepted and is another value now was damaged; an unanswered write may be lost,
        # and the value of somebody else.
        return True if was_accepted and reading.timeout_ms != change.from_ms else None
    digest = target.fingerprint(reading)
    if not digest or not kept.get("digest"):
        return None
    return bool(digest != kept["digest"])
