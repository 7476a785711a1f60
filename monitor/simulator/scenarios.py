"""The named scenarios, from a dozen believable back ends to two thousand actions."""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from monitor.errors import ConfigurationError
from monitor.model import ActionKind
from monitor.simulator.scenario_types import (
    PUNCTUAL,
    Arrivals,
    Integration,
    LatencyLaw,
    LatenessModel,
    Outage,
    Scenario,
    SimulatedAction,
    SimulatedFlow,
    Step,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

DEFAULT_SEED = 2_026
_NAMES = uuid.UUID("7f0f6f1c-6c2e-4f57-9d2b-7a0d3a1f9c11")
_LARGE_ACTIONS = 2_000
_STEPS_PER_FLOW = 10


def scenario(name: str = "default", *, seed: int = DEFAULT_SEED) -> Scenario:
    """Return a scenario by name.

    Args:
        name: One of ``scenario_names()``.
        seed: Decides every random draw; ids and names stay the same.

    Raises:
        ConfigurationError: There is no scenario of that name.
    """
    build = _SCENARIOS.get(name)
    if build is None:
        message = f"there is no scenario {name!r}"
        raise ConfigurationError(message, f"choose one of {', '.join(scenario_names())}")
    return build(seed)


def scenario_names() -> tuple[str, ...]:
    """Return what ``scenario`` can be asked for."""
    return tuple(_SCENARIOS)


def identifier(*words: str) -> str:
    """Return a UUID that is the same for the same words, whatever the seed."""
    return str(uuid.uuid5(_NAMES, "/".join(words)))


_CRM: Final = Integration(identifier("integration", "crm"), "CRM", "salesforce-datasource")
_ORDERS: Final = Integration(identifier("integration", "orders"), "Order Service")
_PAYMENTS: Final = Integration(identifier("integration", "payments"), "Payments Gateway")
_LOGISTICS: Final = Integration(identifier("integration", "logistics"), "Logistics")
_FUNCTIONS: Final = Integration(
    identifier("integration", "functions"), "Pricing Functions", "function-data-actions"
)
_PLATFORM: Final = Integration(
    identifier("integration", "platform"), "Genesys Cloud", "purecloud-data-actions"
)

_WEB = "Web Services Data Actions"


def _action(  # noqa: PLR0913 - a row of the table below: each column is one argument
    name: str,
    integration: Integration,
    law: LatencyLaw,
    per_hour: float,
    timeout_seconds: int | None = 10,
    *,
    night_share: float = 0.1,
) -> SimulatedAction:
    """Return a custom action."""
    return SimulatedAction(
        action_id=f"custom_-_{identifier('action', name)}",
        name=name,
        integration=integration,
        category=_WEB,
        law=law,
        arrivals=Arrivals(per_hour, night_share),
        timeout_seconds=timeout_seconds,
    )


GET_CUSTOMER: Final = replace(
    _action("Get Customer", _CRM, LatencyLaw(420, 0.45), 700, 10),
    category="Salesforce Data Actions",
)
"""Healthy: fast, steady, far below its timeout."""

ORDER_STATUS: Final = _action(
    "Order Status", _ORDERS, LatencyLaw(1_800, 0.7, never_share=0.002), 420, 5
)
"""A slow tail that runs smoothly into a tight timeout."""

TAKE_PAYMENT: Final = replace(
    _action("Take Payment", _PAYMENTS, LatencyLaw(900, 0.3, never_share=0.03), 240, 15),
    secure=True,
    success_status="201",
)
"""Fast, except for some calls that never answer."""

DELIVERY_SLOTS: Final = _action(
    "Delivery Slots",
    _LOGISTICS,
    LatencyLaw(650, 0.3, second_share=0.14, second_median_ms=9_000, second_sigma=0.12),
    260,
    8,
)
"""Two kinds of calls; most of the slower kind ends beyond the timeout."""

SHIPMENT_TRACKING: Final = _action(
    "Shipment Tracking",
    _LOGISTICS,
    LatencyLaw(700, 0.35, outage=Outage(1.5, 3.5, 40.0)),
    240,
    6,
    night_share=0.6,
)
"""Healthy by day, an outage every night."""

LOYALTY_POINTS: Final = _action(
    "Loyalty Points", _CRM, LatencyLaw(350, 0.3, throttled_share=0.06, never_share=0.001), 500, 8
)
"""At the day's peak the platform's own concurrency limit refuses calls."""

STOCK_LEVEL: Final = _action(
    "Stock Level", _ORDERS, LatencyLaw(700, 0.45, drift_factor=2.6, drift_days=4.0), 300, 3
)
"""Slower every day until somebody restarts it."""

BRANCH_FINDER: Final = SimulatedAction(
    action_id=f"static_-_{identifier('action', 'Branch Finder')}",
    name="Branch Finder",
    integration=_PLATFORM,
    category="Genesys Cloud Data Actions",
    law=LatencyLaw(180, 0.4),
    arrivals=Arrivals(120),
    kind=ActionKind.STATIC,
    method="GET",
)
"""A static action: nobody can edit it."""

PRICE_QUOTE: Final = SimulatedAction(
    action_id=f"custom_-_{identifier('action', 'Price Quote')}",
    name="Price Quote",
    integration=_FUNCTIONS,
    category="Function Data Actions",
    law=LatencyLaw(3_200, 0.7),
    arrivals=Arrivals(160),
    kind=ActionKind.FUNCTION,
)
"""A function action: its timeout lives in its function."""

SEND_CONFIRMATION: Final = _action(
    "Send Confirmation", _ORDERS, LatencyLaw(520, 0.35, never_share=0.006), 220, None
)
"""No timeout set: its rare hangs hold a slot for a minute each."""

ADDRESS_LOOKUP: Final = replace(
    _action("Address Lookup", _LOGISTICS, LatencyLaw(480, 0.6, gateway_ms=1_500), 280, 10),
    method="GET",
)
"""A gateway before the back end gives up long before our timeout."""

VERIFY_IDENTITY: Final = _action(
    "Verify Identity", _CRM, LatencyLaw(13_000, 0.6, error_share=0.01), 180, 30
)
"""Wants more than 30 seconds: a case for an asynchronous call."""

UPDATE_CASE: Final = _action(
    "Update Case", _CRM, LatencyLaw(800, 0.4, error_share=0.02, rejected_share=0.01), 200, 12
)
"""Fails now and then, for reasons that are not time."""

PARTNER_TOKEN: Final = replace(
    _action("Partner Token", _PAYMENTS, LatencyLaw(260, 0.3), 12, None), authentication=True
)
"""A custom authentication action: it has no timeout to set."""

_ACTIONS: Final = (
    GET_CUSTOMER,
    ORDER_STATUS,
    TAKE_PAYMENT,
    DELIVERY_SLOTS,
    SHIPMENT_TRACKING,
    LOYALTY_POINTS,
    STOCK_LEVEL,
    BRANCH_FINDER,
    PRICE_QUOTE,
    SEND_CONFIRMATION,
    ADDRESS_LOOKUP,
    VERIFY_IDENTITY,
    UPDATE_CASE,
    PARTNER_TOKEN,
)


def _step(action: SimulatedAction) -> Step:
    """Return a flow document that waits as long as the action; unset stays absent."""
    seconds = action.timeout_seconds
    return Step(action.action_id, None if seconds is None else seconds * 1_000)


def _flow(name: str, *actions: SimulatedAction) -> SimulatedFlow:
    """Return a call flow."""
    return SimulatedFlow(identifier("flow", name), name, tuple(_step(one) for one in actions))


MAIN_MENU: Final = _flow("Main Menu", GET_CUSTOMER, VERIFY_IDENTITY, LOYALTY_POINTS, BRANCH_FINDER)
ORDER_ENQUIRIES: Final = _flow(
    "Order Enquiries", ORDER_STATUS, SHIPMENT_TRACKING, DELIVERY_SLOTS, ADDRESS_LOOKUP, GET_CUSTOMER
)
PAYMENT_LINE: Final = replace(_flow("Payment Line", TAKE_PAYMENT), names_action=False)
"""Its detail records name only the flow, in which exactly one data action stands."""
STOCK_LINE: Final = replace(
    _flow("Stock and Quotes", STOCK_LEVEL, PRICE_QUOTE, SEND_CONFIRMATION), disconnects=True
)
"""A failed action ends the call."""
CASE_UPDATES: Final = replace(
    _flow("Case Updates", UPDATE_CASE, ORDER_STATUS), flow_type="INBOUNDEMAIL"
)

_FLOWS: Final = (MAIN_MENU, ORDER_ENQUIRIES, PAYMENT_LINE, STOCK_LINE, CASE_UPDATES)


def _default(seed: int) -> Scenario:
    """Return a dozen believable back ends; every verdict but ``unclear`` has its action."""
    return Scenario("default", seed, _ACTIONS, _FLOWS)


def _punctual(seed: int) -> Scenario:
    """Return the default org with everything visible the moment it ends."""
    return Scenario("punctual", seed, _ACTIONS, _FLOWS, PUNCTUAL)


def _late(seed: int) -> Scenario:
    """Return the default org with a quarter of its data up to 40 minutes late."""
    return Scenario("late", seed, _ACTIONS, _FLOWS, LatenessModel(tail_share=0.25))


def _flow_contract(seed: int) -> Scenario:
    """Return the default org where only flow documents and detail records are spoken."""
    return Scenario("flow", seed, _ACTIONS, _FLOWS, contract="flow")


def _quiet(seed: int) -> Scenario:
    """Return an org without a single action."""
    return Scenario("quiet", seed)


def _large(seed: int) -> Scenario:
    """Two thousand actions with light traffic; a few hundred failures a day."""
    return scaled(_LARGE_ACTIONS, seed)


def scaled(count: int, seed: int = DEFAULT_SEED) -> Scenario:
    """Return an org of ``count`` actions that are drawn together, ten to a flow."""
    law = LatencyLaw(450, 0.5, never_share=0.0004, error_share=0.0001)
    actions = tuple(
        replace(_action(f"Lookup {number:04d}", _ORDERS, law, 12, 10), method="GET")
        for number in range(1, count + 1)
    )
    flows = tuple(
        _flow(f"Line {at // _STEPS_PER_FLOW + 1:03d}", *actions[at : at + _STEPS_PER_FLOW])
        for at in range(0, count, _STEPS_PER_FLOW)
    )
    return Scenario("large" if count == _LARGE_ACTIONS else f"scaled-{count}", seed, actions, flows)


_SCENARIOS: Final[Mapping[str, Callable[[int], Scenario]]] = {
    "default": _default,
    "punctual": _punctual,
    "late": _late,
    "flow": _flow_contract,
    "quiet": _quiet,
    "large": _large,
}
