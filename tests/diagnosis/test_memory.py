"""What a daemon has diagnosed outlives it: the next one goes on from it, and so does a report."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, text

from monitor.clock import SystemClock
from monitor.config import Settings
from monitor.diagnosis import kept as kept_module
from monitor.diagnosis import latest as latest_module
from monitor.diagnosis import memory as memory_module
from monitor.diagnosis import org as org_module
from monitor.diagnosis.carried import DiagnosisUpdate
from monitor.diagnosis.latest import (
    MOST_WINDOWS_BEHIND,
    latest_action_diagnosis,
    latest_diagnosis,
)
from monitor.diagnosis.local_diagnoser import LocalDiagnoser
from monitor.diagnosis.memory import remembered
from monitor.diagnosis.model import OrgDiagnosis, Verdict
from monitor.diagnosis.org import diagnose_org, update_diagnosis
from monitor.errors import NotLeasedError
from monitor.ledger import Ledger, diagnoses
from monitor.ledger.verdict_history import note_verdicts
from monitor.model import Action
from tests.diagnosis.test_carried import (
    ACME,
    ACTIONS,
    LOW_FLOOR,
    SETTLE_SECONDS,
    STEPS,
    Watched,
    a_day,
    take,
)
from tests.diagnosis.test_org import called
from tests.evidence import ORG, T0, WINDOW_SECONDS, executions
from tests.filled_ledger import DAY_SECONDS, FilledLedger
from tests.ledger.conftest import postgresql

__all__ = ["postgresql"]

NEVER = threading.Event()


class CrashError(Exception):
    """The process is gone."""


@dataclass
class Daemon(Watched):
    """One that diagnoses, writes down what it found, and may be started again.

    Attributes:
        diagnoser: Of the process that runs.
    """

    diagnoser: LocalDiagnoser = field(default_factory=LocalDiagnoser)

    def diagnose(self) -> OrgDiagnosis:
        """Diagnose, and write it down."""
        self.found = self.diagnoser.diagnose_org(
            self.org.ledger, ACME, self.settings, self.now, NEVER
        )
        self.diagnoser.memory.keep(self.org.ledger, ORG)
        return self.found

    def restart(self) -> None:
        """Forget what the process knew."""
        self.diagnoser = LocalDiagnoser()

    def whole(self, at: float | None = None) -> OrgDiagnosis:
        """Diagnose all of it, told what was told."""
        ledger = self.org.ledger
        told = remembered(ledger, ORG, self.now).told
        return diagnose_org(ledger, ACME, self.settings, self.now if at is None else at, told=told)

    def report(self) -> OrgDiagnosis:
        """Return what a report shows."""
        return latest_diagnosis(self.org.ledger, ACME, self.settings, self.now)

    def looks_closely_as_it_reports(self) -> bool:
        """Whether a look at any one action shows what a report shows."""
        report = self.report()
        return report.diagnoses.keys() > set() and all(
            latest_action_diagnosis(self.org.ledger, ACME, self.settings, self.now, action_id)
            == (found, report.time_range)
            for action_id, found in report.diagnoses.items()
        )


@contextmanager
def judgements() -> Iterator[list[int]]:
    """How many actions each diagnosis judges."""
    counted: list[int] = []

    def counting(*arguments: object, **more: object) -> DiagnosisUpdate:
        update = update_diagnosis(*arguments, **more)  # type: ignore[arg-type]  # as they come
        if "carried" in more:  # not one of everything
            counted.append(len(update.rest.diagnoses))
        return update

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("monitor.diagnosis.org.update_diagnosis", counting)
        patched.setattr(latest_module, "update_diagnosis", counting)
        yield counted


def a_daemon(ledger: Ledger) -> Daemon:
    """A daemon of an org with a day behind it."""
    org = FilledLedger(ledger)
    org.catalogue(*(Action(one, one, configured_timeout_ms=5_000) for one in ACTIONS))
    found = Daemon(org, Settings.model_validate({"recommend": LOW_FLOOR}))
    found.read(*a_day())
    return found


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    """A daemon that has diagnosed once."""
    with Ledger.open(f"sqlite:///{tmp_path / 'state.db'}") as ledger:
        found = a_daemon(ledger)
        found.diagnose()
        yield found


def execute(daemon: Daemon, statement: str, **values: object) -> None:
    """Change the state behind its back."""
    with daemon.org.ledger._database.writing() as connection:  # noqa: SLF001 - what no user can do
        connection.execute(text(statement), values)


def test_a_diagnosis_is_read_back_as_it_was(daemon: Daemon) -> None:
    """To the digit, with its curves and recommendations."""
    assert daemon.found is not None
    back = remembered(daemon.org.ledger, ORG, daemon.now)
    assert back.diagnosis == daemon.found
    assert any(one.curve is not None for one in daemon.found.diagnoses.values())
    assert any(one.recommendation is not None for one in daemon.found.diagnoses.values())
    assert back.carried is not None
    assert {one.since for one in back.told.values()} == {daemon.now}


def test_a_daemon_that_starts_goes_on(daemon: Daemon) -> None:
    """It judges what was called since, and nothing else."""
    daemon.read(executions("calm", [300.0], window_start=T0 + DAY_SECONDS))
    daemon.now += 2 * WINDOW_SECONDS
    daemon.restart()
    with judgements() as judged:
        assert daemon.diagnose() == daemon.whole()
    assert judged == [1]


def test_a_daemon_that_takes_over_goes_on_from_the_other(daemon: Daemon) -> None:
    """And so does the first one, when it has the org again: what it remembers itself is old."""
    first, second = daemon.diagnoser, LocalDiagnoser()
    for diagnoser, target in ((second, 0.9), (first, 0.9), (second, 0.99), (first, 0.99)):
        daemon.diagnoser = diagnoser
        daemon.settings = Settings.model_validate(
            {"recommend": {**LOW_FLOOR, "target_success": target}}
        )
        daemon.read(executions("calm", [300.0], window_start=daemon.now // 300 * 300 - 300))
        daemon.now += 2 * WINDOW_SECONDS
        assert daemon.diagnose() == daemon.whole()
        assert remembered(daemon.org.ledger, ORG, daemon.now).diagnosis == daemon.found
        assert daemon.report() == daemon.found


def test_a_look_at_one_action_knows_what_was_told(ledger: Ledger) -> None:
    """Its share of hangs has come near the target: `hangs` is left for a reason, or not at all."""
    org = FilledLedger(ledger)
    org.catalogue(Action("a", "a", configured_timeout_ms=5_000))
    daemon = Daemon(org, Settings())
    drawn = np.random.default_rng(1)
    for day, share in enumerate((0.013, 0.0075, 0.0075)):
        calls = 300 * np.exp(0.3 * drawn.standard_normal(8_640))
        calls[drawn.random(8_640) < share] = 9_000.0
        daemon.read(*called("a", calls, 5_000, start=T0 + day * DAY_SECONDS))
        daemon.now = T0 + (day + 1) * DAY_SECONDS + SETTLE_SECONDS
        assert daemon.diagnose().diagnoses["a"].verdict is Verdict.HANGS
    untold = diagnose_org(ledger, ACME, daemon.settings, daemon.now).diagnoses["a"]
    assert untold.verdict is not Verdict.HANGS
    assert daemon.looks_closely_as_it_reports()


def test_a_look_at_one_action_sums_windows_as_the_report_does(
    daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the hour where there are many actions, and up to the window that was diagnosed last."""
    monkeypatch.setattr(org_module, "MAX_SINGLE_WINDOWS", 2 * 9 * DAY_SECONDS // WINDOW_SECONDS)
    daemon.diagnose()
    daemon.read(*called("slow", [300.0] * 60, 5_000, start=T0 + DAY_SECONDS, windows=6))
    daemon.now += WINDOW_SECONDS
    assert daemon.looks_closely_as_it_reports()


def test_what_was_told_by_a_clock_that_was_ahead_was_told_by_now(daemon: Daemon) -> None:
    """It would else be told of every timeout that is set until then."""
    execute(daemon, "DELETE FROM diagnoses")
    execute(daemon, "DELETE FROM verdict_history")
    daemon.restart()
    daemon.now += 3 * DAY_SECONDS
    daemon.diagnose()
    daemon.now -= 3 * DAY_SECONDS
    assert daemon.diagnose() == daemon.whole()
    memory = daemon.diagnoser.memory
    told = memory.recall(daemon.org.ledger, ORG, daemon.now).told
    assert {one.since for one in told.values()} == {daemon.now}
    assert remembered(daemon.org.ledger, ORG, daemon.now).told == told


def test_only_what_changed_is_written(daemon: Daemon) -> None:
    """An action that was not judged again keeps its row."""
    daemon.read(executions("calm", [300.0], window_start=T0 + DAY_SECONDS))
    daemon.now += 2 * WINDOW_SECONDS
    daemon.diagnose()
    with daemon.org.ledger._database.reading() as connection:  # noqa: SLF001 - how it is kept
        query = text("SELECT action_id FROM action_diagnoses WHERE taken_at = :now")
        assert connection.execute(query, {"now": daemon.now}).scalars().all() == ["calm"]


def test_an_action_that_is_gone_leaves(daemon: Daemon) -> None:
    """With its verdict, which is over."""
    daemon.org.catalogue(
        *(Action(one, one, configured_timeout_ms=5_000) for one in ACTIONS[:2]), at=daemon.now
    )
    daemon.now += WINDOW_SECONDS
    daemon.diagnose()
    back = remembered(daemon.org.ledger, ORG, daemon.now)
    assert back.diagnosis == daemon.found
    assert set(back.told) == {"slow", "calm"}


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE diagnoses SET content = :junk",
        "UPDATE diagnoses SET content = substr(content, 1, 40)",
        "UPDATE diagnoses SET program = '0.0.1/1'",
        "UPDATE diagnoses SET taken_at = taken_at + 9e8",
        "UPDATE action_diagnoses SET content = :junk WHERE action_id = 'slow'",
        "UPDATE action_diagnoses SET content = substr(content, 2) WHERE action_id = 'slow'",
        "DELETE FROM action_diagnoses WHERE action_id = 'slow'",
        "UPDATE verdict_history SET verdict = 'cursed'",
        "UPDATE verdict_history SET told_from = told_from + 9e8",
        "DELETE FROM verdict_history",
        "DELETE FROM diagnoses",
    ],
)
def test_what_can_t_be_read_is_as_good_as_none(daemon: Daemon, damage: str) -> None:
    """A daemon and a report judge anew; the daemon writes it anew."""
    execute(daemon, damage, junk=b"\x00\x01junk")
    assert daemon.report() == daemon.whole()
    daemon.restart()
    daemon.now += WINDOW_SECONDS
    whole = daemon.whole()
    assert daemon.diagnose() == whole
    assert remembered(daemon.org.ledger, ORG, daemon.now).diagnosis == whole


def test_a_change_of_the_form_is_another_program(
    daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What another version has written is not read at all."""
    monkeypatch.setattr(memory_module, "PROGRAM", kept_module.PROGRAM + "x")
    assert remembered(daemon.org.ledger, ORG, daemon.now).diagnosis is None
    with judgements() as judged:
        daemon.report()
    assert judged == [len(ACTIONS)]


def test_a_report_shows_what_the_daemon_said_last(daemon: Daemon) -> None:
    """Until it has had the time to say more: then it looks for itself."""
    taken_at = daemon.now
    for behind in range(MOST_WINDOWS_BEHIND + 2):
        daemon.read(executions("calm", [300.0], window_start=T0 + DAY_SECONDS + 300 * behind))
        with judgements() as judged:
            shown = daemon.report()
        is_recent = behind <= MOST_WINDOWS_BEHIND
        assert shown.taken_at == (taken_at if is_recent else daemon.now)
        assert shown == daemon.whole(shown.taken_at)
        assert judged == [0 if is_recent else 1]
        daemon.now += WINDOW_SECONDS


def test_a_report_of_a_new_hour_does_not_judge_everything(daemon: Daemon) -> None:
    """Whatever window it is of: the daemon's last hour is shown for the minutes that it takes."""
    daemon.now = T0 + DAY_SECONDS + 3_600 + 600 - WINDOW_SECONDS
    daemon.diagnose()
    daemon.now += WINDOW_SECONDS
    with judgements() as judged:
        assert daemon.report() == daemon.found
    assert judged == [0]


def test_a_report_sees_what_changed_since(daemon: Daemon) -> None:
    """A window that grew late, and a timeout that was changed, in what the daemon has judged."""
    daemon.read(executions("rare", [900.0] * 30, window_start=T0 + 40 * WINDOW_SECONDS))
    with judgements() as judged:
        assert daemon.report() == daemon.whole()
    assert judged == [1]
    daemon.org.catalogue(
        *(Action(one, one, configured_timeout_ms=9_000) for one in ACTIONS), at=daemon.now
    )
    with judgements() as judged:
        assert daemon.report() == daemon.whole()
    assert judged == [len(ACTIONS)]


def test_a_report_by_other_settings_is_made_anew(daemon: Daemon) -> None:
    """The daemon may not have been told of them."""
    daemon.settings = Settings.model_validate({"recommend": {**LOW_FLOOR, "target_success": 0.9}})
    with judgements() as judged:
        assert daemon.report() == daemon.whole()
    assert judged == [len(ACTIONS)]


def test_a_report_that_judges_nothing_loads_no_scipy(daemon: Daemon, tmp_path: Path) -> None:
    """It is half of what a report would take."""
    url = f"sqlite:///{tmp_path / 'state.db'}"
    program = f"""
import sys
from monitor.config import Settings, OrgSettings
from monitor.diagnosis import latest_diagnosis
from monitor.ledger import Ledger
org = OrgSettings.model_validate({{"name": {ORG!r}, "client_id": "x", "client_secret": "y"}})
asked = Settings.model_validate({{"recommend": {LOW_FLOOR!r}}})
with Ledger.open({url!r}) as ledger:
    found = latest_diagnosis(ledger, org, asked, {daemon.now})
print(len(found.diagnoses), "scipy" in sys.modules)
"""
    told = subprocess.run(
        [sys.executable, "-c", program],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
    )
    assert told.stdout.split() == [str(len(ACTIONS)), "False"]


def test_who_has_lost_the_org_writes_nothing(tmp_path: Path) -> None:
    """Neither a diagnosis nor a verdict of an org that another one reads by now."""
    with (
        Ledger.open(f"sqlite:///{tmp_path / 'state.db'}") as ledger,
        Ledger.open(f"sqlite:///{tmp_path / 'state.db'}") as other,
    ):
        daemon = a_daemon(ledger)
        leases, others = (one.reading_leases(SystemClock()) for one in (ledger, other))
        with leases.reading(ORG), suppress(NotLeasedError):
            daemon.diagnoser.diagnose_org(ledger, ACME, daemon.settings, daemon.now, NEVER)
            execute(daemon, "UPDATE reading_leases SET holder = 'x', token = token + 1")
            with pytest.raises(NotLeasedError):
                daemon.diagnoser.memory.keep(ledger, ORG)
        assert others.held(ORG) is None
        assert ledger.diagnoses.last(ORG) == (None, {})


MORE_STEPS = st.one_of(
    STEPS,
    st.just(("restart",)),
    st.just(("another",)),
    st.just(("crash",)),
    st.just(("forget",)),
)


@settings(max_examples=4)
@given(steps=st.lists(MORE_STEPS, min_size=1, max_size=9))
def test_whatever_happens_it_says_what_all_of_it_says(steps: list[tuple[object, ...]]) -> None:
    """Restarts, hand-overs and crashes included; and a report says it too."""
    with (
        tempfile.TemporaryDirectory() as folder,
        Ledger.open(f"sqlite:///{Path(folder) / 'state.db'}") as ledger,
    ):
        for step, said, right in play(a_daemon(ledger), steps):
            assert said in right, step


@settings(max_examples=2)
@given(steps=st.lists(MORE_STEPS, min_size=1, max_size=6))
def test_on_a_server_too(postgresql: Callable[[], str], steps: list[tuple[object, ...]]) -> None:
    """The same on PostgreSQL."""
    with Ledger.open(postgresql()) as ledger:
        for step, said, right in play(a_daemon(ledger), steps):
            assert said in right, step


Said = tuple[tuple[object, ...], OrgDiagnosis, tuple[OrgDiagnosis, ...]]
"""After which step, what was said, and what would have been right: what one of everything says."""


def play(daemon: Daemon, steps: list[tuple[object, ...]]) -> Iterator[Said]:
    """Let things happen; yield what a report and a diagnosis say after each."""
    standby = LocalDiagnoser()
    daemon.diagnose()
    for step in steps:
        match step:
            case ("restart",):
                daemon.restart()
            case ("another",):
                daemon.diagnoser, standby = standby, daemon.diagnoser
            case ("crash",):
                crash(daemon)
            case ("forget",):
                execute(daemon, "DELETE FROM diagnoses")
            case _:
                take(daemon, step)
        whole = daemon.whole()
        shown = daemon.report()
        then = daemon.whole(shown.taken_at)
        yield (
            step,
            replace(shown, taken_at=0.0),
            (replace(whole, taken_at=0.0), replace(then, taken_at=0.0)),
        )
        yield step, daemon.diagnose(), (whole,)
        yield step, daemon.report(), (whole,)
        assert daemon.looks_closely_as_it_reports()


def crash(daemon: Daemon) -> None:
    """Be killed while a diagnosis is written: none of it stands."""
    before = daemon.org.ledger.diagnoses.last(ORG)
    note = note_verdicts

    def dies(connection: Connection, *arguments: object) -> None:
        note(connection, *arguments)  # type: ignore[arg-type]  # as they come
        raise CrashError

    daemon.now += WINDOW_SECONDS
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(diagnoses, "note_verdicts", dies)
        with pytest.raises(CrashError):
            daemon.diagnose()
    assert daemon.org.ledger.diagnoses.last(ORG) == before
    daemon.restart()
