"""What is refused at the last look waits, and others have their turn meanwhile."""

from __future__ import annotations

from collections import Counter

import pytest

from monitor.config import RemediationSettings
from monitor.journal import ChangeState
from tests.remediation.bench import LISTED, ORG, UNLISTED, Bench
from tests.remediation.conftest import MakeBench
from tests.remediation.test_reconcile import apply, turn

S = ChangeState
ALL = RemediationSettings.model_validate({"mode": "auto", "allow": ["*"]})


@pytest.fixture(params=["flow", "integration-action"])
def refusing(request: pytest.FixtureRequest, make_bench: MakeBench) -> Bench:
    """Both actions may be raised; the first to be tried has another timeout than was listed."""
    bench = make_bench(str(request.param), ALL)
    bench.edit(LISTED, 5_000)
    return bench


def events(bench: Bench, action_id: str) -> Counter[str]:
    """How often each event of an action stands in the audit trail."""
    lines = bench.ledger.journal.audit.newest(ORG, 10_000)
    return Counter(one.event for one in lines if one.action_id == action_id)


def test_one_that_is_refused_at_the_last_look_lets_the_next_be_tried(refusing: Bench) -> None:
    """In the same turn: the most worthwhile can't be changed, and the other can."""
    report = turn(refusing)

    assert (refusing.value_ms(LISTED), refusing.value_ms(UNLISTED)) == (5_000, 6_000)
    assert report.refused == {LISTED: "not_sent"}
    assert [one.action_id for one in report.made] == [UNLISTED]


def test_it_is_tried_again_ever_more_rarely(refusing: Bench) -> None:
    """By whatever program; the audit trail tells of it a few times, and not at every poll."""
    for number in range(120):
        turn(refusing, program=f"daemon {number}")

    told = events(refusing, LISTED)
    assert told["planned"] == told["abandoned"] == 5
    assert told["refused"] == 1
    decision = next(one for one in turn(refusing).decisions if one.candidate.action_id == LISTED)
    assert decision.reason == "back_off"
    assert "5 s is in force by now" in decision.detail


def test_it_is_raised_once_nothing_stands_in_the_way_any_more(refusing: Bench) -> None:
    """At its next try."""
    turn(refusing)
    refusing.refresh()
    refusing.move_clock(300)

    turn(refusing)

    assert refusing.value_ms(LISTED) == 7_000


def test_a_person_need_not_wait(refusing: Bench) -> None:
    """They have seen why, and say when."""
    turn(refusing)
    refusing.refresh()
    refusing.move_clock(60)
    refusing.poll()

    apply(refusing, LISTED)

    assert refusing.value_ms(LISTED) == 7_000
