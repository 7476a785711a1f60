"""What a simulated org consists of: its actions and their laws, its flows, its lateness.

Everything here is a frozen value: two orgs made from equal scenarios show equal traffic.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from monitor.model import ActionKind

if TYPE_CHECKING:
    from monitor.simulator.world import World

Contract = Literal["platform", "flow"]
"""Which half of the wire an org speaks: everything, or flow documents and detail records only."""

MAX_TIMEOUT_MS = 60_000
"""The longest that the platform waits for any data action."""

STEP_DEFAULT_TIMEOUT_MS = 3_000
"""What a data action inside a flow document waits for when it names no timeout."""


@dataclass(frozen=True, slots=True)
class Outage:
    """A back end that stops answering once a night, at another time every night.

    Attributes:
        earliest_hour: It begins between this hour of the UTC day ...
        latest_hour: ... and this one.
        minutes: How long it lasts.
        share: The part of the calls in it that never answer.
    """

    earliest_hour: float
    latest_hour: float
    minutes: float
    share: float = 0.9


@dataclass(frozen=True, slots=True)
class LatencyLaw:
    """How long a back end takes, and how it fails; independent of any timeout.

    Shares are parts of one. An execution longer than the timeout in force becomes a timeout.

    Attributes:
        median_ms: Median of the lognormal body.
        sigma: Its shape: 0.3 is steady, 0.8 is a slow tail.
        second_share: Calls that belong to a second, slower kind.
        second_median_ms: Median of that kind.
        second_sigma: Its shape.
        never_share: Calls that never answer.
        error_share: Calls that end with the remote's HTTP 500.
        rejected_share: Calls that the remote refuses with HTTP 400.
        throttled_share: Calls that the platform refuses at the day's peak; none at night.
        gateway_ms: After this long a gateway before the back end answers 504.
        outage: A nightly outage.
        drift_factor: How much slower it is at the end of ``drift_days`` than at their beginning.
        drift_days: Days until somebody restarts it and it is fast again.
    """

    median_ms: float
    sigma: float = 0.35
    second_share: float = 0.0
    second_median_ms: float = 1.0
    second_sigma: float = 0.2
    never_share: float = 0.0
    error_share: float = 0.0
    rejected_share: float = 0.0
    throttled_share: float = 0.0
    gateway_ms: int | None = None
    outage: Outage | None = None
    drift_factor: float = 1.0
    drift_days: float = 4.0


@dataclass(frozen=True, slots=True)
class LaterLaw:
    """How a back end behaves from a moment on, such as a deploy.

    Attributes:
        at: From when on; epoch seconds, of whole five minutes.
        law: How it behaves from then on.
    """

    at: int
    law: LatencyLaw


@dataclass(frozen=True, slots=True)
class Arrivals:
    """Poisson arrivals over the day: quiet at night, most at 14:00 UTC.

    Attributes:
        per_hour: Executions an hour at the peak.
        night_share: What is left of that at night, as a part of one.
    """

    per_hour: float
    night_share: float = 0.1


@dataclass(frozen=True, slots=True)
class Integration:
    """An integration that actions belong to."""

    integration_id: str
    name: str
    type_id: str = "custom-rest-actions"


@dataclass(frozen=True, slots=True)
class SimulatedAction:
    """A data action with its back end.

    Attributes:
        action_id: Its id; static ones begin with ``static``.
        name: Its name.
        integration: Where it belongs.
        category: The platform's category.
        law: How its back end behaves, at first.
        arrivals: How often it is called.
        kind: Custom, static or function.
        timeout_seconds: The timeout its author set; None where none is set.
        authentication: Whether it is a custom authentication action, listed only on request.
        secure: Whether secure flows alone may use it.
        method: HTTP method of its request.
        success_status: HTTP status of its successes: ``200`` or ``201``.
        later: How its back end behaves later, the earliest first.
    """

    action_id: str
    name: str
    integration: Integration
    category: str
    law: LatencyLaw
    arrivals: Arrivals
    kind: ActionKind = ActionKind.CUSTOM
    timeout_seconds: int | None = None
    authentication: bool = False
    secure: bool = False
    method: str = "POST"
    success_status: Literal["200", "201"] = "200"
    later: tuple[LaterLaw, ...] = ()


@dataclass(frozen=True, slots=True)
class Step:
    """A data action's place in a flow document.

    Attributes:
        action_id: Which action.
        timeout_ms: The timeout that the document names; None leaves it out.
    """

    action_id: str
    timeout_ms: int | None = None


@dataclass(frozen=True, slots=True)
class SimulatedFlow:
    """A call script.

    Attributes:
        flow_id: Its id.
        name: Its name.
        steps: The data actions it calls.
        flow_type: As analytics names it; dependency tracking appends ``FLOW``.
        names_action: Whether its detail records name the action; False leaves only the flow.
        disconnects: Whether a failed action ends the call (``FLOW_ERROR_DISCONNECT``).
    """

    flow_id: str
    name: str
    steps: tuple[Step, ...]
    flow_type: str = "INBOUNDCALL"
    names_action: bool = True
    disconnects: bool = False


@dataclass(frozen=True, slots=True)
class LatenessModel:
    """How long after its end an execution, or its detail record, becomes visible.

    Attributes:
        least_seconds: Nothing is visible earlier.
        usual_seconds: Most is visible by then.
        tail_share: The part that takes longer.
        worst_seconds: The longest it may take.
    """

    least_seconds: float = 20.0
    usual_seconds: float = 90.0
    tail_share: float = 0.02
    worst_seconds: float = 2_400.0


PUNCTUAL = LatenessModel(0.0, 0.0, 0.0, 0.0)
"""Everything is visible the moment it ends."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """A whole org, as a value.

    Attributes:
        name: What it is called on the command line.
        seed: Decides every random draw.
        actions: Its data actions.
        flows: Its call scripts.
        lateness: When executions become visible.
        history_start: No traffic before; epoch seconds.
        ends: No traffic from here on; epoch seconds, None for never.
        contract: Which half of the wire it speaks.
        healthy_record_share: Successes that leave a detail record too, as a part of one.
        limits: The org's own limits in namespace ``dataactions``.
        smallest_granularity_seconds: The finest granularity that aggregates accept.
    """

    name: str
    seed: int
    actions: tuple[SimulatedAction, ...] = ()
    flows: tuple[SimulatedFlow, ...] = ()
    lateness: LatenessModel = LatenessModel()
    history_start: float = 1_735_689_600.0
    ends: float | None = None
    contract: Contract = "platform"
    healthy_record_share: float = 0.01
    limits: tuple[tuple[str, int], ...] = (
        ("actions.concurrent.executions.max", 50),
        ("requests.volume.max", 2_500),
        ("actions.function.concurrent.executions.max", 25),
    )
    smallest_granularity_seconds: int = 60


_LATENESS = {"scenario": None, "punctual": PUNCTUAL, "late": LatenessModel(tail_share=0.25)}


_CONCURRENCY = "actions.concurrent.executions.max"


def in_world(scenario: Scenario, world: World) -> Scenario:
    """Return the scenario with its lateness, categories and limits as the world has them."""
    lateness = _LATENESS[world.lateness]
    if lateness is not None:
        scenario = replace(scenario, lateness=lateness)
    actions = scenario.actions
    if world.function_category == "free_text":
        actions = tuple(_in_words(one) for one in actions)
    return replace(scenario, actions=actions, limits=shown_limits(scenario.limits, world))


def shown_limits(limits: tuple[tuple[str, int], ...], world: World) -> tuple[tuple[str, int], ...]:
    """Return the limits that the platform shows, keys and values."""
    shown = {"all": limits, "none": ()}
    return shown.get(world.limits, tuple(one for one in limits if one[0] == _CONCURRENCY))


def _in_words(action: SimulatedAction) -> SimulatedAction:
    """Return a function under its integration's name, any other action as it is."""
    if action.kind is not ActionKind.FUNCTION:
        return action
    return replace(action, category=action.integration.name)
