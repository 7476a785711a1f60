"""One org, watched: what each poll leaves behind in the log and in the snapshot."""

from __future__ import annotations

import threading
import time

import pytest
from structlog.testing import capture_logs

from monitor.errors import ConfigurationError, LedgerError
from monitor.ledger import cardinality
from monitor.simulator import ALL_PERMISSIONS
from monitor.simulator.scenarios import ORDER_STATUS
from monitor.snapshot import Snapshot
from monitor.time_ranges import TimeRange
from monitor.web.readiness import why_not_ready
from tests.daemon.place import eventually
from tests.daemon.refused_writes import refusing_writes
from tests.poller.conftest import OpenPoller, PolledOrg

HOUR = 3_600


def test_before_the_first_poll_the_snapshot_is_empty(open_poller: OpenPoller) -> None:
    """There is one all the same, so that a scrape has an answer."""
    org_snapshot = open_poller().poller.snapshot

    assert org_snapshot.org == "acme"
    assert org_snapshot.contract == "platform"
    assert dict(org_snapshot.health.polls) == {"ok": 0, "partial": 0, "failed": 0}
    assert org_snapshot.health.source_available == {
        "actions": True,
        "conversations": True,
        "flow-errors": True,
        "audits": True,
    }
    assert org_snapshot.day.actions == ()


def test_a_poll_takes_the_snapshot(open_poller: OpenPoller) -> None:
    """Catalogue, counts, limits and what it cost."""
    made = open_poller()
    report = made.poller.poll()
    org_snapshot = made.poller.snapshot

    assert report.result == "ok"
    # One for executions; detail records take a page more while the night before belongs to them.
    assert report.requests == made.place.asked("/analytics/") >= 2
    assert {action.name for action in org_snapshot.state.actions} == {
        "Order Status",
        "Take Payment",
        "Branch Finder",
    }
    assert org_snapshot.concurrency_limit == 50
    assert org_snapshot.health.polls["ok"] == 1
    assert org_snapshot.health.duration_seconds == report.duration_seconds
    assert sum(org_snapshot.health.api_requests.values()) > 2


def test_a_day_that_is_not_whole_is_summed_up_as_seldom_as_one_that_is(
    open_poller: OpenPoller,
) -> None:
    """Once a window, and where more of it was read: not at every poll of a state's first day."""
    made = open_poller()
    made.poller.poll()
    first = made.poller.snapshot.day
    assert not first.complete
    made.poller.poll()
    again = made.poller.snapshot.day
    assert again is first or again.time_range != first.time_range

    begin = again.time_range.start
    made.poller.backfill(TimeRange(begin, begin + HOUR))
    assert made.poller.snapshot.day.missing_seconds < again.missing_seconds


def test_the_day_of_a_snapshot_is_told_by_the_hour(open_poller: OpenPoller) -> None:
    """Every action has 24 hours, which add up to its day; an hour has none of its own."""
    made = open_poller()
    made.poller.poll()
    org_snapshot = made.poller.snapshot

    for action in org_snapshot.day.actions:
        assert len(action.timeouts_by_hour) == len(action.executions_by_hour) == 24
        assert sum(action.timeouts_by_hour) == action.timeouts
        assert sum(action.executions_by_hour) == action.executions
    assert sum(action.timeouts for action in org_snapshot.day.actions) > 0
    assert {action.timeouts_by_hour for action in org_snapshot.hour.actions} == {()}


def test_the_audit_log_is_asked_with_the_catalogue_and_only_then(open_poller: OpenPoller) -> None:
    """A poll costs what it did; what a refresh finds out about the source is shown."""
    made = open_poller()
    made.poller.poll()
    for _ in range(3):
        made.poller.poll()
    made.poller.refresh_catalogue()
    assert made.place.asked("/audits/") == 1

    action_id = ORDER_STATUS.action_id
    made.place.simulator.org.edit(f"/api/v2/integrations/actions/{action_id}", action_id, 9_000)
    made.place.simulator.org.grant(made.place.simulator.org.permissions - {"audits:audit:view"})
    for _ in range(2):  # one refusal alone may be a stray one
        made.poller.refresh_catalogue()

    assert made.place.asked("/audits/") == 3
    assert made.poller.snapshot.health.source_available["audits"] is False
    made.poller.poll()
    assert made.poller.snapshot.health.source_available["audits"] is False
    assert made.poller.snapshot.health.polls["partial"] == 0


def test_the_snapshot_goes_on_after_a_restart(open_poller: OpenPoller) -> None:
    """A new watch on the same state shows what the old one had read, before it has asked."""
    made = open_poller()
    made.poller.poll()
    asked = made.place.asked("/")
    again = open_poller.again(made.place)  # type: ignore[attr-defined]
    assert again.poller.is_starting
    again.poller.catch_up()

    assert not again.poller.is_starting
    assert again.poller.snapshot.state.totals == made.poller.snapshot.state.totals
    assert made.place.asked("/") == asked


def test_one_line_a_poll(open_poller: OpenPoller) -> None:
    """Whatever happens: exactly one event named poll."""
    made = open_poller()
    with capture_logs() as logs:
        made.poller.poll()
        made.place.order("server_error", "/api/v2/analytics/conversations")
        made.poller.poll()
        made.place.simulator.close()
        made.poller.poll()

    polls = [line for line in logs if line["event"] == "poll"]
    assert [(line["result"], line["log_level"]) for line in polls] == [
        ("ok", "info"),
        ("partial", "warning"),
        ("failed", "warning"),
    ]
    # The platform's support asks for the correlation id.
    assert polls[1]["conversations_error"].endswith("]")
    assert "the connection was refused" in polls[2]["actions_error"]


def test_nobody_there_is_found_out_once(open_poller: OpenPoller) -> None:
    """Where the catalogue shows that nobody answers, the sources are not asked in their turn."""
    made = open_poller()
    made.place.simulator.close()

    with capture_logs() as logs:
        report = made.poller.poll()

    assert report.result == "failed"
    assert report.errors.keys() == {"actions", "conversations", "flow-errors"}
    assert report.available == dict.fromkeys(report.errors, True)
    assert len({id(error) for error in report.errors.values()}) == 1
    assert [line["event"] for line in logs] == ["catalogue_failed", "poll"]


def test_a_catalogue_that_fails_holds_up_no_source(open_poller: OpenPoller) -> None:
    """Counting goes on without names; the next poll asks for them again."""
    made = open_poller()
    made.place.order("server_error", "/api/v2/integrations/actions")

    assert made.poller.poll().result == "ok"
    assert made.place.asked("GET /api/v2/integrations/actions") == 1
    with capture_logs() as logs:
        made.poller.poll()
    assert any(line["event"] == "catalogue" for line in logs)


def test_the_catalogue_is_read_once_by_polls(open_poller: OpenPoller) -> None:
    """Later it is the daemon's own job."""
    made = open_poller()
    made.poller.poll()
    made.poller.poll()
    # Twice, for the second list tells custom authentication actions from the others.
    assert made.place.asked("GET /api/v2/integrations/actions") == 2

    made.poller.refresh_catalogue()
    assert made.place.asked("GET /api/v2/integrations/actions") == 3


@pytest.mark.parametrize("during", ["catalogue", "poll"])
def test_a_state_that_refuses_writes_fails_the_poll(open_poller: OpenPoller, during: str) -> None:
    """It is raised, counted, shown and told in the poll's own line; what was shown stays."""
    made = open_poller()
    if during == "poll":
        made.poller.poll()
    shown = made.poller.snapshot.state

    with capture_logs() as logs, refusing_writes(made.place.state), pytest.raises(LedgerError):
        made.poller.poll()

    [line] = [line for line in logs if line["event"] == "poll"]
    assert line["result"] == "failed"
    assert line["why"]
    assert line["hint"]
    health = made.poller.snapshot.health
    assert health.polls["failed"] == 1
    assert health.problem == line["why"]
    assert made.poller.snapshot.state == shown


def test_an_address_that_can_not_be_asked_fails_the_poll(open_poller: OpenPoller) -> None:
    """It is a mistake in the settings, told in the poll's own line too."""
    made = open_poller(url="https://" + "a" * 64 + ".example")

    with capture_logs() as logs:
        try:
            assert made.poller.poll().result == "failed"
        except ConfigurationError:
            assert made.poller.snapshot.health.problem

    assert [line["event"] for line in logs].count("poll") == 1


def test_a_problem_is_forgotten_when_it_is_gone(open_poller: OpenPoller) -> None:
    """The newest poll says how things are."""
    made = open_poller()
    made.place.order("server_error", "/api/v2/analytics/conversations")
    made.poller.poll()
    assert "conversations" in made.poller.snapshot.health.problem

    made.poller.poll()
    assert made.poller.snapshot.health.problem == ""


def test_a_refused_source_is_shown(open_poller: OpenPoller) -> None:
    """It is switched off, which makes no poll a failure."""
    made = open_poller()
    made.place.simulator.org.grant(["integrations:action:view"])
    made.poller.poll()
    report = made.poller.poll()

    assert report.result == "ok"
    assert made.poller.snapshot.health.source_available == {
        "actions": True,
        "conversations": False,
        "flow-errors": False,
        "audits": False,
    }
    refused = made.poller.snapshot.health.refused
    assert "Grant analytics:conversationDetail:view" in refused["conversations"]
    assert "Grant audits:audit:view" in refused["audits"]
    assert made.poller.snapshot.health.problem == ""
    # Twice for each source that needs it, or once for one whose turn comes more seldom.
    asked = made.place.asked("/conversations/details/query")
    made.poller.poll()
    assert made.place.asked("/conversations/details/query") == asked <= 4


def test_a_catalogue_that_can_not_be_read_is_told(open_poller: OpenPoller) -> None:
    """Executions are counted meanwhile, so all else looks well; it is forgotten when mended."""
    made = open_poller()
    made.place.order("server_error", "/api/v2/integrations/actions", count=3)
    for _ in range(3):
        assert made.poller.poll().result == "ok"
        assert "integrations/actions" in made.poller.snapshot.health.catalogue_problem
    made.poller.poll()
    org_snapshot = made.poller.snapshot

    assert org_snapshot.health.catalogue_problem == ""
    assert org_snapshot.catalogue_read_at is not None
    assert org_snapshot.catalogue_read_at <= time.time()


def test_without_the_required_permission_every_poll_has_failed(open_poller: OpenPoller) -> None:
    """Also those that do not ask again; the permission stays named."""
    made = open_poller()
    made.poller.poll()
    held = set(ALL_PERMISSIONS) - {"integrations:action:view", "bridge:actions:view"}
    made.place.simulator.org.grant(held)
    for _ in range(4):
        assert made.poller.poll().result == "failed"
        health = made.poller.snapshot.health
        assert "aggregates/query" in health.problem
        assert "Grant integrations:action:view" in health.refused["actions"]
        shown = Snapshot(taken_at=time.time(), orgs=(made.poller.snapshot,))
        [reason] = why_not_ready(shown, time.time())
        assert (reason.source, reason.reason) == ("actions", "refused")


def test_closing_ends_a_poll(open_poller: OpenPoller) -> None:
    """A poll that waits for an answer ends when the watch is closed, and is no finding."""
    made = open_poller()
    made.poller.poll()
    made.place.order("hang", "/api/v2/analytics", hang_seconds=60)
    with capture_logs() as logs:
        poll = threading.Thread(target=made.poller.poll)
        poll.start()
        eventually(lambda: made.place.faults_left() == 0, "a hanging request")
        time.sleep(0.05)
        made.poller.close()
        poll.join(10)

    assert not poll.is_alive()
    assert [line["event"] for line in logs] == ["poll_abandoned"]
    assert made.poller.snapshot.health.polls["failed"] == 0


def test_closing_during_the_catalogue_is_no_finding_either(open_poller: OpenPoller) -> None:
    """Nothing is said about a catalogue that was not wanted any more."""
    made = open_poller()
    made.place.order("hang", "/api/v2/integrations", hang_seconds=60)
    with capture_logs() as logs:
        poll = threading.Thread(target=made.poller.poll)
        poll.start()
        eventually(lambda: made.place.faults_left() == 0, "a hanging request")
        time.sleep(0.05)
        made.poller.close()
        poll.join(10)

    assert [line["event"] for line in logs] == ["poll_abandoned"]


def test_a_period_of_the_past(open_poller: OpenPoller) -> None:
    """It is read on demand, and has its line like any poll."""
    made = open_poller()
    made.poller.poll()
    end = int(time.time()) // HOUR * HOUR - 30 * HOUR

    with capture_logs() as logs:
        report = made.poller.backfill(TimeRange(end - HOUR, end))

    assert report.executions_added > 0
    assert [line["event"] for line in logs] == ["poll"]
    assert made.poller.backfill(TimeRange(end - HOUR, end)).executions_added == 0


def test_an_org_without_actions_is_told(open_poller: OpenPoller) -> None:
    """With a hint: it is hardly the org that was meant."""
    made = open_poller("quiet")
    assert not made.poller.has_nothing_to_watch

    with capture_logs() as logs:
        made.poller.poll()

    [line] = [line for line in logs if line["event"] == "catalogue"]
    assert line["log_level"] == "warning"
    assert line["hint"]
    assert made.poller.has_nothing_to_watch


def test_a_flow_org_without_known_flows_is_not(open_poller: OpenPoller) -> None:
    """Its actions are learnt from its timeouts: a quiet day is none to complain of."""
    made = open_poller("flow")
    with capture_logs() as logs:
        made.poller.poll()

    assert [line["log_level"] for line in logs if line["event"] == "catalogue"] == ["info"]
    assert not made.poller.has_nothing_to_watch
    assert made.poller.snapshot.health.source_available == {
        "conversations": True,
        "flow-errors": True,
    }


def test_counts_go_on_in_a_new_watch(open_poller: OpenPoller) -> None:
    """What this process has done is not forgotten when the settings are read again."""
    old = open_poller()
    old.poller.poll()
    old.place.order("server_error", "/api/v2/analytics")
    old.poller.poll()
    shown = old.poller.snapshot
    before = shown.health
    new: PolledOrg = open_poller.again(old.place)  # type: ignore[attr-defined]

    new.poller.carry_over(shown)
    assert new.poller.snapshot.state is shown.state
    assert new.poller.snapshot.health.polls == before.polls
    new.poller.poll()

    after = new.poller.snapshot.health
    assert after.polls == {"ok": 2, "partial": 1, "failed": 0}
    assert after.durations_sum_seconds > before.durations_sum_seconds
    for asked, count in before.api_requests.items():
        assert after.api_requests[asked] >= count
    assert sum(after.api_requests.values()) > sum(before.api_requests.values())


def test_a_diagnosis_that_fails_grows_old(
    open_poller: OpenPoller, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is dated by the last that ended well; polls go on meanwhile, and look well."""
    poller = open_poller().poller
    poller.poll()
    began_at = poller.snapshot.diagnosed_at

    def fail(*_: object, **_named: object) -> None:
        raise LedgerError("the state is locked")

    with monkeypatch.context() as patched:
        patched.setattr("monitor.diagnosis.org.update_diagnosis", fail)
        with pytest.raises(LedgerError):
            poller.diagnose()
    poller.poll()
    assert poller.snapshot.diagnosed_at == pytest.approx(began_at, abs=1e-3)

    poller.diagnose()
    assert began_at is not None
    assert (poller.snapshot.diagnosed_at or 0.0) > began_at + 1e-3


def test_a_diagnosis_that_can_t_be_written_is_shown(
    open_poller: OpenPoller, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is written with the next one, and said until then."""
    opened = open_poller()
    poller, ledger = opened.poller, opened.ledger
    poller.poll()

    def fail(*_: object) -> None:
        raise LedgerError("the disk is full", "Make room.")

    with monkeypatch.context() as patched, capture_logs() as logs:
        patched.setattr(ledger.diagnoses, "keep", fail)
        poller.diagnose()
    assert poller.snapshot.diagnosis is not None
    assert [one["hint"] for one in logs if one["event"] == "diagnosis_not_kept"] == ["Make room."]
    assert ledger.diagnoses.last(poller.name) == (None, {})

    poller.diagnose()
    kept, told = ledger.diagnoses.last(poller.name)
    assert kept is not None
    assert kept.actions.keys() == told.keys() == poller.snapshot.diagnosis.diagnoses.keys()


def test_verdicts_end_with_the_turn_of_who_made_them(open_poller: OpenPoller) -> None:
    """A daemon that another one has taken over from shows those of the state, and acts on none."""
    poller = open_poller().poller
    poller.poll()
    assert poller.claim_diagnosis()
    poller.diagnose()
    before = poller.snapshot
    assert before.is_judged_here

    poller.follow()
    after = poller.snapshot
    assert not after.is_judged_here
    # Whoever reads again judges again, at once.
    assert poller.claim_diagnosis()


def test_names_beyond_their_bound_are_counted_as_such(
    open_poller: OpenPoller, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is counted under one name for many shows in the metric, by its source; polls add up."""
    for bound in ("MAX_ERROR_TYPES", "MAX_MASKED_ERROR_TYPES"):
        monkeypatch.setattr(cardinality, bound, 0)
    poller = open_poller().poller

    poller.poll()
    first = poller.snapshot.health.dropped_records["actions", "names"]
    poller.poll()

    assert first > 0
    assert poller.snapshot.health.dropped_records["actions", "names"] > first
