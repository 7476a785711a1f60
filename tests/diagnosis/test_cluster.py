"""Diagnoses on a real Dask cluster, whose workers read a real PostgreSQL server."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from structlog.testing import capture_logs

from monitor.checkup import Level
from monitor.checkup.scheduler import scheduler_finding
from monitor.config import Settings
from monitor.diagnosis.cluster import DaskCluster
from monitor.diagnosis.diagnoser import Diagnoser
from monitor.diagnosis.org import diagnose_org
from monitor.diagnosis.task import STATE_VARIABLE, use_state
from monitor.diagnosis.worker_process import WorkerProcess
from monitor.ledger import Ledger
from tests.diagnosis.two_orgs import NOW, ORGS, fill
from tests.ledger.conftest import postgresql

__all__ = ["postgresql"]

PATIENCE_SECONDS = 60.0
SAME_ORG_SO_OFTEN = 4


@pytest.fixture
def url(postgresql: Callable[[], str], monkeypatch: pytest.MonkeyPatch) -> str:
    """A state of two orgs, which the environment of what is started names."""
    found = postgresql()
    monkeypatch.setenv(STATE_VARIABLE, found)
    with Ledger.open(found) as ledger:
        fill(ledger)
    return found


@pytest.fixture
def cluster(url: str) -> Iterator[Any]:
    """A cluster of two worker processes."""
    distributed = pytest.importorskip("distributed")
    del url
    with distributed.LocalCluster(
        n_workers=2,
        threads_per_worker=1,
        dashboard_address="127.0.0.1:0",  # any port: None means 8787, which another may hold
    ) as started:
        yield started


def kill_a_busy_worker(cluster: Any) -> int:  # noqa: ANN401 - Dask has no types
    """Kill the first worker that has something to do; which process it was."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        for state in list(cluster.scheduler.workers.values()):
            if state.processing:
                pid: int = cluster.workers[state.name].pid
                os.kill(pid, signal.SIGKILL)
                return pid
        time.sleep(0.001)
    pytest.fail("no worker had anything to do")


def test_a_killed_worker_costs_no_verdict(url: str, cluster: Any) -> None:  # noqa: ANN401
    """Its orgs are diagnosed by the other one: every verdict is that of a diagnosis made here."""
    wanted = ORGS * SAME_ORG_SO_OFTEN
    with (
        Ledger.open(url) as ledger,
        WorkerProcess(use_state, "sqlite:///none.db") as here,
        ThreadPoolExecutor(len(wanted) + 1) as threads,
        capture_logs() as lines,
    ):
        diagnoser = Diagnoser(here, DaskCluster(cluster.scheduler_address))
        before = {worker.pid for worker in cluster.workers.values()}
        killed = threads.submit(kill_a_busy_worker, cluster)
        asked = [
            threads.submit(diagnoser.diagnose_org, ledger, org, Settings(), NOW, threading.Event())
            for org in wanted
        ]
        found = [one.result(PATIENCE_SECONDS) for one in asked]
        assert killed.result() in before
        diagnoser.close()

        assert found == [diagnose_org(ledger, org, Settings(), NOW) for org in wanted]
    assert not lines


def test_check_counts_the_workers(cluster: Any) -> None:  # noqa: ANN401 - Dask has no types
    """And says where nobody answers, or nobody would work."""
    found = scheduler_finding(cluster.scheduler_address)
    assert (found.level, found.detail) == (
        Level.OK,
        f"2 workers at {cluster.scheduler_address}",
    )
