"""The ledger itself: one object, each call one transaction."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from monitor.clock import Clock, SystemClock
from monitor.journal import Journal, timeouts_over_time
from monitor.ledger.backfills import Backfills
from monitor.ledger.catalogue import (
    forget_lookups_without_use,
    is_listed,
    save_actions,
    save_flows_of_action,
)
from monitor.ledger.coverage import full_coverage, skip, source_states, void_future
from monitor.ledger.diagnoses import Diagnoses
from monitor.ledger.history import History
from monitor.ledger.housekeeping import Housekeeping
from monitor.ledger.impact import Impact
from monitor.ledger.model import (
    OrgState,
    Reading,
    Recorded,
    SourceState,
    window_in_use,
)
from monitor.ledger.near_looks import NearLooks
from monitor.ledger.read import read_state
from monitor.ledger.reading_leases import ReadingLeases
from monitor.ledger.record import record_reading
from monitor.ledger.sanitize_reading import sanitize_actions, sanitize_names, sanitize_reading
from monitor.ledger.tallies import Tallies
from monitor.model import Action
from monitor.sanitize import sanitize_id
from monitor.store import (
    DEFAULT_BUSY_TIMEOUT_SECONDS,
    LEASE_SECONDS,
    QUICK_CHECK_SECONDS,
    Database,
    ServerClock,
    StateClock,
    find_org,
    lock_org,
    open_database,
    reconciled_at,
    refuse_damage,
    remember_limits,
    remember_reconciled_at,
)
from monitor.time_ranges import TimeRange


class Ledger:
    """What has been seen, exactly once.

    Every writing method is one transaction: after a kill at any moment all of it stands, or
    none. Writers of several processes take turns; readers never wait. Safe to share between
    threads; not to be carried across a fork. Every method raises ``LedgerError`` when the
    database can't do its part.

    Attributes:
        diagnoses: What was found out about each action, and told, as whoever did has written it.
        near_looks: How executions lie just below timeouts, where a verdict hung on it.
        tallies: What was counted, over any period.
        impact: Whom timeouts hit, over any period.
        backfills: How far the backfills have come.
        housekeeping: What keeps the state small: what is packed, and what is forgotten.
    """

    def __init__(self, database: Database) -> None:
        """Use an opened database; ``Ledger.open`` opens one."""
        self._database = database
        self._journal = Journal(database)
        self.diagnoses = Diagnoses(database)
        self.near_looks = NearLooks(database)
        self.tallies = Tallies(database)
        self.impact = Impact(database)
        self.backfills = Backfills(database)
        self.housekeeping = Housekeeping(database)

    @property
    def journal(self) -> Journal:
        """What was changed, and who may change anything."""
        return self._journal

    @classmethod
    def open(
        cls,
        url: str,
        *,
        busy_timeout_seconds: float = DEFAULT_BUSY_TIMEOUT_SECONDS,
        may_create: bool = True,
    ) -> Ledger:
        """Open the ledger at ``url``; an empty or absent file becomes a new one where it may.

        An existing ledger is not written to.

        Args:
            url: ``sqlite:///path`` or ``postgresql://user:password@host/database``.
            busy_timeout_seconds: How long a writer waits for another one.
            may_create: Whether to make one where there is none: one that is made in passing, in a
                wrong place, is taken for the daemon's.

        Raises:
            NoStateError: There is none, and none is to be made.
            LedgerError: It is not a ledger, of another version, locked, or can't be opened.
        """
        return cls(open_database(url, busy_timeout_seconds, may_create=may_create))

    @property
    def name(self) -> str:
        """What errors call the state: its file, or its database and host."""
        return self._database.name

    @property
    def state_id(self) -> str:
        """Which state this is, wherever it is opened; empty where that was never written down."""
        return self._database.state_id

    @property
    def was_created(self) -> bool:
        """Whether opening it has made it."""
        return self._database.was_created

    def clock(self, machine: Clock) -> Clock:
        """Return the clock of what outlives the process: a server's own, else this machine's.

        Args:
            machine: This machine's clock; any other, such as a simulated org's, is kept.

        Raises:
            LedgerError: The server can't be asked.
        """
        if not (self._database.is_shared and isinstance(machine, SystemClock)):
            return machine
        return StateClock(machine, self._database.server_now)

    def lease_clock(self, machine: Clock) -> Clock:
        """Return the clock of leases: a server's own, asked each time, else this machine's."""
        if not (self._database.is_shared and isinstance(machine, SystemClock)):
            return machine
        return ServerClock(machine, self._database.server_now)

    def reading_leases(self, machine: Clock, *, seconds: float = LEASE_SECONDS) -> ReadingLeases:
        """Return the leases of this program on the orgs of the state; none is held yet.

        Args:
            machine: This machine's clock.
            seconds: How long a lease lasts, which is the same for all programs on a state.
        """
        return ReadingLeases(self._database, self.lease_clock(machine), seconds=seconds)

    def refuse_damage(self) -> None:
        """Look through an SQLite state for damage, for a few seconds at most.

        Raises:
            LedgerError: It is damaged.
        """
        with self._database.reading() as connection:
            refuse_damage(connection, self.name, QUICK_CHECK_SECONDS)

    def refuse_copy(self) -> None:
        """Make sure that this is no copy of a state that is still in its place.

        Raises:
            LedgerError: It is.
        """
        self._database.refuse_copy()

    def settle(self) -> None:
        """Let this be the place of the state from now on.

        Raises:
            LedgerError: It is a copy of a state that is still in its place.
        """
        self._database.settle()

    def verify(self) -> None:
        """Make sure that the state is still there, and still the one that was opened.

        Raises:
            StateLostError: It is not.
        """
        self._database.verify()

    def close(self) -> None:
        """Close every connection; closing twice is fine."""
        self._database.close()

    def __enter__(self) -> Self:
        """Give itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close."""
        self.close()

    def record(self, org: str, source: str, read: Reading) -> Recorded:
        """Write one reading of one source; the same again adds nothing.

        A tally that shows more executions than an earlier reading adds the difference to the
        totals; one that shows fewer changes nothing and counts as a restatement.
        """
        with self._database.writing() as connection:
            return record_reading(connection, org, source, sanitize_reading(read))

    def void_future(self, org: str, source: str, now: float) -> float:
        """Void what a source was read to in the future, by a clock that was wrong then.

        The last day is owed once more: what is counted stays counted once.

        Returns:
            By how many seconds it was ahead; 0.0 where there was nothing to void.
        """
        with self._database.writing() as connection:
            return void_future(connection, lock_org(connection, org), source, now)

    def skip(self, org: str, source: str, time_range: TimeRange, windows: int) -> None:
        """Give up a period that is too far back: counted, and covered so as not to be asked.

        A period that needs no asking already is not counted again.
        """
        with self._database.writing() as connection:
            skip(connection, lock_org(connection, org), source, time_range, windows)

    def save_catalogue(
        self,
        org: str,
        actions: Sequence[Action],
        at: float,
        began: Mapping[str, float] | None = None,
        now: float | None = None,
    ) -> None:
        """Make ``actions`` the catalogue of an org, as a listing that began at ``at`` shows it.

        A timeout in force that is new or has changed is appended to its history; an action that
        is no longer listed stays known, as gone. A timeout that was read before this program
        wrote another one does not take its place, and neither does a whole listing that began
        before the one that is there.

        Args:
            org: The org's name in the configuration.
            actions: Every action of the org.
            at: When the listing began; epoch seconds.
            began: When reading an action began, by its id; the listing itself where absent.
            now: When it is kept; epoch seconds, ``at`` where None. What is dated later than that
                was dated by a clock that was wrong, and is void.
        """
        with self._database.writing() as connection:
            org_id = lock_org(connection, org)
            listed = sanitize_actions(actions)
            save_actions(connection, org_id, listed, at, began or {}, at if now is None else now)

    def save_limits(self, org: str, limits: Mapping[str, int]) -> None:
        """Make ``limits``, by names of ``monitor.model.LIMITS``, what an org is known to have."""
        with self._database.writing() as connection:
            remember_limits(connection, lock_org(connection, org), limits)

    def forget_unused(self, org: str) -> None:
        """Forget that no flow uses an action: dependency tracking could not tell."""
        with self._database.writing() as connection:
            forget_lookups_without_use(connection, lock_org(connection, org))

    def save_flow_use(self, org: str, action_id: str, flows: Mapping[str, str], at: float) -> None:
        """Replace what dependency tracking said of an action by ``flows``, names by flow id."""
        with self._database.writing() as connection:
            org_id = lock_org(connection, org)
            save_flows_of_action(
                connection, org_id, sanitize_id(action_id), sanitize_names(flows), at
            )

    def reconciled_at(self, org: str) -> float:
        """Return when an org was last compared with the platform; epoch seconds, 0.0 for never."""
        with self._database.reading() as connection:
            org_id = find_org(connection, org)
            return 0.0 if org_id is None else reconciled_at(connection, org_id)

    def note_reconciled(self, org: str, at: float) -> None:
        """Remember when an org was compared with the platform; epoch seconds."""
        with self._database.writing() as connection:
            remember_reconciled_at(connection, lock_org(connection, org), at)

    def coverage(self, org: str, source: str) -> tuple[TimeRange, ...]:
        """What needs no asking any more, read or skipped: merged, disjoint, oldest first."""
        with self._database.reading() as connection:
            org_id = find_org(connection, org)
            return () if org_id is None else full_coverage(connection, org_id).get(source, ())

    def source_state(self, org: str, source: str) -> SourceState | None:
        """How far a source has been read; None where it never was."""
        with self._database.reading() as connection:
            org_id = find_org(connection, org)
            return None if org_id is None else source_states(connection, org_id).get(source)

    def source_states(self, org: str) -> Mapping[str, SourceState]:
        """How far each source has been read, by its name: whether anything was read since."""
        with self._database.reading() as connection:
            org_id = find_org(connection, org)
            return {} if org_id is None else source_states(connection, org_id)

    def window_seconds(self, org: str, source: str, configured_seconds: int) -> int:
        """Return the length of the windows that a source is counted in.

        Args:
            org: The org's name in the configuration.
            source: The source.
            configured_seconds: ``[collect] window``, which the platform may have refused.
        """
        return window_in_use(self.source_state(org, source), configured_seconds)

    def state(self, org: str) -> OrgState:
        """Everything the exporter shows of an org, as of one moment."""
        with self._database.reading() as connection:
            return read_state(connection, org)

    def is_listed(self, org: str, action_id: str, flow_id: str = "") -> bool:
        """Return whether the catalogue shows an action, and in a flow where one is named.

        What the catalogue can't tell is taken to be there.
        """
        with self._database.reading() as connection:
            org_id = find_org(connection, org)
            return org_id is None or is_listed(connection, org_id, action_id, flow_id)

    def timeouts_in_force(self, org: str) -> list[tuple[str, float, int | None]]:
        """Action id, since when (epoch seconds), timeout in force (ms); oldest first."""
        with self._database.reading() as connection:
            org_id = find_org(connection, org)
            return [] if org_id is None else timeouts_over_time(connection, org_id)

    @contextmanager
    def history(self) -> Iterator[History]:
        """The past as of one moment, for as long as the block lasts; writers go on meanwhile."""
        with self._database.reading() as connection:
            yield History(connection)
