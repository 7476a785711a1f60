"""Whether the client that writes could write: found out without writing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
import stamina

from monitor.checkup import Level
from monitor.simulator import World
from tests.checkup.conftest import findings
from tests.daemon.place import Place
from tests.simulated_org import SMALL, flow_only, request_counts, serve_live_org

WRITER = 'write_client_id = "writer"\nwrite_client_secret = "{secret}"\n'
EDIT = "integrations:action:edit"


def wants_to_write(place: Place, secret: str = "writes", mode: str = "auto") -> Place:  # noqa: S107 - a test's
    """Configure a client that writes; it may do what the reading one may."""
    place.simulator.org.tokens.register_secret("writer", "writes")
    place.configure(
        contract=place.contract,
        more=WRITER.format(secret=secret) + f'[remediation]\nmode = "{mode}"\n',
    )
    return place


@pytest.fixture
def shown(tmp_path: Path) -> Iterator[Place]:
    """An org that shows a client its own roles with what they allow."""
    world = World(detail_errors="named", own_roles="policies")
    with stamina.set_testing(True, attempts=1), serve_live_org(world=world) as simulator:
        yield wants_to_write(Place(tmp_path, simulator))


def written(place: Place) -> list[str]:
    """The requests that would change something."""
    counts = request_counts(place.simulator.url)
    return [name for name in counts if name.startswith(("PATCH", "PUT", "DELETE"))]


def test_a_writer_that_may_edit(shown: Place) -> None:
    """It logs in, reads what it would write, and its roles are looked at; nothing is written."""
    finding = findings(shown)["acme: writer"]

    assert finding.level is Level.OK
    assert "writer is logged in, and may edit data actions" in finding.detail
    assert written(shown) == []


def test_a_writer_that_may_not_edit(shown: Place) -> None:
    """Auto mode would fail at its first write: it fails here, with what to grant."""
    org = shown.simulator.org
    org.grant(org.permissions - {EDIT}, "writer")

    finding = findings(shown)["acme: writer"]

    assert (finding.level, finding.exit_code) == (Level.FAILED, 4)
    assert "may not edit data actions" in finding.detail
    assert f"Grant {EDIT}" in finding.hint
    assert written(shown) == []


def test_a_writer_that_may_not_read(shown: Place) -> None:
    """What it has written it must read back."""
    shown.simulator.org.grant([EDIT], "writer")

    finding = findings(shown)["acme: writer"]

    assert (finding.level, finding.exit_code) == (Level.FAILED, 4)
    assert "integrations:action:view" in finding.hint


@pytest.mark.parametrize("mode", ["auto", "recommend"])
def test_a_writer_that_can_not_log_in(place: Place, mode: str) -> None:
    """Whoever reads gets in, and whoever writes does not."""
    found = findings(wants_to_write(place, secret="wrong", mode=mode))  # noqa: S106 - a test's

    assert found["acme: login"].level is Level.OK
    assert found["acme: writer"].level is Level.FAILED
    assert found["acme: writer"].exit_code == 4
    assert "wrong" not in repr(found)


@pytest.mark.parametrize("roles", ["users_only", "names"])
def test_what_can_not_be_asked_is_said_to_be_so(tmp_path: Path, roles: str) -> None:
    """Where the platform shows a client no roles, or not what they allow."""
    world = World(detail_errors="named", own_roles=roles)
    with stamina.set_testing(True, attempts=1), serve_live_org(world=world) as simulator:
        place = wants_to_write(Place(tmp_path, simulator))
        finding = findings(place)["acme: writer"]
        assert written(place) == []

    assert finding.level is Level.WARNING
    assert f"whether it holds {EDIT} can't be asked here" in finding.detail


def test_the_reader_is_checked_where_it_may_write(shown: Place) -> None:
    """In auto mode somebody writes."""
    shown.configure(more='[remediation]\nmode = "auto"\nreader_may_write = true\n')
    org = shown.simulator.org
    assert findings(shown)["acme: writer"].level is Level.OK

    org.grant(org.permissions - {EDIT})

    assert findings(shown)["acme: writer"].level is Level.FAILED


@pytest.mark.parametrize("mode", ["off", "recommend"])
def test_where_nobody_is_to_write_nobody_is_checked(place: Place, mode: str) -> None:
    """Without a client for it, and not in auto mode; nor wherever the mode is off."""
    place.configure(more=f'[remediation]\nmode = "{mode}"\n')
    assert "acme: writer" not in findings(place)

    if mode == "off":
        assert "acme: writer" not in findings(wants_to_write(place, mode=mode))


def test_a_writer_of_another_org(shown: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its id belongs to another contact centre: nothing that is read there is what it writes."""
    seen: list[object] = []

    def another(*_: object) -> SimpleNamespace:
        seen.append(None)
        name = f"org {len(seen)}"
        return SimpleNamespace(org_id=name, org_name=name, clock_skew_seconds=0.0)

    monkeypatch.setattr("monitor.checkup.write_access.whoami", another)

    finding = findings(shown)["acme: writer"]

    assert (finding.level, finding.exit_code) == (Level.FAILED, 2)
    assert "writes to another org" in finding.detail


def test_the_flow_contract_has_nothing_that_could_be_asked(tmp_path: Path) -> None:
    """Its gateway knows tokens, flows and records: a login is all that can be proven."""
    with stamina.set_testing(True, attempts=1), serve_live_org(flow_only(SMALL)) as simulator:
        place = wants_to_write(Place(tmp_path, simulator, contract="flow"))
        finding = findings(place)["acme: writer"]
        assert place.asked("(unknown)") == 0

    assert finding.level is Level.WARNING
    assert "flow:flow:write can't be asked here" in finding.detail
