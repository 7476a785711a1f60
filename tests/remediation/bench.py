"""A small org in this process, and programs that change its timeouts and can be cut off anywhere.

Everything is the product's own: simulator, client, targets, ledger, executor. Each call to the
ledger or the platform is a step at which something else may happen: the program is killed, somebody
edits or pauses, a clock jumps, another program takes its turn.
"""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from http import HTTPStatus
from pathlib import Path
from typing import Any

from monitor.config import RemediationSettings
from monitor.diagnosis import Diagnosis
from monitor.journal import NOT_SENT, NOT_UNDONE, Change, ChangeState, RemediationState, Switch
from monitor.ledger import Ledger
from monitor.model import Action, ActionKind
from monitor.remediation.actor import ActorContext
from monitor.remediation.decision import Candidate, Data
from monitor.remediation.effect import Effect, Judgement
from monitor.remediation.guards.past_changes import FIRST_WAIT_SECONDS
from monitor.remediation.put_back import DAMAGED, is_being_put_back, is_damaged
from monitor.remediation.reconcile import ReconcileInput, Reconciler
from monitor.remediation.set_timeout import ManualRequest, SetTimeout, SetTimeoutResult
from monitor.remediation.targets import FlowTarget, IntegrationActionTarget, Target
from monitor.remediation.transitions import later_one_in_force
from monitor.remediation.trials import is_trial_over
from monitor.remediation.write import Writer
from monitor.simulator.flow_documents import timeouts_of
from monitor.simulator.integration_actions import action_json
from monitor.simulator.scenario_types import (
    PUNCTUAL,
    Arrivals,
    Integration,
    LatencyLaw,
    Scenario,
    SimulatedAction,
    SimulatedFlow,
    Step,
)
from monitor.simulator.world import World
from tests.clocks import ManualClock
from tests.remediation.crash_points import SteppedJournal, SteppedTarget, Steps
from tests.remediation.guard_inputs import NOW, diagnosis, unclear_diagnosis
from tests.remediation.transports import Socket, Wsgi
from tests.simulated_org import readable, simulated_org
from tests.simulator_client import ACTIONS

ORG = "acme"
LISTED = "custom_-_listed"
UNLISTED = "custom_-_unlisted"
NAMES = {LISTED: "Look Up Customer", UNLISTED: "Book Table"}
FLOW = "11111111-2222-5333-8444-555555555555"
BEGINNING_MS = 4_000
REQUIRED_MS = 60_000.0
"""More than the cap allows: how far a raise may go is not left to the data."""
STALE_SECONDS = 180.0


def small_org() -> Scenario:
    """Two actions, each as an integration action and in one flow."""
    crm = Integration("crm", "CRM")
    law, calls = LatencyLaw(median_ms=1_000), Arrivals(per_hour=60)
    actions = tuple(
        SimulatedAction(
            action_id, name, crm, "Web Services Data Actions", law, calls, timeout_seconds=4
        )
        for action_id, name in NAMES.items()
    )
    steps = (Step(LISTED, BEGINNING_MS), Step(UNLISTED, BEGINNING_MS))
    return Scenario("small", 1, actions, (SimulatedFlow(FLOW, "Main", steps),), PUNCTUAL)


@dataclass
class Owner:
    """Whose value is in force on the far side."""

    change_id: int | None
    value_ms: int
    before: Owner | None = None


@dataclass(frozen=True)
class _Write:
    """A write on its way, and the far side just before it arrives."""

    acting: Steps
    change: Change
    others: dict[str, object]
    values: dict[str, int]


class Bench:
    """The org, the ledger, two clocks, and the rules that no program may break.

    A rule that is broken raises ``AssertionError`` at the very step that breaks it. Where a program
    goes on all the same, as after any error that nobody foresaw, ``check_rules`` tells.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - what sequences differ in
        self,
        kind: str,
        folder: Path,
        template: Path,
        settings: RemediationSettings,
        wire: type[Wsgi | Socket] = Wsgi,
        world: World | None = None,
    ) -> None:
        """Lay it out: both actions at 4 s, everything just read.

        Args:
            kind: The target.
            folder: Where the ledger goes.
            template: An empty ledger, to be copied.
            settings: ``[remediation]``.
            wire: How the platform is reached.
            world: How it behaves where nobody could ask it.
        """
        self.kind = kind
        self.clock, self.machine = ManualClock(NOW), ManualClock(1_000_000.0)
        self.org = simulated_org(small_org(), self.clock, world=readable(world))
        self.wire = wire(self.org, self._before_write, self._after_write)
        self.client = self.wire.client
        shutil.copy(template, folder / "ledger.db")
        self.ledger = Ledger.open(f"sqlite:///{folder / 'ledger.db'}")
        self.settings = settings
        self.is_paused = False
        self.last_success_at = NOW
        self.latest_time = NOW
        self.sends: list[float] = []
        self.raised: dict[str, list[float]] = {LISTED: [], UNLISTED: []}
        self.owners = {one: Owner(None, BEGINNING_MS) for one in (LISTED, UNLISTED)}
        self.acting = Steps()
        self.broken: list[str] = []
        self.writes = 0
        self.may_spoil = False
        self.may_spoil_timeouts = False
        self.unspoilt: dict[int, dict[str, object]] = {}
        self.spoilt: dict[int, int] = {}
        self.edits = 0
        self.required_ms = REQUIRED_MS
        self.unclear: set[str] = set()
        self.listings: list[tuple[float, list[Action]]] = []
        self.in_flight: list[Callable[[], None]] = []
        self._on_the_wire: list[_Write] = []
        self.refresh()

    # --- the far side ---------------------------------------------------------------------

    def value_ms(self, action_id: str) -> int:
        """The timeout as the far side has it."""
        if self.kind == "flow":
            return timeouts_of(self.org.flows.get(FLOW).body)[action_id]
        seconds = self.org.actions.get(action_id).config.timeout_seconds
        assert seconds is not None
        return seconds * 1_000

    def path(self, action_id: str) -> str:
        """Where it is edited."""
        return f"/api/v2/flows/{FLOW}" if self.kind == "flow" else f"{ACTIONS}/{action_id}"

    def edit(self, action_id: str, timeout_ms: int | None) -> None:
        """Let a person save it; what was deleted nobody can."""
        if action_id not in self.owners:
            return
        if timeout_ms is not None:
            inputs = {one.to_ms for one in self.changes()} | {one.from_ms for one in self.changes()}
            if timeout_ms in inputs | {self.value_ms(action_id)}:
                return  # a value of ours set by hand can't be told from ours
            self._forget_what_nobody_saw(action_id)
            self.owners[action_id] = Owner(None, timeout_ms)
        self.edits += 1
        self.org.edit(self.path(action_id), action_id, timeout_ms)

    def delete(self, action_id: str) -> None:
        """Let a person delete it: an action, or the flow that it is in."""
        self.edits += 1
        if self.kind == "flow":
            self.org.flows.delete(FLOW)
            self.owners.clear()
        elif self.owners.pop(action_id, None):
            self.org.actions.delete(action_id)

    def _forget_what_nobody_saw(self, action_id: str) -> None:
        """A raise that arrived late and is overwritten before it was seen starts no cooldown."""
        owner = self.owners[action_id]
        of_owner = [one for one in self.changes() if one.change_id == owner.change_id]
        if self.raised[action_id] and any(
            one.measured and one.applied_at is None for one in of_owner
        ):
            self.raised[action_id].pop()

    # --- what is known --------------------------------------------------------------------

    def poll(self) -> None:
        """Read the org."""
        self.last_success_at = self.clock.now()

    def refresh(self) -> None:
        """Read the catalogue."""
        self.ledger.save_catalogue(ORG, self._listed(), self.clock.now())

    def _listed(self) -> list[Action]:
        return [
            Action(
                one.action_id,
                one.name,
                kind=ActionKind.FLOW if self.kind == "flow" else ActionKind.CUSTOM,
                configured_timeout_ms=self.value_ms(one.action_id),
            )
            for one in self.org.scenario.actions
            if one.action_id in self.owners
        ]

    def begin_listing(self) -> None:
        """Let somebody begin to read the catalogue; they keep it when they have read it all."""
        self.listings.append((self.clock.now(), self._listed()))

    def end_listing(self) -> None:
        """Keep the listing that was begun first: it shows nothing that we have written since."""
        if not self.listings:
            return
        began_at, actions = self.listings.pop(0)
        now = self.clock.now()
        known = {one.action_id: one for one in self.ledger.state(ORG).actions}
        self.ledger.save_catalogue(ORG, actions, began_at, now=now)
        with self._remembering():
            for action in self.ledger.state(ORG).actions:
                own = [one for one in self.changes() if one.action_id == action.action_id]
                if any(began_at < at <= now for one in own for at in _written(one)):
                    before = known[action.action_id].configured_timeout_ms
                    assert action.configured_timeout_ms == before, "an old listing replaced a write"

    def inputs(self) -> ReconcileInput:
        """Slow tails that want a minute, or what is unclear, measured under what is listed."""
        gone = self.ledger.state(ORG).gone
        in_force = self.ledger.timeouts_in_force(ORG)
        shown = {one: ms for one, _, ms in in_force if ms is not None and one not in gone}
        candidates = [
            Candidate(
                ORG,
                action_id,
                NAMES[action_id],
                timeout_ms,
                1_000,
                self._diagnosis(action_id, timeout_ms),
                self.kind,
                FLOW if self.kind == "flow" else "",
            )
            for action_id, timeout_ms in shown.items()
        ]
        at = self.last_success_at
        data = Data(at, STALE_SECONDS, at, 2 * STALE_SECONDS, slots=10.0, limit=50)
        return ReconcileInput(tuple(candidates), data)

    def _diagnosis(self, action_id: str, timeout_ms: int) -> Diagnosis:
        is_unclear = action_id in self.unclear
        wanted_ms = max(self.required_ms, timeout_ms)
        found = unclear_diagnosis(timeout_ms) if is_unclear else diagnosis(timeout_ms, wanted_ms)
        return replace(found, last_called_at=self.last_success_at)

    def changes(self) -> tuple[Change, ...]:
        """Every change."""
        return self.ledger.journal.changes(ORG, 1_000)

    def pause(self) -> None:
        """Pull the switch."""
        self.ledger.journal.pause(ORG, Switch(self.clock.now(), "ann@desk"))
        self.is_paused = True

    def resume(self) -> None:
        """Let it go on."""
        self.ledger.journal.resume(ORG, Switch(self.clock.now(), "ann@desk"))
        self.is_paused = False

    def move_clock(self, seconds: float) -> None:
        """Let the data's clock go on or jump."""
        self.clock.at += seconds
        self.latest_time = max(self.latest_time, self.clock.at)

    # --- the rules ------------------------------------------------------------------------

    def check_rules(self) -> None:
        """No rule was broken, whoever has caught the error that said so."""
        assert self.broken == []

    @contextmanager
    def _remembering(self) -> Iterator[None]:
        try:
            yield
        except AssertionError as error:
            self.broken.append(str(error))
            raise

    def seen(self, what: str, result: object) -> None:
        """A call to the journal has returned."""
        with self._remembering():
            self._seen(what, result)

    def _seen(self, what: str, result: object) -> None:
        acting = self.acting
        if what in {"remediation_state", "last_look"}:
            # What a write is decided upon; a clock that jumps after it can't be known in time.
            acting.decided_at = self.clock.now()
        if what == "begin" and isinstance(result, Change) and not acting.by_hand:
            self._check_that_it_has_waited(result, acting.decided_at)
        if what != "send" or not isinstance(result, Change):
            return
        now = acting.decided_at
        acting.allowed = result
        self._check_switches(result)
        if result.state is ChangeState.UNDOING:
            return
        if not result.measured:
            assert acting.by_hand, "set by hand by nobody"
            self.sends.append(now)
            return
        assert acting.data is not None
        read_at = acting.data.last_success_at
        assert -5 <= now - read_at <= STALE_SECONDS, "a write on stale data"
        of_action = [one for one in self.changes() if one.action_id == result.action_id]
        assert [one for one in of_action if one.is_open] == [result], "two open changes"
        today = [at for at in self.sends if at > now - 86_400]
        assert len(today) < self.settings.max_changes_per_day, "more than the daily budget"
        assert all(read_at > at for at in self.sends), "two changes in one poll"
        assert all(now - at >= self.settings.cooldown for at in self.raised[result.action_id]), (
            "a write during the cooldown"
        )
        self.sends.append(now)

    def _check_switches(self, change: Change) -> None:
        """Nobody has said that this must not be written: when it is recorded, and on the wire."""
        acting = self.acting
        settings = acting.settings
        assert settings is not None
        assert settings.mode != "off", "a write while off"
        if change.state is ChangeState.UNDOING and (acting.by_hand or is_being_put_back(change)):
            return
        if change.state is not ChangeState.UNDOING:
            assert self.raw_state().tripped is None, "a write while tripped"
        assert not self.is_paused, "a write while paused"
        if acting.by_hand or (change.state is ChangeState.UNDOING and change.trial_seconds):
            return
        assert settings.mode == "auto", "a write without a person"
        names = settings.allow_trials if change.trial_seconds else settings.allow
        assert "*" in names or (change.action_id == LISTED and names), "not on the allow-list"

    def _check_that_it_has_waited(self, change: Change, now: float) -> None:
        """What was refused at the last look is left alone for a while."""
        own = [one for one in self.changes() if one.action_id == change.action_id]
        before = next((one for one in own if one.change_id != change.change_id), None)
        if before is not None and before.reason == NOT_SENT:
            waited = now - before.touched_at
            assert waited >= FIRST_WAIT_SECONDS, f"tried again after {waited} s"

    def raw_state(self) -> RemediationState:
        """What stands in the way, asked beside the program."""
        return self.ledger.journal.remediation_state(ORG, self.clock.now())

    def _before_write(self) -> None:
        with self._remembering():
            self._note_write()

    def _note_write(self) -> None:
        self.writes += 1
        acting = self.acting
        change, acting.allowed = acting.allowed, None
        assert change is not None, "a write that nothing allowed"
        recorded = next(one for one in self.changes() if one.change_id == change.change_id)
        assert recorded.state is change.state, "a write that is not recorded"
        assert not acting.ended.is_set(), "a write by settings that are over"
        self._check_switches(change)
        if change.measured and change.state is ChangeState.WRITING:
            assert acting.data is not None
            age = acting.decided_at - acting.data.last_success_at
            assert -5 <= age <= STALE_SECONDS, "on the wire with stale data"
        # What happens from here on, nobody could know before it was sent.
        while self.in_flight:
            self.in_flight.pop()()
        self.acting = acting
        others = {one: self._others(one) for one in self.owners}
        values = {one: self.value_ms(one) for one in self.owners}
        self._on_the_wire.append(_Write(acting, change, others, values))

    def _after_write(self, status: int | None) -> None:
        with self._remembering():
            self._judge_write(status)

    def _judge_write(self, status: int | None) -> None:
        write = self._on_the_wire.pop()
        change, others, before = write.change, write.others, write.values
        if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.PRECONDITION_FAILED}:
            # It did nothing, and may be repeated with a new token or the ETag of the platform.
            write.acting.allowed = change
        values = {one: self.value_ms(one) for one in self.owners}
        self._check_others(change, others, {one: self._others(one) for one in self.owners})
        touched = [one for one in values if values[one] != before[one]]
        if not touched:
            return
        if self.may_spoil_timeouts:
            return  # what is in force is nobody's wish
        assert touched == [change.action_id], "another action was changed"
        old, new = before[change.action_id], values[change.action_id]
        owner = self.owners[change.action_id]
        assert new <= 30_000, "above the cap"
        if change.state is ChangeState.UNDOING:
            assert self.is_of(owner, change), "undone what is not ours"
            assert (old, new) == (change.to_ms, change.from_ms), "undone to another value"
            self.owners[change.action_id] = owner.before or Owner(None, new)
        elif not change.measured:
            assert old < new or self.acting.may_lower, "lowered by nobody's wish"
            assert (old, new) == (change.from_ms, change.to_ms), "not what was recorded"
            self.owners[change.action_id] = Owner(change.change_id, new)
        else:
            assert old < new <= old * 1.5, "no raise, or too large a step"
            assert (old, new) == (change.from_ms, change.to_ms), "not what was recorded"
            self.owners[change.action_id] = Owner(change.change_id, new, owner)
            self.raised[change.action_id].append(self.clock.now())

    def _check_others(
        self, change: Change, before: dict[str, object], now: dict[str, object]
    ) -> None:
        """Nothing but a timeout may change, unless something on the way does it."""
        if now == before:
            return
        if now == self.unspoilt.get(change.change_id):
            del self.unspoilt[change.change_id]
            return
        assert self.may_spoil, "another field"
        self.unspoilt.setdefault(change.change_id, before)
        self.spoilt[change.change_id] = self.edits

    def check_that_damage_is_told(self) -> None:
        """What is not as it was before a write of ours is on record, and everything has stopped."""
        for change_id, edits in self.spoilt.items():
            told = [
                one.detail
                for one in self.ledger.journal.audit.newest(ORG, 10_000)
                if one.change_id == change_id
            ]
            # Where somebody else wrote before it was compared, nobody can tell who did it.
            assert edits != self.edits or any(DAMAGED in one for one in told), told
        for change in self.changes():
            tripped = any(
                one.event == "tripped" and one.detail.startswith(f"change {change.change_id}:")
                for one in self.ledger.journal.audit.newest(ORG, 10_000)
            )
            assert is_damaged(change) is tripped, f"{change} and {tripped}"

    def check_that_trials_have_ended(self) -> None:
        """Whoever began one, and whatever ran at its end, unless somebody has stopped all writes.

        What can't be set back says why.
        """
        if self.is_paused or self.settings.mode == "off":
            return
        state = self.raw_state()
        for change in self.changes():
            if not (change.trial_seconds and is_trial_over(change, self.clock.now())):
                continue
            assert change.state is not ChangeState.WATCHING, "a trial without an end"
            excused = is_damaged(change) or change.reason == NOT_UNDONE
            excused |= later_one_in_force(change, state) is not None
            assert excused or change.state is not ChangeState.UNHELPFUL, "not set back"

    def is_of(self, owner: Owner, change: Change) -> bool:
        """Whether the value in force is that of a change, or can't be told from it.

        A write that was given up, and made anew from the same value to the same, may arrive in the
        place of the second.
        """
        if owner.change_id in {None, change.change_id}:
            return owner.change_id is not None
        arrived = next(one for one in self.changes() if one.change_id == owner.change_id)
        return arrived.state is ChangeState.ABANDONED and (
            (arrived.action_id, arrived.from_ms, arrived.to_ms)
            == (change.action_id, change.from_ms, change.to_ms)
        )

    def _others(self, action_id: str) -> object:
        """All of an action but its timeout and what the far side counts."""
        if self.kind == "flow":
            body = self.org.flows.get(FLOW).body
            return _without_timeouts({k: v for k, v in body.items() if k not in _MANAGED})
        stored = self.org.actions.get(action_id)
        shown = action_json(stored, with_config=True, with_contract=True)
        files = ("requesttemplate.vm", "successtemplate.vm")
        texts = [self.org.actions.template(action_id, name) for name in files]
        without = {key: value for key, value in shown.items() if key != "version"}
        return _without_timeouts(without), texts

    def close(self) -> None:
        """Let go of the ledger and the line."""
        self.ledger.close()
        self.wire.close()


def _written(change: Change) -> list[float]:
    """When a change was known to be written, and to be undone."""
    undone = [change.touched_at] if change.state is ChangeState.ROLLED_BACK else []
    return undone if change.applied_at is None else [change.applied_at, *undone]


_TIMEOUTS = {"timeout", "timeoutSeconds"}
_MANAGED = {"version", "dateModified", "modifiedBy"}


def _without_timeouts(node: object) -> object:
    if isinstance(node, dict):
        return {
            key: _without_timeouts(value) for key, value in node.items() if key not in _TIMEOUTS
        }
    if isinstance(node, list):
        return [_without_timeouts(one) for one in node]
    return node


@dataclass
class ByHand:
    """A timeout that somebody is about to set.

    Attributes:
        setting: Does it.
    """

    setting: SetTimeout

    def run(self) -> SetTimeoutResult:
        """Do it, under the lease."""
        with self.setting.writer.lease() as lease:
            return self.setting.run(lease)


class Program:
    """A daemon, or a command: it reconciles, and can be cut off at any step."""

    def __init__(self, bench: Bench, name: str) -> None:
        """Start."""
        self.bench, self.name, self.generation = bench, name, 0
        self.ended = threading.Event()

    def reconciler(self, steps: Steps, actor: str) -> Reconciler:
        """All that a turn needs, made anew: nothing is carried over but the ledger."""
        bench = self.bench
        steps.settings, steps.ended = bench.settings, self.ended
        journal: Any = SteppedJournal(bench.ledger.journal, steps, bench.seen)
        context = self._context(actor)
        writer = Writer(ORG, journal, _Places(bench, steps), context)
        return Reconciler(ORG, journal, writer, bench.settings, context)

    def setting(self, steps: Steps, action_id: str, timeout_ms: int) -> ByHand:
        """Somebody's timeout, about to be set; all of it made anew."""
        bench = self.bench
        steps.settings, steps.ended = bench.settings, self.ended
        journal: Any = SteppedJournal(bench.ledger.journal, steps, bench.seen)
        container = FLOW if bench.kind == "flow" else ""
        target = _Places(bench, steps).find(bench.kind, container)
        request = ManualRequest(ORG, action_id, timeout_ms, steps.may_lower, bench.settings)
        return ByHand(SetTimeout(journal, target, request, self._context("ann@desk")))

    def _context(self, actor: str) -> ActorContext:
        bench = self.bench
        return ActorContext(
            actor=actor,
            holder=f"{self.name}:{self.generation}",
            clock=bench.clock,
            machine=bench.machine,
            quarantine_seconds=bench.settings.quarantine,
            ended=self.ended,
        )

    def reload(self) -> None:
        """Go on by new settings: what was begun by the old ones is over."""
        self.ended.set()
        self.ended = threading.Event()

    def restart(self) -> None:
        """Come back as a new program."""
        self.generation += 1


class _Places:
    """Where timeouts are kept, a step away."""

    def __init__(self, bench: Bench, steps: Steps) -> None:
        self._bench, self._steps = bench, steps

    def find(self, kind: str, container_id: str) -> Target:
        target: Target = (
            FlowTarget(self._bench.client, container_id)
            if kind == "flow"
            else IntegrationActionTarget(self._bench.client)
        )
        return SteppedTarget(target, self._steps)

    def is_listed(self, change: Change) -> bool:
        return self._bench.ledger.is_listed(ORG, change.action_id)


def judged(effect: Effect) -> Callable[[Change], Judgement]:
    """Every change is judged so."""
    return lambda _: Judgement(effect, f"judged {effect}")
