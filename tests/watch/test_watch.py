"""One org, watched: what each poll leaves behind in the log and in the picture."""

from __future__ import annotations

import threading
import time

import pytest
from structlog.testing import capture_logs

from monitor.errors import ConfigurationError, LedgerError
from monitor.model import TimeRange
from monitor.simulator import ALL_PERMISSIONS
from monitor.snapshot import Snapshot
from monitor.web.readiness import why_not_ready
from tests.daemon.place import eventually
from tests.daemon.state import refusing_writes
from tests.watch.conftest import Watch, Watched

HOUR = 3_600


def test_before_the_first_poll_the_picture_is_empty(watch: Watch) -> None:
    """There is one all the same, so that a scrape has an answer."""
    picture = watch().watch.picture

    assert picture.org == "acme"
    assert picture.contract == "platform"
    assert dict(picture.health.polls) == {"ok": 0, "partial": 0, "failed": 0}
    assert picture.health.source_available == {
        "actions": True,
        "conversations": True,
        "flow-errors": True,
        "audits": True,
    }
    assert picture.day.actions == ()


def test_a_poll_draws_the_picture(watch: Watch) -> None:
    """Catalogue, counts, limits and what it cost."""
    made = watch()
    report = made.watch.poll()
    picture = made.watch.picture

    assert report.result == "ok"
    # One for executions; detail records take a page more while the night before belongs to them.
    assert report.requests == made.place.asked("/analytics/") >= 2
    assert {action.name for action in picture.state.actions} == {
        "Order Status",
        "Take Payment",
        "Branch Finder",
    }
    assert picture.concurrency_limit == 50
    assert picture.health.polls["ok"] == 1
    assert picture.health.duration_seconds == report.duration_seconds
    assert sum(picture.health.api_requests.values()) > 2


def test_the_audit_log_is_asked_with_the_catalogue_and_only_then(watch: Watch) -> None:
    """A poll costs what it did; what a refresh finds out about the source is shown."""
    made = watch()
    made.watch.poll()
    for _ in range(3):
        made.watch.poll()
    assert made.place.asked("/audits/") == 1

    made.place.simulator.org.grant(made.place.simulator.org.permissions - {"audits:audit:view"})
    for _ in range(2):  # one refusal alone may be a stray one
        made.watch.refresh_catalogue()

    assert made.place.asked("/audits/") == 3
    assert made.watch.picture.health.source_available["audits"] is False
    made.watch.poll()
    assert made.watch.picture.health.source_available["audits"] is False
    assert made.watch.picture.health.polls["partial"] == 0


def test_the_picture_goes_on_after_a_restart(watch: Watch) -> None:
    """A new watch on the same state shows what the old one had read, before it has asked."""
    made = watch()
    made.watch.poll()
    asked = made.place.asked("/")
    again = watch.again(made.place)  # type: ignore[attr-defined]

    assert again.watch.picture.state.totals == made.watch.picture.state.totals
    assert made.place.asked("/") == asked


def test_one_line_a_poll(watch: Watch) -> None:
    """Whatever happens: exactly one event named poll."""
    made = watch()
    with capture_logs() as logs:
        made.watch.poll()
        made.place.order("server_error", "/api/v2/analytics/conversations")
        made.watch.poll()
        made.place.simulator.close()
        made.watch.poll()

    polls = [line for line in logs if line["event"] == "poll"]
    assert [(line["result"], line["log_level"]) for line in polls] == [
        ("ok", "info"),
        ("partial", "warning"),
        ("failed", "warning"),
    ]
    # The platform's support asks for the correlation id.
    assert polls[1]["conversations_error"].endswith("]")
    assert "the connection was refused" in polls[2]["actions_error"]


def test_nobody_there_is_found_out_once(watch: Watch) -> None:
    """Where the catalogue shows that nobody answers, the sources are not asked in their turn."""
    made = watch()
    made.place.simulator.close()

    with capture_logs() as logs:
        report = made.watch.poll()

    assert report.result == "failed"
    assert report.errors.keys() == {"actions", "conversations", "flow-errors"}
    assert report.available == dict.fromkeys(report.errors, True)
    assert len({id(error) for error in report.errors.values()}) == 1
    assert [line["event"] for line in logs] == ["catalogue_failed", "poll"]


def test_a_catalogue_that_fails_holds_up_no_source(watch: Watch) -> None:
    """Counting goes on without names; the next poll asks for them again."""
    made = watch()
    made.place.order("server_error", "/api/v2/integrations/actions")

    assert made.watch.poll().result == "ok"
    assert made.place.asked("GET /api/v2/integrations/actions") == 1
    with capture_logs() as logs:
        made.watch.poll()
    assert any(line["event"] == "catalogue" for line in logs)


def test_the_catalogue_is_read_once_by_polls(watch: Watch) -> None:
    """Later it is the daemon's own job."""
    made = watch()
    made.watch.poll()
    made.watch.poll()
    # Twice, for the second list tells custom authentication actions from the others.
    assert made.place.asked("GET /api/v2/integrations/actions") == 2

    made.watch.refresh_catalogue()
    assert made.place.asked("GET /api/v2/integrations/actions") == 3


@pytest.mark.parametrize("during", ["catalogue", "poll"])
def test_a_state_that_refuses_writes_fails_the_poll(watch: Watch, during: str) -> None:
    """It is raised, counted, shown and told in the poll's own line; what was shown stays."""
    made = watch()
    if during == "poll":
        made.watch.poll()
    shown = made.watch.picture.state

    with capture_logs() as logs, refusing_writes(made.place.state), pytest.raises(LedgerError):
        made.watch.poll()

    [line] = [line for line in logs if line["event"] == "poll"]
    assert line["result"] == "failed"
    assert line["why"]
    assert line["hint"]
    health = made.watch.picture.health
    assert health.polls["failed"] == 1
    assert health.problem == line["why"]
    assert made.watch.picture.state == shown


def test_an_address_that_can_not_be_asked_fails_the_poll(watch: Watch) -> None:
    """It is a mistake in the settings, told in the poll's own line too."""
    made = watch(url="https://" + "a" * 64 + ".example")

    with capture_logs() as logs:
        try:
            assert made.watch.poll().result == "failed"
        except ConfigurationError:
            assert made.watch.picture.health.problem

    assert [line["event"] for line in logs].count("poll") == 1


def test_a_problem_is_forgotten_when_it_is_gone(watch: Watch) -> None:
    """The newest poll says how things are."""
    made = watch()
    made.place.order("server_error", "/api/v2/analytics/conversations")
    made.watch.poll()
    assert "conversations" in made.watch.picture.health.problem

    made.watch.poll()
    assert made.watch.picture.health.problem == ""


def test_a_refused_source_is_shown(watch: Watch) -> None:
    """It is switched off, which makes no poll a failure."""
    made = watch()
    made.place.simulator.org.grant(["integrations:action:view"])
    made.watch.poll()
    report = made.watch.poll()

    assert report.result == "ok"
    assert made.watch.picture.health.source_available == {
        "actions": True,
        "conversations": False,
        "flow-errors": False,
        "audits": False,
    }
    refused = made.watch.picture.health.refused
    assert "Grant analytics:conversationDetail:view" in refused["conversations"]
    assert "Grant audits:audit:view" in refused["audits"]
    assert made.watch.picture.health.problem == ""
    # Twice for each source that needs it, or once for one whose turn comes more seldom.
    asked = made.place.asked("/conversations/details/query")
    made.watch.poll()
    assert made.place.asked("/conversations/details/query") == asked <= 4


def test_a_catalogue_that_can_not_be_read_is_told(watch: Watch) -> None:
    """Executions are counted meanwhile, so all else looks well; it is forgotten when mended."""
    made = watch()
    made.place.order("server_error", "/api/v2/integrations/actions", count=3)
    for _ in range(3):
        assert made.watch.poll().result == "ok"
        assert "integrations/actions" in made.watch.picture.health.catalogue_problem
    made.watch.poll()
    picture = made.watch.picture

    assert picture.health.catalogue_problem == ""
    assert picture.catalogue_read_at is not None
    assert picture.catalogue_read_at <= time.time()


def test_without_the_required_permission_every_poll_has_failed(watch: Watch) -> None:
    """Also those that do not ask again; the permission stays named."""
    made = watch()
    made.watch.poll()
    held = set(ALL_PERMISSIONS) - {"integrations:action:view", "bridge:actions:view"}
    made.place.simulator.org.grant(held)
    for _ in range(4):
        assert made.watch.poll().result == "failed"
        health = made.watch.picture.health
        assert "aggregates/query" in health.problem
        assert "Grant integrations:action:view" in health.refused["actions"]
        shown = Snapshot(taken_at=time.time(), orgs=(made.watch.picture,))
        [reason] = why_not_ready(shown, time.time())
        assert (reason.source, reason.reason) == ("actions", "refused")


def test_closing_ends_a_poll(watch: Watch) -> None:
    """A poll that waits for an answer ends when the watch is closed, and is no finding."""
    made = watch()
    made.watch.poll()
    made.place.order("hang", "/api/v2/analytics", hang_seconds=60)
    with capture_logs() as logs:
        poll = threading.Thread(target=made.watch.poll)
        poll.start()
        eventually(lambda: made.place.faults_left() == 0, "a hanging request")
        time.sleep(0.05)
        made.watch.close()
        poll.join(10)

    assert not poll.is_alive()
    assert [line["event"] for line in logs] == ["poll_abandoned"]
    assert made.watch.picture.health.polls["failed"] == 0


def test_closing_during_the_catalogue_is_no_finding_either(watch: Watch) -> None:
    """Nothing is said about a catalogue that was not wanted any more."""
    made = watch()
    made.place.order("hang", "/api/v2/integrations", hang_seconds=60)
    with capture_logs() as logs:
        poll = threading.Thread(target=made.watch.poll)
        poll.start()
        eventually(lambda: made.place.faults_left() == 0, "a hanging request")
        time.sleep(0.05)
        made.watch.close()
        poll.join(10)

    assert [line["event"] for line in logs] == ["poll_abandoned"]


def test_a_stretch_of_the_past(watch: Watch) -> None:
    """It is read on demand, and has its line like any poll."""
    made = watch()
    made.watch.poll()
    end = int(time.time()) // HOUR * HOUR - 30 * HOUR

    with capture_logs() as logs:
        report = made.watch.read_again(TimeRange(end - HOUR, end))

    assert report.executions_added > 0
    assert [line["event"] for line in logs] == ["poll"]
    assert made.watch.read_again(TimeRange(end - HOUR, end)).executions_added == 0


def test_an_org_without_actions_is_told(watch: Watch) -> None:
    """With a hint: it is hardly the org that was meant."""
    made = watch("quiet")
    assert not made.watch.has_nothing_to_watch

    with capture_logs() as logs:
        made.watch.poll()

    [line] = [line for line in logs if line["event"] == "catalogue"]
    assert line["log_level"] == "warning"
    assert line["hint"]
    assert made.watch.has_nothing_to_watch


def test_a_flow_org_without_known_flows_is_not(watch: Watch) -> None:
    """Its actions are learnt from its timeouts: a quiet day is none to complain of."""
    made = watch("flow")
    with capture_logs() as logs:
        made.watch.poll()

    assert [line["log_level"] for line in logs if line["event"] == "catalogue"] == ["info"]
    assert not made.watch.has_nothing_to_watch
    assert made.watch.picture.health.source_available == {
        "conversations": True,
        "flow-errors": True,
    }


def test_counts_go_on_in_a_new_watch(watch: Watch) -> None:
    """What this process has done is not forgotten when the settings are read again."""
    old = watch()
    old.watch.poll()
    old.place.order("server_error", "/api/v2/analytics")
    old.watch.poll()
    before = old.watch.picture.health
    new: Watched = watch.again(old.place)  # type: ignore[attr-defined]

    new.watch.go_on_from(before, None)
    assert new.watch.picture.health.polls == before.polls
    new.watch.poll()

    after = new.watch.picture.health
    assert after.polls == {"ok": 2, "partial": 1, "failed": 0}
    assert after.durations_sum_seconds > before.durations_sum_seconds
    for asked, count in before.api_requests.items():
        assert after.api_requests[asked] >= count
    assert sum(after.api_requests.values()) > sum(before.api_requests.values())
