"""A daemon whose client loses the permission without which nothing is counted."""

from __future__ import annotations

import pytest
import requests

from monitor.daemon import Daemon
from monitor.poller import source_availability
from monitor.simulator import ALL_PERMISSIONS
from tests.daemon.conftest import MakeDaemon
from tests.daemon.daemon_process import families, sample
from tests.daemon.place import Place, eventually

PERMISSION = "integrations:action:view"


def readiness(daemon: Daemon) -> requests.Response:
    """What ``/readyz`` answers."""
    return requests.get(f"{daemon.address}/readyz", timeout=10)


def test_it_is_not_ready_names_the_permission_and_recovers(
    place: Place, make_daemon: MakeDaemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the first refusal on, and without a restart once it is granted again."""
    monkeypatch.setattr(source_availability, "REQUIRED_AGAIN_MOST_SECONDS", 0.5)
    place.configure(interval="200ms")
    daemon = make_daemon(place)
    daemon.start()
    eventually(lambda: readiness(daemon).ok, "readiness")

    held = set(ALL_PERMISSIONS) - {PERMISSION, "bridge:actions:view"}
    place.simulator.org.grant(held)
    eventually(lambda: readiness(daemon).status_code == 503, "a refusal")
    [reason] = readiness(daemon).json()["reasons"]
    assert (reason["source"], reason["reason"]) == ("actions", "refused")
    assert f"Grant {PERMISSION}" in reason["problem"]
    assert f"Grant {PERMISSION}" in requests.get(daemon.address, timeout=10).text
    shown = families(daemon.address)
    assert sample(shown, "timeout_monitor_required_source_available", source="actions") == 0
    assert sample(shown, "timeout_monitor_polls_total", result="failed") >= 1

    place.simulator.org.grant(ALL_PERMISSIONS)
    eventually(lambda: readiness(daemon).ok, "readiness once it is granted again")
    shown = families(daemon.address)
    assert sample(shown, "timeout_monitor_required_source_available", source="actions") == 1


@pytest.mark.parametrize("kind", ["html_not_found", "html_forbidden"])
def test_a_proxy_in_the_platforms_place_costs_the_polls_that_it_answers(
    place: Place, make_daemon: MakeDaemon, kind: str
) -> None:
    """And no hour: nothing is switched off by it."""
    place.configure(interval="200ms")
    daemon = make_daemon(place)
    daemon.start()
    eventually(lambda: readiness(daemon).ok, "readiness")
    place.order(kind, "/api/v2/analytics/actions", count=2)
    eventually(lambda: place.faults_left() == 0, "a proxy's answers")
    before = daemon.holder.current.orgs[0].health.polls["ok"]
    eventually(lambda: daemon.holder.current.orgs[0].health.polls["ok"] > before, "a good poll")

    assert daemon.holder.current.orgs[0].health.source_available["actions"] is True
    assert readiness(daemon).ok
