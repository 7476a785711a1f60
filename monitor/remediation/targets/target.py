"""What a place that keeps timeouts can do: be read, be written under a lock, and be compared.

Writing goes in this order, whoever does it::

    before = target.read(action_id)             # what it is now, and under which lock
    written = target.write(before, timeout_ms)  # only if nobody wrote since
    after = target.read(action_id)              # at once
    target.differences(before, after)           # must be empty: nothing else changed
    target.restore(before, after, timeout_ms)   # where it is not: all that was read, put back

Every answer that a write sends back or is compared with has to be proven whole, for one that was
cut on its way can look like a shorter one: ``read`` refuses any other. ``write`` either returns, or
raises one of three kinds of error that call for different answers:

====================  ==========================================================================
it raises             then
====================  ==========================================================================
ConflictError         somebody wrote since the reading: read, decide anew
AmbiguousWriteError   it may have been carried out: read before anything else
any other of ours     it was refused, or never sent
====================  ==========================================================================

A refusal says that this request changed nothing. Where something between here and the platform sent
it twice, the first may have: ``was_answered`` tells which errors that can be, and
``shows_the_write`` whether it was so.

Nothing here repeats a write, waits for a rate limit, or asks whether a change is wise.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from monitor.diagnosis import Editable
from monitor.errors import EtagRewrittenError, GenesysError, RefusedError, TimeoutMonitorError
from monitor.genesys import is_same_etag

SERVER_MANAGED = r"version|(date|last|dateLast|lastDate)?modif(ied|ication)(date|by|at|on)?"
"""Keys at the top of a document that a server sets itself: ``version``, ``dateModified``,
``modifiedBy``, ``lastModifiedDate`` and their like."""

NOT_SHOWN = "whole_configuration"
"""The guard that refuses to read an action whose configuration the platform does not show."""


@dataclass(frozen=True, slots=True)
class TargetState:
    """One data action as it stood when it was read.

    Attributes:
        action_id: Its id.
        action_name: Its name; its id where it has none.
        timeout_ms: The timeout in force, in milliseconds, defaults included.
        place: Where it stands, or would stand: ``$.actions[0].data.timeout``.
        is_set: Whether a timeout is written down; False where the default is in force.
        lock: What a write must name so that it is refused if somebody wrote since: the ETag of a
            flow, the version of an integration action. Empty where the platform gave none.
        lock_name: What the platform calls that lock: ``ETag`` or ``version``.
        version: The version that people know it by; empty where there is none.
        editable: Whether its timeout can be changed through this target. ``ABOVE_CAP`` is not
            said here: how far a value may go is for the guards to say.
        by_hand: How to change it by hand, as a sentence without a full stop.
        unfit: Why it can't be sent back whole, so that nothing may be written; None where it can.
        document: All that a write has to send back; no business of anybody but the target.
    """

    action_id: str
    action_name: str
    timeout_ms: int
    place: str
    is_set: bool
    lock: str
    lock_name: str
    version: str
    editable: Editable
    by_hand: str
    document: object = field(repr=False, compare=False)
    unfit: RefusedError | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Written:
    """What the platform said to a write that it carried out.

    Attributes:
        timeout_ms: The value that was sent: what was asked for, rounded up to a whole step.
        lock: The lock of the new state; empty where the answer did not name it.
        version: The version that people know it by; empty where the answer did not name it.
    """

    timeout_ms: int
    lock: str
    version: str


def is_same_lock(one: str, other: str) -> bool:
    """Return whether two locks name the same state, whatever a gateway made of an ETag."""
    return is_same_etag(one, other)


def writes_between(before: TargetState, after: TargetState) -> int | None:
    """Return how many writes lie between two readings by their versions; None where they don't say.

    Both contracts count versions one by one, a flow's in its document.
    """
    return versions_between(before.version, after.version)


def was_answered(error: TimeoutMonitorError) -> bool:
    """Return whether a failed write went out and was answered, so that a reading can tell more.

    What was held back on this side has no status. An ``EtagRewrittenError`` was read after already.
    """
    is_told = isinstance(error, GenesysError) and error.status is not None
    return is_told and not isinstance(error, EtagRewrittenError)


def shows_the_write(
    target: Target, before: TargetState, after: TargetState, timeout_ms: int
) -> bool:
    """Return whether a write that was refused was carried out all the same.

    A proxy that sends a request twice passes on the answer to the second, and that one is refused
    because the first was carried out: a 409 or 412 above all. What is there then is exactly what
    was sent, one version on. Whatever else is there is somebody else's.

    Args:
        target: Where the timeout is kept.
        before: What the write was sent upon.
        after: What was read after the refusal.
        timeout_ms: The timeout that was sent.
    """
    return (
        after.is_set
        and after.timeout_ms == timeout_ms
        and writes_between(before, after) in {1, None}
        and not target.is_unchanged(before, after)
        and not target.differences(before, after)
    )


def versions_between(before: str, after: str) -> int | None:
    """Return how far two versions are apart; None where one is no number that counts writes."""
    if not (_VERSION.fullmatch(before) and _VERSION.fullmatch(after)):
        return None
    return int(after) - int(before)


_VERSION = re.compile(r"[0-9]{1,18}")

PreSendCheck = Callable[[], None]
"""Called right before a write goes out; what it raises is raised, and then nothing was sent."""


class Target(Protocol):
    """A place that keeps the timeouts of data actions."""

    @property
    def kind(self) -> str:
        """Its name in the audit trail: ``flow`` or ``integration-action``."""
        ...

    @property
    def container_id(self) -> str:
        """The flow whose actions these are; empty where an action stands for itself."""
        ...

    @property
    def step_ms(self) -> int:
        """Values are whole multiples of this; others are rounded up to the next."""
        ...

    def read(self, action_id: str) -> TargetState:
        """Read a data action afresh.

        Raises:
            NotFoundError: There is no such action here.
            RefusedError: It is there in a form in which one field can't be changed for certain,
                such as twice in one flow, or an answer is not proven whole.
            GenesysError: Any other error of the tree.
        """
        ...

    def write(
        self, reading: TargetState, timeout_ms: int, *, pre_send_check: PreSendCheck | None = None
    ) -> Written:
        """Change the timeout, and nothing else, if nobody wrote since the reading. Sends one write.

        Args:
            reading: What it was decided upon.
            timeout_ms: The new timeout in milliseconds; rounded up to a whole step.
            pre_send_check: Whether it may still be sent, asked as close to the wire as can be.

        Raises:
            RefusedError: It can't be edited, has no lock, or the value is not from one step to
                ``CAP_MS``; nothing was sent.
            ConflictError: Somebody wrote since the reading; nothing was changed.
            EtagRewrittenError: Nobody did, and the platform refuses the ETag; nothing was changed.
            AmbiguousWriteError: It is not known whether it was carried out: read it first.
            GenesysError: Any other of the tree: it was refused or never sent.
        """
        ...

    def restore(
        self,
        before: TargetState,
        now: TargetState,
        timeout_ms: int,
        *,
        pre_send_check: PreSendCheck | None = None,
    ) -> Written:
        """Put back what a write has changed beside the timeout. Sends one write.

        Args:
            before: What was read before that write; all of it goes back.
            now: What is there now; only under its lock.
            timeout_ms: The timeout that it is to have: that of ``before``, or the one that was
                written; unset again where it was unset before.
            pre_send_check: Whether it may still be sent, asked as close to the wire as can be.

        Raises:
            RefusedError: There is no lock; nothing was sent.
            ConflictError: Somebody wrote since; nothing was changed.
            AmbiguousWriteError: It is not known whether it was carried out: read it first.
            GenesysError: Any other of the tree: it was refused or never sent.
        """
        ...

    def is_unchanged(self, before: TargetState, after: TargetState) -> bool:
        """Return whether nobody wrote between two readings, whatever became of their locks."""
        ...

    def fingerprint(self, reading: TargetState) -> str:
        """Return a digest of all that ``differences`` compares; empty where not all was read.

        It outlives the program, so that what is read later can be compared with what was read
        before a write; it holds nothing of the content.
        """
        ...

    def differences(self, before: TargetState, after: TargetState) -> Sequence[str]:
        """Where two readings of an action differ, but for its timeout and what servers manage.

        What one of them did not read is left out.

        Returns:
            Places such as ``$.tasks[0].name``; values are left out, for they may be secret.
        """
        ...
