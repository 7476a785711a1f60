"""A simulated org on loopback, and everything that reads it, wired together for a test."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from monitor.config import CollectSettings, OrgSettings, Settings
from monitor.contract import Contract
from monitor.genesys import (
    ApiCounters,
    Client,
    EndpointBackoff,
    HttpTransport,
    RateLimiter,
    TokenBucket,
)
from monitor.genesys.client.auth import ClientCredentials, TokenCache
from monitor.journal import AuditEntry, ChangeState, Intent
from monitor.ledger import Ledger
from monitor.model import Classifier
from monitor.poller.catalogue import Catalogue
from monitor.poller.source_reader import ChargedSources, SourceReader
from monitor.simulator import PUNCTUAL, RunningSimulator, Scenario, SimulatedOrg
from monitor.simulator.scenarios import (
    CASE_UPDATES,
    LOYALTY_POINTS,
    ORDER_STATUS,
    PAYMENT_LINE,
    TAKE_PAYMENT,
    UPDATE_CASE,
)
from monitor.sources import (
    ActionsSource,
    ConversationsSource,
    FlowErrorsSource,
    JobPatience,
    Source,
)
from tests.clocks import ManualClock
from tests.filled_ledger import CLASSIFIER
from tests.simulated_org import CLIENT_ID, ORG, SECRET, mend, order_fault, request_counts

AGGREGATES = "/api/v2/analytics/actions"
DETAILS = "/api/v2/analytics/conversations"
ALWAYS = 10_000
"""A fault that outlasts every repetition."""

SMALL = Scenario(
    "small",
    seed=7,
    actions=(ORDER_STATUS, TAKE_PAYMENT, UPDATE_CASE, LOYALTY_POINTS),
    flows=(PAYMENT_LINE, CASE_UPDATES),
    lateness=PUNCTUAL,
)
"""Few actions that fail in many ways, and everything is visible at once."""


def client_of(
    url: str, *, deadline_seconds: float = 20.0, stop: threading.Event | None = None
) -> Client:
    """A client of the real parts that pauses for a millisecond; its clock stands still."""
    stop, clock = stop or threading.Event(), ManualClock(0.0)
    counters = ApiCounters()
    transport = HttpTransport(counters)
    rate_limiter = RateLimiter(
        bucket=TokenBucket(per_second=10_000.0, burst=10_000),
        backoff=EndpointBackoff(),
        counters=counters,
        clock=clock,
        stop=stop,
    )
    grant = ClientCredentials(CLIENT_ID, SECRET, f"{url}/oauth/token")
    return Client(
        url,
        tokens=TokenCache(grant, transport, rate_limiter=rate_limiter, clock=clock),
        transport=transport,
        rate_limiter=rate_limiter,
        counters=counters,
        clock=clock,
        stop=stop,
        deadline_seconds=deadline_seconds,
        first_pause_seconds=0.001,
    )


def org_settings(**given: object) -> OrgSettings:
    """The settings of the org."""
    known = {"name": ORG, "client_id": "simulated-client", "client_secret": "simulated-secret"}
    return OrgSettings.model_validate({**known, **given})


@dataclass
class WatchedOrg:
    """One org with its reader.

    Attributes:
        simulator: The org on the wire.
        clock: The time of the data.
        ledger: Where it is counted.
        client: Asks the simulator.
        settings: ``[collect]``.
        sources: What is read.
        catalogue: What is known of its actions.
        source_reader: Reads the sources.
        stop: Ends reading.
        contract: Which half of the wire it speaks.
        names: Which sources are read.
        flow_id: The flow that was configured.
        action_id: The data action in it that was.
    """

    simulator: RunningSimulator
    clock: ManualClock
    ledger: Ledger
    client: Client
    settings: CollectSettings
    stop: threading.Event
    contract: str
    names: Sequence[str] = ("actions", "conversations")
    flow_id: str | None = None
    action_id: str | None = None
    catalogue: Catalogue = field(init=False)
    sources: dict[str, Source] = field(init=False)
    source_reader: SourceReader = field(init=False)

    def __post_init__(self) -> None:
        """Wire the parts that hold a memory of their own."""
        self.restart()

    @property
    def org(self) -> SimulatedOrg:
        """What is behind the wire."""
        return self.simulator.org

    @property
    def named(self) -> OrgSettings:
        """The org as its settings have it."""
        return org_settings(contract=self.contract, flow_id=self.flow_id, action_id=self.action_id)

    def restart(self, ledger: Ledger | None = None, **settings: object) -> None:
        """Forget everything that is not in the ledger; begin again, with other settings."""
        self.ledger = ledger or self.ledger
        if settings:
            self.settings = CollectSettings.model_validate(settings)
        self.catalogue = Catalogue(self.named, self.client, self.ledger, self.clock)
        patience = JobPatience(first_pause_seconds=0.001)
        conversations = ConversationsSource(self.client, CLASSIFIER, self.catalogue, patience)
        every: dict[str, Source] = {
            "actions": ActionsSource(self.client, patience=patience),
            "conversations": conversations,
            "flow-errors": FlowErrorsSource(
                self.client, conversations, self.clock, org=ORG, contract=Contract(self.contract)
            ),
        }
        self.sources = {name: every[name] for name in self.names}
        self.source_reader = self.collector_of(*self.sources.values())

    def collector_of(self, *sources: Source) -> SourceReader:
        """A collector of these sources on the same ledger."""
        return SourceReader(
            self.named,
            Settings(collect=self.settings),
            ChargedSources(sources),
            ledger=self.ledger,
            clock=self.clock,
            stop=self.stop,
        )

    def fault(self, kind: str, path_prefix: str, **more: object) -> None:
        """Let requests to a path go wrong from now on."""
        fault = {"path_prefix": path_prefix, "count": ALWAYS} | more
        order_fault(self.simulator.url, kind, **fault)

    def mend(self) -> None:
        """Let nothing go wrong any more."""
        mend(self.simulator.url)

    def requests(self) -> Counter[str]:
        """Requests that arrived at the simulator since the last call, by method and route."""
        return request_counts(self.simulator.url, reset=True)

    def truth(self, source: str = "actions") -> dict[str, Any]:
        """What happened from a source's first window until where it was read to."""
        covered = self.ledger.coverage(ORG, source)
        start, end = covered[0].start, covered[-1].end
        return self.org.truth(start * 1_000, end * 1_000)

    def executions(self) -> dict[tuple[str, str], int]:
        """What the ledger counted, by action id and outcome."""
        return executions(self.ledger)


def executions(ledger: Ledger, classifier: Classifier = CLASSIFIER) -> dict[tuple[str, str], int]:
    """What a ledger counted, by action id and outcome."""
    counted: Counter[tuple[str, str]] = Counter()
    for key, total in ledger.state(ORG).totals.items():
        outcome = classifier.outcome(key.error_type, key.response_status)
        counted[key.action_id, str(outcome)] += total.count
    return dict(counted)


def really_happened(truth: dict[str, Any]) -> dict[tuple[str, str], int]:
    """Executions by action id and outcome, those that happened at least once."""
    return {
        (action_id, outcome): count
        for action_id, outcomes in truth["actions"].items()
        for outcome, count in outcomes.items()
        if count
    }


def raise_timeout(
    watched: WatchedOrg, action_id: str, flow_id: str, from_ms: int, to_ms: int
) -> None:
    """Let the state say that this program has just raised a timeout."""
    journal, now = watched.ledger.journal, watched.clock.now()
    target = "flow" if flow_id else "integration-action"
    lease = journal.take_lease(ORG, "host:1", now, 60)
    assert lease is not None
    intent = Intent(ORG, action_id, "A", target, flow_id, from_ms, to_ms, "auto@host", now)
    entry = AuditEntry(now, ORG, "", "auto@host", action_id)
    revision = journal.remediation_state(ORG, now).revision
    change = journal.begin(lease, intent, entry, revision=revision, machine_now=now)
    assert change is not None
    sent = journal.send(lease, change, ChangeState.WRITING, entry, revision=None, machine_now=now)
    assert sent is not None
    journal.move(lease, sent, ChangeState.APPLIED, entry)
    journal.give_back(lease)
