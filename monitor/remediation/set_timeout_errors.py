"""What a person is told of a write by hand that did not end well: one error each; pure."""

from __future__ import annotations

from typing import TypeVar

from monitor.errors import (
    AmbiguousWriteError,
    ConflictError,
    GenesysError,
    ReadBackError,
    TimeoutMonitorError,
)
from monitor.remediation.manual_guards import shown as value_of
from monitor.remediation.put_back import Damage
from monitor.remediation.targets import TargetState, is_same_lock
from monitor.remediation.write_request import WriteResult

_MOST_PLACES = 5

E = TypeVar("E", bound=GenesysError)


def after(error: BaseException | None, kind: type[E], message: str, hint: str) -> E:
    """Return an error that keeps what the platform's support will ask for of the one before it."""
    if not isinstance(error, GenesysError):
        return kind(message, hint)
    return kind(
        message,
        hint,
        endpoint=error.endpoint,
        status=error.status,
        correlation_id=error.correlation_id,
    )


def cause(error: BaseException | None) -> str:
    """Return why there is no answer, in words."""
    return "it was interrupted" if isinstance(error, KeyboardInterrupt) else str(error)


def unknown(result: WriteResult) -> AmbiguousWriteError:
    """Return the error for a write without an answer after which nothing can be read."""
    unread = "" if result.unread is None else f"; and then: {result.unread.message}"
    return after(
        result.error,
        AmbiguousWriteError,
        f"Whether the timeout was changed is not known: {cause(result.error)}{unread}",
        "timeout-monitor flow show tells, as soon as the platform can be read again.",
    )


def lost(result: WriteResult, now: TargetState) -> AmbiguousWriteError:
    """Return the error for a write without an answer of which nothing shows."""
    return after(
        result.error,
        AmbiguousWriteError,
        f"The change got lost, and {now.action_name} still has {value_of(now)}: "
        f"{cause(result.error)}",
        "Run it again; the platform would refuse it where the first arrived after all.",
    )


def not_read_back(unread: TimeoutMonitorError) -> ReadBackError:
    """Return the error for a write that the platform took, and does not show."""
    return after(
        unread,
        ReadBackError,
        f"The change was carried out, and can't be read back: {unread.message}",
        unread.hint,
    )


def overwritten(
    before: TargetState, result: WriteResult, now: TargetState, *, is_unchanged: bool
) -> ConflictError | ReadBackError:
    """Return the error for a write after which another value is there.

    Args:
        before: What it was sent upon.
        result: What came of it.
        now: What is there.
        is_unchanged: Whether that is as it was before: older than our write, and nobody's work.
    """
    if result.written is None:
        return after(
            result.error,
            ConflictError,
            "The change got lost, and somebody else wrote meanwhile: the timeout of "
            f"{now.action_name} was {value_of(before)}, and is {value_of(now)} now",
            "Run it again to decide anew.",
        )
    lock, sent_ms = result.written.lock, result.written.timeout_ms
    if lock and not is_same_lock(now.lock, lock) and not is_unchanged:
        return ConflictError(
            f"The timeout was changed to {sent_ms} ms, and somebody else has changed it to "
            f"{value_of(now)} since",
            "Theirs stands; run it again to decide anew.",
        )
    return ReadBackError(
        f"The platform took the change to {sent_ms} ms, but {now.action_name} has {value_of(now)}",
        "Read it again in a minute; if it stays so, report it to the platform's support.",
    )


def damaged(damage: Damage, result: WriteResult) -> ReadBackError:
    """Return the error for a write that has changed more than the timeout."""
    now, put_back = result.after, result.put_back
    if now is None:
        why = "" if result.unread is None else f": {result.unread.message}"
        done = "The change was carried out, and its"
        if result.written is None:
            done = "Whether the timeout was changed is not known, and its"
        return ReadBackError(f"{done} configuration is not shown any more{why}", _LOOK)
    count = "another place"
    if len(damage.places) != 1:
        count = f"{len(damage.places)} other places"
    where = ", ".join(damage.places[:_MOST_PLACES])
    if put_back is not None and put_back.is_done:
        return ReadBackError(
            f"The timeout was changed to {value_of(now)}, and with it {count}: {where}; all "
            "of it was put back as it was read before, and nothing differs any more",
            "Something between here and the platform changes what is sent: find it, then let "
            "changes go on: timeout-monitor resume.",
        )
    how = "nobody can tell who else has written since"
    if put_back is not None:
        how = put_back.detail.partition("; ")[2]
    return ReadBackError(
        f"The timeout was changed to {value_of(now)}, but it differs at {count} now: {where}; "
        f"{how}",
        _LOOK,
    )


def remarks_on(result: WriteResult) -> list[str]:
    """Return what is worth saying of a write that is there, though its answer was no yes."""
    if result.error is None:
        return []
    if isinstance(result.error, AmbiguousWriteError | KeyboardInterrupt):
        return ["The answer to the change was lost, but it was carried out"]
    return [_TWICE]


def overtaken(times: int) -> str:
    """Return the remark that others had written before."""
    how = "once" if times == 1 else f"{times} times"
    return f"Somebody else had saved something else meanwhile, {how}; theirs is kept"


_LOOK = "Look at it before anybody relies on it, then let changes go on: timeout-monitor resume."
_TWICE = (
    "The platform refused the change, and it is there all the same: something between here and the "
    "platform sent it twice"
)
