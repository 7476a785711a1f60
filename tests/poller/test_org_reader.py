"""An org's reader, wired from the settings."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from monitor.clock import Clock, SystemClock
from monitor.config import CollectSettings, OrgSettings, Settings
from monitor.errors import ConfigurationError, RateLimitedError
from monitor.genesys import EndpointBackoff
from monitor.ledger import Ledger
from monitor.poller import OrgReader, PollResult, open_reader
from monitor.simulator import World
from monitor.store import StateClock
from tests.clocks import NOON, ManualClock
from tests.poller.watched_org import SMALL
from tests.simulated_org import org_settings, readable, serve_org

QUERY = "POST /api/v2/analytics/actions/aggregates/query"


def settings_of(url: str, contract: str = "platform", **collect: str) -> Settings:
    """Settings of one org at an address."""
    org = org_settings(url, contract)
    section = CollectSettings.model_validate({"initial": "1h", **collect})
    return Settings(org=(org,), collect=section)


def reader_of(
    settings: Settings, ledger: Ledger, clock: Clock, backoff: EndpointBackoff | None = None
) -> OrgReader:
    """The reader of the only org."""
    return open_reader(
        settings.org[0],
        settings,
        ledger=ledger,
        clock=clock,
        stop=threading.Event(),
        backoff=backoff,
    )


def test_a_reader_reads_with_what_the_settings_name(ledger: Ledger, clock: ManualClock) -> None:
    """Catalogue and collector work together, through one client."""
    with serve_org(SMALL, clock) as simulator:
        reader = reader_of(settings_of(simulator.url), ledger, clock)
        assert reader.catalogue.refresh() == 4
        report = reader.source_reader.poll()
        reader.client.close()
    assert report.result is PollResult.OK
    assert set(report.available) == {"actions", "conversations", "flow-errors"}
    assert reader.settings.name == report.org == "acme"
    assert (QUERY, "200") in reader.client.stats().requests


def test_a_flow_contract_is_read_from_detail_records_alone(
    ledger: Ledger, clock: ManualClock
) -> None:
    """Its aggregates are never asked for."""
    world = readable(World(detail_errors="named"))
    with serve_org(SMALL, clock, contract="flow", world=world) as simulator:
        reader = reader_of(settings_of(simulator.url, "flow"), ledger, clock)
        report = reader.source_reader.poll()
        reader.client.close()
    assert report.available == {"conversations": True, "flow-errors": True}
    assert report.executions_added == report.incidents_added > 0


def test_the_platforms_clock_is_held_against_the_one_that_windows_go_by(
    ledger: Ledger, clock: ManualClock
) -> None:
    """A database server that is an hour ahead is told, though this machine's clock is right."""
    ahead = StateClock(SystemClock(), lambda: time.time() + 3_600)
    with serve_org(SMALL, clock) as simulator:
        reader = reader_of(settings_of(simulator.url), ledger, ahead)
        reader.catalogue.refresh()
        reader.client.close()
    assert reader.client.clock_skew_seconds == pytest.approx(-3_600, abs=60)


def test_the_platforms_clock_is_not_held_against_a_simulated_one(
    ledger: Ledger, clock: ManualClock
) -> None:
    """The time of the data is no time of the wire."""
    with serve_org(SMALL, clock) as simulator:
        reader = reader_of(settings_of(simulator.url), ledger, clock)
        reader.catalogue.refresh()
        reader.client.close()
    assert reader.client.clock_skew_seconds == pytest.approx(0, abs=60)


def test_endpoints_that_were_closed_stay_closed(ledger: Ledger, clock: ManualClock) -> None:
    """A reader that takes another one's place keeps to the quiet that was asked for."""
    backoff = EndpointBackoff({QUERY: SystemClock().monotonic() + 600})
    with serve_org(SMALL, clock) as simulator:
        reader = reader_of(settings_of(simulator.url), ledger, clock, backoff)
        report = reader.source_reader.poll()
        reader.client.close()
    assert type(report.errors["actions"]) is RateLimitedError


def test_a_clock_that_runs_faster_may_ask_faster(ledger: Ledger) -> None:
    """The platform's minute passes with the data's: the pace is that of the simulated org."""

    class Fast(ManualClock):
        """A thousand seconds a second."""

        def machine_seconds(self, seconds: float) -> float:
            """A thousandth."""
            return seconds / 1_000

    clock = Fast(NOON)
    with serve_org(SMALL, clock) as simulator:
        reader = reader_of(settings_of(simulator.url), ledger, clock)
        for _ in range(60):  # two requests each; at the usual pace they would take 17 s
            reader.source_reader.poll()
        reader.client.close()
    waited = sum(reader.client.stats().rate_limited_seconds.values())
    assert waited < 1


def test_a_credential_that_can_not_be_read_is_refused(
    ledger: Ledger, clock: ManualClock, tmp_path: Path
) -> None:
    """Before any request: the settings are at fault."""
    org = OrgSettings(name="acme", client_id="x", client_secret_file=tmp_path / "absent")
    with pytest.raises(ConfigurationError, match="absent"):
        reader_of(Settings(org=(org,)), ledger, clock)


def test_a_state_in_other_windows_is_refused(ledger: Ledger, clock: ManualClock) -> None:
    """The reader does not open where its counts could not be compared."""
    with serve_org(SMALL, clock) as simulator:
        reader = reader_of(settings_of(simulator.url), ledger, clock)
        reader.source_reader.poll()
        reader.client.close()
        with pytest.raises(ConfigurationError, match="kept in windows of 5 min"):
            reader_of(settings_of(simulator.url, window="10m"), ledger, clock)
