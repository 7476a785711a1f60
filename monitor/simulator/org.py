"""One simulated org: its scenario, its clock, and everything a client can change in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from monitor.clock import SystemClock
from monitor.simulator.audit_log import AuditLog, Editor, person
from monitor.simulator.detail_search import DetailSearch
from monitor.simulator.flow_aggregates import exit_ms
from monitor.simulator.flow_documents import FlowStore
from monitor.simulator.ground_truth import truth
from monitor.simulator.integration_actions import ActionStore
from monitor.simulator.malformed_records import OddRecords
from monitor.simulator.permissions import ALL_PERMISSIONS
from monitor.simulator.scenario_types import in_world
from monitor.simulator.scenarios import identifier
from monitor.simulator.timeouts import TimeoutChange
from monitor.simulator.tokens import TokenStore
from monitor.simulator.traffic import Traffic
from monitor.simulator.world import World

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from monitor.clock import Clock
    from monitor.simulator.executions import ExecutionColumns
    from monitor.simulator.scenario_types import Contract, Scenario

REQUESTS_PER_MINUTE: Final = 300
TOKEN_LIFETIME_SECONDS: Final = 86_400
_RETENTION_MS: Final = 2 * 86_400_000


class SimulatedOrg:
    """An org in a box. Thread-safe.

    Attributes:
        scenario: What it consists of.
        world: How the platform behaves where nobody could ask it.
        contract: Which half of the wire it speaks.
        client_id: The OAuth client that is known to it.
        client_secret: That client's secret.
        organization_id: Its own id.
        tokens: Who may speak to it.
        actions: Its integration actions.
        audits: Who saved them.
        flows: Its flow documents.
        details: Its conversation detail records.
        odd: Its records that no model describes.
    """

    def __init__(  # noqa: PLR0913 - knobs that only tests turn
        self,
        scenario: Scenario,
        clock: Clock,
        *,
        contract: Contract | None = None,
        world: World | None = None,
        requests_per_minute: int = REQUESTS_PER_MINUTE,
        wall: Clock | None = None,
    ) -> None:
        """Set it up; nothing is drawn before it is asked for.

        Args:
            scenario: What it consists of.
            clock: The time of its traffic.
            contract: Overrules the scenario's.
            world: How the platform behaves where nobody could ask it; the default where None.
            requests_per_minute: What one token may ask.
            wall: The machine's clock, for tokens and rate limits.
        """
        self.world = world or World()
        self.scenario = scenario = in_world(scenario, self.world)
        self.odd = OddRecords(self.world, scenario)
        self.contract: Contract = contract or scenario.contract
        self.client_id = "simulated-client"
        self.client_secret = "simulated-secret"  # noqa: S105 - it protects nothing
        self.organization_id = identifier("organization", scenario.name)
        self._clock = clock
        self._traffic = Traffic(scenario, self.contract)
        self._position = {one.action_id: at for at, one in enumerate(scenario.actions)}
        self._permissions = frozenset(ALL_PERMISSIONS)
        self._permissions_of: dict[str, frozenset[str]] = {}
        self.tokens = TokenStore(
            wall or SystemClock(),
            lifetime_seconds=TOKEN_LIFETIME_SECONDS,
            requests_per_minute=requests_per_minute,
            says_how_long=self.world.too_many_requests == "retry_after",
        )
        self.tokens.register_secret(self.client_id, self.client_secret)
        self.audits = AuditLog(scenario.seed, self.world)
        self.actions = ActionStore(scenario, self.world, self._action_changed, self._action_saved)
        self.flows = FlowStore(scenario, self._step_changed)
        self.details = DetailSearch(scenario, self._traffic, self.world)

    def now_ms(self) -> int:
        """Return the time of its traffic; epoch milliseconds."""
        return int(self._clock.now() * 1_000)

    def edit(self, path: str, action_id: str, timeout_ms: int | None) -> None:
        """Let somebody else change what a path stands for, a flow or an integration action.

        Args:
            path: Ends with the flow's or the action's id.
            action_id: Which data action of a flow.
            timeout_ms: Its new timeout; None to change something else of it.

        Raises:
            ApiError: 404; it stands for neither.
        """
        what = path.rstrip("/").rpartition("/")[2]
        if path.startswith("/api/v2/flows/"):
            self.flows.edit(what, self.now_ms(), action_id=action_id, timeout_ms=timeout_ms)
        else:
            editor = person(self.scenario.seed, len(self.audits.editors))
            self.actions.edit(what, timeout_ms, editor)

    def spoil(self, path: str, action_id: str = "", timeout_ms: int | None = None) -> None:
        """Let the next write of what a path stands for change something beside the timeout.

        Args:
            path: Ends with the flow's or the action's id.
            action_id: Which data action of a flow keeps another timeout.
            timeout_ms: That timeout; None for the one that is written.

        Raises:
            ApiError: 404; it stands for neither a flow nor an integration action.
        """
        what = path.rstrip("/").rpartition("/")[2]
        if path.startswith("/api/v2/flows/"):
            self.flows.spoil(what, action_id, timeout_ms)
        else:
            self.actions.spoil(what, timeout_ms)

    def register_public_key(self, client_id: str, pem: str) -> None:
        """Let a client sign in with assertions signed by the key's private half."""
        self.tokens.register_public_key(client_id, pem)

    def grant(self, permissions: Iterable[str], client_id: str | None = None) -> None:
        """From now on one client holds exactly these permissions; every client where None."""
        if client_id is None:
            self._permissions = frozenset(permissions)
            self._permissions_of.clear()
        else:
            self._permissions_of[client_id] = frozenset(permissions)

    @property
    def permissions(self) -> frozenset[str]:
        """What a client may do that has been given nothing of its own."""
        return self._permissions

    def permissions_of(self, client_id: str) -> frozenset[str]:
        """Return what one client may do."""
        return self._permissions_of.get(client_id, self._permissions)

    def visible_executions(self, from_ms: int, to_ms: int, now_ms: int) -> ExecutionColumns:
        """Executions of ``from_ms <= end < to_ms`` that aggregates show by ``now_ms``."""
        if self.world.retention == "pruned":
            from_ms = max(from_ms, now_ms - _RETENTION_MS)
        rows = self._traffic.ended_between(from_ms, min(to_ms, now_ms + 1))
        return rows.take(rows.visible_ms <= now_ms)

    def truth(self, from_ms: int, to_ms: int) -> dict[str, object]:
        """Return what really happened in ``from_ms <= end < to_ms``, visible or not.

        But for what no reader could count: ``spoiled`` says how many executions that was.
        ``outages`` says since when and until when (epoch seconds) a back end was down meanwhile;
        all else that is wrong with a back end is so throughout, or comes and goes with the day.
        """
        # Where flows are not aggregated by exit, detail records tell: there a flow ends at its end.
        grouped = self.contract == "platform" and self.world.flow_aggregates == "grouped"
        left = [
            record
            for record in self.details.left_flows(from_ms, to_ms)
            if from_ms <= (exit_ms(record, self.world) if grouped else record.flow_end_ms) < to_ms
        ]
        rows = self._traffic.ended_between(from_ms, to_ms)
        spoiled = self.odd.spoiled(rows) & (self.contract == "platform")
        told = truth(rows.take(~spoiled), left, self.scenario)
        outages = [
            {
                "action_id": self.scenario.actions[action].action_id,
                "from": begin_ms / 1_000,
                "to": end_ms / 1_000,
            }
            for action, begin_ms, end_ms in self._traffic.outages(from_ms, to_ms)
        ]
        return {**told, "outages": outages, "spoiled": int(spoiled.sum())}

    def _action_changed(self, position: int, timeout_ms: int) -> None:
        """An integration action's timeout was changed; it counts where actions decide."""
        if self.contract == "platform":
            change = TimeoutChange(self.now_ms(), position, None, timeout_ms)
            self._traffic.change_timeout(change)

    def _action_saved(
        self, action_id: str, editor: Editor, before: Mapping[str, str], after: Mapping[str, str]
    ) -> None:
        """An integration action was saved."""
        self.audits.note(self.now_ms(), action_id, editor, before, after)

    def _step_changed(self, flow: int, action_id: str, timeout_ms: int) -> None:
        """A flow document's timeout was changed; it counts where flow documents decide."""
        position = self._position.get(action_id)
        if self.contract == "flow" and position is not None:
            change = TimeoutChange(self.now_ms(), position, flow, timeout_ms)
            self._traffic.change_timeout(change)
