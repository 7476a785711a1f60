"""The settings are read anew while the daemon is in the middle of a turn: what it does then."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pytest
import stamina

from monitor.config import Settings
from monitor.diagnosis import Concurrency
from monitor.genesys import RateLimiter
from monitor.journal import Change, ChangeState, Switch
from monitor.ledger import Ledger, Reading
from monitor.model import CONCURRENT_EXECUTIONS, Action, ActionKind
from monitor.remediation.loop import RemediationLoop
from monitor.simulator import RunningSimulator
from monitor.time_ranges import TimeRange
from tests.clocks import ManualClock
from tests.remediation.bench import LISTED, NAMES, ORG, small_org
from tests.remediation.guard_inputs import NOW, diagnosis, org_diagnosis
from tests.simulated_org import order_fault, org_table, request_counts, serve_org
from tests.simulator_client import ACTIONS

AUTO = {"mode": "auto", "allow": ["Look Up *"], "reader_may_write": True}
RELOADED = {
    "off": AUTO | {"mode": "off"},
    "recommend": AUTO | {"mode": "recommend"},
    "the action is not allowed any more": AUTO | {"allow": ["Book *"]},
    "a smaller step": AUTO | {"max_step": 1.25},
    "a lower cap": AUTO | {"max_timeout": "5s"},
    "outside the change window": AUTO | {"window": "Mon 00:00-00:01"},
}
LOOKS_BEFORE_A_WRITE = 5
"""A turn looks at the clock more often before it writes; at each look settings are read anew."""

DIAGNOSED = org_diagnosis({LISTED: diagnosis()}, Concurrency(10.0, 10.0, 300, 50, 10.0))


@dataclass
class EventfulClock(ManualClock):
    """A clock at whose n-th look something happens: whoever looks may wait there for long."""

    at: float = NOW
    happening: Callable[[], object] = lambda: None
    looks_left: int = 0

    def now(self) -> float:
        """Return the time; what was to happen at this look happens first."""
        self.looks_left -= 1
        if self.looks_left == 0:
            self.happening()
        return super().now()


@dataclass
class Desk:
    """A daemon's loop at an org that is served, and whoever reads its settings anew."""

    folder: Path
    simulator: RunningSimulator
    clock: EventfulClock = field(default_factory=EventfulClock)
    reloaded_at: int | None = None

    def __post_init__(self) -> None:
        """Know the action, and that it was read a moment ago."""
        self.ledger = Ledger.open(f"sqlite:///{self.folder / 'ledger.db'}")
        known = Action(LISTED, NAMES[LISTED], kind=ActionKind.CUSTOM, configured_timeout_ms=4_000)
        self.ledger.save_catalogue(ORG, [known], NOW - 3_600)
        self.ledger.save_limits(ORG, {CONCURRENT_EXECUTIONS: 50})
        covered = TimeRange(int(NOW) - 600, int(NOW) - 300)
        self.ledger.record(ORG, "actions", Reading(covered, 300, NOW - 30))
        self.loops = [self.loop(AUTO)]

    def loop(self, remediation: dict[str, object]) -> RemediationLoop:
        """Return a loop by some settings."""
        org = org_table(self.simulator.url, ORG)
        settings = Settings.model_validate({"remediation": remediation, "org": [org]})
        return RemediationLoop(
            settings.org[0], settings, self.ledger, self.clock, threading.Event()
        )

    def reload(self, remediation: dict[str, object]) -> None:
        """Put a loop by other settings in the place of the one there is, as the daemon does."""
        after = self.loop(remediation)
        self.loops[-1].close()
        self.loops.append(after)
        self.reloaded_at = self.writes()

    def turn(self) -> None:
        """Let the newest loop take its turn."""
        self.loops[-1].run_once(DIAGNOSED)

    def writes(self) -> int:
        """How many writes have arrived, successful or not."""
        counts = request_counts(self.simulator.url)
        return sum(n for what, n in counts.items() if what.startswith(("PUT", "PATCH")))

    def changes(self) -> tuple[Change, ...]:
        """Return every change, the newest first."""
        return self.ledger.journal.changes(ORG, 100)

    def close(self) -> None:
        """Let go of everything."""
        for loop in self.loops:
            loop.close()
        self.ledger.close()


MakeDesk = Callable[[], Desk]


@pytest.fixture
def make_desk(tmp_path: Path) -> Iterator[MakeDesk]:
    """Makes desks, each with an org and a state of its own."""
    desks: list[Desk] = []
    with (
        serve_org(small_org(), ManualClock(NOW)) as simulator,
        stamina.set_testing(True, attempts=1),
    ):

        def make() -> Desk:
            folder = tmp_path / str(len(desks))
            folder.mkdir()
            desks.append(Desk(folder, simulator))
            return desks[-1]

        yield make
        for desk in desks:
            desk.close()


def test_no_raise_is_written_after_a_reload_whenever_in_the_turn_it_comes(
    make_desk: MakeDesk,
) -> None:
    """By the settings that a turn began with nothing is sent once there are others."""
    for look, remediation in enumerate(itertools.cycle(RELOADED.values()), start=1):
        desk = make_desk()
        desk.clock.happening = partial(desk.reload, remediation)
        before, desk.clock.looks_left = desk.writes(), look
        desk.turn()
        if desk.reloaded_at is None or desk.reloaded_at > before:
            break
        assert desk.writes() == before, f"{remediation} came at look {look}, and a write after it"
        assert not [one for one in desk.changes() if one.is_open]

    assert look > LOOKS_BEFORE_A_WRITE
    assert desk.writes() == before + 1, "the turn wrote nothing at all"


@pytest.mark.parametrize(("kind", "became"), [("reset_after", "watching"), ("reset", "abandoned")])
def test_what_became_of_a_write_is_found_out_in_mode_off_too(
    make_desk: MakeDesk, kind: str, became: str
) -> None:
    """It was open when the mode was turned off; reading tells, and nothing is sent."""
    desk = make_desk()
    order_fault(desk.simulator.url, kind, method="PATCH")
    order_fault(desk.simulator.url, "html", method="GET", path_prefix=f"{ACTIONS}/", skip=5)
    desk.turn()
    (cut_short,) = desk.changes()
    assert cut_short.state is ChangeState.WRITING

    desk.reload(RELOADED["off"])
    for _ in range(2):
        desk.clock.at += 130
        desk.turn()

    (settled,) = desk.changes()
    assert (str(settled.state), desk.writes()) == (became, desk.reloaded_at)


def test_a_mode_of_off_asks_nothing_where_nothing_is_open(make_desk: MakeDesk) -> None:
    """Neither the platform nor anybody for a lease."""
    desk = make_desk()
    desk.turn()
    desk.reload(RELOADED["off"])
    request_counts(desk.simulator.url, reset=True)

    desk.turn()

    assert not request_counts(desk.simulator.url)
    assert desk.changes()[0].state is ChangeState.WATCHING


@pytest.mark.parametrize("kind", ["pause", "reload"])
def test_what_comes_while_a_write_waits_for_its_turn_on_the_wire_counts(
    make_desk: MakeDesk, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """Recorded as about to be sent, a request may still wait for the rate limit."""
    desk = make_desk()
    acquire = RateLimiter.acquire

    def waiting(self: RateLimiter, endpoint_label: str, *more: float) -> None:
        if endpoint_label.startswith("PATCH"):
            if kind == "pause":
                desk.ledger.journal.pause(ORG, Switch(NOW, "ann@desk"))
            else:
                desk.reload(RELOADED["off"])
        acquire(self, endpoint_label, *more)

    monkeypatch.setattr(RateLimiter, "acquire", waiting)
    before = desk.writes()

    desk.turn()

    (put_off,) = desk.changes()
    assert (put_off.state, desk.writes()) == (ChangeState.ABANDONED, before)
    assert put_off.note.startswith("put off: ")
