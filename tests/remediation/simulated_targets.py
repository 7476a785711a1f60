"""Both targets, each on a simulated org that is served, with all that a test does to them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from typing import Any

from monitor.genesys import Client, connect
from monitor.remediation.targets import FlowTarget, IntegrationActionTarget, Target
from monitor.simulator import scenario
from monitor.simulator.scenarios import MAIN_MENU, ORDER_ENQUIRIES, ORDER_STATUS, SHIPMENT_TRACKING
from monitor.simulator.world import World
from tests.simulated_org import org_settings, readable, serve_org
from tests.simulator_client import ACTIONS, SimulatorClient

FLOW_ID = ORDER_ENQUIRIES.flow_id


@dataclass(frozen=True)
class SimulatedTarget:
    """A target, and the far side of it.

    Attributes:
        target: What is tested.
        wire: The org.
        path: What is read and written.
        write_method: How it is written.
        action_id: A data action whose timeout is 5 s.
        other_id: Another one.
        client: The client that the target speaks through.
    """

    target: Target
    wire: SimulatorClient
    path: str
    write_method: str
    action_id: str
    other_id: str
    client: Client

    def fault(self, kind: str, **more: object) -> None:
        """Let the next write go wrong."""
        self.wire.fault(kind, path_prefix=self.path, method=self.write_method, **more)

    def edit(self, timeout_ms: int | None = None) -> None:
        """Let somebody else save it, with another timeout or another field."""
        self.wire.org.edit(self.path, self.action_id, timeout_ms)

    def writes(self) -> int:
        """How many writes arrived, successful or not."""
        counts: dict[str, int] = self.wire.get("/simulator/requests").json()
        return sum(n for what, n in counts.items() if what.startswith(("PUT", "PATCH")))

    def stored(self) -> dict[str, Any]:
        """All of it as the far side has it, with the texts of templates."""
        if self.target.kind == "flow":
            document: dict[str, Any] = json.loads(self.wire.org.flows.get(FLOW_ID).text)
            return document
        shown: dict[str, Any] = self.wire.get(self.path, includeConfig="true").json()
        for name in ("requesttemplate.vm", "successtemplate.vm"):
            shown[name] = self.wire.get(f"{self.path}/templates/{name}").text
        return shown

    def timeout_ms(self) -> int:
        """The timeout as the far side has it."""
        found: object = self.stored()
        if self.target.kind == "flow":
            (found,) = [
                entry["data"]["timeout"]
                for entry in entries(found)
                if entry["id"] == self.action_id
            ]
            return int(str(found))
        return int(self.stored()["config"]["timeoutSeconds"]) * 1_000


def entries(node: object) -> list[dict[str, Any]]:
    """Every data action of a flow document."""
    if isinstance(node, dict):
        own = [node] if node.get("type") == "data" else []
        return own + [entry for child in node.values() for entry in entries(child)]
    if isinstance(node, list):
        return [entry for child in node for entry in entries(child)]
    return []


def flow_target(
    wire: SimulatorClient, client: Client, managed: tuple[str, ...] = ()
) -> SimulatedTarget:
    """A data action in a flow's document."""
    return SimulatedTarget(
        target=FlowTarget(client, FLOW_ID, managed=managed),
        wire=wire,
        path=f"/api/v2/flows/{FLOW_ID}",
        write_method="PUT",
        action_id=ORDER_STATUS.action_id,
        other_id=SHIPMENT_TRACKING.action_id,
        client=client,
    )


def action_target(
    wire: SimulatorClient, client: Client, managed: tuple[str, ...] = ()
) -> SimulatedTarget:
    """An integration action."""
    return SimulatedTarget(
        target=IntegrationActionTarget(client, managed=managed),
        wire=wire,
        path=f"{ACTIONS}/{ORDER_STATUS.action_id}",
        write_method="PATCH",
        action_id=ORDER_STATUS.action_id,
        other_id=SHIPMENT_TRACKING.action_id,
        client=client,
    )


TARGETS = {"flow": flow_target, "integration-action": action_target}
ANOTHER_FLOW_ID = MAIN_MENU.flow_id

ServeTarget = Callable[..., SimulatedTarget]


@contextmanager
def served_targets() -> Iterator[ServeTarget]:
    """Serve orgs, and return one target of each; everything is closed at the end."""
    with ExitStack() as stack:

        def make(
            kind: str,
            managed: tuple[str, ...] = (),
            *,
            deadline_seconds: float = 10.0,
            world: World | None = None,
        ) -> SimulatedTarget:
            plan = scenario("flow" if kind == "flow" else "punctual")
            simulator = stack.enter_context(serve_org(plan, world=readable(world)))
            wire = stack.enter_context(SimulatorClient(simulator))
            client = connect(org_settings(simulator.url), deadline_seconds=deadline_seconds)
            stack.enter_context(closing(client))
            return TARGETS[kind](wire, client, managed)

        yield make
