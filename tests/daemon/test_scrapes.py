"""A scrape during a poll: it does not wait, and shows one whole snapshot."""

from __future__ import annotations

import time

import pytest
from prometheus_client import Metric

from monitor.exporter import METRICS
from tests.clocks import ScaledClock
from tests.daemon.conftest import MakeDaemon
from tests.daemon.daemon_process import RunningDaemon, families
from tests.daemon.place import Place, eventually
from tests.simulated_org import serve_live_org

Scrape = dict[str, Metric]

PROMPT_SECONDS = 2.0
"""A scrape takes milliseconds; a poll that is waited for would take a minute."""

EXECUTIONS = "genesys_data_action_executions"
DURATION = "genesys_data_action_duration_seconds"


def executions(scrape: Scrape) -> dict[str, float]:
    """Executions by action, over all outcomes."""
    counts: dict[str, float] = {}
    for found in scrape[EXECUTIONS].samples:
        action_id = found.labels["action_id"]
        counts[action_id] = counts.get(action_id, 0) + found.value
    return counts


def histogram(scrape: Scrape, ending: str) -> dict[str, float]:
    """What a histogram says of each action: its count, or its last bucket."""
    return {
        found.labels["action_id"]: found.value
        for found in scrape[DURATION].samples
        if found.name == DURATION + ending and found.labels.get("le", "+Inf") == "+Inf"
    }


def actions(scrape: Scrape, family: str) -> set[str]:
    """The actions that a family speaks of."""
    return {found.labels["action_id"] for found in scrape[family].samples}


def assert_of_one_piece(scrape: Scrape) -> None:
    """Every family speaks of the same actions, and sums of one are counts of the other."""
    listed = actions(scrape, "genesys_data_action_info")
    assert len(listed) == 3
    assert actions(scrape, EXECUTIONS) == actions(scrape, DURATION) == listed
    assert executions(scrape) == histogram(scrape, "_count") == histogram(scrape, "_bucket")
    failed: dict[str, float] = dict.fromkeys(listed, 0)
    for found in scrape["genesys_data_action_errors"].samples:
        failed[found.labels["action_id"]] += found.value
    unsuccessful = dict.fromkeys(listed, 0.0)
    for found in scrape[EXECUTIONS].samples:
        if found.labels["outcome"] != "success":
            unsuccessful[found.labels["action_id"]] += found.value
    assert failed == unsuccessful


def test_two_scrapes_during_a_poll(place: Place) -> None:
    """While the platform keeps a poll waiting, scrapes are prompt, complete and the same."""
    place.interval = "300ms"
    place.configure()
    with RunningDaemon(place) as daemon:
        eventually(lambda: daemon.get("/readyz").status_code == 200, "readiness")
        whole = families(daemon.address)
        place.order("hang", "/api/v2/analytics", count=100, hang_seconds=60)
        polls = len(daemon.lines("poll"))
        eventually(lambda: place.asked("analytics") > 2 * polls, "a hanging poll")
        scrapes = []
        for _ in range(2):
            began = time.monotonic()
            scrapes.append(families(daemon.address))
            assert time.monotonic() - began < PROMPT_SECONDS

    exported = {spec.name.removesuffix("_total") for spec in METRICS}
    for scrape in scrapes:
        assert scrape.keys() == whole.keys()
        assert scrape.keys() <= exported
        assert_of_one_piece(scrape)
    assert executions(scrapes[0]) == executions(scrapes[1])


def test_scrapes_between_many_polls(place: Place, make_daemon: MakeDaemon) -> None:
    """While snapshots are swapped all the time, no scrape shows parts of two of them."""
    # Twenty minutes a second: every poll finds something new.
    clock = ScaledClock(origin=time.time(), started=time.time(), speed=1_200.0)
    with serve_live_org(clock=clock) as simulator:
        place.configure(url=simulator.url, interval="1m")
        daemon = make_daemon(place, clock)
        daemon.start()
        eventually(lambda: sum(executions(families(daemon.address)).values()), "executions")
        scrapes: list[Scrape] = []

        def org_snapshots() -> int:
            scrapes.append(families(daemon.address))
            return len({sum(executions(scrape).values()) for scrape in scrapes})

        # Pictures that never change would prove nothing.
        eventually(lambda: org_snapshots() > 4, "a fifth snapshot")
        daemon.close()

    totals = [sum(executions(scrape).values()) for scrape in scrapes]
    assert totals == sorted(totals)
    for scrape in scrapes:
        assert_of_one_piece(scrape)


@pytest.mark.parametrize("path", ["/healthz", "/api/v1/status", "/api/v1/actions", "/", "/changes"])
def test_other_pages_do_not_wait_either(place: Place, path: str) -> None:
    """A poll that hangs from the start holds up no page."""
    place.order("hang", "/", count=100, hang_seconds=60)
    with RunningDaemon(place) as daemon:
        eventually(lambda: place.asked("/oauth/token"), "a hanging poll")
        began = time.monotonic()
        assert daemon.get(path).status_code == 200
        assert time.monotonic() - began < PROMPT_SECONDS
