"""One timeout set by hand: checked, written under its lock, read back and compared.

=======================  ======================================================================
a write ends with        then
=======================  ======================================================================
success                  read back: the value must be there, and nothing else may differ
somebody wrote first     read again; the same value as shown: write again, five times at most;
                         another one: stop, and show both
refused, and is there    a proxy sent it twice, and the second was refused: as success
429, or no connection    nothing was done: wait and write again, within the budget
nobody knows             read, and say what is so; never write again
any other refusal        stop
=======================  ======================================================================

Every write is recorded before it is sent, and its end after it; refusals and dry runs too.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NoReturn, Protocol, TypeVar

from monitor.errors import (
    AmbiguousWriteError,
    ConflictError,
    GenesysError,
    ReadBackError,
    RefusedError,
    TimeoutMonitorError,
)
from monitor.genesys import Deadline, retry_attempts
from monitor.remediation.manual_guards import shown as value_of
from monitor.remediation.put_back import Damage, PutBack, damage_of
from monitor.remediation.targets import (
    NOT_SHOWN,
    Target,
    TargetState,
    Written,
    is_same_lock,
    shows_the_write,
    was_answered,
)

MOST_REPETITIONS = 5
"""Who is overtaken this often is in the middle of somebody else's work."""

BUDGET_SECONDS = 60.0
"""How long a rate limit is waited out; people wait for the answer."""

_MOST_PLACES = 5


class End(StrEnum):
    """How one write ended, for the record."""

    APPLIED = "applied"
    """The platform has carried it out; it was not read back yet."""
    CHECKED = "checked"
    """Read back: the value is there."""
    FAILED = "failed"
    """Refused; nothing was changed."""
    CONFLICT = "conflict"
    """Somebody else wrote first; nothing was changed."""
    LOST = "lost"
    """It never arrived; nothing was changed."""
    OVERWRITTEN = "overwritten"
    """Carried out, and another value is there now."""
    UNKNOWN = "unknown"
    """It could not be found out."""


class Recorder(Protocol):
    """Asks the guards, and keeps what is done, before and after it is done."""

    def found(self, reading: TargetState) -> None:
        """What is there now; it tells what became of writes that a program left open."""
        ...

    def check(self, reading: TargetState, to_ms: int) -> None:
        """Ask every guard.

        Raises:
            RefusedError: One refuses; it has been recorded.
        """
        ...

    def unreadable(self, action_id: str, to_ms: int, error: RefusedError) -> None:
        """The action is there in a form that can't be written back."""
        ...

    def rehearsed(self, reading: TargetState, to_ms: int) -> None:
        """A dry run has come to where it would have written."""
        ...

    def sending(self, reading: TargetState, to_ms: int) -> None:
        """A write is about to be sent; it is not, where this raises."""
        ...

    def pre_send_check(self) -> None:
        """The last look before the request goes out.

        Raises:
            BusyError: Another program may have taken over; nothing was sent.
        """
        ...

    def ended(self, end: End, detail: str = "", *, lock_after: str = "") -> None:
        """The write has ended so."""
        ...

    def put_back(self, damage: Damage, before: TargetState, now: TargetState | None) -> PutBack:
        """Put back what the write has changed besides, and record it; nothing is written after.

        Args:
            damage: What it has changed.
            before: What was read before it.
            now: What is there now; None where the platform shows no configuration any more.
        """
        ...


class SetResult(StrEnum):
    """What came of it."""

    CHANGED = "changed"
    UNCHANGED = "unchanged"
    DRY_RUN = "dry_run"


@dataclass(frozen=True, slots=True)
class SetTimeoutResult:
    """What was done.

    Attributes:
        outcome: What came of it.
        before: What was shown first.
        to_ms: The timeout that was wanted, in whole steps.
        after: What was read back; None where nothing was written.
        writes: How many writes were sent.
        also_changed: Where somebody else has changed it meanwhile.
        remarks: What else is worth saying, each a sentence without a full stop.
    """

    outcome: SetResult
    before: TargetState
    to_ms: int
    after: TargetState | None = None
    writes: int = 0
    also_changed: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()


class SetTimeout:
    """Sets one timeout, once."""

    def __init__(
        self,
        target: Target,
        recorder: Recorder,
        *,
        action_id: str,
        timeout_ms: int,
        budget_seconds: float = BUDGET_SECONDS,
    ) -> None:
        """Get ready; nothing is read or written yet.

        Args:
            target: Where the timeout is kept.
            recorder: Asked before everything, and told of everything.
            action_id: The data action.
            timeout_ms: The timeout that it is to have; rounded up to a whole step.
            budget_seconds: How long a rate limit is waited out.
        """
        self._target = target
        self._recorder = recorder
        self._action_id = action_id
        self._to_ms = -(-timeout_ms // target.step_ms) * target.step_ms
        self._budget_seconds = budget_seconds

    def run(self, *, dry_run: bool = False) -> SetTimeoutResult:
        """Do it, or only say what would be done.

        Raises:
            RefusedError: A guard forbids it; nothing was sent.
            ConflictError: Somebody else changed it meanwhile.
            AmbiguousWriteError: A write got lost, or nobody can find out what became of it.
            ReadBackError: What is there now is not what was written.
            GenesysError: Any other of the tree.
            LedgerError: It can't be recorded; nothing was sent.
        """
        try:
            first = self._target.read(self._action_id)
        except RefusedError as error:
            self._recorder.unreadable(self._action_id, self._to_ms, error)
            raise
        self._recorder.found(first)
        self._recorder.check(first, self._to_ms)
        if first.is_set and first.timeout_ms == self._to_ms:
            return SetTimeoutResult(SetResult.UNCHANGED, first, self._to_ms)
        if dry_run:
            self._recorder.rehearsed(first, self._to_ms)
            return SetTimeoutResult(SetResult.DRY_RUN, first, self._to_ms)
        return self._write(first)

    def _write(self, first: TargetState) -> SetTimeoutResult:
        current, remarks = first, list[str]()
        for number in range(1, MOST_REPETITIONS + 2):
            try:
                written = self._send(current, remarks)
            except ConflictError as error:
                current = self._again(first, number, error)
                if self._has_it(current):
                    remarks.append("Somebody else has set it to this value meanwhile")
                    return SetTimeoutResult(
                        SetResult.UNCHANGED,
                        first,
                        self._to_ms,
                        current,
                        number,
                        remarks=tuple(remarks),
                    )
                continue
            except (AmbiguousWriteError, KeyboardInterrupt) as error:
                written = self._look(current, error)
                remarks.append("The answer to the change was lost, but it was carried out")
            if number > 1:
                remarks.append(_overtaken(number - 1))
            after, also = self._checked(current, written)
            return SetTimeoutResult(
                SetResult.CHANGED, first, self._to_ms, after, number, also, tuple(remarks)
            )
        raise AssertionError  # pragma: no cover - the last turn returns or raises

    def _send(self, current: TargetState, remarks: list[str]) -> Written:
        """Write once; what was certainly not carried out is repeated within the budget."""
        self._recorder.sending(current, self._to_ms)
        deadline = Deadline.after(self._budget_seconds)
        try:
            for _, attempt in retry_attempts(deadline, is_ending=lambda: False):
                with attempt:
                    return self._target.write(
                        current, self._to_ms, pre_send_check=self._recorder.pre_send_check
                    )
        except AmbiguousWriteError:
            raise
        except TimeoutMonitorError as error:
            if self._was_made(current, error):
                remarks.append(_TWICE)
                return Written(self._to_ms, "", "")
            is_conflict = isinstance(error, ConflictError)
            self._recorder.ended(End.CONFLICT if is_conflict else End.FAILED, error.message)
            raise
        raise AssertionError  # pragma: no cover - the last attempt returns or raises

    def _was_made(self, before: TargetState, error: TimeoutMonitorError) -> bool:
        """Whether a write that was refused was carried out all the same, for a proxy sent it twice.

        Raises:
            AmbiguousWriteError: It can't be read at the moment.
        """
        if not was_answered(error):
            return False
        try:
            now = self._target.read(self._action_id)
        except GenesysError as unread:
            raise _after(error, AmbiguousWriteError, error.message, error.hint) from unread
        except TimeoutMonitorError:
            return False
        return shows_the_write(self._target, before, now, self._to_ms)

    def _has_it(self, reading: TargetState) -> bool:
        return reading.is_set and reading.timeout_ms == self._to_ms

    def _again(self, first: TargetState, number: int, error: ConflictError) -> TargetState:
        """What is there now, if writing it again does not undo what somebody else wanted."""
        now = self._target.read(self._action_id)
        if self._has_it(now):
            return now
        if (now.timeout_ms, now.is_set) != (first.timeout_ms, first.is_set):
            raise _after(
                error,
                ConflictError,
                f"Somebody else changed the timeout of {now.action_name} meanwhile: it was "
                f"{value_of(first)} when it was shown, and is {value_of(now)} now",
                "Nothing of theirs was overwritten; run it again to decide anew.",
            ) from error
        if number > MOST_REPETITIONS:
            raise _after(
                error,
                ConflictError,
                f"Somebody else wrote first {number} times in a row: the timeout of "
                f"{now.action_name} was {value_of(first)} when it was shown, and still is",
                "Nothing was changed; run it again when they are done.",
            ) from error
        self._recorder.check(now, self._to_ms)
        return now

    def _look(self, before: TargetState, error: AmbiguousWriteError | KeyboardInterrupt) -> Written:
        """Find out what became of a write, by reading.

        Returns:
            The write as it was carried out.

        Raises:
            AmbiguousWriteError: It was not carried out, or that can't be found out.
            ConflictError: Somebody else has changed it meanwhile.
        """
        what = "it was interrupted" if isinstance(error, KeyboardInterrupt) else str(error)
        try:
            now = self._target.read(self._action_id)
        except TimeoutMonitorError as unread:
            self._recorder.ended(End.UNKNOWN, f"{what}; {unread.message}")
            raise _after(
                error,
                AmbiguousWriteError,
                f"Whether the timeout was changed is not known: {what}; and then: {unread.message}",
                "timeout-monitor flow show tells, as soon as the platform can be read again.",
            ) from error
        is_lost = self._target.is_unchanged(before, now)
        if self._has_it(now) and not is_lost:
            return Written(now.timeout_ms, "", "")
        if is_lost:
            self._recorder.ended(End.LOST, what)
            raise _after(
                error,
                AmbiguousWriteError,
                f"The change got lost, and {now.action_name} still has {value_of(now)}: {what}",
                "Run it again; the platform would refuse it where the first arrived after all.",
            ) from error
        self._recorder.ended(End.CONFLICT, what)
        raise _after(
            error,
            ConflictError,
            f"The change got lost, and somebody else wrote meanwhile: the timeout of "
            f"{now.action_name} was {value_of(before)}, and is {value_of(now)} now",
            "Run it again to decide anew.",
        ) from error

    def _checked(
        self, before: TargetState, written: Written
    ) -> tuple[TargetState, tuple[str, ...]]:
        """Read back and compare.

        Returns:
            What was read back, and where somebody else has changed it since.

        Raises:
            ConflictError: Somebody else has changed the timeout since.
            ReadBackError: It is not what was written.
        """
        self._recorder.ended(End.APPLIED, lock_after=written.lock)
        try:
            after = self._target.read(self._action_id)
        except TimeoutMonitorError as error:
            if isinstance(error, RefusedError) and error.guard == NOT_SHOWN:
                self._recorder.put_back(Damage(("$.config",), is_ours=False), before, None)
                raise ReadBackError(
                    f"The change was carried out, and its configuration is not shown any more: "
                    f"{error.message}",
                    "Look at it before anybody relies on it, then let changes go on: "
                    "timeout-monitor resume.",
                ) from error
            raise _after(
                error,
                ReadBackError,
                f"The change was carried out, and can't be read back: {error.message}",
                error.hint,
            ) from error
        damage = damage_of(self._target, before, after, written.timeout_ms, written.lock)
        if damage is not None:
            self._undo_damage(damage, before, after)
        # What is as it was before is older than our write, and nobody else's work.
        is_theirs = (
            bool(written.lock)
            and not is_same_lock(after.lock, written.lock)
            and not self._target.is_unchanged(before, after)
        )
        if after.timeout_ms != written.timeout_ms:
            self._refuse(after, written, is_theirs=is_theirs)
        places = tuple(self._target.differences(before, after))
        where = ", ".join(places[:_MOST_PLACES])
        self._recorder.ended(
            End.CHECKED, f"it differs at {where}" if places else "", lock_after=after.lock
        )
        return after, places

    def _undo_damage(self, damage: Damage, before: TargetState, after: TargetState) -> NoReturn:
        ended = self._recorder.put_back(damage, before, after)
        places = f"{len(damage.places)} other places"
        count = "another place" if len(damage.places) == 1 else places
        where = ", ".join(damage.places[:_MOST_PLACES])
        if ended.is_done:
            raise ReadBackError(
                f"The timeout was changed to {value_of(after)}, and with it {count}: {where}; all "
                "of it was put back as it was read before, and nothing differs any more",
                "Something between here and the platform changes what is sent: find it, then let "
                "changes go on: timeout-monitor resume.",
            )
        raise ReadBackError(
            f"The timeout was changed to {value_of(after)}, but it differs at {count} now: "
            f"{where}; {ended.detail.partition('; ')[2]}",
            "Look at it before anybody relies on it, then let changes go on: timeout-monitor "
            "resume.",
        )

    def _refuse(self, after: TargetState, written: Written, *, is_theirs: bool) -> NoReturn:
        self._recorder.ended(End.OVERWRITTEN, f"{value_of(after)} is there")
        if is_theirs:
            raise ConflictError(
                f"The timeout was changed to {written.timeout_ms} ms, and somebody else has "
                f"changed it to {value_of(after)} since",
                "Theirs stands; run it again to decide anew.",
            )
        raise ReadBackError(
            f"The platform took the change to {written.timeout_ms} ms, but {after.action_name} "
            f"has {value_of(after)}",
            "Read it again in a minute; if it stays so, report it to the platform's support.",
        )


_TWICE = (
    "The platform refused the change, and it is there all the same: something between here and the "
    "platform sent it twice"
)


def _overtaken(times: int) -> str:
    how = "once" if times == 1 else f"{times} times"
    return f"Somebody else had saved something else meanwhile, {how}; theirs is kept"


E = TypeVar("E", bound=GenesysError)


def _after(error: BaseException, kind: type[E], message: str, hint: str) -> E:
    """An error that keeps what the platform's support will ask for of the one before it."""
    if not isinstance(error, GenesysError):
        return kind(message, hint)
    return kind(
        message,
        hint,
        endpoint=error.endpoint,
        status=error.status,
        correlation_id=error.correlation_id,
    )
