"""Who saved an action outside this program, and which changes of timeouts that explains: pure.

Two things are known of a change that this program did not make. The catalogue shows that a timeout
differs from the one before, sure but up to a refresh late; the platform's audit log shows who saved
the action and when, where it may be read, and in some worlds from what to what. Each may lack.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from monitor.formats import exact_seconds, utc_minute
from monitor.journal.change_states import ChangeState
from monitor.journal.model import Change
from monitor.model import UNKNOWN, TimeoutEdit

CLOCKS_DIFFER_SECONDS = 60.0
"""The platform's clock and ours may be so far apart before a check warns of it."""

OWN_WRITE_SECONDS = 600.0
"""A save by our own client within so long of a write of ours is that write: a late arrival takes a
few minutes, and the cooldown keeps two of our writes further apart."""

RECORDED_SECONDS = 1_800.0
"""The catalogue shows a value of ours within so long of the moment at which it was recorded."""


@dataclass(frozen=True, slots=True)
class SetBy:
    """Who set a timeout, as far as that is known.

    Attributes:
        who: A name, several joined by "or", or ``unknown``.
        at: When; epoch seconds, None where only the refresh that noticed it is known.
        user_id: The user; empty where it was none, or one of several.
        client_id: The client; the same.
    """

    who: str = UNKNOWN
    at: float | None = None
    user_id: str = ""
    client_id: str = ""


@dataclass(frozen=True, slots=True)
class OutsideChange:
    """A timeout that was changed by somebody else than this program.

    Attributes:
        org: The org's configured name.
        action_id: The action.
        action_name: Its name by the newest catalogue.
        from_ms: The timeout in force before; None where it is not known.
        to_ms: The timeout in force after; None where it is not known.
        at: When it was changed; where no audit says so, when the catalogue first showed it.
        set_by: Who did it.
    """

    org: str
    action_id: str
    action_name: str
    from_ms: int | None
    to_ms: int | None
    at: float
    set_by: SetBy


def set_by(
    edits: Iterable[TimeoutEdit], action_id: str, value_ms: int | None, since: float, until: float
) -> SetBy:
    """Return who set a timeout that came into force in ``since < at <= until``.

    An entry that tells this value names them; where entries tell no values, whoever saved the
    action in that time may have.

    Args:
        edits: Entries of the audit log.
        action_id: The action.
        value_ms: The timeout that is in force.
        since: When another one was in force for certain; epoch seconds.
        until: When this one was seen.
    """
    within = sorted(
        (
            one
            for one in edits
            if one.action_id == action_id
            and one.change_id is None
            and since < one.at <= until + CLOCKS_DIFFER_SECONDS
        ),
        key=lambda one: one.at,
    )
    telling = [one for one in within if one.to_ms is not None and one.to_ms == value_ms]
    if telling:
        return _by(telling[-1])
    silent = [one for one in within if one.to_ms is None]
    names = list(dict.fromkeys(one.who for one in silent))
    if len(names) == 1:
        return _by(silent[-1])
    return SetBy(" or ".join(names)) if names else SetBy()


def _by(edit: TimeoutEdit) -> SetBy:
    return SetBy(edit.who, edit.at, edit.user_id, edit.client_id)


def own_change(
    edit: TimeoutEdit, changes: Iterable[Change], own_clients: frozenset[str]
) -> Change | None:
    """Return the change of ours whose write an entry of the audit log tells of.

    It was saved by our own client, at the time of one of our writes, and where it tells a value it
    is the one that we sent. A person or another program that shares our client is not taken for us.

    Args:
        edit: The entry.
        changes: Changes of ours.
        own_clients: The ids of the clients that we log in with.
    """
    if edit.user_id or edit.client_id not in own_clients:
        return None
    return next((one for one in changes if _is_write_of(one, edit)), None)


def _is_write_of(change: Change, edit: TimeoutEdit) -> bool:
    if change.action_id != edit.action_id or change.sent_at is None:
        return False
    raised = abs(edit.at - change.sent_at) <= OWN_WRITE_SECONDS
    undone = (
        change.state in {ChangeState.UNDOING, ChangeState.ROLLED_BACK}
        and abs(edit.at - change.touched_at) <= OWN_WRITE_SECONDS
    )
    # What is put back at once is put back within moments of the write.
    ours = ({change.to_ms, change.from_ms} if raised else set()) | (
        {change.from_ms} if undone else set()
    )
    return bool(ours) if edit.to_ms is None else edit.to_ms in ours


def outside_changes(
    org: str,
    timeouts: Iterable[tuple[str, float, int | None]],
    edits: Sequence[TimeoutEdit],
    changes: Sequence[Change],
    names: Mapping[str, str],
) -> list[OutsideChange]:
    """Return every change of a timeout that this program did not make, the newest first.

    A timeout that is not known is compared with nothing: the one that is known next is compared
    with the last one that was.

    Args:
        org: The org's configured name.
        timeouts: Action id, since when, timeout in force (ms), as the catalogue showed it over
            time; oldest first.
        edits: Entries of the audit log.
        changes: Changes of ours.
        names: Names by action id.
    """
    found = [
        OutsideChange(
            org,
            one.action_id,
            names.get(one.action_id, one.action_id),
            one.from_ms,
            one.to_ms,
            one.at,
            _by(one),
        )
        for one in edits
        if one.change_id is None and one.to_ms is not None and one.to_ms != one.from_ms
    ]
    told = {(one.action_id, one.to_ms, one.at) for one in found}
    ours: dict[str, list[Change]] = defaultdict(list)
    for change in changes:
        ours[change.action_id].append(change)
    before: dict[str, tuple[float, int]] = {}
    for action_id, since, timeout_ms in timeouts:
        # What could not be read for a while was not changed by that.
        if timeout_ms is None:
            continue
        earlier, before[action_id] = before.get(action_id), (since, timeout_ms)
        if earlier is None or timeout_ms == earlier[1]:
            continue
        if any(_recorded(one, timeout_ms, since) for one in ours[action_id]):
            continue
        by = set_by(edits, action_id, timeout_ms, earlier[0], since)
        if by.at is None or (action_id, timeout_ms, by.at) not in told:
            name, at = names.get(action_id, action_id), since if by.at is None else by.at
            found.append(OutsideChange(org, action_id, name, earlier[1], timeout_ms, at, by))
    found.sort(key=lambda one: (one.at, one.action_id), reverse=True)
    return found


_LEFT_IN_FORCE = frozenset({ChangeState.WATCHING, ChangeState.VERIFIED, ChangeState.KEPT})
"""A change that stands so has never set the value before again."""


def _recorded(change: Change, timeout_ms: int | None, since: float) -> bool:
    """Whether a timeout that came into force is one that a change of ours has set."""
    if change.sent_at is None or since < change.sent_at - CLOCKS_DIFFER_SECONDS:
        return False
    if change.state is ChangeState.SUPERSEDED:
        applied_at = change.sent_at if change.applied_at is None else change.applied_at
        return timeout_ms == change.to_ms and since <= applied_at + CLOCKS_DIFFER_SECONDS
    until = max(change.touched_at, change.applied_at or 0.0) + RECORDED_SECONDS
    ours = {change.to_ms} if change.state in _LEFT_IN_FORCE else {change.to_ms, change.from_ms}
    return timeout_ms in ours and since <= until


_WHO_IS_UNKNOWN = "; who is unknown"
_VALUE = re.compile(r"somebody has set (?P<seconds>[0-9.]+) s" + _WHO_IS_UNKNOWN)


def stand_down_note(value_ms: int, by: SetBy) -> str:
    """Return why a change of ours is not in force any more, with who set the value that is."""
    seconds = exact_seconds(value_ms)
    if by.who == UNKNOWN:
        return f"somebody has set {seconds}{_WHO_IS_UNKNOWN}"
    if by.at is None:
        return f"{by.who} has set {seconds}"
    return f"{by.who} has set {seconds} at {utc_minute(by.at)} UTC"


def named_since(change: Change, edits: Iterable[TimeoutEdit]) -> str | None:
    """Return the note of a change that stood down for somebody unknown, now that they are known.

    Entries of the audit log show some time after what they tell of.

    Returns:
        None where the note says who, or still nobody knows.
    """
    value = _VALUE.search(change.note)
    if change.state is not ChangeState.SUPERSEDED or value is None:
        return None
    value_ms = round(float(value["seconds"]) * 1000)
    by = who_overrode(change, edits, value_ms, change.touched_at)
    if by.who == UNKNOWN:
        return None
    # What else the note tells, such as that it was set by hand, stays.
    before, after = change.note[: value.start()], change.note[value.end() :]
    return f"{before}{stand_down_note(value_ms, by)}{after}"


def who_overrode(
    change: Change, edits: Iterable[TimeoutEdit], value_ms: int, until: float
) -> SetBy:
    """Return who set another timeout than a change of ours left.

    Args:
        change: The change, which took effect.
        edits: Entries of the audit log.
        value_ms: The timeout that is in force.
        until: When that was seen; epoch seconds.
    """
    began = change.began_at if change.sent_at is None else change.sent_at
    return set_by(edits, change.action_id, value_ms, began, until)
