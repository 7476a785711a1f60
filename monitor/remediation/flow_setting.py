"""A flow's timeouts for a person: shown, and one of them set; the parts put together."""

from __future__ import annotations

from dataclasses import dataclass

from monitor.clock import Clock
from monitor.config import OrgSettings, RemediationSettings
from monitor.errors import ConfigurationError
from monitor.genesys import Client, FlowDocument, get_flow
from monitor.ledger import Ledger
from monitor.remediation.actor import ActorContext
from monitor.remediation.set_timeout import (
    BUDGET_SECONDS,
    ManualRequest,
    SetTimeout,
    SetTimeoutResult,
)
from monitor.remediation.targets import FlowTarget


@dataclass(frozen=True, slots=True)
class FlowOrder:
    """What somebody wants done to a flow.

    Attributes:
        flow_id: The flow.
        action: The id of a data action in it, or its name where only one has it.
        timeout_ms: The timeout that it is to have.
        allow_lower: Whether it may be lowered.
        dry_run: Whether to stop before writing.
        actor: Who wants it, with the host.
        holder: Names this running program.
    """

    flow_id: str
    action: str
    timeout_ms: int
    allow_lower: bool
    dry_run: bool
    actor: str
    holder: str


@dataclass(frozen=True, slots=True)
class FlowSettings:
    """By which rules.

    Attributes:
        remediation: ``[remediation]``.
        managed: Patterns of names and ids that Terraform manages.
    """

    remediation: RemediationSettings
    managed: tuple[str, ...]


def set_flow_timeout(  # noqa: PLR0913, PLR0917 - what is asked for, and the parts that do it
    order: FlowOrder,
    org: OrgSettings,
    rules: FlowSettings,
    client: Client,
    ledger: Ledger,
    clock: Clock,
) -> tuple[FlowDocument, SetTimeoutResult]:
    """Set one timeout in a flow.

    Returns:
        The flow as it was found, and what was done.

    Raises:
        NotFoundError: There is no such flow, or no such action in it.
        ConfigurationError: The name is of several actions.
        RefusedError: A guard forbids it.
        BusyError: Another program changes timeouts of the org.
        ConflictError: Somebody else changed it meanwhile.
        AmbiguousWriteError: A write got lost, or nobody can find out what became of it.
        GenesysError: Any other of the tree.
        LedgerError: It can't be recorded; nothing was sent.
    """
    target = FlowTarget(client, order.flow_id, managed=rules.managed)
    context = ActorContext(
        actor=order.actor,
        holder=order.holder,
        clock=ledger.clock(clock),
        machine=ledger.lease_clock(clock),
        quarantine_seconds=rules.remediation.quarantine,
    )
    flow = get_flow(client, order.flow_id)
    request = ManualRequest(
        org=org.name,
        action_id=action_of(flow, order.action),
        timeout_ms=order.timeout_ms,
        allow_lower=order.allow_lower,
        settings=rules.remediation,
        wait_seconds=BUDGET_SECONDS,
    )
    setting = SetTimeout(ledger.journal, target, request, context)
    with setting.writer.lease() as lease:
        return flow, setting.run(lease, dry_run=order.dry_run)


def action_of(flow: FlowDocument, action: str) -> str:
    """The id of a data action of a flow: it was given, or the name of one only.

    An id that is not there is returned as it is; reading it tells what the flow has.

    Raises:
        ConfigurationError: Several actions have this name.
    """
    named = flow.ids_of(action)
    if len(named) > 1:
        raise ConfigurationError(
            f"The flow has {len(named)} data actions called {action}",
            f"Name one by its id: {', '.join(sorted(named))}.",
        )
    return named.pop() if named else action
