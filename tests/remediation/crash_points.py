"""Programs each of whose calls to the ledger or the platform is a step where things may happen."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from monitor.config import RemediationSettings
from monitor.journal import AuditTrail, Change, Journal
from monitor.remediation.decision import Data
from monitor.remediation.targets import PreSendCheck, Target, TargetState, Written

if TYPE_CHECKING:
    from tests.remediation.bench import Bench


class Killed(BaseException):
    """The program is dead: nothing of it runs any more."""


@dataclass
class Steps:
    """Counts the steps of one turn, and lets things happen at them."""

    happenings: dict[int, list[Callable[[], None]]] = field(default_factory=dict)
    kill_after: set[int] = field(default_factory=set)
    before: dict[str, list[Callable[[], None]]] = field(default_factory=dict)
    taken: int = 0
    dead: bool = False
    bench: Bench | None = None
    by_hand: bool = False
    may_lower: bool = False
    data: Data | None = None
    allowed: Change | None = None
    decided_at: float = 0.0
    settings: RemediationSettings | None = None
    ended: threading.Event = field(default_factory=threading.Event)

    def take(self, call: Callable[[], Any], name: str) -> Any:  # noqa: ANN401 - whatever is called
        """One step."""
        if self.dead:
            raise Killed
        self.taken += 1
        number = self.taken
        for happening in [*self.happenings.pop(number, []), *self.before.pop(name, [])]:
            happening()
        if self.dead:
            raise Killed
        if self.bench is not None:
            self.bench.acting = self
        result = call()
        if number in self.kill_after:
            self.dead = True
            raise Killed
        return result


class SteppedJournal:
    """A journal each of whose calls is a step, and those of its groups are."""

    def __init__(
        self, journal: Journal | AuditTrail, steps: Steps, seen: Callable[[str, Any], None]
    ) -> None:
        """Stand in front of one."""
        self._journal, self._steps, self._seen = journal, steps, seen

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - every method of a journal
        """The same method, as a step."""
        method = getattr(self._journal, name)
        if isinstance(method, AuditTrail):
            return SteppedJournal(method, self._steps, self._seen)

        def stepped(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
            def call() -> Any:  # noqa: ANN401
                result = method(*args, **kwargs)
                self._seen(name, result)
                return result

            return self._steps.take(call, name)

        return stepped


class SteppedTarget:
    """A target whose readings and writes are steps."""

    def __init__(self, target: Target, steps: Steps) -> None:
        """Stand in front of one."""
        self._target, self._steps = target, steps
        self.kind, self.container_id = target.kind, target.container_id
        self.step_ms = target.step_ms

    def read(self, action_id: str) -> TargetState:
        """A step."""
        reading: TargetState = self._steps.take(lambda: self._target.read(action_id), "read")
        return reading

    def write(
        self, reading: TargetState, timeout_ms: int, *, pre_send_check: PreSendCheck | None = None
    ) -> Written:
        """A step."""

        def call() -> Written:
            return self._target.write(reading, timeout_ms, pre_send_check=pre_send_check)

        written: Written = self._steps.take(call, "write")
        return written

    def restore(
        self,
        before: TargetState,
        now: TargetState,
        timeout_ms: int,
        *,
        pre_send_check: PreSendCheck | None = None,
    ) -> Written:
        """A step."""

        def call() -> Written:
            return self._target.restore(before, now, timeout_ms, pre_send_check=pre_send_check)

        written: Written = self._steps.take(call, "restore")
        return written

    def is_unchanged(self, before: TargetState, after: TargetState) -> bool:
        """No step: nothing is asked."""
        return self._target.is_unchanged(before, after)

    def fingerprint(self, reading: TargetState) -> str:
        """No step: nothing is asked."""
        return self._target.fingerprint(reading)

    def differences(self, before: TargetState, after: TargetState) -> Any:  # noqa: ANN401
        """No step: nothing is asked."""
        return self._target.differences(before, after)
