"""The ledger itself: one object, each call one transaction."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Self

from monitor.clock import Clock, SystemClock
from monitor.counts import Tally
from monitor.journal import Journal, timeouts_over_time
from monitor.ledger.catalogue import (
    forget_lookups_without_use,
    save_actions,
    save_flows_of_action,
)
from monitor.ledger.coverage import full_coverage, skip, source_states, void_future
from monitor.ledger.diagnoses import Diagnoses
from monitor.ledger.flow_errors import flow_errors_within
from monitor.ledger.history import History
from monitor.ledger.housekeeping import holds_older, pack, prune
from monitor.ledger.incidents import hits_within, incidents_within
from monitor.ledger.model import (
    ActionHits,
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
from monitor.model import Action, FlowErrorTally, Incident
from monitor.sanitize import sanitize_id
from monitor.store import (
    DEFAULT_BUSY_TIMEOUT_SECONDS,
    LEASE_SECONDS,
    QUICK_CHECK_SECONDS,
    Database,
    ServerClock,
    StateClock,
    backfilled,
    find_org,
    forget_backfilled,
    lock_org,
    open_database,
    pruned_before,
    reconciled_at,
    refuse_damage,
    remember_backfilled,
    remember_limits,
    remember_reconciled_at,
)
from monitor.time_ranges import TimeRange

if TYPE_CHECKING:
    from monitor.ledger.counts_by_hour import HourlyCounts
    from monitor.ledger.tally_columns import OrgTallies


BACKFILL_LASTS_SECONDS = 86_400.0
"""A backfill that was ended goes on where it was within a day; what came late since is then rare,
and ``reconcile`` finds it."""


class Ledger:
    """What has been seen, exactly once.

    Every writing method is one transaction: after a kill at any moment all of it stands, or
    none. Writers of several processes take turns; readers never wait. Safe to share between
    threads; not to be carried across a fork. Every method raises ``LedgerError`` when the
    database can't do its part.

    Attributes:
        diagnoses: What was found out about each action, and told, as whoever did has written it.
        near_looks: How executions lie just below timeouts, where a verdict hung on it.
    """

    def __init__(self, database: Database) -> None:
        """Use an opened database; ``Ledger.open`` opens one."""
        self._database = database
        self._journal = Journal(database)
        self.diagnoses = Diagnoses(database)
        self.near_looks = NearLooks(database)

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

    def holds_older(self, before: int) -> bool:
        """Whether there is anything that ``prune`` would forget."""
        return holds_older(self._database, before)

    def prune(
        self,
        before: int,
        verdicts_before: int | None = None,
        stop: Callable[[], bool] = bool,
    ) -> int:
        """Forget windows and incidents that began before ``before``; totals stay.

        What is forgotten can't be told from what is new, so from now on readings of it are left
        out (``Recorded.forgotten``): call it with a time before anything worth asking for.

        Args:
            before: Epoch seconds.
            verdicts_before: What was told of an action until then is forgotten too; epoch seconds,
                ``before`` where None.
            stop: Asked between two orgs whether to leave the rest for the next time.

        Returns:
            Rows removed.
        """
        verdicts_before = before if verdicts_before is None else verdicts_before
        return prune(self._database, before, verdicts_before, stop)

    def pack(self, before: int, stop: Callable[[], bool] = bool) -> int:
        """Pack the windows that began before ``before``: they count the same, in less room.

        Args:
            before: Windows from here on may still grow, and stay as they are. What grows all the
                same is taken out again.
            stop: Asked between two transactions whether to leave the rest for another time.

        Returns:
            Windows packed.
        """
        return pack(self._database, before, stop)

    def compact(self) -> int:
        """Give the room of a file back of which most is free, as it is after much was packed.

        Returns:
            Bytes given back.
        """
        return self._database.compact()

    def pruned_before(self) -> int:
        """Return up to where everything has been forgotten; epoch seconds, 0 where nothing has."""
        with self._database.reading() as connection:
            return pruned_before(connection)

    def reconciled_at(self, org: str) -> float:
        """Return when an org was last compared with the platform; epoch seconds, 0.0 for never."""
        with self._database.reading() as connection:
            org_id = find_org(connection, org)
            return 0.0 if org_id is None else reconciled_at(connection, org_id)

    def note_reconciled(self, org: str, at: float) -> None:
        """Remember when an org was compared with the platform; epoch seconds."""
        with self._database.writing() as connection:
            remember_reconciled_at(connection, lock_org(connection, org), at)

    def backfilled(self, org: str, source: str, now: float) -> TimeRange | None:
        """Return what a backfill that was ended has read of a source; None where it is a day ago.

        Args:
            org: The org's name in the configuration.
            source: The source.
            now: Epoch seconds.
        """
        with self._database.reading() as connection:
            org_id = find_org(connection, org)
            told = None if org_id is None else backfilled(connection, org_id, source)
        if told is None:
            return None
        done, at = told
        return done if 0 <= now - at < BACKFILL_LASTS_SECONDS else None

    def note_backfilled(self, org: str, source: str, done: TimeRange, at: float) -> None:
        """Remember what a backfill that is under way has read of a source so far, and when."""
        with self._database.writing() as connection:
            remember_backfilled(connection, lock_org(connection, org), source, done, at)

    def forget_backfilled(self, org: str, source: str) -> None:
        """Forget what a backfill has read of a source: the next one reads all of it."""
        with self._database.writing() as connection:
            forget_backfilled(connection, lock_org(connection, org), source)

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

    def tally_sums(
        self,
        org: str,
        time_range: TimeRange,
        bucket_seconds: int | None = None,
        action_id: str | None = None,
    ) -> list[Tally]:
        """Tallies of the windows that start in ``time_range``, summed by series and bucket.

        Args:
            org: The org's name in the configuration.
            time_range: Which windows; by their start.
            bucket_seconds: Length of a bucket; buckets are counted from ``time_range.start``. None
                is one bucket for all.
            action_id: The only action to return; None for all.

        Returns:
            Sums sorted by action, error type, status and bucket; empty buckets are left out.
        """
        with self._database.reading() as connection:
            org_id = find_org(connection, org)
            if org_id is None:
                return []
            from monitor.ledger.sums import sum_tallies  # noqa: PLC0415 - numpy, for this alone

            return sum_tallies(connection, org_id, time_range, bucket_seconds, action_id)

    def org_tallies(
        self,
        org: str,
        time_range: TimeRange,
        *,
        bucket_seconds: int,
        window_seconds: int,
        action_ids: Collection[str] | None = None,
    ) -> OrgTallies:
        """Every tally of the windows that start in ``time_range``, as columns, as of one moment.

        Args:
            org: The org's name in the configuration.
            time_range: Which windows; by their start.
            bucket_seconds: Over how much successes are summed; a multiple of ``window_seconds``.
            window_seconds: Length of a window.
            action_ids: Only these actions; None for all.
        """
        from monitor.ledger.tally_columns import read_org_tallies  # noqa: PLC0415 - numpy, for this alone

        with self._database.reading() as connection:
            # An org that nobody knows has no rows; no org has this id.
            org_id = find_org(connection, org) or -1
            return read_org_tallies(
                connection, org_id, time_range, bucket_seconds, window_seconds, action_ids
            )

    def counts_by_hour(self, org: str, time_range: TimeRange) -> HourlyCounts:
        """Return the executions of the windows that start in ``time_range``, by the hour."""
        from monitor.ledger.counts_by_hour import read_counts_by_hour  # noqa: PLC0415 - numpy, for this alone

        with self._database.reading() as connection:
            # An org that nobody knows has no rows; no org has this id.
            return read_counts_by_hour(connection, find_org(connection, org) or -1, time_range)

    def window_loads(self, org: str, time_range: TimeRange) -> list[Tally]:
        """Return what each ending of each action put on an org, window by window, in no order."""
        from monitor.ledger.sums import window_loads  # noqa: PLC0415 - numpy, for this alone

        with self._database.reading() as connection:
            org_id = find_org(connection, org)
            return [] if org_id is None else window_loads(connection, org_id, time_range)

    def incidents(self, org: str, time_range: TimeRange) -> list[Incident]:
        """Incidents whose ``at`` lies in ``time_range``, oldest first, under the names of now."""
        with self._database.reading() as connection:
            org_id = find_org(connection, org)
            return [] if org_id is None else incidents_within(connection, org_id, time_range)

    def hits_of_action(
        self, org: str, time_range: TimeRange, action_id: str, newest: int
    ) -> ActionHits:
        """Return whom the timeouts of one action hit in a period.

        Args:
            org: The org's name in the configuration.
            time_range: The period.
            action_id: The action.
            newest: How many of them are returned one by one.
        """
        with self._database.reading() as connection:
            org_id = find_org(connection, org)
            if org_id is None:
                return ActionHits()
            return hits_within(connection, org_id, time_range, action_id, newest)

    def flow_errors(self, org: str, time_range: TimeRange) -> list[FlowErrorTally]:
        """Return callers lost in flows in the windows that start in ``time_range``."""
        with self._database.reading() as connection:
            org_id = find_org(connection, org)
            return [] if org_id is None else flow_errors_within(connection, org_id, time_range)

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
