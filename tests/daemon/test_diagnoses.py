"""Verdicts in a daemon: a job of its own that holds nothing up."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest
import requests
from structlog.testing import capture_logs

from monitor.daemon import Daemon
from monitor.diagnosis.carried import DiagnosisUpdate
from monitor.diagnosis.org import update_diagnosis
from monitor.errors import LedgerError
from monitor.poller import OrgPoller, PollReport
from tests.daemon.conftest import MakeDaemon
from tests.daemon.daemon_process import families, sample
from tests.daemon.place import Place, eventually

INTERVAL = "50ms"


def verdicts(daemon: Daemon) -> dict[str, str | None]:
    """What the API says, by the action's name."""
    document = requests.get(f"{daemon.address}/api/v1/actions", timeout=10).json()
    return {one["action_name"]: one["verdict"] for one in document["actions"]}


def diagnosed(daemon: Daemon) -> bool:
    """Whether there are verdicts to be shown."""
    return all(org_snapshot.diagnosis for org_snapshot in daemon.holder.current.orgs)


def decided(daemon: Daemon) -> int:
    """How many decisions about timeouts were taken since the start."""
    return sum(daemon.holder.current.orgs[0].remediation.decisions.values())


def polls(daemon: Daemon) -> int:
    """Polls that went well."""
    return daemon.holder.current.orgs[0].health.polls["ok"]


class Held:
    """Diagnoses that take until they are let go, and are counted."""

    def __init__(self) -> None:
        """Hold the first."""
        self.let_go = threading.Event()
        self.begun = 0

    def __call__(self, *arguments: Any, cancelled: threading.Event, **more: Any) -> DiagnosisUpdate:  # noqa: ANN401 - as they come
        """Wait, then diagnose."""
        self.begun += 1
        while not (self.let_go.wait(0.01) or cancelled.is_set()):
            pass
        return update_diagnosis(*arguments, cancelled=cancelled, **more)


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> Held:
    """Diagnoses that take as long as the test wants."""
    made = Held()
    monkeypatch.setattr("monitor.diagnosis.org.update_diagnosis", made)
    return made


def test_the_first_poll_is_followed_by_verdicts(place: Place, make_daemon: MakeDaemon) -> None:
    """In the API and in the metrics, as soon as there is anything to judge."""
    daemon = make_daemon(place)
    daemon.start()
    eventually(lambda: diagnosed(daemon), "a diagnosis")

    assert verdicts(daemon)["Take Payment"] not in {None, "healthy"}
    assert verdicts(daemon)["Branch Finder"] is not None
    [action_id] = [
        action.action_id
        for action in daemon.holder.current.orgs[0].state.actions
        if action.name == "Take Payment"
    ]
    assert (
        sample(
            families(daemon.address), "genesys_data_action_verdict", action_id=action_id,
            verdict=str(verdicts(daemon)["Take Payment"]),
        )
        == 1
    )  # fmt: skip


def test_polls_and_scrapes_do_not_wait_for_a_diagnosis(
    place: Place, make_daemon: MakeDaemon, held: Held
) -> None:
    """They go on meanwhile, and no second diagnosis begins beside the first."""
    place.configure(interval=INTERVAL)
    daemon = make_daemon(place)
    daemon.start()
    eventually(lambda: held.begun == 1, "a diagnosis")
    before = polls(daemon)
    eventually(lambda: polls(daemon) >= before + 3, "three polls during a diagnosis")
    began = time.monotonic()
    shown = requests.get(f"{daemon.address}/metrics", timeout=10)

    assert shown.status_code == 200
    assert time.monotonic() - began < 5
    assert held.begun == 1
    assert not diagnosed(daemon)
    held.let_go.set()
    eventually(lambda: diagnosed(daemon), "its verdicts")


def test_a_window_is_diagnosed_once(place: Place, make_daemon: MakeDaemon, held: Held) -> None:
    """Until the next one settles there is nothing new to say."""
    held.let_go.set()
    place.configure(interval=INTERVAL)
    daemon = make_daemon(place)
    daemon.start()
    eventually(lambda: diagnosed(daemon), "a diagnosis")
    before = polls(daemon)
    eventually(lambda: polls(daemon) >= before + 5, "five more polls")

    # Two where a window settled just then.
    assert held.begun <= 2


def test_a_stop_does_not_wait_for_a_diagnosis(
    place: Place, make_daemon: MakeDaemon, held: Held
) -> None:
    """It is given up, and the stop takes less than its five seconds."""
    daemon = make_daemon(place)
    daemon.start()
    eventually(lambda: held.begun == 1, "a diagnosis")
    began = time.monotonic()
    daemon.close()

    assert time.monotonic() - began < 5
    assert daemon.finished


def test_verdicts_outlive_a_reload(place: Place, make_daemon: MakeDaemon) -> None:
    """Until there are new ones, the old ones are shown."""
    daemon = make_daemon(place)
    daemon.start()
    eventually(lambda: diagnosed(daemon), "a diagnosis")
    daemon.reload()

    assert diagnosed(daemon)


def test_a_restart_goes_on_with_what_was_told(
    place: Place, make_daemon: MakeDaemon, held: Held
) -> None:
    """From the first scrape that has counts on, so that no alert resolves and fires again.

    Nothing is decided by it: a timeout is changed by what was judged since the start.
    """
    place.configure(interval=INTERVAL)
    first = make_daemon(place)
    held.let_go.set()
    first.start()
    eventually(lambda: diagnosed(first) and decided(first), "verdicts and decisions")
    before = verdicts(first), first.holder.current.orgs[0].diagnosis
    first.close()
    held.let_go.clear()

    begun, second = held.begun, make_daemon(place)
    second.start()
    scraped: dict[str, Any] = {}

    def counts() -> bool:
        scraped.update(families(second.address))
        return bool(scraped["genesys_data_action_executions"].samples)

    eventually(counts, "a scrape with counts")
    assert {
        (one.labels["action_id"], one.labels["verdict"])
        for one in scraped["genesys_data_action_verdict"].samples
    } == {(action_id, str(one.verdict)) for action_id, one in before[1].diagnoses.items()}  # type: ignore[union-attr]
    eventually(lambda: held.begun > begun and polls(second) >= 3, "polls beside a diagnosis")
    assert verdicts(second) == before[0]
    assert not decided(second)
    held.let_go.set()
    eventually(lambda: decided(second), "decisions by a diagnosis of its own")


def test_a_state_that_can_t_be_read_is_told_and_tried_again(
    place: Place, make_daemon: MakeDaemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The verdicts come after the next poll."""
    failures: list[LedgerError] = []

    def fails_once(*arguments: Any, **more: Any) -> DiagnosisUpdate:  # noqa: ANN401 - as they come
        if not failures:
            failures.append(LedgerError("the state is locked", "Wait."))
            raise failures[0]
        return update_diagnosis(*arguments, **more)

    monkeypatch.setattr("monitor.diagnosis.org.update_diagnosis", fails_once)
    place.configure(interval=INTERVAL)
    daemon = make_daemon(place)
    with capture_logs() as logs:
        daemon.start()
        eventually(lambda: diagnosed(daemon), "a diagnosis")

    told = [line for line in logs if line["event"] == "diagnosis_failed"]
    assert [line["hint"] for line in told] == ["Wait."]


def test_a_poll_that_ends_during_a_stop_does_not_hold_it_up(
    place: Place, make_daemon: MakeDaemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has a diagnosis to ask for while the jobs are being ended, and everything ends."""
    place.configure(interval=INTERVAL)
    daemon = make_daemon(place)
    daemon.start()
    eventually(lambda: diagnosed(daemon), "a diagnosis")
    scheduler = daemon._jobs.scheduler  # noqa: SLF001 - when it ends is not to be seen from outside
    polling, poll = threading.Event(), OrgPoller.poll

    def ends_late(poller: OrgPoller) -> PollReport:
        polling.set()
        eventually(lambda: not scheduler.running, "the end of the jobs")
        threading.Event().wait(0.1)
        return poll(poller)

    monkeypatch.setattr(OrgPoller, "claim_diagnosis", lambda _watch: True)
    monkeypatch.setattr(OrgPoller, "poll", ends_late)
    assert polling.wait(10)
    daemon.close()

    eventually(lambda: daemon.finished, "the end of every job")
    assert daemon.finished
