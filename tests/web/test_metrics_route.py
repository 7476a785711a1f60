"""GET /metrics over real HTTP: formats, compression, and whole snapshots only."""

from __future__ import annotations

import gzip
import subprocess
from collections.abc import Callable
from pathlib import Path
from threading import Event, Thread

import pytest
from prometheus_client.openmetrics.parser import (
    text_string_to_metric_families as parse_openmetrics,
)
from prometheus_client.parser import text_string_to_metric_families as parse_text

from monitor.counts import Counts, SeriesKey
from monitor.exporter import METRICS
from monitor.ledger import OrgState
from monitor.model import NO_BANDS, Action
from monitor.snapshot import OrgSnapshot
from tests.exporter.snapshots import (
    CRM,
    ORG,
    Scrape,
    org_snapshot,
    recorded_org_snapshot,
    snapshot,
)
from tests.web.conftest import Answer, Site

Server = Callable[..., Site]

# What Prometheus 2 and 3 send.
PROMETHEUS_2 = (
    "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
    "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
)
PROMETHEUS_3 = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
    "application/openmetrics-text;version=0.0.1;q=0.5,"
    "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
)


def parsed(answer: Answer) -> Scrape:
    """The text format, parsed."""
    return Scrape.of(list(parse_text(answer.text)))


def executions_of(scrape: Scrape) -> dict[str, float]:
    """Successes by action."""
    return {
        action_id: count
        for (action_id, _, outcome), count in scrape.series(
            "genesys_data_action_executions_total"
        ).items()
        if outcome == "success"
    }


def numbered(number: int, actions: int = 40) -> OrgSnapshot:
    """An org in which everything counts ``number``."""
    known = tuple(Action(f"a{index}", f"Action {index}") for index in range(actions))
    bands = (number, *NO_BANDS[1:])
    counts = Counts(number, 50.0 * number, bands=bands)
    totals = {SeriesKey(action.action_id, "NONE", "200"): counts for action in known}
    return org_snapshot(OrgState(ORG, actions=known, totals=totals))


def test_shows_every_metric(serve: Server, tmp_path: Path) -> None:
    """A scrape holds every family of the catalogue, in its order."""
    answer = serve(recorded_org_snapshot(tmp_path)).ask("/metrics")

    names = [family.name for family in parse_text(answer.text)]
    assert names == [spec.name.removesuffix("_total") for spec in METRICS]


def test_text_is_the_default(serve: Server) -> None:
    """A client without a wish gets the text format that every scraper reads."""
    answer = serve(org_snapshot()).ask("/metrics")

    assert answer.status == 200
    assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert "Content-Encoding" not in answer.headers


@pytest.mark.parametrize("accept", [PROMETHEUS_2, PROMETHEUS_3, "application/openmetrics-text"])
def test_openmetrics_for_those_who_prefer_it(serve: Server, accept: str) -> None:
    """Prometheus gets OpenMetrics, which says the same and ends with its mark."""
    site = serve(org_snapshot(OrgState(ORG, actions=(CRM,))))
    answer = site.ask("/metrics", Accept=accept)

    assert answer.headers.get_content_type() == "application/openmetrics-text"
    assert answer.text.endswith("\n# EOF\n")
    assert answer.text.count("# EOF") == 1
    families = list(parse_openmetrics(answer.text))  # type: ignore[no-untyped-call]
    assert Scrape.of(families).samples == parsed(site.ask("/metrics")).samples


@pytest.mark.parametrize(
    "accept",
    [
        "text/plain",
        "*/*",
        "text/html,*/*;q=0.8",
        "application/openmetrics-text;q=0,text/plain",
        "application/openmetrics-text;q=0.1,text/plain;q=0.9",
        "image/png",
    ],
)
def test_text_for_those_who_prefer_it(serve: Server, accept: str) -> None:
    """A browser, curl, and whoever likes text best get text."""
    answer = serve(org_snapshot()).ask("/metrics", Accept=accept)

    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")


def test_compressed_where_asked_for(serve: Server) -> None:
    """With Accept-Encoding: gzip the same scrape comes compressed."""
    site = serve(org_snapshot())
    plain, packed = site.ask("/metrics"), site.ask("/metrics", Accept_Encoding="gzip;q=0.9")

    assert packed.headers["Content-Encoding"] == "gzip"
    assert len(packed.body) < len(plain.body)
    assert gzip.decompress(packed.body) == plain.body


def test_not_compressed_where_refused(serve: Server) -> None:
    """A client that refuses gzip gets plain text."""
    answer = serve(org_snapshot()).ask("/metrics", Accept_Encoding="gzip;q=0, identity")

    assert "Content-Encoding" not in answer.headers


def test_caches_are_told_what_the_answer_depends_on(serve: Server) -> None:
    """A proxy between must not give one client's format to another."""
    answer = serve(org_snapshot()).ask("/metrics")

    assert {name.strip() for name in answer.headers["Vary"].split(",")} == {
        "Accept",
        "Accept-Encoding",
    }


def test_scrape_follows_the_snapshot(serve: Server) -> None:
    """Each scrape shows the snapshot that is current when it begins, in both formats."""
    site = serve(numbered(1))
    site.ask("/metrics", Accept=PROMETHEUS_2)

    site.holder.swap(snapshot(numbered(2)))

    assert set(executions_of(parsed(site.ask("/metrics"))).values()) == {2}
    openmetrics = site.ask("/metrics", Accept=PROMETHEUS_2)
    families = list(parse_openmetrics(openmetrics.text))  # type: ignore[no-untyped-call]
    assert set(executions_of(Scrape.of(families)).values()) == {2}


def test_scrape_follows_the_clock(serve: Server) -> None:
    """What depends on the moment is written anew, though the snapshot is the same."""
    site = serve(org_snapshot())
    labels = {"org": ORG, "source": "actions"}

    assert parsed(site.ask("/metrics")).value("timeout_monitor_data_lag_seconds", **labels) == 60
    site.clock.at += 15
    assert parsed(site.ask("/metrics")).value("timeout_monitor_data_lag_seconds", **labels) == 75


def test_scrapes_during_swaps_are_whole(serve: Server) -> None:
    """While snapshots are swapped as fast as can be, every scrape is of a single one."""
    site = serve(numbered(0))
    org_snapshots = [snapshot(numbered(number)) for number in range(20)]
    enough = Event()

    def swap() -> None:
        while not enough.is_set():
            for shown in org_snapshots:
                site.holder.swap(shown)

    swapping = Thread(target=swap)
    swapping.start()
    try:
        scrapes = [parsed(site.ask("/metrics")) for _ in range(15)]
    finally:
        enough.set()
        swapping.join()

    for scrape in scrapes:
        executions = executions_of(scrape)
        counts = scrape.series("genesys_data_action_duration_seconds_count")
        assert len(executions) == 40
        assert len({*executions.values(), *counts.values()}) == 1


def test_scrapes_side_by_side_agree(serve: Server) -> None:
    """Clients that scrape at the same moment all get the same whole answer."""
    site = serve(numbered(3, actions=200))
    answers: list[Answer] = []
    clients = [
        Thread(target=lambda: answers.append(site.ask("/metrics", Accept_Encoding="gzip")))
        for _ in range(8)
    ]
    for client in clients:
        client.start()
    for client in clients:
        client.join()

    assert len(answers) == 8
    assert len({answer.body for answer in answers}) == 1


def test_two_thousand_actions(serve: Server, require_tool: Callable[[str], str]) -> None:
    """A large org is scraped whole, and Prometheus' own linter has nothing to say."""
    answer = serve(numbered(5, actions=2000)).ask("/metrics")

    assert len(executions_of(parsed(answer))) == 2000
    checked = subprocess.run(
        [require_tool("promtool"), "check", "metrics"],
        input=answer.body,
        capture_output=True,
        check=False,
    )
    assert (checked.stdout, checked.stderr, checked.returncode) == (b"", b"", 0)
