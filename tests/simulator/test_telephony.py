"""What real detail records hold: telephony's own errors, exits from flows, calls without a flow."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from monitor.simulator import World
from monitor.time_ranges import TimeRange
from tests.clocks import HOUR, NOON, ManualClock
from tests.simulator.conftest import Simulate
from tests.simulator_client import SimulatorClient

PERIOD = TimeRange(NOON - 10 * HOUR, NOON)
WIDE = TimeRange(PERIOD.start, PERIOD.end + HOUR)
TELEPHONY = "error.ininedgecontrol."


def sessions(conversations: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Every session of every conversation."""
    return [
        session
        for conversation in conversations
        for participant in conversation["participants"]
        for session in participant["sessions"]
    ]


def codes(session: dict[str, Any]) -> list[str]:
    """The error codes of a session."""
    return [one["errorCode"] for one in session["segments"] if "errorCode" in one]


def records(wire: SimulatorClient, clock: ManualClock) -> list[dict[str, Any]]:
    """Everything of ten hours, once all of it shows."""
    clock.at = NOON + 2 * HOUR
    return wire.all_details(WIDE)


def test_by_default_no_code_is_a_data_actions(simulate: Simulate, clock: ManualClock) -> None:
    """Every code is the media tier's: at stations, at dialled numbers, in sessions of flows."""
    found = sessions(records(simulate(), clock))
    said = {code for session in found for code in codes(session)}
    assert said == {
        f"{TELEPHONY}connection.timeout",
        f"{TELEPHONY}session.inactive",
        f"{TELEPHONY}connection.protocol",
    }
    assert any(codes(one) for one in found if "flow" in one)
    assert any(codes(one) for one in found if "flow" not in one)
    assert not any("properties" in segment for one in found for segment in one["segments"])


@pytest.mark.parametrize(("reading", "for_each"), [("many", 10), ("some", 1), ("none", 0)])
def test_telephony_fails_so_many_calls_for_each_flow_error(
    simulate: Simulate, clock: ManualClock, reading: str, for_each: int
) -> None:
    """Counted over the conversations of ten hours."""
    found = records(simulate(world=World(telephony_errors=reading)), clock)
    lost = failed = 0
    for conversation in found:
        mine = sessions([conversation])
        lost += any(one.get("flow", {}).get("exitReason", "")[:10] == "FLOW_ERROR" for one in mine)
        failed += any(code.startswith(TELEPHONY) for one in mine for code in codes(one))
    assert lost > 20
    # Those at the edges of the ten hours stand beside errors that are not among them.
    assert failed == pytest.approx(for_each * lost, rel=0.1)


@pytest.mark.parametrize(("reading", "named"), [("coded", False), ("named", True)])
def test_only_worlds_that_say_so_show_a_data_actions_error(
    simulate: Simulate,
    clock: ManualClock,
    reading: str,
    named: bool,  # noqa: FBT001 - a row of the table
) -> None:
    """The code alone, or the code and the action's name."""
    found = sessions(records(simulate(world=World(detail_errors=reading)), clock))
    failed = [
        segment
        for session in found
        for segment in session["segments"]
        if segment.get("errorCode", "").startswith("DATA_ACTION")
    ]
    assert failed
    assert any("properties" in segment for segment in failed) is named


def test_callers_leave_flows_in_many_ways(simulate: Simulate, clock: ManualClock) -> None:
    """Put through, hung up, lost to an error of the flow, or left alone until it expired."""
    found = sessions(records(simulate(), clock))
    ways = Counter(one["flow"]["exitReason"] for one in found if "flow" in one)
    assert set(ways) == {
        "DISCONNECT",
        "TRANSFER",
        "FLOW_ERROR_DISCONNECT",
        "FLOW_ERROR_EXIT",
        "SESSION_EXPIRE_DISCONNECT",
    }


def test_the_truth_tells_of_every_caller_lost(simulate: Simulate, clock: ManualClock) -> None:
    """Per flow and exit reason, by when the flow was left; records agree once all is visible."""
    wire = simulate("late")
    told = wire.truth(PERIOD)["flow_errors"]
    clock.at = max(one["visible_by"] for one in told)
    counted: Counter[tuple[str, str]] = Counter()
    for session in sessions(wire.all_details(WIDE)):
        flow = session.get("flow", {})
        left = session["segments"][-1].get("segmentEnd", "")
        if flow.get("exitReason", "").startswith("FLOW_ERROR") and in_period(left):
            counted[flow["flowId"], flow["exitReason"]] += 1
    assert counted == {(one["flow_id"], one["exit_reason"]): one["callers"] for one in told}


def in_period(moment: str) -> bool:
    """Whether a moment lies in the ten hours before noon."""
    return "2026-11-23T02:00" <= moment < "2026-11-23T12:00"
