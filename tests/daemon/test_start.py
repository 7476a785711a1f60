"""The daemon's first seconds: it serves at once, and shows no count before it knows it."""

from __future__ import annotations

import pytest
import requests

from monitor.daemon import Daemon
from monitor.worker_threads import WorkerThreads
from tests.daemon.conftest import MakeDaemon
from tests.daemon.daemon_process import families, sample
from tests.daemon.place import Place, eventually


def _executions(daemon: Daemon) -> list[float]:
    family = families(daemon.address)["genesys_data_action_executions"]
    return [found.value for found in family.samples]


def test_it_serves_before_it_has_read_the_state(place: Place, make_daemon: MakeDaemon) -> None:
    """No count is exported until it is known, so that none falls; health answers at once."""
    place.configure("acme", "globex")
    before = make_daemon(place)
    before.start()
    eventually(
        lambda: all(one.health.polls["ok"] for one in before.holder.current.orgs), "good polls"
    )
    counted = _executions(before)
    before.close()

    daemon = make_daemon(place)
    daemon._web.start()  # noqa: SLF001 - the moment before the first job
    assert requests.get(f"{daemon.address}/healthz", timeout=10).ok
    ready = requests.get(f"{daemon.address}/readyz", timeout=10)
    assert ready.status_code == 503
    reasons = {(one["org"], one["reason"]) for one in ready.json()["reasons"]}
    words = "starting: what was counted until now is being read"
    assert reasons == {("acme", words), ("globex", words)}
    page = requests.get(daemon.address, timeout=10).text
    assert "Starting: what was counted until now is being read." in page
    assert "counts are too low" not in page
    assert _executions(daemon) == []
    assert sample(families(daemon.address), "timeout_monitor_org_leased", org="acme") == 0

    daemon._look_first()  # noqa: SLF001 - the first job, and no poll
    assert sum(_executions(daemon)) == sum(counted) > 0
    ready = requests.get(f"{daemon.address}/readyz", timeout=10)
    assert {one["reason"] for one in ready.json()["reasons"]} == {
        "no poll has succeeded since the start"
    }


def test_a_reload_shows_what_was_shown(place: Place, make_daemon: MakeDaemon) -> None:
    """A scrape between two lives of a poller finds every count."""
    daemon = make_daemon(place)
    daemon.start()
    eventually(lambda: daemon.holder.current.orgs[0].health.polls["ok"], "a good poll")
    counted = _executions(daemon)
    place.order("hang", "/api/v2/analytics", hang_seconds=60)

    daemon.reload()
    assert _executions(daemon) == counted
    assert not daemon.holder.current.orgs[0].is_starting


def test_orgs_that_do_not_answer_keep_no_other_waiting(
    place: Place, make_daemon: MakeDaemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More of them hang than jobs run at a time, and another org is polled all the same."""
    monkeypatch.setattr(
        "monitor.jobs.WorkerThreads", lambda: WorkerThreads(usual=2, hangs_after_seconds=0.2)
    )
    place.configure("a", "b", "c", "d")
    for _ in range(3):
        place.order("hang", "/oauth/token", hang_seconds=60)
    daemon = make_daemon(place)
    daemon.start()

    def good_polls() -> int:
        return sum(one.health.polls["ok"] for one in daemon.holder.current.orgs)

    eventually(good_polls, "a good poll")
    assert good_polls() == 1
    place.forgive()
