"""What has to hold of an org that speaks the documented platform, whatever world it lives in."""

from __future__ import annotations

from collections import Counter
from typing import Any

from monitor.config import ClassifySettings
from monitor.model import ActionKind
from monitor.simulator import World
from monitor.simulator.scenario_types import SimulatedAction, SimulatedFlow
from monitor.simulator.scenarios import (
    ADDRESS_LOOKUP,
    BRANCH_FINDER,
    LOYALTY_POINTS,
    ORDER_STATUS,
    SEND_CONFIRMATION,
    TAKE_PAYMENT,
)
from tests.worlds.conftest import WatchedWorld
from tests.worlds.small_org import ACTIONS, FLOWS, truth_of

MOST_TRIES = 4
REFUSED, CONFLICT, NOT_KNOWN = 3, 5, 6
"""What ``apply`` exits with where it raised nothing, or nobody knows yet."""

RAISED_SECONDS = 7
"""What Order Status is raised to from 5 s: half as much again, in whole seconds."""


def hides_timeouts(world: World) -> bool:
    """Whether neither a word nor a status tells an execution that timed out."""
    return world.error_words == "seen" and world.timeout_status == "none"


def every_execution_is_counted_once(watched: WatchedWorld) -> None:
    """By action and outcome; a timeout that can't be told from an error is one of both."""
    found = {
        one["action_id"]: {
            "success": one["successes"],
            "timeout": one["timeouts"],
            "error": one["errors"],
            "throttled": one["throttled"],
        }
        for one in watched.report()["actions"]
        if one["executions"]
    }
    truth = truth_of(watched.simulator).outcomes
    if hides_timeouts(watched.world):
        found, truth = _failures_as_one(found), _failures_as_one(truth)
    assert found == truth


def _failures_as_one(counts: dict[str, dict[str, int]]) -> dict[str, dict[str, int]]:
    return {
        action: {
            "success": by["success"],
            "throttled": by["throttled"],
            "failed": by["timeout"] + by["error"],
        }
        for action, by in counts.items()
    }


def every_action_has_its_name_and_its_timeout(watched: WatchedWorld) -> None:
    """Unset is 60 s, 15 s of a function, and nothing where there is none to set."""
    listed = {one["action_id"]: one for one in watched.report()["actions"]}
    for action in ACTIONS:
        shown = listed[action.action_id]
        assert shown["action_name"] == action.name
        assert shown["integration_name"] == action.integration.name
        assert shown["timeout_seconds"] == _in_force(action), action.name


def _in_force(action: SimulatedAction) -> float | None:
    if action.kind is ActionKind.STATIC or action.authentication:
        return None
    if action.timeout_seconds is not None:
        return float(action.timeout_seconds)
    return 15.0 if action.kind is ActionKind.FUNCTION else 60.0


def the_verdicts_are_those_that_the_laws_deserve(watched: WatchedWorld) -> None:
    """Wherever a timeout can be told from another failure; else the report says it can't."""
    verdicts = {one["action_id"]: one["verdict"] for one in watched.report()["actions"]}
    assert verdicts[BRANCH_FINDER.action_id] == "healthy"
    assert verdicts[LOYALTY_POINTS.action_id] == "throttled"
    if hides_timeouts(watched.world):
        return
    assert verdicts[ORDER_STATUS.action_id] == "slow_tail"
    assert verdicts[TAKE_PAYMENT.action_id] == "hangs"
    assert verdicts[SEND_CONFIRMATION.action_id] == "too_long"
    assert verdicts[ADDRESS_LOOKUP.action_id] == "remote_timeout"


def callers_are_hit_by_timeouts_of_data_actions_alone(watched: WatchedWorld) -> None:
    """Telephony is none, and a timeout without a name is pinned on no action."""
    truth = Counter(truth_of(watched.simulator).timeouts_by_flow)
    found = Counter(
        {(one.flow_id, one.action_id): one.incidents for one in watched.state().incident_totals}
    )
    if watched.world.detail_errors == "hidden":
        assert not found
    elif watched.world.detail_errors == "named":
        assert found == truth, (found - truth, truth - found)
    else:
        unnamed: Counter[tuple[str, str]] = Counter()
        for (flow, _), count in truth.items():
            unnamed[flow, "unknown"] += count
        assert found == unnamed


def callers_lost_are_counted_as_what_they_are(watched: WatchedWorld) -> None:
    """By flow and exit reason, from flow aggregates or else from detail records; never timeouts."""
    found = {
        (one.flow_id, one.exit_reason): one.callers for one in watched.state().flow_error_totals
    }
    assert found == truth_of(watched.simulator).callers_lost


def the_counters_are_what_the_report_says(watched: WatchedWorld) -> None:
    """The running totals, which become counters, grew by each execution once."""
    classifier = ClassifySettings().classifier()
    counters: Counter[tuple[str, str]] = Counter()
    for key, total in watched.state().totals.items():
        outcome = classifier.outcome(key.error_type, key.response_status)
        counters[key.action_id, str(outcome)] += total.count
    truth = truth_of(watched.simulator).outcomes
    if hides_timeouts(watched.world):
        executions = Counter({action: sum(by.values()) for action, by in truth.items()})
        found: Counter[str] = Counter()
        for (action, _), count in counters.items():
            found[action] += count
        assert found == executions
    else:
        assert counters == Counter(
            {(action, outcome): n for action, by in truth.items() for outcome, n in by.items()}
        )


def what_a_world_hides_is_said(watched: WatchedWorld) -> None:
    """Which failures may be timeouts, and that nobody knows which flows use an action."""
    report = watched.report()
    (org,) = report["orgs"]
    said = " ".join(org["notes"])
    is_hidden, has_duration = (
        hides_timeouts(watched.world),
        watched.world.timeout_duration != "zero",
    )
    assert ("they may be timeouts" in said) == (is_hidden and has_duration), said
    assert ("whether they are timeouts can't be told" in said) == (
        is_hidden and not has_duration
    ), said
    used_by = {one["action_id"]: one["used_by"] for one in report["actions"]}
    shown = used_by[ORDER_STATUS.action_id]
    flows = sorted(flow.name for flow in FLOWS if _uses(flow, ORDER_STATUS))
    if watched.world.dependency_tracking != "unbuilt":
        assert shown == flows
    elif watched.world.detail_errors == "named":
        # Records name some of them; that they are all is claimed nowhere.
        assert set(shown) <= set(flows)
    else:
        assert shown is None


def _uses(flow: SimulatedFlow, action: SimulatedAction) -> bool:
    return any(step.action_id == action.action_id for step in flow.steps)


def a_raise_changes_one_number(watched: WatchedWorld) -> None:
    """Whatever PATCH does to what it leaves out; somebody who saves first keeps what they saved."""
    store = watched.simulator.org.actions
    before = {action.action_id: store.get(action.action_id) for action in ACTIONS}
    watched.place.order(
        "edited", f"/api/v2/integrations/actions/{ORDER_STATUS.action_id}", method="PATCH"
    )
    codes = [_apply(watched)]
    while codes[-1] in {CONFLICT, NOT_KNOWN} and len(codes) < MOST_TRIES:
        # No change is made twice between two readings, and one that may still arrive is awaited.
        watched.clock.at += 300
        watched.run("poll")
        codes.append(_apply(watched))
    after = {action.action_id: store.get(action.action_id) for action in ACTIONS}
    changed = {one for one in after if after[one] != before[one]}
    if hides_timeouts(watched.world) or watched.world.limits == "none":
        # Nothing to raise can be seen, or nobody knows how many executions the org may run.
        assert codes == [REFUSED]
        assert not changed
        return
    assert codes[-1] == 0, (codes, watched.run("plan", "--format", "json").out)
    assert changed == {ORDER_STATUS.action_id}
    one, two = before[ORDER_STATUS.action_id], after[ORDER_STATUS.action_id]
    assert two.config.timeout_seconds == RAISED_SECONDS
    assert _differences(one.config, two.config) == set()
    assert (one.name, one.category) == (two.name, two.category)


def _apply(watched: WatchedWorld) -> int:
    done = watched.run("apply", "Order Status", "--yes", codes=(0, REFUSED, CONFLICT, NOT_KNOWN))
    assert done.code == 0 or done.err or done.code == CONFLICT, done
    return done.code


def _differences(before: Any, after: Any) -> set[str]:  # noqa: ANN401 - a struct of any kind
    """Return the fields that differ, but for the timeout and the header of somebody else."""
    found: set[str] = set()
    for part in ("request", "response"):
        one, two = getattr(before, part), getattr(after, part)
        for field in one.__struct_fields__:
            left, right = getattr(one, field), getattr(two, field)
            if field == "headers":
                right = {name: value for name, value in right.items() if name != "X-Edited"}
            if left != right:
                found.add(f"{part}.{field}")
    return found


CHECKS = (
    every_execution_is_counted_once,
    the_counters_are_what_the_report_says,
    every_action_has_its_name_and_its_timeout,
    the_verdicts_are_those_that_the_laws_deserve,
    callers_are_hit_by_timeouts_of_data_actions_alone,
    callers_lost_are_counted_as_what_they_are,
    what_a_world_hides_is_said,
    a_raise_changes_one_number,
)
