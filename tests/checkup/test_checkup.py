"""Each finding of a check, one thing wrong at a time."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from monitor.checkup import Level
from monitor.checkup.scheduler import scheduler_finding
from monitor.clock import Clock
from monitor.ledger import Ledger
from monitor.simulator.scenarios import PAYMENT_LINE, TAKE_PAYMENT
from tests.checkup.conftest import findings
from tests.clocks import ScaledClock
from tests.daemon.place import Place
from tests.simulated_org import QUIET, SMALL, flow_only, serve_live_org


def skewed(seconds: float) -> Clock:
    """Return a clock that is ahead by so many seconds."""
    return ScaledClock(time.time() + seconds, time.time(), speed=1.0)


@contextmanager
def at_another_org(place: Place, **changed: str) -> Iterator[Place]:
    """The same place, pointed at a quiet org or at one that speaks the flow contract only."""
    scenario = flow_only(SMALL) if changed.get("contract") == "flow" else QUIET
    with ExitStack() as stack:
        simulator = stack.enter_context(serve_live_org(scenario))
        place.configure(url=simulator.url, **changed)
        yield Place(place.folder, simulator, contract=changed.get("contract", "platform"))


def test_a_scheduler_that_does_not_answer_is_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    """The daemon makes the verdicts by itself then."""
    monkeypatch.setattr("monitor.diagnosis.cluster.CONNECT_SECONDS", 0.1)
    found = scheduler_finding("tcp://127.0.0.1:9")

    assert found.level is Level.WARNING
    assert "tcp://127.0.0.1:9 does not answer" in found.detail
    assert "by itself" in found.hint


def test_everything_in_place(place: Place) -> None:
    """Each part of what the daemon needs is one finding, and all are well."""
    found = findings(place)

    assert list(found) == [
        "settings",
        "state",
        "port",
        "acme: login",
        "acme: clock",
        "acme: catalogue",
        "acme: action aggregates",
        "acme: conversation details",
        "acme: flow errors",
        "acme: integration names",
        "acme: flow use",
        "acme: limits",
        "acme: audit log",
    ]
    assert {finding.level for finding in found.values()} == {Level.OK}
    assert found["acme: catalogue"].detail == "3 data actions"
    assert found["acme: limits"].detail == (
        "50 executions at a time, 2,500 executions a minute, 25 function executions at a time"
    )
    assert "the detail records are" in found["acme: flow errors"].detail


def test_a_check_counts_nothing(place: Place) -> None:
    """It asks, and keeps none of it."""
    findings(place)

    assert not place.state.exists()


def test_only_the_sources_that_are_wanted(place: Place) -> None:
    """What is switched off in the settings is not asked for."""
    text = place.config.read_text().replace("[collect]", '[collect]\nsources = ["actions"]')
    place.config.write_text(text)
    assert not {"acme: conversation details", "acme: audit log"} & findings(place).keys()

    place.config.write_text(text.replace('["actions"]', '["conversations"]'))
    assert "acme: action aggregates" not in findings(place)


def test_an_audit_log_that_may_not_be_read_is_a_warning(place: Place) -> None:
    """It names the permission; what is counted does not depend on it."""
    org = place.simulator.org
    org.grant(org.permissions - {"audits:audit:view"})
    found = findings(place)["acme: audit log"]

    assert found.level is Level.WARNING
    assert "audits:audit:view" in found.hint


def test_every_org_is_checked(place: Place) -> None:
    """One after the other, each under its name."""
    place.configure("acme", "globex")

    found = findings(place)

    assert found["settings"].detail == "2 org(s) configured"
    assert found["acme: login"].level is found["globex: login"].level is Level.OK


@pytest.mark.parametrize(
    ("permission", "subjects"),
    [
        ("integrations:integration:view", {"acme: integration names"}),
        ("architect:dependencyTracking:view", {"acme: flow use"}),
        ("analytics:flowAggregate:view", {"acme: flow errors"}),
    ],
)
def test_a_permission_that_can_be_done_without(
    place: Place, permission: str, subjects: set[str]
) -> None:
    """Its absence is a warning that names it."""
    org = place.simulator.org
    org.grant(org.permissions - {permission})

    found = findings(place)

    warned = {subject for subject, one in found.items() if one.level is Level.WARNING}
    assert warned == subjects
    for subject in subjects:
        assert f"Grant {permission}" in found[subject].hint


def test_without_the_types_of_integrations_a_check_says_what_can_not_be_told(place: Place) -> None:
    """Refused or left out: functions can't be told from other actions."""
    org = place.simulator.org
    org.grant(org.permissions - {"integrations:integration:view"})

    assert "functions can't be told" in findings(place)["acme: integration names"].hint


def test_a_setting_without_effect_is_told(place: Place) -> None:
    """An older file is taken, and the key that decides nothing any more is named."""
    text = place.config.read_text()
    place.config.write_text(f'{text}\n[classify]\nfunction_categories = ["(?i)function"]\n')

    finding = findings(place)["settings"]

    assert finding.level is Level.WARNING
    assert "classify.function_categories decides nothing any more" in finding.detail


def test_detail_records_can_be_done_without(place: Place) -> None:
    """Where executions are counted from elsewhere."""
    org = place.simulator.org
    org.grant(one for one in org.permissions if not one.startswith("analytics:"))

    finding = findings(place)["acme: conversation details"]

    assert finding.level is Level.WARNING
    assert "analytics:conversationDetail:view" in finding.hint


def test_a_permission_that_can_not_be_done_without(place: Place) -> None:
    """Its absence is a failure with the exit code for it; the rest is checked all the same."""
    place.simulator.org.grant(["analytics:conversationDetail:view"])

    found = findings(place)

    for subject in ("acme: catalogue", "acme: action aggregates"):
        assert found[subject].level is Level.FAILED
        assert found[subject].exit_code == 4
        assert "integrations:action:view" in found[subject].hint
    assert found["acme: flow use"].detail == "No action to ask about"
    assert found["acme: conversation details"].level is Level.OK


def test_a_refused_login(place: Place) -> None:
    """Nothing more is asked of that org, whose secret is not shown."""
    place.configure(secret="wrong-and-never-shown")  # noqa: S106 - a test's

    found = findings(place)

    assert list(found) == ["settings", "state", "port", "acme: login"]
    assert found["acme: login"].exit_code == 4
    assert "wrong-and-never-shown" not in repr(found)


def test_a_host_that_is_not_there(place: Place) -> None:
    """Its login fails with the code for it."""
    place.simulator.close()

    assert findings(place)["acme: login"].exit_code == 6


def test_a_key_that_is_none(place: Place) -> None:
    """A credential that can't be used is found before anything is asked."""
    key = place.folder / "key.pem"
    key.write_text("no key")
    text = place.config.read_text().replace(
        'client_secret = "simulated-secret"', f'private_key_file = "{key}"'
    )
    place.config.write_text(text)

    assert findings(place)["acme: login"].exit_code == 2
    assert place.asked("/") == 0


def test_a_state_that_is_not_ours(place: Place) -> None:
    """The platform is checked all the same."""
    place.state.write_text("somebody's notes\n" * 100)

    found = findings(place)

    assert found["state"].level is Level.FAILED
    assert found["state"].exit_code == 1
    assert found["acme: login"].level is Level.OK


def test_a_state_that_may_only_be_read(place: Place) -> None:
    """A check finds out what a report would not."""
    Ledger.open(f"sqlite:///{place.state}").close()
    place.configure(state=f"sqlite:///file:{place.state}?mode=ro&uri=true")

    assert "can't be written" in findings(place)["state"].detail


@pytest.mark.parametrize(("seconds", "sign"), [(-90, "+"), (90, "-")])
def test_a_clock_that_is_off(place: Place, seconds: float, sign: str) -> None:
    """It is told by how much, and which way."""
    finding = findings(place, skewed(seconds))["acme: clock"]

    assert finding.level is Level.WARNING
    # HTTP tells the time to the second.
    assert re.search(rf"is \{sign}(89|90|91) s from", finding.detail)
    assert "NTP" in finding.hint


def test_a_clock_that_is_right(place: Place) -> None:
    """A difference of nothing is no difference below nothing."""
    assert "-0 s" not in findings(place)["acme: clock"].detail


def test_an_org_without_data_actions(place: Place) -> None:
    """It answers, but it is hardly the org that was meant."""
    with at_another_org(place) as quiet:
        found = findings(quiet)

    assert found["acme: catalogue"].level is Level.WARNING
    assert found["acme: catalogue"].detail == "The org has no data actions"
    assert found["acme: action aggregates"].level is Level.OK


def test_the_flow_contract(place: Place) -> None:
    """Only what it speaks is asked for: the detail records, then a flow that they named."""
    with at_another_org(place, contract="flow") as flow:
        assert list(findings(flow))[3:] == [
            "acme: login",
            "acme: conversation details",
            "acme: clock",
        ]
        assert flow.run("poll").code == 0
        found = findings(flow)
        assert flow.asked("(unknown)") == 0

    assert {finding.level for finding in found.values()} == {Level.OK}
    assert found["acme: flow document"].detail.startswith("1 data actions in ")


def test_a_check_says_where_it_logs_in(place: Place) -> None:
    """The host decides whether a signed login is accepted: it is its audience."""
    host = place.simulator.url.removeprefix("http://")
    assert findings(place)["acme: login"].detail == f"Logged in to Simulated (small) at {host}"
    with at_another_org(place, contract="flow") as flow:
        host = flow.simulator.url.removeprefix("http://")
        assert findings(flow)["acme: login"].detail == f"Logged in at {host}"


@pytest.mark.parametrize(("seconds", "sign"), [(-90, "+"), (90, "-")])
def test_the_flow_contracts_clock_comes_from_any_answer(
    place: Place, seconds: float, sign: str
) -> None:
    """A gateway has nothing that anybody may ask, and dates what it answers all the same."""
    with at_another_org(place, contract="flow") as flow:
        finding = findings(flow, skewed(seconds))["acme: clock"]

    assert finding.level is Level.WARNING
    assert re.search(rf"is \{sign}(89|90|91) s from", finding.detail)


def test_the_flow_contracts_clock_comes_from_a_refusal_too(place: Place) -> None:
    """Whatever is wrong with a permission, the clock is told."""
    with at_another_org(place, contract="flow") as flow:
        flow.simulator.org.grant([])
        assert findings(flow)["acme: clock"].level is Level.OK


@pytest.mark.parametrize(
    ("flow_id", "action_id", "level", "words"),
    [
        (PAYMENT_LINE.flow_id, TAKE_PAYMENT.action_id, Level.OK, "1 data actions in "),
        (PAYMENT_LINE.flow_id, "take payment", Level.OK, "1 data actions in "),
        (PAYMENT_LINE.flow_id, "nobody", Level.WARNING, "has no data action with the id or name "),
        ("nowhere", "nobody", Level.FAILED, "flow nowhere (not.found)"),
    ],
)
def test_the_flow_that_was_named_is_read(
    place: Place, flow_id: str, action_id: str, level: Level, words: str
) -> None:
    """Before any record names it: a mistake in an id shows at once."""
    with at_another_org(place, contract="flow") as flow:
        flow.configure(more=f'flow_id = "{flow_id}"\naction_id = "{action_id}"\n')
        finding = findings(flow)["acme: flow document"]

    assert finding.level is level
    assert words in finding.detail


def test_the_flow_contract_without_detail_records(place: Place) -> None:
    """There they can't be done without."""
    with at_another_org(place, contract="flow") as flow:
        flow.simulator.org.grant([])
        finding = findings(flow)["acme: conversation details"]

    assert finding.level is Level.FAILED
    assert finding.exit_code == 4


def test_a_region_that_is_not_known(place: Place) -> None:
    """It is used as it is given, with a warning before it is tried."""
    text = place.config.read_text().replace(
        f'api_url = "{place.simulator.url}"', 'region = "nowhere.invalid"'
    )
    place.config.write_text(text)

    found = findings(place)

    assert found["acme: region"].level is Level.WARNING
    assert "nowhere.invalid" in found["acme: region"].detail
    assert found["acme: login"].exit_code == 6
