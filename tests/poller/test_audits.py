"""Reading the audit log of a simulated org into a ledger."""

from __future__ import annotations

from typing import Any

import pytest

from monitor.model import UNKNOWN
from monitor.poller.audits import FAILING_SECONDS, AuditReader
from monitor.poller.source_availability import PROBE_AGAIN_SECONDS
from monitor.simulator import World
from monitor.simulator.scenarios import ORDER_STATUS
from tests.poller.conftest import Watch
from tests.poller.watched_org import WatchedOrg
from tests.simulated_org import ORG

AUDITS = "/api/v2/audits"
QUERY = "POST /api/v2/audits/query/realtime"
ACTION = f"/api/v2/integrations/actions/{ORDER_STATUS.action_id}"
LATE_SECONDS = 240
"""Every entry shows by then."""


def reader(watched: WatchedOrg) -> AuditReader:
    """Reads the log of a watched org."""
    return AuditReader(
        org=ORG,
        client=watched.client,
        ledger=watched.ledger,
        clock=watched.clock,
        own_clients=frozenset({watched.org.client_id}),
    )


def outside(watched: WatchedOrg) -> list[tuple[int | None, int | None, str]]:
    """From, to and who of each change outside, the newest first."""
    found = watched.ledger.journal.platform_audit.outside_changes(ORG, 100)
    return [(one.from_ms, one.to_ms, one.set_by.who) for one in found]


@pytest.mark.parametrize("told", ["none", "paths", "config"])
def test_a_person_who_changed_a_timeout_is_named_whatever_entries_tell(
    watch: Watch, told: str
) -> None:
    """The catalogue knows from what and to what, the log who; a late entry is waited for."""
    watched = watch(world=World(audit_properties=told))
    audits = reader(watched)
    watched.catalogue.refresh()
    audits.read()
    watched.clock.at += 600
    watched.org.edit(ACTION, ORDER_STATUS.action_id, 9_000)
    watched.catalogue.refresh()
    audits.read()
    assert outside(watched) == [(5_000, 9_000, UNKNOWN)]

    watched.clock.at += 600
    watched.catalogue.refresh()
    audits.read()

    assert outside(watched) == [(5_000, 9_000, watched.org.audits.editors[0].user_name)]


@pytest.mark.parametrize("told", ["paths", "config"])
def test_another_property_that_was_saved_is_no_change_of_a_timeout(watch: Watch, told: str) -> None:
    """A header, for example."""
    watched = watch(world=World(audit_properties=told))
    watched.catalogue.refresh()
    watched.org.edit(ACTION, ORDER_STATUS.action_id, None)
    watched.clock.at += LATE_SECONDS
    watched.catalogue.refresh()
    reader(watched).read()

    assert outside(watched) == []


def test_where_the_log_is_absent_nobody_is_named(
    watch: Watch, logged: list[dict[str, Any]]
) -> None:
    """The change itself is known, and that the source does not answer is said once."""
    watched = watch(world=World(audits="absent"))
    audits = reader(watched)
    for _ in range(3):
        watched.catalogue.refresh()
        audits.read()
        watched.org.edit(ACTION, ORDER_STATUS.action_id, 9_000)
        watched.clock.at += 600

    assert outside(watched) == [(5_000, 9_000, UNKNOWN)]
    assert not audits.available
    assert watched.requests()[QUERY] == 2  # one refusal alone may be a stray one
    off = [line for line in logged if line["event"] == "source_off"]
    assert [(line["source"], line["log_level"]) for line in off] == [("audits", "warning")]


def test_a_permission_that_is_granted_later_is_noticed(watch: Watch) -> None:
    """Within the hour; nothing is asked meanwhile."""
    watched = watch()
    audits = reader(watched)
    everything = watched.org.permissions
    watched.org.grant(everything - {"audits:audit:view"})
    for _ in range(2):
        audits.read()
    watched.org.grant(everything)
    watched.clock.at += PROBE_AGAIN_SECONDS - 1
    audits.read()
    available = [audits.available]

    watched.clock.at += 1
    audits.read()

    assert [*available, audits.available] == [False, True]
    assert watched.requests()[QUERY] == 3


def test_a_failure_is_no_refusal_and_is_asked_again(
    watch: Watch, logged: list[dict[str, Any]]
) -> None:
    """Said once, however long it lasts; nothing is lost."""
    watched = watch(deadline_seconds=1.0)
    audits = reader(watched)
    watched.org.edit(ACTION, ORDER_STATUS.action_id, 9_000)
    watched.catalogue.refresh()
    watched.fault("unavailable", AUDITS)
    for _ in range(2):
        watched.clock.at += 600
        audits.read()
    assert audits.available
    assert [line["event"] for line in logged].count("audits_failed") == 1

    watched.mend()
    audits.read()
    assert len(watched.org.audits.editors) == 1
    assert watched.ledger.journal.platform_audit.read_until(ORG) > watched.clock.at - 60


def test_after_a_pause_the_log_is_read_from_where_it_was_left(watch: Watch) -> None:
    """Up to a fortnight back, which is all that the platform has."""
    watched = watch(world=World(audit_properties="paths"))
    audits = reader(watched)
    audits.read()
    watched.clock.at += 3 * 86_400
    watched.org.edit(ACTION, ORDER_STATUS.action_id, 9_000)
    watched.clock.at += 5 * 86_400
    audits.read()
    assert [one[:2] for one in outside(watched)] == [(5_000, 9_000)]

    watched.clock.at += 40 * 86_400
    audits.read()
    assert audits.available


def test_our_own_write_is_not_named_as_somebody_elses(watch: Watch) -> None:
    """Where nothing in the journal is like it, it is another program with our client."""
    watched = watch(world=World(audit_properties="paths"))
    watched.org.actions.update(
        ORDER_STATUS.action_id, b'{"version":1,"config":{"timeoutSeconds":9}}', "simulated-client"
    )
    watched.clock.at += LATE_SECONDS
    reader(watched).read()

    assert outside(watched) == [(5_000, 9_000, "client simulated-client")]


def test_a_source_that_goes_on_failing_is_told_as_one_that_does_not_answer(watch: Watch) -> None:
    """After an hour, until it answers."""
    watched = watch(deadline_seconds=1.0)
    audits = reader(watched)
    watched.fault("unavailable", AUDITS)
    told = []
    for seconds in (0, FAILING_SECONDS - 1, 1):
        watched.clock.at += seconds
        audits.read()
        told.append(audits.available)
    watched.mend()
    audits.read()
    assert [*told, audits.available] == [True, True, False, True]
