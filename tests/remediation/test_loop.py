"""The daemon's loop at one org: when it rests, what is counted, and what is shown."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from monitor.config import Settings
from monitor.journal import Switch
from monitor.ledger import Ledger
from monitor.model import Action, ActionKind
from monitor.remediation.guards import GUARD_NAMES
from monitor.remediation.loop import RemediationLoop
from monitor.remediation.reconcile import ReconcileReport
from tests.clocks import ManualClock
from tests.remediation.guard_inputs import ACTION, NAME, NOW, ORG, diagnosis, org_diagnosis
from tests.simulated_org import org_table

MakeLoop = Callable[..., RemediationLoop]
DIAGNOSED = org_diagnosis({ACTION: diagnosis()})
"""A slow tail; but nobody knows the limit of concurrent executions, so that nothing is sent."""


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """A ledger that knows the action."""
    with Ledger.open(f"sqlite:///{tmp_path / 'ledger.db'}") as opened:
        known = Action(ACTION, NAME, kind=ActionKind.CUSTOM, configured_timeout_ms=4_000)
        opened.save_catalogue(ORG, [known], NOW - 3_600)
        yield opened


@pytest.fixture
def stop() -> threading.Event:
    """Set where the daemon ends."""
    return threading.Event()


@pytest.fixture
def make_loop(ledger: Ledger, stop: threading.Event) -> Iterator[MakeLoop]:
    """Makes a loop in some mode."""
    with ExitStack() as stack:

        def make(mode: str = "recommend") -> RemediationLoop:
            settings = Settings.model_validate(
                {
                    "remediation": {"mode": mode, "allow": ["*"], "reader_may_write": True},
                    "org": [org_table("http://127.0.0.1:9", ORG)],
                }
            )
            loop = RemediationLoop(settings.org[0], settings, ledger, ManualClock(NOW), stop)
            stack.callback(loop.close)
            return loop

        yield make


def test_a_turn_decides_about_every_action_and_counts_it(make_loop: MakeLoop) -> None:
    """By the guard that refused."""
    loop = make_loop()
    report = loop.run_once(DIAGNOSED)
    loop.refresh_snapshot()

    assert [one.reason for one in report.decisions] == ["fresh"]
    assert loop.snapshot.decisions["keep", "fresh"] == 1
    assert sum(loop.snapshot.decisions.values()) == 1


def test_every_decision_that_can_be_made_is_counted_from_the_start(
    make_loop: MakeLoop,
) -> None:
    """A counter that appears with its first event hides that event."""
    decisions = make_loop().snapshot.decisions

    assert set(decisions.values()) == {0}
    assert {("raise", "ok"), ("recommend", "mode")} < set(decisions)
    assert {("keep", name) for name in GUARD_NAMES} < set(decisions)


def test_a_mode_of_off_looks_at_nothing(make_loop: MakeLoop, ledger: Ledger) -> None:
    """Not even a refusal is recorded."""
    assert make_loop("off").run_once(DIAGNOSED) == ReconcileReport()
    assert ledger.journal.audit.newest(ORG, 10) == []


def test_before_the_first_diagnosis_nothing_is_known(make_loop: MakeLoop) -> None:
    """So nothing is decided."""
    assert make_loop().run_once(None) == ReconcileReport()


def test_no_turn_begins_once_the_daemon_ends(make_loop: MakeLoop, stop: threading.Event) -> None:
    """A change takes longer than the end is waited for."""
    stop.set()

    assert make_loop().run_once(DIAGNOSED) == ReconcileReport()


def test_a_turn_is_left_out_while_another_program_has_its_own(
    make_loop: MakeLoop, ledger: Ledger, capsys: pytest.CaptureFixture[str]
) -> None:
    """The next comes soon; that is no error."""
    lease = ledger.journal.take_lease(ORG, "another:1", time.time(), 60)
    loop = make_loop()

    assert loop.run_once(DIAGNOSED) == ReconcileReport()
    assert "turn_left_out" in capsys.readouterr().out
    assert lease is not None
    ledger.journal.give_back(lease)
    assert loop.run_once(DIAGNOSED).decisions != ()


def test_a_tripped_breaker_is_counted_at_every_turn(make_loop: MakeLoop, ledger: Ledger) -> None:
    """Also where no action wants a change: an alert rests on it."""
    lease = ledger.journal.take_lease(ORG, "another:1", time.time(), 60)
    assert lease is not None
    ledger.journal.trip(lease, Switch(NOW, "auto@host", "three in a row"))
    ledger.journal.give_back(lease)
    loop = make_loop()
    loop.run_once(DIAGNOSED)
    loop.refresh_snapshot()

    assert loop.snapshot.decisions["keep", "tripped"] == 1
    assert loop.snapshot.tripped


def test_a_loop_that_takes_the_place_of_another_goes_on_counting(
    make_loop: MakeLoop,
) -> None:
    """After the settings were read anew, counters go on."""
    first = make_loop()
    first.run_once(DIAGNOSED)
    first.refresh_snapshot()
    second = make_loop("auto")
    second.carry_over(first.snapshot.decisions, voided=3)
    second.carry_over({}, voided=1)

    assert second.snapshot.decisions["keep", "fresh"] == 1
    assert (second.snapshot.mode, second.snapshot.voided) == ("auto", 4)


def test_the_picture_shows_that_somebody_has_paused(make_loop: MakeLoop, ledger: Ledger) -> None:
    """While the daemon runs."""
    loop = make_loop()
    assert not loop.snapshot.paused
    ledger.journal.pause(ORG, Switch(NOW, "ann@desk"))
    loop.refresh_snapshot()

    assert loop.snapshot.paused


def test_changes_of_the_future_are_told_once_and_counted(
    make_loop: MakeLoop, ledger: Ledger, capsys: pytest.CaptureFixture[str]
) -> None:
    """A clock was wrong when somebody resumed; it counts as done just now."""
    ledger.journal.resume(ORG, Switch(NOW + 7_200, "ann@desk"))
    loop = make_loop()

    loop.run_once(DIAGNOSED)
    loop.run_once(DIAGNOSED)
    loop.refresh_snapshot()

    assert loop.snapshot.voided == 1
    assert capsys.readouterr().out.count("future_moments_void") == 1
    assert ledger.journal.remediation_state(ORG, NOW).resumed_at == NOW
