"""Whatever goes wrong, and whenever: the rules that no change may break, held by a state machine.

Each sequence lets daemons and people change timeouts of a small org while the platform fails, the
programs are killed between any two steps, people edit the same and other fields, clocks jump,
leases run out under their holders, and somebody pauses and resumes at any step. ``Bench`` checks
the rules at the step that would break them.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import stamina
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    rule,
    run_state_machine_as_test,
)

from monitor.config import RemediationSettings
from monitor.errors import TimeoutMonitorError
from monitor.ledger import Ledger
from monitor.remediation.effect import Effect
from monitor.simulator.world import World
from tests.remediation.bench import (
    LISTED,
    UNLISTED,
    Bench,
    Owner,
    Program,
    judged,
)
from tests.remediation.crash_points import Killed, Steps
from tests.remediation.transports import Socket, Wsgi

DAY = 86_400.0
SEQUENCES = int(os.environ.get("SEQUENCES", "320" if "CI" in os.environ else "120"))
"""How many in all: hundreds in CI, and as many as somebody asks for."""

IS_RANDOM = "SEQUENCES" in os.environ
"""Whoever asks for a number gets new sequences each time; everybody else gets the same ones, so
that nobody's change is held up by what somebody else's may have broken long ago."""

KINDS = ["flow", "integration-action"]
PARTS = 4
"""Each target's sequences in so many pieces, which two processes can share."""

STEPS = 14

TURNS_TO_SETTLE = 2
"""So many quiet turns after all has gone wrong, everything is known; in mode off, too."""

SETTINGS = {
    "mode": "auto",
    "allow": ["Look Up *"],
    "max_changes_per_day": 2,
    "cooldown": "24h",
    "quarantine": "3d",
    "trip_after": 3,
}

ACTION = st.sampled_from([LISTED, LISTED, UNLISTED])
PEOPLES_VALUE = st.sampled_from([2_000, 5_000, 7_000, 11_000, 17_000, 30_000])
JUMP = st.sampled_from([-DAY, -3_600.0, -90.0, 90.0, 3_600.0, DAY])
HAPPENING = st.one_of(
    st.just(("kill",)),
    st.just(("pause",)),
    st.tuples(st.just("edit"), ACTION, st.none() | PEOPLES_VALUE),
    st.tuples(st.just("jump"), JUMP),
    st.just(("other_daemon",)),
    st.just(("lease_is_over",)),
    st.tuples(st.just("reload"), st.sampled_from(["off", "recommend", "auto"])),
    st.just(("listing_begins",)),
    st.just(("listing_ends",)),
    st.tuples(st.just("slow_wire"), st.sampled_from([30.0, 130.0, 1_000.0, DAY])),
)
HAPPENINGS = st.lists(st.tuples(st.integers(1, 24), HAPPENING), max_size=3)
LOST = ["reset_after", "reset_after", "reset", "server_error", "unavailable", "html"]
"""A write that nobody answers: carried out, or not."""

REFUSED = [
    "conflict",
    "conflict_after",
    "precondition_failed",
    "precondition_failed_after",
    "rate_limited",
    "unauthorized",
    "forbidden",
    "bad_request",
    "bad_request_after",
    "not_found",
    "request_timeout",
]
WRONG = ["html", "wrong_shape", "empty", "cut"]
"""An answer to a reading that is not the platform's."""

FAULT = st.one_of(
    st.none(),
    st.tuples(st.just("PATCH"), st.sampled_from(LOST), st.just(0)),
    st.tuples(st.just("PATCH"), st.sampled_from([*LOST, *REFUSED]), st.integers(0, 1)),
    st.tuples(st.just("PATCH"), st.just("spoilt"), st.integers(0, 1)),
    st.tuples(st.just("GET"), st.sampled_from([*LOST, *REFUSED, *WRONG]), st.integers(0, 9)),
)
WORLD = st.builds(
    World,
    patch=st.sampled_from(["replaces", "merges"]),
    templates_shown=st.sampled_from(["nothing", "uri", "inline"]),
    conflict=st.sampled_from(["409", "400", "408"]),
    etag=st.sampled_from(["suffixed", "weak", "strong", "stubborn"]),
)
EFFECT = st.sampled_from([Effect.NOT_YET, Effect.HELPED, Effect.NOT_HELPED, Effect.HARMED])


class Remediation(RuleBasedStateMachine):
    """Two daemons, a few people and a platform that fails."""

    kind = "integration-action"
    template = Path()
    folder = Path()
    wire: type[Wsgi | Socket] = Wsgi

    def __init__(self) -> None:
        """Lay out the org."""
        super().__init__()
        self._folder = Path(tempfile.mkdtemp(dir=self.folder))

    @initialize(
        first=st.booleans(),
        budget=st.integers(1, 2),
        allow=st.sampled_from(["Look Up *", "*"]),
        tried=st.sampled_from([[], ["Look Up *"], ["*"]]),
        unclear=st.sets(ACTION),
        world=WORLD,
    )
    def a_change_is_made(  # noqa: PLR0913 - what sequences differ in
        self,
        *,
        first: bool,
        budget: int,
        allow: str,
        tried: list[str],
        unclear: set[str],
        world: World,
    ) -> None:
        """Half of the sequences begin after a change that went well: later states lie far away."""
        guards = RemediationSettings.model_validate(
            {**SETTINGS, "max_changes_per_day": budget, "allow": [allow], "allow_trials": tried}
        )
        self.bench = Bench(self.kind, self._folder, self.template, guards, self.wire, world)
        self.bench.unclear |= unclear
        self.daemons = [Program(self.bench, "one"), Program(self.bench, "two")]
        self.person = Program(self.bench, "person")

        if first:
            self._turn(0, Effect.NOT_YET, [], None)

    @rule(
        which=st.integers(0, 1),
        effect=EFFECT,
        happenings=HAPPENINGS,
        fault=FAULT,
        polled=st.sampled_from([True, True, True, False]),
    )
    def daemon_takes_its_turn(
        self,
        which: int,
        effect: Effect,
        happenings: list[Any],
        fault: tuple[str, str, int] | None,
        *,
        polled: bool,
    ) -> None:
        """After a poll, or with what was read long ago."""
        if polled:
            self.bench.move_clock(60)
            self.bench.machine.at += 60
            self.bench.poll()
        self._turn(which, effect, happenings, fault)

    @rule(days=st.sampled_from([1.0, 1.0, 4.0]), effect=EFFECT, fault=FAULT, happenings=HAPPENINGS)
    def days_later(
        self, days: float, effect: Effect, fault: tuple[str, str, int] | None, happenings: list[Any]
    ) -> None:
        """Somebody has put all in order; cooldowns are over; the daemon goes on."""
        self.bench.move_clock(days * DAY + 60)
        self.bench.machine.at += days * DAY
        self.bench.resume()
        self._reload("auto")
        self.bench.poll()
        self.bench.refresh()
        self._turn(0, effect, happenings, fault)

    @rule(action_id=ACTION, timeout_ms=st.none() | PEOPLES_VALUE)
    def person_edits(self, action_id: str, timeout_ms: int | None) -> None:
        """The timeout, or something else."""
        self.bench.edit(action_id, timeout_ms)

    @rule(action_id=ACTION, happenings=HAPPENINGS, fault=FAULT)
    def person_applies(
        self, action_id: str, happenings: list[Any], fault: tuple[str, str, int] | None
    ) -> None:
        """Any action, listed or not."""
        steps = self._steps(happenings, fault, by_hand=True)
        reconciler = self.person.reconciler(steps, "ann@desk")
        inputs = self.bench.inputs()
        steps.data = inputs.data
        self._run(
            lambda: reconciler.apply_requested(
                inputs, judged(Effect.NOT_YET), frozenset({action_id})
            )
        )

    @rule(
        action_id=ACTION,
        hours=st.sampled_from([0.25, 2.0, 24.0]),
        happenings=HAPPENINGS,
        fault=FAULT,
    )
    def person_tries(
        self,
        action_id: str,
        hours: float,
        happenings: list[Any],
        fault: tuple[str, str, int] | None,
    ) -> None:
        """Any action, clear or not."""
        steps = self._steps(happenings, fault, by_hand=True)
        reconciler = self.person.reconciler(steps, "ann@desk")
        inputs = self.bench.inputs()
        steps.data = inputs.data
        seconds = hours * 3_600
        judge = judged(Effect.NOT_YET)
        if not self._run(lambda: reconciler.try_requested(inputs, judge, action_id, seconds)):
            self.person.restart()

    @rule(
        action_id=ACTION,
        mode=st.sampled_from(["recommend", "auto"]),
        begun=st.tuples(HAPPENINGS, FAULT),
        overtaken=st.sampled_from([False, False, False, True]),
        ended=st.tuples(HAPPENINGS, FAULT),
        effect=EFFECT,
    )
    def trial_ends_while_nobody_runs(  # noqa: PLR0913 - what sequences differ in
        self,
        action_id: str,
        mode: str,
        begun: tuple[list[Any], tuple[str, str, int] | None],
        ended: tuple[list[Any], tuple[str, str, int] | None],
        effect: Effect,
        *,
        overtaken: bool,
    ) -> None:
        """It was begun when all was in order, and a daemon is started after its end."""
        self.bench.move_clock(4 * DAY)
        self.bench.machine.at += 4 * DAY
        self.bench.resume()
        self._reload(mode)
        self.bench.poll()
        self.bench.refresh()
        self.bench.unclear.add(action_id)
        self.person_tries(action_id, 2.0, *begun)
        if overtaken:
            self.bench.edit(action_id, 17_000)
        self.bench.move_clock(3 * 3_600)
        self.bench.machine.at += 3 * 3_600
        self.bench.poll()
        self._turn(0, effect, *ended)

    @rule(
        action_id=ACTION,
        timeout_ms=st.sampled_from([3_000, 6_000, 8_000, 9_000, 12_500, 29_000, 31_000]),
        may_lower=st.booleans(),
        happenings=HAPPENINGS,
        fault=FAULT,
    )
    def person_sets(
        self,
        action_id: str,
        timeout_ms: int,
        happenings: list[Any],
        fault: tuple[str, str, int] | None,
        *,
        may_lower: bool,
    ) -> None:
        """A value of their own, whatever the data say."""
        steps = self._steps(happenings, fault, by_hand=True)
        steps.may_lower = may_lower
        setting = self.person.setting(steps, action_id, timeout_ms)
        if not self._run(setting.run):
            self.person.restart()

    @rule(back=st.integers(0, 3), happenings=HAPPENINGS, fault=FAULT)
    def person_rolls_back(
        self, back: int, happenings: list[Any], fault: tuple[str, str, int] | None
    ) -> None:
        """One of the newest changes, paused or not."""
        changes = self.bench.changes()
        if back < len(changes):
            steps = self._steps(happenings, fault, by_hand=True)
            reconciler = self.person.reconciler(steps, "ann@desk")
            self._run(lambda: reconciler.roll_back(changes[back], "ann wants it"))

    @rule(
        what=st.one_of(
            st.tuples(st.just("time"), st.sampled_from([30.0, 130.0, 1_000.0])),
            st.tuples(st.just("jump"), JUMP),
            st.tuples(st.just("mode"), st.sampled_from(["off", "recommend", "auto", "auto"])),
            st.sampled_from([("pause",), ("resume",), ("resume",), ("catalogue",)]),
            st.sampled_from([("listing_begins",), ("listing_ends",)]),
            st.tuples(st.just("cleared_up"), ACTION),
        )
    )
    def the_world_goes_on(self, what: tuple[Any, ...]) -> None:
        """Time, clocks that jump, settings, switches, and a catalogue that is read."""
        bench = self.bench
        match what:
            case ("time", seconds):
                bench.move_clock(seconds)
                bench.machine.at += seconds
            case ("jump", seconds):
                bench.move_clock(seconds)
                bench.machine.at -= seconds
            case ("mode", mode):
                self._reload(mode)
            case ("pause",):
                bench.pause()
            case ("resume",):
                bench.resume()
            case ("listing_begins",):
                bench.begin_listing()
            case ("listing_ends",):
                bench.end_listing()
            case ("cleared_up", action_id):
                bench.unclear ^= {action_id}
            case _:
                bench.refresh()

    @rule(
        which=st.integers(0, 1),
        mode=st.sampled_from(["off", "recommend", "auto", "auto"]),
        effect=EFFECT,
        happenings=HAPPENINGS,
        fault=FAULT,
    )
    def daemon_is_reloaded_to_another_mode(
        self,
        which: int,
        mode: str,
        effect: Effect,
        happenings: list[Any],
        fault: tuple[str, str, int] | None,
    ) -> None:
        """A turn under one mode, and the next under another, by a daemon that was cut off."""
        self._turn(which, Effect.NOT_YET, happenings, fault)
        self.daemons[which].restart()
        self._reload(mode)
        self.bench.move_clock(60)
        self.bench.machine.at += 60
        self.bench.poll()
        self._turn(which, effect, [], None)

    @rule(effect=EFFECT, timeout_ms=st.none() | PEOPLES_VALUE, happenings=HAPPENINGS)
    def person_repairs_what_was_damaged(
        self, effect: Effect, timeout_ms: int | None, happenings: list[Any]
    ) -> None:
        """A write on which something was changed on its way, a person who saves it, and goes on."""
        self._turn(0, effect, happenings, ("PATCH", "spoilt", 0))
        self.bench.edit(LISTED, timeout_ms)
        self.bench.resume()
        self.bench.move_clock(60)
        self.bench.machine.at += 60
        self.bench.poll()
        self.bench.refresh()
        self._turn(1, effect, [], None)

    @rule(which=st.integers(0, 1), timeout_ms=PEOPLES_VALUE, minutes=st.integers(1, 12))
    def daemon_is_refused_at_the_last_look(self, which: int, timeout_ms: int, minutes: int) -> None:
        """Somebody has set another value since the catalogue was read; polls go on."""
        self.bench.edit(LISTED, timeout_ms)
        for _ in range(minutes):
            self.bench.move_clock(60)
            self.bench.machine.at += 60
            self.bench.poll()
            self._turn(which, Effect.NOT_YET, [], None)

    @rule(which=st.integers(0, 1), effect=EFFECT, happenings=HAPPENINGS, days=st.integers(0, 2))
    def catalogue_is_older_than_a_write(
        self, which: int, effect: Effect, happenings: list[Any], days: int
    ) -> None:
        """It began to be read before a turn, and is kept after it."""
        self.bench.begin_listing()
        self.bench.move_clock(days * DAY + 60)
        self.bench.machine.at += days * DAY + 60
        self.bench.poll()
        self._turn(which, effect, happenings, None)
        self.bench.end_listing()

    def teardown(self) -> None:
        """When all is quiet again, everything is known, and the ledger tells what is in force."""
        bench = self.bench
        try:
            bench.wire.mend()
            bench.clock.at = bench.latest_time + 10_000
            bench.machine.at += 10_000
            unsettled = {"planned", "writing", "applied", "undoing"}
            for turns, mode in enumerate(("off", "off", *["recommend"] * 3), start=1):
                self._reload(mode)
                bench.move_clock(200)
                bench.poll()
                bench.refresh()
                self._turn(0, Effect.NOT_YET, [], None)
                is_settled = not [one for one in bench.changes() if one.state in unsettled]
                assert is_settled or turns < TURNS_TO_SETTLE
            bench.check_that_damage_is_told()
            bench.check_that_trials_have_ended()
            for action_id, owner in bench.owners.items():
                self._check_in_force(action_id, owner)
        finally:
            bench.close()
            shutil.rmtree(self._folder)

    def _check_in_force(self, action_id: str, owner: Owner) -> None:
        value_ms = self.bench.value_ms(action_id)
        assert value_ms == owner.value_ms
        if owner.change_id is None:
            return
        told = [one for one in self.bench.changes() if self.bench.is_of(owner, one)]
        assert value_ms in {one.left_ms for one in told}, f"{value_ms} ms, and {told}"

    # --- one turn -------------------------------------------------------------------------

    def _turn(
        self,
        which: int,
        effect: Effect,
        happenings: list[Any],
        fault: tuple[str, str, int] | None,
    ) -> None:
        steps = self._steps(happenings, fault, other=1 - which)
        reconciler = self.daemons[which].reconciler(steps, "auto@host")
        inputs = self.bench.inputs()
        steps.data = inputs.data

        def act() -> object:
            if self.bench.settings.mode == "off":
                return reconciler.settle()
            return reconciler.reconcile(inputs, judged(effect))

        if not self._run(act):
            self.daemons[which].restart()

    def _reload(self, mode: str) -> None:
        """Let both daemons read their settings anew: what they are about is over."""
        self.bench.settings = self.bench.settings.model_copy(update={"mode": mode})
        for daemon in self.daemons:
            daemon.reload()

    def _run(self, act: Callable[[], object]) -> bool:
        """Whether the program lives on."""
        try:
            # An error is one of the ways in which a turn may end.
            with suppress(TimeoutMonitorError):
                act()
        except Killed:
            return False
        finally:
            self.bench.wire.mend()
            self.bench.in_flight.clear()
            self.bench.check_rules()
        return True

    def _steps(
        self,
        happenings: list[Any],
        fault: tuple[str, str, int] | None,
        *,
        other: int | None = None,
        by_hand: bool = False,
    ) -> Steps:
        steps = Steps(bench=self.bench, by_hand=by_hand)
        for at, happening in happenings:
            if happening[0] == "kill":
                steps.kill_after.add(at)
            else:
                steps.happenings.setdefault(at, []).append(self._happening(*happening, other=other))
        if fault is not None:
            method, kind, skip = fault
            self.bench.may_spoil |= kind == "spoilt"
            if method == "PATCH" and self.kind == "flow":
                method = "PUT"
            self.bench.wire.order(
                kind=kind,
                method=method,
                path_prefix="/api/v2/",
                skip=skip,
                retry_after_seconds=None,
            )
        return steps

    def _happening(
        self,
        what: str,
        *details: Any,  # noqa: ANN401 - by what happens
        other: int | None,
    ) -> Callable[[], None]:
        bench = self.bench

        def slow_wire(seconds: float) -> None:
            bench.in_flight.append(partial(self._goes_by, seconds, other=other))

        def other_daemon() -> None:
            self._turn(other or 0, Effect.NOT_YET, [], None)

        def lease_is_over() -> None:
            bench.machine.at += 1_000
            other_daemon()

        happenings: dict[str, Callable[..., None]] = {
            "pause": bench.pause,
            "edit": bench.edit,
            "jump": bench.move_clock,
            "reload": self._reload,
            "listing_begins": bench.begin_listing,
            "listing_ends": bench.end_listing,
            "slow_wire": slow_wire,
            "lease_is_over": lease_is_over,
            "other_daemon": other_daemon,
        }
        return partial(happenings[what], *details)

    def _goes_by(self, seconds: float, *, other: int | None) -> None:
        """A write is on its way for longer than anybody waits; another daemon goes on meanwhile."""
        self.bench.machine.at += 1_000
        self.bench.move_clock(seconds)
        self._turn(other or 0, Effect.NOT_YET, [], None)


def _fast() -> str | None:
    """A folder in memory where there is one: a commit waits for its disk."""
    return "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108 - only for speed


@pytest.fixture(scope="module")
def template() -> Iterator[Path]:
    """An empty ledger, to be copied."""
    with tempfile.TemporaryDirectory(dir=_fast()) as folder:
        path = Path(folder) / "template.db"
        Ledger.open(f"sqlite:///{path}").close()
        yield path


@pytest.mark.timeout(600 + SEQUENCES)
@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("kind", KINDS)
def test_nothing_breaks_the_rules(kind: str, part: int, template: Path) -> None:
    """Sequences of everything that can go wrong, half of them for each target."""
    count = -(-SEQUENCES // (len(KINDS) * PARTS))

    assert _sequences_that_hold(kind, template, Wsgi, count, PARTS * KINDS.index(kind) + part)


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_breaks_the_rules_over_a_socket_either(kind: str, template: Path) -> None:
    """A few sequences with HTTP, tokens and lines that really break."""
    assert _sequences_that_hold(kind, template, Socket, 4, 1_000 + KINDS.index(kind))


def _sequences_that_hold(
    kind: str, template: Path, wire: type[Wsgi | Socket], count: int, number: int
) -> bool:
    """Draw so many sequences; whether as many were gone through, none of which broke a rule.

    Args:
        kind: The target.
        template: An empty ledger.
        wire: How the platform is reached.
        count: How many.
        number: What they are drawn from, unless they are to be random.
    """
    ended: list[Bench] = []

    class Machine(Remediation):
        """The machine on one target."""

        def teardown(self) -> None:
            super().teardown()
            ended.append(self.bench)

    Machine.kind, Machine.template, Machine.wire = kind, template, wire
    if not IS_RANDOM:
        seed(number)(Machine)
    rules = settings(
        max_examples=count,
        stateful_step_count=STEPS,
        deadline=None,
        # What is found is told as it was found: to make it smaller takes minutes.
        phases=[Phase.generate],
        # Left to itself, hypothesis would draw the same for every part in CI.
        derandomize=False,
        suppress_health_check=[*HealthCheck],
    )
    # A sequence that is given up half-way is never torn down: its folder goes with this one.
    with tempfile.TemporaryDirectory(dir=_fast()) as folder, stamina.set_testing(True, attempts=1):
        Machine.folder = Path(folder)
        run_state_machine_as_test(Machine, settings=rules)
    return len(ended) >= count
