"""Jobs of the daemon that fail as nothing foresees: one line each, and the daemon goes on."""

from __future__ import annotations

import re
from typing import Never
from urllib.request import urlopen

import pytest
from structlog.testing import capture_logs

from monitor.clock import SystemClock
from monitor.config import load
from monitor.daemon import Daemon
from monitor.ledger import Housekeeping
from monitor.poller import OrgPoller
from monitor.remediation.loop import RemediationLoop
from tests.daemon.conftest import MakeDaemon
from tests.daemon.place import Place, eventually


def boom(*_: object, **__: object) -> Never:
    """Fail as nothing in the tree does."""
    reason = "boom"
    raise RuntimeError(reason)


def test_a_poll_that_fails_unforeseen_is_counted_and_the_next_one_comes(
    place: Place, make_daemon: MakeDaemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``/metrics`` shows it, one line names its place, and nothing is a traceback."""
    place.configure(interval="200ms")
    daemon = make_daemon(place)
    with capture_logs() as logs, monkeypatch.context() as patched:
        patched.setattr(OrgPoller, "_take_snapshot", boom)
        daemon.start()
        eventually(lambda: _failed(daemon) >= 2, "two polls that failed")

    told = [line for line in logs if line["event"] == "poll"]
    assert len(told) >= 2
    assert all(re.search(r"raised at monitor/poller/\w+\.py:\d+", line["why"]) for line in told)
    assert not any(line.get("exc_info") for line in logs)
    eventually(lambda: daemon.holder.current.orgs[0].health.polls["ok"], "a good poll")


def _failed(daemon: Daemon) -> float:
    with urlopen(f"{daemon.address}/metrics", timeout=5) as answer:  # noqa: S310 - loopback
        text = answer.read().decode()
    found = re.search(r'timeout_monitor_polls_total\{.*result="failed"\} ([\d.]+)', text)
    return float(found[1]) if found else 0.0


@pytest.mark.parametrize(
    ("part", "method", "job", "event"),
    [
        (OrgPoller, "refresh_catalogue", "refresh_catalogue", "catalogue_failed"),
        (OrgPoller, "diagnose", "diagnose", "diagnosis_failed"),
        (OrgPoller, "claim_diagnosis", "poll_now", "poll_failed"),
        (RemediationLoop, "run_once", "remediate", "remediation_failed"),
        (Housekeeping, "prune", "_prune", "prune_failed"),
    ],
)
def test_every_job_survives_what_nothing_foresees(  # noqa: PLR0913, PLR0917 - what fails, and who
    place: Place,
    make_daemon: MakeDaemon,
    monkeypatch: pytest.MonkeyPatch,
    part: type,
    method: str,
    job: str,
    event: str,
) -> None:
    """One line with the place, and no traceback."""
    place.configure()
    daemon = make_daemon(place)
    poller = daemon._pollers[0]  # noqa: SLF001 - the daemon's own jobs are called as it calls them
    arguments = {"_prune": (), "remediate": (poller, daemon._loops[poller.name])}  # noqa: SLF001
    assert daemon._leases.take(poller.name)  # noqa: SLF001 - as a poll does before its turn
    monkeypatch.setattr(part, method, boom)

    with capture_logs() as logs:
        # Those of one org are in a room of their own.
        whose = daemon if hasattr(daemon, job) else daemon._org_jobs  # noqa: SLF001
        getattr(whose, job)(*arguments.get(job, (poller,)))

    (told,) = [line for line in logs if line["event"] == event]
    assert re.match(
        r"RuntimeError was raised at monitor/(daemon|org_jobs|upkeep)\.py:\d+ in ", told["why"]
    )
    assert "exc_info" not in told


def test_a_reload_that_fails_unforeseen_is_refused(place: Place) -> None:
    """One line says where, and the settings stay as they were."""
    place.configure()
    settings = load(place.config)
    daemon = Daemon(settings, clock=SystemClock(), load=boom)
    pollers = daemon._pollers  # noqa: SLF001 - what a reload would replace

    with capture_logs() as logs:
        daemon.reload()
    daemon.close()

    (told,) = [line for line in logs if line["event"] == "reload_refused"]
    assert re.match(r"RuntimeError was raised at monitor/daemon\.py:\d+ in ", told["why"])
    assert daemon._pollers is pollers  # noqa: SLF001 - see above


@pytest.mark.parametrize("part", [OrgPoller, RemediationLoop])
def test_a_reload_goes_on_where_counts_can_not_be_taken_over(
    place: Place, make_daemon: MakeDaemon, monkeypatch: pytest.MonkeyPatch, part: type
) -> None:
    """The old jobs have ended by then: the new ones run, and the log says what is missing."""
    place.configure(interval="200ms")
    daemon = make_daemon(place)
    daemon.start()
    monkeypatch.setattr(part, "carry_over", boom)

    with capture_logs() as logs:
        daemon.reload()
        polls = daemon.holder.current.orgs[0].health.polls
        eventually(
            lambda: sum(daemon.holder.current.orgs[0].health.polls.values()) > sum(polls.values()),
            "a poll after the reload",
        )

    events = [line["event"] for line in logs]
    assert "reload_failed" in events
    assert "reloaded" in events
