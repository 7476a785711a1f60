"""One timeout set by hand: shown, checked, written by the one engine, and told in words.

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

Each write is a change of its own, which ends as ``kept``: a person asked for this value, so nobody
measures whether it helped. Refusals and dry runs are recorded too.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from monitor.config import RemediationSettings
from monitor.errors import (
    ConfigurationError,
    ConflictError,
    GenesysError,
    RefusedError,
)
from monitor.journal import AuditEntry, Change, ChangeState, Intent, Journal, Lease
from monitor.remediation.actor import ActorContext
from monitor.remediation.change_recorder import BY_HAND
from monitor.remediation.manual_guards import ManualGuards
from monitor.remediation.manual_guards import shown as value_of
from monitor.remediation.set_timeout_errors import (
    after,
    cause,
    damaged,
    lost,
    not_read_back,
    overtaken,
    overwritten,
    remarks_on,
    unknown,
)
from monitor.remediation.targets import Target, TargetState
from monitor.remediation.write import Writer
from monitor.remediation.write_request import WriteRequest, WriteResult

MOST_REPETITIONS = 5
"""Who is overtaken this often is in the middle of somebody else's work."""

BUDGET_SECONDS = 60.0
"""How long a rate limit is waited out; people wait for the answer."""


class SetResult(StrEnum):
    """What came of it."""

    CHANGED = "changed"
    UNCHANGED = "unchanged"
    DRY_RUN = "dry_run"


@dataclass(frozen=True, slots=True)
class ManualRequest:
    """What somebody wants, and by which rules.

    Attributes:
        org: The org's configured name.
        action_id: The data action.
        timeout_ms: The timeout that it is to have; rounded up to a whole step.
        allow_lower: Whether it may be lowered.
        settings: ``[remediation]``.
        wait_seconds: How long a rate limit is waited out.
    """

    org: str
    action_id: str
    timeout_ms: int
    allow_lower: bool
    settings: RemediationSettings
    wait_seconds: float = BUDGET_SECONDS


@dataclass(frozen=True, slots=True)
class SetTimeoutResult:
    """What was done.

    Attributes:
        outcome: What came of it.
        before: What was shown first.
        to_ms: The timeout that was asked for, in whole steps.
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
        self, journal: Journal, target: Target, request: ManualRequest, context: ActorContext
    ) -> None:
        """Get ready; nothing is read or written yet.

        Args:
            journal: Where it is recorded.
            target: Where the timeout is kept.
            request: What somebody wants.
            context: Who they are, and by which clocks.
        """
        self._journal = journal
        self._target = target
        self._request = request
        self._context = context
        self._to_ms = -(-request.timeout_ms // target.step_ms) * target.step_ms
        self.writer = Writer(request.org, journal, _OnePlace(target), context)

    def run(self, lease: Lease, *, dry_run: bool = False) -> SetTimeoutResult:
        """Do it, or only say what would be done.

        Args:
            lease: The writer's, held by whoever calls.
            dry_run: Whether to stop before writing.

        Raises:
            RefusedError: A guard forbids it; nothing was sent.
            ConflictError: Somebody else changed it meanwhile.
            AmbiguousWriteError: A write got lost, or nobody can find out what became of it.
            ReadBackError: What is there now is not what was written.
            BusyError: Another program has taken over.
            GenesysError: Any other of the tree.
            LedgerError: It can't be recorded; nothing was sent.
        """
        try:
            first = self._target.read(self._request.action_id)
        except RefusedError as error:
            self._note_unreadable(error)
            raise
        self.writer.resolver.recover_place(lease, self._target, first)
        self._check(first)
        if self._has_it(first):
            return SetTimeoutResult(SetResult.UNCHANGED, first, self._to_ms)
        if dry_run:
            self._journal.audit.note([self._entry(first, "dry_run", "nothing was sent")])
            return SetTimeoutResult(SetResult.DRY_RUN, first, self._to_ms)
        return self._write(first)

    def _write(self, first: TargetState) -> SetTimeoutResult:
        current = first
        for number in range(1, MOST_REPETITIONS + 2):
            lease = self.writer.renew()
            result = self.writer.write(lease, self._write_request(current))
            if result.refused:
                raise self._called_off(current, result.refused)
            change = _made(result)
            if change.state is ChangeState.CONFLICT and isinstance(result.error, ConflictError):
                current = self._again(first, number, result.error)
                if self._has_it(current):
                    remark = "Somebody else has set it to this value meanwhile"
                    return SetTimeoutResult(
                        SetResult.UNCHANGED, first, self._to_ms, current, number, remarks=(remark,)
                    )
                continue
            if change.state is not ChangeState.KEPT:
                raise self._failure(lease, current, change, result)
            remarks = [*remarks_on(result), *([overtaken(number - 1)] if number > 1 else [])]
            return SetTimeoutResult(
                SetResult.CHANGED,
                first,
                self._to_ms,
                result.after,
                number,
                result.also_changed,
                tuple(remarks),
            )
        raise AssertionError  # pragma: no cover - the last turn returns or raises

    def _write_request(self, reading: TargetState) -> WriteRequest:
        intent = Intent(
            org=self._request.org,
            action_id=reading.action_id,
            action_name=reading.action_name,
            target=self._target.kind,
            container_id=self._target.container_id,
            from_ms=reading.timeout_ms,
            to_ms=self._to_ms,
            actor=self._context.actor,
            at=self._context.clock.now(),
            measured=False,
        )
        return WriteRequest(
            intent=intent,
            entry=self._entry(reading, "", BY_HAND),
            guards=self._guards(reading),
            reading=reading,
            wait_seconds=self._request.wait_seconds,
        )

    def _has_it(self, reading: TargetState) -> bool:
        return reading.is_set and reading.timeout_ms == self._to_ms

    def _again(self, first: TargetState, number: int, error: ConflictError) -> TargetState:
        """Return what is there now, if writing it again does not undo what somebody else set."""
        now = self._target.read(self._request.action_id)
        if self._has_it(now):
            return now
        if (now.timeout_ms, now.is_set) != (first.timeout_ms, first.is_set):
            raise after(
                error,
                ConflictError,
                f"Somebody else changed the timeout of {now.action_name} meanwhile: it was "
                f"{value_of(first)} when it was shown, and is {value_of(now)} now",
                "Nothing of theirs was overwritten; run it again to decide anew.",
            ) from error
        if number > MOST_REPETITIONS:
            raise after(
                error,
                ConflictError,
                f"Somebody else wrote first {number} times in a row: the timeout of "
                f"{now.action_name} was {value_of(first)} when it was shown, and still is",
                "Nothing was changed; run it again when they are done.",
            ) from error
        self._check(now)
        return now

    # --- guards, and what is recorded beside the writes -------------------------------------

    def _guards(self, reading: TargetState) -> ManualGuards:
        return ManualGuards(
            reading=reading,
            to_ms=self._to_ms,
            allow_lower=self._request.allow_lower,
            settings=self._request.settings,
            place=(self._target.kind, self._target.container_id),
        )

    def _check(self, reading: TargetState) -> None:
        """Ask every guard.

        Raises:
            RefusedError: One refuses; it has been recorded.
        """
        state, now = self.writer.resolver.state(), self._context.clock.now()
        error = self._guards(reading).refusal(state, now)
        if error is not None:
            entry = self._entry(reading, "refused", error.message)
            self._journal.audit.note([replace(entry, reason=error.guard)])
            raise error

    def _called_off(self, reading: TargetState, reason: str) -> RefusedError:
        """Return the error of a guard that changed its mind, in its own words if it still says no.

        It is recorded like any other refusal.
        """
        try:
            self._check(reading)
        except RefusedError as error:
            return error
        return RefusedError(f"The change was called off: {reason}", guard=reason)

    def _note_unreadable(self, error: RefusedError) -> None:
        """Record that the action is there in a form that can't be written back."""
        entry = AuditEntry(
            at=self._context.clock.now(),
            org=self._request.org,
            event="refused",
            actor=self._context.actor,
            action_id=self._request.action_id,
            to_ms=self._to_ms,
            reason=error.guard,
            detail=error.message,
        )
        self._journal.audit.note([entry])

    def _entry(self, reading: TargetState, event: str, detail: str) -> AuditEntry:
        """Return a line of the audit trail: a person's word, and what every guard said."""
        state, now = self.writer.resolver.state(), self._context.clock.now()
        guards = [
            {"name": one.name, "passed": one.passed, "detail": one.detail}
            for one in self._guards(reading).results(state, now)
        ]
        return AuditEntry(
            at=now,
            org=self._request.org,
            event=event,
            actor=self._context.actor,
            action_id=reading.action_id,
            action_name=reading.action_name,
            from_ms=reading.timeout_ms,
            to_ms=self._to_ms,
            detail=detail,
            lock_before=reading.lock,
            evidence={"by": "hand", "guards": guards},
        )

    def _failure(
        self, lease: Lease, before: TargetState, change: Change, result: WriteResult
    ) -> BaseException:
        """Return the error that says how a write has ended; one that got lost is given up."""
        if result.damage is not None:
            return damaged(result.damage, result)
        if change.state is ChangeState.WRITING:
            return self._unanswered(lease, before, change, result)
        if result.after is not None:
            is_unchanged = self._target.is_unchanged(before, result.after)
            return overwritten(before, result, result.after, is_unchanged=is_unchanged)
        if change.state is ChangeState.APPLIED and result.unread is not None:
            return not_read_back(result.unread)
        return result.error or RefusedError(f"The change was called off: {change.note}")

    def _unanswered(
        self, lease: Lease, before: TargetState, change: Change, result: WriteResult
    ) -> GenesysError:
        """Return the error for a write without an answer of which nothing shows."""
        what, now = cause(result.error), result.after
        if now is None:
            unread = "" if result.unread is None else f"; {result.unread.message}"
            entry = self._entry(before, "unknown", f"{what}{unread}")
            self._journal.audit.note([replace(entry, change_id=change.change_id)])
            return unknown(result)
        if not self._target.is_unchanged(before, now):
            self.writer.overtaken(lease, change, what)
            return overwritten(before, result, now, is_unchanged=False)
        self.writer.give_up(lease, change, f"it got lost: {what}")
        return lost(result, now)


class _OnePlace:
    """The only place that a timeout set by hand is kept in."""

    def __init__(self, target: Target) -> None:
        self._target = target

    def find(self, kind: str, container_id: str) -> Target:
        if (kind, container_id) != (self._target.kind, self._target.container_id):
            raise ConfigurationError("Only the timeout that was named is changed here")
        return self._target

    def is_listed(self, change: Change) -> bool:
        del change  # it was just read, whatever the catalogue says
        return True


def _made(result: WriteResult) -> Change:
    assert result.change is not None  # noqa: S101 - nothing was refused
    return result.change
