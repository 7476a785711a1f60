"""Diagnoses made in a process of our own: the same verdicts, whatever becomes of the process."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, Future
from contextlib import closing
from pathlib import Path
from typing import ParamSpec, TypeVar

import pytest
from structlog.testing import capture_logs

from monitor.config import Settings
from monitor.diagnosis.cluster import DaskCluster
from monitor.diagnosis.diagnosed import DiagnosisCancelledError
from monitor.diagnosis.diagnoser import RETRY_SECONDS, Diagnoser
from monitor.diagnosis.org import diagnose_org
from monitor.diagnosis.task import STATE_VARIABLE, DiagnosisTask, run_task, use_state
from monitor.diagnosis.worker_process import WorkerProcess
from monitor.errors import WorkerLostError
from monitor.ledger import Ledger
from tests.diagnosis import apart
from tests.diagnosis.two_orgs import NOW, ORGS, SECRET, fill

PATIENCE_SECONDS = 30.0
ACME, GLOBEX = ORGS
NEVER = threading.Event()
P = ParamSpec("P")
T = TypeVar("T")


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A state of two orgs, which nothing here writes to."""
    found = f"sqlite:///{tmp_path_factory.mktemp('state') / 'state.db'}"
    with Ledger.open(found) as ledger:
        fill(ledger)
    return found


@pytest.fixture(scope="module")
def ledger(url: str) -> Iterator[Ledger]:
    """The same, opened."""
    with Ledger.open(url) as opened:
        yield opened


@pytest.fixture(scope="module")
def here(url: str) -> Iterator[WorkerProcess]:
    """A process of our own, not started before it is needed."""
    with WorkerProcess(use_state, url) as process:
        yield process


def until(true: Callable[[], object], what: str) -> None:
    """Wait for something that another process does."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not true():
        assert time.monotonic() < deadline, f"{what} did not come"
        time.sleep(0.005)


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and was not asked for is none."""
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    except FileNotFoundError:
        return False


def kill_next_process(tries: int = 1) -> threading.Thread:
    """Kill what this process starts next, as a system without memory would."""
    before = set(multiprocessing.active_children())

    def kill() -> None:
        for _ in range(tries):
            until(lambda: set(multiprocessing.active_children()) - before, "a process")
            for child in set(multiprocessing.active_children()) - before:
                before.add(child)
                assert child.pid is not None
                os.kill(child.pid, signal.SIGKILL)

    killer = threading.Thread(target=kill, daemon=True)
    killer.start()
    return killer


def test_a_killed_process_costs_no_verdict(ledger: Ledger, here: WorkerProcess) -> None:
    """The org that it was at is diagnosed again, which is said once; the next has its own too."""
    here.end_process()
    diagnoser, killer = Diagnoser(here), kill_next_process()
    with capture_logs() as lines:
        found = [diagnoser.diagnose_org(ledger, org, Settings(), NOW, NEVER) for org in ORGS]
    killer.join()

    assert found == [diagnose_org(ledger, org, Settings(), NOW) for org in ORGS]
    assert [(one["event"], one["org"]) for one in lines] == [("diagnosis_worker_lost", "acme")]


def test_what_still_holds_is_not_judged_again(ledger: Ledger, here: WorkerProcess) -> None:
    """It is carried over, however often the process ends in between."""
    diagnoser = Diagnoser(here)
    first = diagnoser.diagnose_org(ledger, ACME, Settings(), NOW, NEVER)
    here.end_process()
    second = diagnoser.diagnose_org(ledger, ACME, Settings(), NOW + 300, NEVER)

    assert second == diagnose_org(ledger, ACME, Settings(), NOW + 300)
    assert second.diagnoses["slow"] is first.diagnoses["slow"]


def test_what_is_logged_there_is_told_here(tmp_path: Path) -> None:
    """A state that is damaged, above all."""
    path = tmp_path / "state.db"
    with Ledger.open(f"sqlite:///{path}") as ledger:
        fill(ledger)
        assert ledger.housekeeping.pack(NOW)
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("UPDATE packed_days SET windows = x'00'")
            connection.commit()
        with (
            WorkerProcess(use_state, f"sqlite:///{path}") as process,
            capture_logs() as lines,
        ):
            Diagnoser(process).diagnose_org(ledger, ACME, Settings(), NOW, NEVER)

    assert {(one["event"], one["log_level"]) for one in lines} == {
        ("packed_windows_damaged", "warning")
    }


def test_a_process_that_is_killed_each_time_is_an_error(
    ledger: Ledger, here: WorkerProcess
) -> None:
    """Nobody goes round in circles: it is tried again after the next poll."""
    here.end_process()
    kill_next_process(tries=2)
    with pytest.raises(WorkerLostError, match="twice"):
        Diagnoser(here).diagnose_org(ledger, ACME, Settings(), NOW, NEVER)


def test_what_is_not_wanted_any_more_ends_at_once(ledger: Ledger, here: WorkerProcess) -> None:
    """Whatever it was doing; the next org is diagnosed by another process."""
    cancelled = threading.Event()
    cancelled.set()
    diagnoser = Diagnoser(here)
    before = time.monotonic()
    with pytest.raises(DiagnosisCancelledError):
        diagnoser.diagnose_org(ledger, ACME, Settings(), NOW, cancelled)
    assert time.monotonic() - before < 1


def test_a_signal_to_all_processes_of_a_service_is_not_for_it(here: WorkerProcess) -> None:
    """Whoever started it hears that too, and decides what becomes of it."""
    pid = here.submit(os.getpid).result()
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        os.kill(pid, number)

    assert here.submit(os.getpid).result() == pid


def test_it_ends_when_there_is_nothing_to_do() -> None:
    """Its memory goes back to the system; the next task starts another one."""
    with WorkerProcess(apart.prepare, "word", idle_seconds=0.0) as process:
        first = process.submit(apart.identity).result()
        until(lambda: not is_alive(first[0]), "its end")
        second = process.submit(apart.identity).result()

    assert (first[1], second[1]) == ("word", "word")
    assert first[0] != second[0]


def test_it_ends_with_whoever_started_it(tmp_path: Path) -> None:
    """Even where that was killed, in the middle of a task."""
    begun = tmp_path / "begun"
    starter = subprocess.Popen([sys.executable, "-m", "tests.diagnosis.apart", str(begun)])
    until(lambda: begun.exists() and begun.read_text(), "a task")
    pid = int(begun.read_text())
    assert is_alive(pid)
    starter.kill()
    starter.wait()

    until(lambda: not is_alive(pid), "its end")


def test_a_shutdown_ends_a_task(tmp_path: Path) -> None:
    """A daemon that stops waits for none; nothing was written."""
    begun = tmp_path / "begun"
    process = WorkerProcess(apart.prepare, "")
    future = process.submit(apart.wait_for_ever, str(begun))
    until(begun.exists, "a task")
    process.shutdown()

    with pytest.raises(BrokenExecutor):
        future.result(PATIENCE_SECONDS)
    with pytest.raises(RuntimeError):
        process.submit(apart.identity)


def test_no_credential_is_part_of_a_task(ledger: Ledger) -> None:
    """Nothing of an org but its name and its contract leaves the process."""
    task = DiagnosisTask.of(ACME, Settings(org=ORGS), NOW, ledger.state_id)
    sent = pickle.dumps(task)

    assert SECRET.encode() not in sent
    assert b"sqlite" not in sent


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"state_id": "another"}, "is not the daemon's state"),
        ({"version": "0.0.1"}, "and the daemon 0.0.1"),
    ],
)
def test_a_task_of_another_state_or_version_is_refused(
    url: str, ledger: Ledger, monkeypatch: pytest.MonkeyPatch, change: dict[str, str], says: str
) -> None:
    """A worker with another state would answer, and wrongly."""
    monkeypatch.setenv("TIMEOUT_MONITOR__STATE__URL", url)
    facts = {"name": "acme", "contract": ACME.contract, "now": NOW, "state_id": ledger.state_id}
    sections = {name: getattr(Settings(), name) for name in SECTIONS}
    outcome = run_task(DiagnosisTask(**{**sections, **facts, **change}))

    assert outcome.update is None
    assert outcome.failure is not None
    assert says in outcome.failure.message


SECTIONS = ("collect", "classify", "recommend", "remediation")


def test_a_worker_without_a_state_says_how_to_name_it(ledger: Ledger) -> None:
    """It is set where the worker is started."""
    outcome = run_task(DiagnosisTask.of(ACME, Settings(), NOW, ledger.state_id))

    assert outcome.failure is not None
    assert "TIMEOUT_MONITOR__STATE__URL" in outcome.failure.hint


def test_workers_without_a_way_to_the_state_are_told_once(
    ledger: Ledger, here: WorkerProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The daemon has one: it diagnoses by itself, until they have been mended."""
    now = [0.0]
    diagnoser = Diagnoser(here, OneWorker("tcp://127.0.0.1:9"), monotonic=lambda: now[0])
    monkeypatch.setenv(STATE_VARIABLE, f"sqlite:///{tmp_path / 'none.db'}")
    with capture_logs() as lines:
        found = [diagnoser.diagnose_org(ledger, org, Settings(), NOW, NEVER) for org in ORGS]
        monkeypatch.setenv(STATE_VARIABLE, f"sqlite:///{ledger.name}")
        now[0] += RETRY_SECONDS
        diagnoser.diagnose_org(ledger, ACME, Settings(), NOW, NEVER)

    assert found == [diagnose_org(ledger, org, Settings(), NOW) for org in ORGS]
    assert [one["event"] for one in lines] == ["scheduler_unavailable", "scheduler_is_back"]


class OneWorker(DaskCluster):
    """A cluster that is this very process."""

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Call it here."""
        future: Future[T] = Future()
        future.set_result(fn(*args, **kwargs))
        return future


def test_a_scheduler_that_does_not_answer_is_told_once_and_asked_again(
    ledger: Ledger, here: WorkerProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Meanwhile all is diagnosed here."""
    monkeypatch.setattr("monitor.diagnosis.cluster.CONNECT_SECONDS", 0.1)
    now = [0.0]
    cluster = Unreachable("tcp://127.0.0.1:9")
    diagnoser = Diagnoser(here, cluster, monotonic=lambda: now[0])
    with capture_logs() as lines:
        found = [diagnoser.diagnose_org(ledger, org, Settings(), NOW, NEVER) for org in ORGS]
        assert cluster.asked == 1
        now[0] += RETRY_SECONDS
        diagnoser.diagnose_org(ledger, ACME, Settings(), NOW, NEVER)

    assert found == [diagnose_org(ledger, org, Settings(), NOW) for org in ORGS]
    assert [one["event"] for one in lines] == ["scheduler_unavailable"]
    assert cluster.asked == 2


class Unreachable(DaskCluster):
    """A cluster that counts how often it was asked, at a port where nobody listens."""

    asked = 0

    def disconnect(self) -> None:
        """Count one more."""
        self.asked += 1
        super().disconnect()
