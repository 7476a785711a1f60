"""What the daemon's jobs promise: one poll of an org at a time, no drift, and no end to trying."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta

import pytest
import requests
from structlog.testing import capture_logs

from monitor import daemon as daemon_module
from monitor.clock import SystemClock
from monitor.config import load
from monitor.counts import Counts, SeriesKey, Tally
from monitor.daemon import Daemon
from monitor.errors import ConfigurationError, LedgerError
from monitor.jobs import add_job, new_scheduler, poll_phase_seconds
from monitor.ledger import Ledger, Reading
from monitor.poller import OrgPoller
from monitor.time_ranges import TimeRange, floor_to
from monitor.worker_threads import WorkerThreads
from tests.clocks import DAY, HOUR, NOON, ManualClock, ScaledClock
from tests.daemon.conftest import MakeDaemon
from tests.daemon.daemon_process import families, sample
from tests.daemon.place import Place, eventually
from tests.daemon.refused_writes import refusing_writes
from tests.simulated_org import ORG, serve_live_org

INTERVAL = "50ms"
SLOW_SECONDS = 0.12


class SlowDaemon(Daemon):
    """A daemon whose polls take longer than its interval, and that counts them."""

    running = 0
    most_at_once = 0
    finished_polls = 0

    def poll_now(self, poller: OrgPoller) -> None:
        """Poll, slowly."""
        self.running += 1
        self.most_at_once = max(self.most_at_once, self.running)
        threading.Event().wait(SLOW_SECONDS)
        super().poll_now(poller)
        self.running -= 1
        self.finished_polls += 1


def test_polls_of_one_org_never_overlap(place: Place, make_daemon: MakeDaemon) -> None:
    """A poll that takes longer than the interval is waited for, not joined by a second one."""
    place.configure(interval=INTERVAL)
    daemon = make_daemon(place, kind=SlowDaemon)
    assert isinstance(daemon, SlowDaemon)

    daemon.start()
    eventually(lambda: daemon.finished_polls >= 4, "a fourth poll")

    assert daemon.most_at_once == 1


def test_two_orgs_do_not_wait_for_each_other(place: Place, make_daemon: MakeDaemon) -> None:
    """One org's slow poll holds up no other org's."""
    place.configure("acme", "globex", interval=INTERVAL)
    daemon = make_daemon(place, kind=SlowDaemon)
    assert isinstance(daemon, SlowDaemon)

    daemon.start()
    eventually(lambda: daemon.finished_polls >= 4, "a fourth poll")

    assert daemon.most_at_once == 2


def test_due_times_do_not_drift(place: Place, make_daemon: MakeDaemon) -> None:
    """However long polls take, each is due a whole number of intervals after the others."""
    place.configure(interval=INTERVAL)
    daemon = make_daemon(place, kind=SlowDaemon)
    assert isinstance(daemon, SlowDaemon)
    scheduler = daemon._jobs.scheduler  # noqa: SLF001 - due times are not to be seen from outside
    first, *_ = (job.trigger.start_date for job in scheduler.get_jobs())

    daemon.start()
    eventually(lambda: daemon.finished_polls >= 3, "a third poll")
    regular = [job for job in scheduler.get_jobs() if hasattr(job.trigger, "interval")]
    [poll, *_] = sorted(regular, key=lambda job: job.trigger.interval)

    assert poll.next_run_time > first
    assert (poll.next_run_time - first) % timedelta(seconds=0.05) == timedelta()


@pytest.mark.parametrize("second", [0, 20, 40])
def test_polls_come_soon_after_the_minute_whatever_second_was_the_start(second: int) -> None:
    """What a minute that is over shows is asked for 3 s later; the first poll is at once."""
    scheduler = new_scheduler(WorkerThreads())
    scheduler.start(paused=True)
    clock = ManualClock(NOON + second)
    job = add_job(scheduler, clock, 60, lambda: None, phase_seconds=3.0)

    now = job.next_run_time
    assert abs(now - datetime.now(UTC)) < timedelta(seconds=10)
    due = job.trigger.get_next_fire_time(now, now)
    to_next = (due - now).total_seconds()
    assert 0 < to_next <= 60
    assert (NOON + second + to_next) % 60 == pytest.approx(3.0, abs=0.5)
    assert job.trigger.get_next_fire_time(due, due) == due + timedelta(seconds=60)
    scheduler.shutdown()


def test_a_poll_out_of_turn_moves_no_other() -> None:
    """Who takes an org over polls it at once, and from then on when it was due anyway."""
    scheduler = new_scheduler(WorkerThreads())
    scheduler.start(paused=True)
    job = add_job(scheduler, SystemClock(), 60, lambda: None, phase_seconds=3.0)
    start = job.trigger.start_date
    out_of_turn = start + timedelta(seconds=200)

    due = job.trigger.get_next_fire_time(out_of_turn, out_of_turn)
    assert due == start + timedelta(seconds=240)
    scheduler.shutdown()


def test_many_orgs_are_polled_one_after_another() -> None:
    """Fifty orgs share the first part of a minute; a single one waits for none."""
    phases = [poll_phase_seconds(60, place) for place in range(50)]
    assert phases[0] == 3.0
    assert phases == sorted(set(phases))
    assert phases[-1] <= 18.0
    assert poll_phase_seconds(0.05, 7) < 0.05


def test_what_a_clock_set_ahead_by_years_calls_missed_is_due_once() -> None:
    """A scheduler that wakes up before anything else has looked at the clock lists one run."""
    scheduler = new_scheduler(WorkerThreads())
    scheduler.start(paused=True)
    job = add_job(scheduler, SystemClock(), 0.2, lambda: None)
    due, interval = job.next_run_time, job.trigger.interval
    later = due + timedelta(days=3650, seconds=0.05)
    following = job.trigger.get_next_fire_time(due, later)

    assert later < following <= later + interval
    assert not (following - due) % interval
    assert job._get_run_times(later) == [due]  # noqa: SLF001 - what it lists under its lock
    scheduler.shutdown()


def test_a_state_that_refuses_writes_is_told_and_recovers(
    place: Place, make_daemon: MakeDaemon
) -> None:
    """timeout_monitor_state_writable is 0 while writes fail, and 1 again afterwards."""
    place.configure(interval=INTERVAL)
    daemon = make_daemon(place)
    daemon.start()
    eventually(lambda: _polls(daemon, "ok"), "a good poll")
    assert _state_writable(daemon) == 1
    before = sample(
        families(daemon.address), "genesys_data_action_executions_total", outcome="success",
        action_id=_an_action(daemon),
    )  # fmt: skip

    with capture_logs() as logs:
        with refusing_writes(place.state):
            eventually(lambda: _state_writable(daemon) == 0, "a state that can't be written")
            shown = families(daemon.address)
            assert daemon.holder.current.orgs[0].health.problem
        eventually(lambda: _state_writable(daemon) == 1, "a state that can be written")

    # What was shown before is shown still.
    kept = sample(
        shown, "genesys_data_action_executions_total", outcome="success",
        action_id=_an_action(daemon),
    )  # fmt: skip
    assert kept >= before > 0
    told = next(line for line in logs if line["event"] == "state_failed")
    assert told["why"]
    assert told["hint"]
    failed = next(line for line in logs if line["event"] == "poll" and line["result"] == "failed")
    assert failed["why"] == told["why"]


def test_stale_data_is_served_marked_and_made_good(place: Place, make_daemon: MakeDaemon) -> None:
    """While nobody answers the last good data stays, /readyz says 503, and a return is noticed."""
    # Two minutes a second, so that the five minutes after which data is stale pass soon, and yet
    # not between two polls of a slow machine.
    clock = ScaledClock(origin=time.time(), started=time.time(), speed=120.0)
    place.simulator.close()
    with serve_live_org(clock=clock) as simulator:
        place.configure(url=simulator.url, interval="1m")
        daemon = make_daemon(place, clock)
        daemon.start()
        eventually(lambda: _ready(daemon), "readiness")
        counted = _executions(daemon)
    assert counted > 0

    eventually(lambda: not _ready(daemon), "a loss of readiness")
    assert _executions(daemon) >= counted
    document = _get(daemon, "/readyz")
    assert {reason["reason"] for reason in document["reasons"]} == {"stale"}
    assert "the connection was refused" in document["reasons"][0]["problem"]

    with serve_live_org(clock=clock, port=simulator.port):
        eventually(lambda: _ready(daemon), "readiness again")


def test_an_address_that_can_not_be_asked_is_told_at_every_poll(
    place: Place, make_daemon: MakeDaemon
) -> None:
    """A host name that is none ends in the poll's own line, never in a trace."""
    place.configure(url="https://no..host", interval=INTERVAL)
    daemon = make_daemon(place)

    with capture_logs() as logs:
        daemon.start()
        eventually(lambda: _polls(daemon, "failed") >= 2, "a second failure")
        daemon.close()

    polls = [line for line in logs if line["event"] == "poll"]
    assert all(line["result"] == "failed" for line in polls)
    assert not [line for line in logs if "exc_info" in line]


def test_the_catalogue_is_read_again(
    place: Place, make_daemon: MakeDaemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Now and then, beside the polls; what goes wrong with it is logged and ends nothing."""
    monkeypatch.setattr(daemon_module, "CATALOGUE_EVERY_SECONDS", 0.05)
    daemon = make_daemon(place)

    with capture_logs() as logs:
        daemon.start()
        eventually(lambda: sum(line["event"] == "catalogue" for line in logs) >= 3, "a third one")
        with refusing_writes(place.state):
            eventually(
                lambda: [line for line in logs if line["event"] == "catalogue_failed"], "a failure"
            )

    failed = next(line for line in logs if line["event"] == "catalogue_failed")
    assert failed["org"] == "acme"
    assert failed["hint"]


def test_old_windows_are_pruned(
    place: Place, make_daemon: MakeDaemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Regularly: what is older than ``[state] retention`` goes, and the totals stay."""
    monkeypatch.setattr(daemon_module, "PRUNE_EVERY_SECONDS", 0.05)
    old = floor_to(time.time() - 40 * 86_400, 300)
    covered = TimeRange(old, old + 300)
    tally = Tally(SeriesKey("old", "NONE", "200"), old, Counts(count=3))
    with Ledger.open(f"sqlite:///{place.state}") as ledger:
        ledger.record("acme", "actions", Reading(covered, 300, old + 300.0, tallies=[tally]))
    daemon = make_daemon(place)

    with capture_logs() as logs:
        daemon.start()
        eventually(lambda: [line for line in logs if line["event"] == "pruned"], "a prune")
    daemon.close()

    assert next(line["rows"] for line in logs if line["event"] == "pruned") == 1
    with Ledger.open(f"sqlite:///{place.state}") as ledger:
        assert ledger.tallies.sums("acme", covered) == []
        totals = {key.action_id: one.count for key, one in ledger.state("acme").totals.items()}
    assert totals["old"] == 3


def test_windows_that_have_settled_are_packed(place: Place, make_daemon: MakeDaemon) -> None:
    """As soon as the daemon begins: what an older program has left takes less room, and counts."""
    old = floor_to(time.time() - 86_400, 300)
    covered = TimeRange(old, old + 300)
    tally = Tally(SeriesKey("old", "NONE", "200"), old, Counts(count=3))
    with Ledger.open(f"sqlite:///{place.state}") as ledger:
        ledger.record("acme", "actions", Reading(covered, 300, old + 300.0, tallies=[tally]))
    daemon = make_daemon(place)

    with capture_logs() as logs:
        daemon.start()
        eventually(lambda: [line for line in logs if line["event"] == "packed"], "packing")
    daemon.close()

    assert next(line["windows"] for line in logs if line["event"] == "packed") >= 1
    with Ledger.open(f"sqlite:///{place.state}") as ledger:
        assert ledger.tallies.sums("acme", covered, 300)[0] == tally
        assert ledger.housekeeping.pack(old + 300) == 0


def test_a_prune_that_fails_is_told(
    place: Place, make_daemon: MakeDaemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In one line, and the daemon goes on."""
    monkeypatch.setattr(daemon_module, "PRUNE_EVERY_SECONDS", 0.05)
    daemon = make_daemon(place)

    with capture_logs() as logs, refusing_writes(place.state):
        daemon.start()
        eventually(lambda: sum(line["event"] == "prune_failed" for line in logs) >= 2, "failures")

    failed = next(line for line in logs if line["event"] == "prune_failed")
    assert failed["why"]
    assert failed["hint"]


def test_a_reload_ends_the_poll_before_the_next_begins(
    place: Place, make_daemon: MakeDaemon
) -> None:
    """A poll that hangs when the settings are read again is given up first."""
    daemon = make_daemon(place)
    place.order("hang", "/api/v2/analytics", hang_seconds=60)
    with capture_logs() as logs:
        daemon.start()
        eventually(lambda: place.faults_left() == 0, "a hanging request")
        daemon.reload()
        eventually(lambda: _polls(daemon, "ok"), "a good poll")

    events = [line["event"] for line in logs]
    assert events.index("poll_abandoned") < events.index("reloaded") < events.index("poll")
    assert _polls(daemon, "failed") == 0


def test_a_reload_counts_on(place: Place, make_daemon: MakeDaemon) -> None:
    """Polls and requests are counted from the start of the process, reload or not."""
    daemon = make_daemon(place)
    daemon.start()
    eventually(lambda: _polls(daemon, "ok") == 1, "a good poll")
    requests_before = sum(daemon.holder.current.orgs[0].health.api_requests.values())

    daemon.reload()
    eventually(lambda: _polls(daemon, "ok") == 2, "a second one")

    health = daemon.holder.current.orgs[0].health
    assert sum(health.api_requests.values()) > requests_before
    assert health.durations_sum_seconds > (health.duration_seconds or 0)


def test_a_reload_to_no_org_is_refused(place: Place, make_daemon: MakeDaemon) -> None:
    """An empty file is a mistake rather than a wish."""
    daemon = make_daemon(place)
    place.config.write_text(
        f'[state]\nurl = "sqlite:///{place.state}"\n[serve]\nport = 0\nhistogram = "full"\n'
    )

    with capture_logs() as logs:
        daemon.reload()

    [refused] = logs
    assert refused["event"] == "reload_refused"
    assert refused["why"] == "No org is configured any more"


def test_without_a_loader_there_is_nothing_to_reload(place: Place) -> None:
    """As in the demo."""
    daemon = Daemon(load(place.config), clock=ScaledClock(0, 0, 1))
    with capture_logs() as logs:
        daemon.reload()
        daemon.close()

    assert [line["event"] for line in logs] == ["stopped"]
    assert daemon.finished


def test_no_org_is_no_daemon(place: Place) -> None:
    """It is told before anything is opened."""
    settings = load(place.config).model_copy(update={"org": ()})

    with pytest.raises(ConfigurationError, match="No org is configured"):
        Daemon(settings, clock=ScaledClock(0, 0, 1))

    assert not place.state.exists()


def test_a_state_that_is_not_ours_is_no_daemon(place: Place) -> None:
    """It is told at the start, where somebody still looks."""
    place.state.write_text("somebody's notes\n" * 100)

    with pytest.raises(LedgerError, match="is not an SQLite file"):
        Daemon(load(place.config), clock=ScaledClock(0, 0, 1))


@pytest.mark.parametrize(
    ("host", "shown"),
    [("127.0.0.1", "127.0.0.1"), ("0.0.0.0", "127.0.0.1"), ("::1", "[::1]")],  # noqa: S104
)
def test_the_address_can_be_followed(
    place: Place, make_daemon: MakeDaemon, host: str, shown: str
) -> None:
    """Who listens everywhere is reached on this machine; an IPv6 address stands in brackets."""
    place.config.write_text(
        place.config.read_text().replace("port = 0", f'port = 0\nhost = "{host}"')
    )
    daemon = make_daemon(place)

    assert daemon.address == f"http://{shown}:{daemon.port}"


def _polls(daemon: Daemon, result: str) -> int:
    return daemon.holder.current.orgs[0].health.polls[result]


def _executions(daemon: Daemon) -> float:
    family = families(daemon.address)["genesys_data_action_executions"]
    return sum(found.value for found in family.samples)


def _an_action(daemon: Daemon) -> str:
    return daemon.holder.current.orgs[0].state.actions[0].action_id


def _state_writable(daemon: Daemon) -> float:
    return sample(families(daemon.address), "timeout_monitor_state_writable")


def _get(daemon: Daemon, path: str) -> dict[str, list[dict[str, str]]]:
    document: dict[str, list[dict[str, str]]] = requests.get(
        daemon.address + path, timeout=10
    ).json()
    return document


def _ready(daemon: Daemon) -> bool:
    return bool(_get(daemon, "/readyz")["ready"])


def test_an_org_is_compared_with_the_platform_once_a_day(
    place: Place, make_daemon: MakeDaemon
) -> None:
    """An hour after the start, and a day later; in between a look costs no request."""
    daemon = make_daemon(place)
    daemon.start()
    eventually(lambda: _polls(daemon, "ok"), "a good poll")
    [poller] = daemon._pollers  # noqa: SLF001 - nobody waits an hour
    with capture_logs() as logs:
        daemon._org_jobs.reconcile(poller)  # noqa: SLF001
        daemon._org_jobs.reconcile(poller)  # noqa: SLF001

    assert [line["event"] for line in logs if line["event"].startswith("reconcil")] == [
        "reconciled"
    ]


@pytest.mark.parametrize(
    ("later_seconds", "is_compared"), [(0, False), (23 * HOUR, False), (DAY, True), (-DAY, True)]
)
def test_a_restart_does_not_compare_anew(
    place: Place, make_daemon: MakeDaemon, later_seconds: float, *, is_compared: bool
) -> None:
    """A day is counted from the last comparison of any program; one in the future is none."""
    place.make_state()
    with Ledger.open(f"sqlite:///{place.state}") as ledger:
        ledger.note_reconciled(ORG, time.time() - later_seconds)
    daemon = make_daemon(place)
    [poller] = daemon._pollers  # noqa: SLF001 - nobody waits an hour
    daemon.poll_now(poller)
    with capture_logs() as logs:
        daemon._org_jobs.reconcile(poller)  # noqa: SLF001
        daemon._org_jobs.reconcile(poller)  # noqa: SLF001
    assert sum(line["event"] == "reconciled" for line in logs) == is_compared
