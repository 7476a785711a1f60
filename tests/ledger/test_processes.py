"""The ledger among processes that die, and that write at the same time."""

from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import astuple
from pathlib import Path

import pytest

from monitor.ledger import Ledger, OrgState
from tests.evidence import ORG, SOURCE
from tests.ledger.recorder import before_death, deadly, workload

ROOT = Path(__file__).parents[2]


def start(*arguments: str) -> subprocess.Popen[str]:
    """A program of ``recorder`` as a process."""
    return subprocess.Popen(
        [sys.executable, "-m", "tests.ledger.recorder", *arguments],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def line(process: subprocess.Popen[str]) -> str:
    """The next line that a process prints; empty where it ends instead."""
    assert process.stdout is not None
    return process.stdout.readline().strip()


def go(process: subprocess.Popen[str]) -> None:
    """Let a process that is ready begin."""
    assert process.stdin is not None
    process.stdin.write("go\n")
    process.stdin.flush()


def recorded_alone(tmp_path: Path) -> OrgState:
    """The state after one undisturbed process has recorded the workload."""
    with Ledger.open(f"sqlite:///{tmp_path / 'alone.db'}") as ledger:
        for read in workload():
            ledger.record(ORG, SOURCE, read)
        return ledger.state(ORG)


def test_a_kill_before_any_statement_loses_and_doubles_nothing(tmp_path: Path, url: str) -> None:
    """Killed at each point of its transaction in turn, a reading is as if it never began."""
    with start("die", url) as process:
        output, _ = process.communicate(timeout=100)
    told = json.loads(output)

    with Ledger.open(f"sqlite:///{tmp_path / 'undisturbed.db'}") as undisturbed:
        undisturbed.record(ORG, SOURCE, before_death())
        before = undisturbed.state(ORG)
        undisturbed.record(ORG, SOURCE, deadly())
        after = undisturbed.state(ORG)
    assert told["deaths"] > 20
    assert told["states"] == [repr(astuple(before))]
    with Ledger.open(url) as survived:
        assert survived.state(ORG) == after


@pytest.mark.parametrize("readings_done", [0, 1, 5])
def test_a_kill_at_any_moment_is_mended_by_reading_again(
    tmp_path: Path, url: str, readings_done: int
) -> None:
    """A process killed from outside, whatever it was doing, leaves a ledger to go on with."""
    with start("record", url, "7") as process:
        line(process)
        go(process)
        for _ in range(readings_done):
            assert line(process) == "recorded"
        process.kill()

    with Ledger.open(url) as ledger:
        for read in workload():
            ledger.record(ORG, SOURCE, read)
        state = ledger.state(ORG)
    alone = recorded_alone(tmp_path)
    assert (state.totals, state.incident_totals) == (alone.totals, alone.incident_totals)
    assert state.coverage == alone.coverage


def test_two_processes_that_record_the_same_double_nothing(tmp_path: Path, url: str) -> None:
    """They open one fresh file at the same moment, and record in different orders."""
    with start("record", url, "1") as one, start("record", url, "2") as other:
        for process in (one, other):
            assert line(process) == "ready"
        for process in (one, other):
            go(process)
        for process in (one, other):
            process.communicate(timeout=100)
            assert process.returncode == 0

    alone = recorded_alone(tmp_path)
    with Ledger.open(url) as ledger:
        state = ledger.state(ORG)
    assert (state.totals, state.incident_totals) == (alone.totals, alone.incident_totals)
    assert state.coverage == alone.coverage


def test_threads_that_share_a_ledger_double_nothing(tmp_path: Path, ledger: Ledger) -> None:
    """One ledger serves collection, scrapes and the status page at once."""
    with ThreadPoolExecutor(4) as pool:
        readers = [pool.submit(ledger.state, ORG) for _ in range(20)]
        writers = [
            pool.submit(ledger.record, ORG, SOURCE, read) for read in [*workload(), *workload()]
        ]
        added = sum(writer.result().executions_added for writer in writers)
        for reader in readers:
            reader.result()

    alone = recorded_alone(tmp_path)
    assert ledger.state(ORG).totals == alone.totals
    assert added == sum(total.count for total in alone.totals.values())


def test_a_state_is_of_one_moment(ledger: Ledger, url: str) -> None:
    """While another connection writes, the totals and the sources of a state belong together."""
    reads = workload()
    with Ledger.open(url) as writer, ThreadPoolExecutor(1) as pool:
        writing = pool.submit(
            lambda: [writer.record(ORG, SOURCE, read).executions_added for read in reads]
        )
        states = [ledger.state(ORG)]
        while not writing.done():
            states.append(ledger.state(ORG))
        added = writing.result()

    legal = {sum(added[:done]) for done in range(len(added) + 1)}
    assert {sum(total.count for total in state.totals.values()) for state in states} <= legal
    assert all(bool(state.totals) == bool(state.sources) for state in states)
