"""Where diagnoses are made: on a cluster where there is one, else in a process of our own.

Both are a ``concurrent.futures.Executor``. A worker that is lost in the middle costs time alone:
its task is done again.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent import futures

import structlog

from monitor.config import Settings
from monitor.diagnosis.cluster import DaskCluster, refuse_without_dask
from monitor.diagnosis.diagnosed import (
    DiagnosedOrg,
    DiagnosisCancelledError,
    DiagnosisSections,
    log_failure,
)
from monitor.diagnosis.memory import DiagnosisMemory, may_go_on
from monitor.diagnosis.model import OrgDiagnosis
from monitor.diagnosis.task import DiagnosisTask, TaskOutcome, run_task, use_state
from monitor.diagnosis.worker_process import WorkerProcess
from monitor.errors import LedgerError, TimeoutMonitorError, UnforeseenError, WorkerLostError
from monitor.ledger import Ledger

log = structlog.get_logger()

CLUSTER_TASKS = 16
"""So many orgs are diagnosed at a time on a cluster."""

MOST_CLUSTER_SECONDS = 300.0
"""A cluster that takes longer for one org has no workers, or none that get on."""

RETRY_SECONDS = 60.0
"""How long all is done here before a cluster that failed is asked again."""

_LOOK_SECONDS = 0.05
_MOST_TRIES = 2


class Diagnoser:
    """Diagnoses orgs in other processes. Safe to use from several threads.

    Attributes:
        memory: What was found, which the state can keep.
    """

    def __init__(
        self,
        here: WorkerProcess,
        cluster: DaskCluster | None = None,
        *,
        goes_on: bool = True,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Start nothing, and connect to nothing yet.

        Args:
            here: The process of our own.
            cluster: A cluster, which is asked first; None where there is none.
            goes_on: Whether a diagnosis goes on from the one before it.
            monotonic: Tells seconds, for when to ask the cluster again.
        """
        self._here = here
        self._cluster = cluster
        self._monotonic = monotonic
        self.memory = DiagnosisMemory(goes_on=goes_on)
        self._lock = threading.Lock()
        self._ask_again_at: float | None = None

    @classmethod
    def of(cls, settings: Settings) -> Diagnoser:
        """Return the one that the settings ask for.

        Raises:
            ConfigurationError: A cluster is named, and what talks to it is not installed.
        """
        cluster = None
        if settings.diagnosis.scheduler:
            refuse_without_dask()
            cluster = DaskCluster(settings.diagnosis.scheduler)
        process = WorkerProcess(use_state, settings.state.url)
        return cls(process, cluster, goes_on=may_go_on(settings))

    @property
    def tasks(self) -> int:
        """How many orgs it is worth to diagnose at a time."""
        return 1 if self._cluster is None else CLUSTER_TASKS

    def diagnose_org(
        self,
        ledger: Ledger,
        org: DiagnosedOrg,
        settings: DiagnosisSections,
        now: float,
        cancelled: threading.Event,
    ) -> OrgDiagnosis:
        """Return a diagnosis of every action of an org, made elsewhere.

        Args:
            ledger: The state, which that process opens by itself.
            org: The org.
            settings: The target, the least evidence, and how long windows are.
            now: The time; epoch seconds.
            cancelled: Set it to stop: nobody waits for the answer any more.

        Raises:
            DiagnosisCancelledError: ``cancelled`` was set meanwhile.
            LedgerError: The state can't be read.
            WorkerLostError: The process was lost, and the one after it too.
        """
        known = self.memory.recall(ledger, org.name, now)
        task = DiagnosisTask.of(org, settings, now, ledger.state_id, known.carried, known.told)
        outcome = self._on_the_cluster(task, cancelled)
        if outcome is None:
            outcome = self._in_our_process(task, cancelled)
        for level, event, facts in outcome.lines:
            getattr(log, level)(event, **facts)
        for action_id, failure in outcome.failed_actions:
            log_failure(action_id, TimeoutMonitorError(failure.message, failure.hint))
        if outcome.update is not None:
            return self.memory.note(org.name, known, outcome.update)
        assert outcome.failure is not None  # noqa: S101 - one of the two is there
        raise LedgerError(outcome.failure.message, outcome.failure.hint)

    def close(self) -> None:
        """End the process, and let go of the cluster."""
        self._here.shutdown()
        if self._cluster is not None:
            self._cluster.shutdown()

    def _in_our_process(self, task: DiagnosisTask, cancelled: threading.Event) -> TaskOutcome:
        for attempt in range(_MOST_TRIES):
            if cancelled.is_set():
                raise DiagnosisCancelledError
            try:
                future = self._here.submit(run_task, task)
                return _result(future, cancelled)
            except DiagnosisCancelledError:
                self._here.end_process()
                raise
            except (futures.BrokenExecutor, futures.CancelledError):
                if cancelled.is_set():
                    raise DiagnosisCancelledError from None
                if not attempt:
                    log.warning(
                        "diagnosis_worker_lost",
                        org=task.name,
                        hint="Something ended it, for its memory perhaps; it is done again.",
                    )
        raise WorkerLostError(
            "the process that diagnoses was ended from outside, twice",
            "Look whether the system ran out of memory; it is tried again after the next poll.",
        )

    def _on_the_cluster(
        self, task: DiagnosisTask, cancelled: threading.Event
    ) -> TaskOutcome | None:
        """Return what became of a task on the cluster; None where it is to be done here."""
        cluster = self._cluster
        if cluster is None or not self._is_cluster_due():
            return None
        try:
            future = cluster.submit(run_task, task)
            outcome = _result(future, cancelled, MOST_CLUSTER_SECONDS)
        except DiagnosisCancelledError:
            raise
        except futures.CancelledError:
            self._note_unavailable("the scheduler was lost", "")
            return None
        except Exception as error:  # noqa: BLE001 - whatever a cluster raises, there is another way
            told = error if isinstance(error, TimeoutMonitorError) else UnforeseenError.of(error)
            self._note_unavailable(told.message, "")
            return None
        if outcome.failure is not None:
            # It may be that worker's alone, which has no way to the state, or another version.
            self._note_unavailable(outcome.failure.message, outcome.failure.hint)
            return None
        self._note_available()
        return outcome

    def _is_cluster_due(self) -> bool:
        with self._lock:
            return self._ask_again_at is None or self._monotonic() >= self._ask_again_at

    def _note_unavailable(self, why: str, hint: str) -> None:
        with self._lock:
            is_news = self._ask_again_at is None
            self._ask_again_at = self._monotonic() + RETRY_SECONDS
        if self._cluster is not None:
            self._cluster.disconnect()
        if is_news:
            log.warning(
                "scheduler_unavailable",
                why=why,
                hint=hint or "Orgs are diagnosed here until it answers: see [diagnosis] scheduler.",
            )

    def _note_available(self) -> None:
        with self._lock:
            was_unavailable, self._ask_again_at = self._ask_again_at is not None, None
        if was_unavailable:
            log.info("scheduler_is_back")


def _result(
    future: futures.Future[TaskOutcome],
    cancelled: threading.Event,
    most_seconds: float | None = None,
) -> TaskOutcome:
    """Wait for a task.

    Raises:
        DiagnosisCancelledError: ``cancelled`` was set meanwhile.
        WorkerLostError: It took longer than ``most_seconds``.
    """
    until = None if most_seconds is None else time.monotonic() + most_seconds
    while not futures.wait([future], _LOOK_SECONDS).done:
        if cancelled.is_set():
            future.cancel()
            raise DiagnosisCancelledError
        if until is not None and time.monotonic() > until:
            future.cancel()
            raise WorkerLostError(f"no worker was done within {most_seconds:.0f} s")
    return future.result()
