"""Leases of reading as a running program has them: taken, renewed, lost and given back."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache

from monitor.clock import Clock
from monitor.errors import LedgerError, NotLeasedError
from monitor.store import (
    LEASE_SECONDS,
    RENEWALS,
    Database,
    Reader,
    ReadingLease,
    end_leases,
    hand_out_lease,
    has_ended,
    lock_org,
    not_leased,
    process_identity,
    read_leases,
    renew_leases,
    running_program,
    seconds_since_boot,
    this_place,
)

UNLOCKED_SECONDS = 1.0
"""How long an org may be locked whose holder is late, before what locks it is ended."""


END_SLACK_SECONDS = 0.1
"""How long after the end of another's lease it is looked at: clocks are read, not shared."""


class ReadingLeases:
    """The leases of one running program on the orgs of a state; safe to share between threads.

    Whether one is held is told by what this machine has counted since it was renewed, suspended or
    not: one that has ended is never taken for held, even where the state can't be asked.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        *,
        seconds: float = LEASE_SECONDS,
        program: Reader | None = None,
        elapsed: Callable[[], float] = seconds_since_boot,
    ) -> None:
        """Hold nothing yet, and know of nobody who does.

        Args:
            database: Where leases are kept.
            clock: The clock of leases, which programs share: a server's, or the machine's.
            seconds: How long a lease lasts.
            program: Who this is; this process where None.
            elapsed: Seconds since some moment of this machine, suspended or not.
        """
        self.seconds = seconds
        self.renewal_seconds = seconds / RENEWALS
        self._database = database
        self._clock = clock
        self._elapsed = elapsed
        self._began = elapsed()
        self._program = program or Reader(running_program(), this_place(), process_identity())
        database.name_transactions(self._program.holder, self.renewal_seconds)
        self._mine: dict[str, tuple[ReadingLease, float]] = {}
        self._were_mine: set[str] = set()
        self._others: dict[str, Reader] = {}
        self._next_end = math.inf
        self._turn = threading.Lock()

    def held(self, org: str) -> ReadingLease | None:
        """Return the lease of an org that is held here; None where it is not, or has ended."""
        lease, until = self._mine.get(org, (None, 0.0))
        return lease if self._elapsed() < until else None

    def read_by(self, org: str) -> str:
        """Return which other program reads an org, as of the last look; empty where none does."""
        return "" if self.held(org) else self._place_of_reader(org)

    def readers(self, orgs: Iterable[str]) -> int:
        """Return how many other programs read any of these orgs, as of the last look."""
        others = self._others
        return len({others[org].holder for org in orgs if org in others and not self.held(org)})

    def refusal(self, org: str) -> NotLeasedError:
        """Return what is said where another program reads an org."""
        return not_leased(org, self._place_of_reader(org))

    def counts(self, org: str) -> bool:
        """Whether an org's counts are this program's to export: no other one can export them.

        While its lease lasts nobody can take the org over, for others see the end of it later than
        this program does. Without one another may, as soon as this one can't ask the state any
        more; but a program that has just begun is about to take what is free.
        """
        if self.held(org):
            return True
        has_just_begun = self._elapsed() < self._began + self.seconds
        return has_just_begun and org not in self._were_mine and not self._others.get(org)

    def refresh(self) -> None:
        """Renew what is held here, and look at who holds the rest.

        Raises:
            LedgerError: The state can't be used; what is held stays held until its end.
        """
        with self._turn:
            asked_at, until = self._elapsed(), self._clock.now() + self.seconds
            if self._mine:
                with self._database.writing() as connection:
                    renew_leases(connection, self._program.holder, tuple(self._mine), until)
                    found = read_leases(connection)
            else:
                found = self._look()
            self._note(found, asked_at)

    def take(self, org: str) -> bool:
        """Take the lease of an org where no other program has it; whether it is held here now.

        Raises:
            LedgerError: The state can't be used.
        """
        if self.held(org) is not None:
            return True
        with self._turn:
            if self.held(org) is not None:
                # Another thread was quicker. One more lease would void what it writes under its.
                return True
            found = self._look()
            if self._is_free(found.get(org), self._clock.now()):
                found = self._take_over(org, found.get(org))
            self._note_others(found)
        return self.held(org) is not None

    def _take_over(self, org: str, before: ReadingLease | None) -> Mapping[str, ReadingLease]:
        """Take a lease that is free, if it still is as it was; all leases as they are then."""
        is_anothers = before is not None and before.reader.holder != self._program.holder
        if before is None or not is_anothers or not before.reader.holder:
            return self._hand_out(org, before)
        try:
            return self._hand_out(org, before, most_seconds=UNLOCKED_SECONDS)
        except LedgerError:
            # Its holder may have been stopped in the middle of a transaction, with the org locked.
            if self._look().get(org) == before:
                self._database.end_transactions_of(before.reader.holder)
            return self._hand_out(org, before)

    def _hand_out(
        self, org: str, before: ReadingLease | None, most_seconds: float | None = None
    ) -> Mapping[str, ReadingLease]:
        asked_at = self._elapsed()
        token = 1 if before is None else before.token + 1
        mine = ReadingLease(org, self._program, token, self._clock.now() + self.seconds)
        # What is read under an older lease has no say in a new one.
        with self._database.fenced(None), self._database.writing(most_seconds) as connection:
            org_id = lock_org(connection, org)
            is_mine = hand_out_lease(connection, org_id, before, mine)
            found = read_leases(connection)
        if is_mine:
            self._mine[org] = mine, asked_at + self.seconds
            self._were_mine.add(org)
        return found

    def give_back(self, org: str | None = None) -> None:
        """End what is held here, of one org or of all; another program need not wait for its end.

        Raises:
            LedgerError: The state can't be used; it ends by itself.
        """
        with self._turn:
            ended = list(self._mine) if org is None else [org]
            mine = [name for name in ended if name in self._mine]
            if not mine:
                return
            for name in mine:
                del self._mine[name]
            with self._database.writing() as connection:
                end_leases(connection, self._program.holder, org)

    @property
    def seconds_to_next_look(self) -> float:
        """How soon to renew: in a third of a lease, or where another's ends before, just then.

        Whoever is well has renewed its own by then.
        """
        to_next_end = self._next_end - self._elapsed() + END_SLACK_SECONDS
        return max(END_SLACK_SECONDS, min(self.renewal_seconds, to_next_end))

    @property
    def orgs(self) -> frozenset[str]:
        """The orgs that this program renews the leases of."""
        return frozenset(self._mine)

    @contextmanager
    def reading(self, org: str) -> Iterator[None]:
        """Read an org under its lease: what this thread writes of it stands only with that lease.

        Raises:
            NotLeasedError: Another program reads it, or has taken over before a transaction ended.
            LedgerError: The state can't be used.
        """
        self.take(org)
        lease = self.held(org)
        if lease is None:
            raise self.refusal(org)
        with self._database.fenced(lease):
            yield

    def _place_of_reader(self, org: str) -> str:
        reader = self._others.get(org)
        return "" if reader is None else reader.place

    def _look(self) -> Mapping[str, ReadingLease]:
        with self._database.reading() as connection:
            return read_leases(connection)

    def _note(self, found: Mapping[str, ReadingLease], asked_at: float) -> None:
        for org, (lease, _) in tuple(self._mine.items()):
            newest = found.get(org)
            is_mine = newest is not None and newest.reader.holder == self._program.holder
            if newest is not None and is_mine and newest.token == lease.token:
                self._mine[org] = newest, asked_at + self.seconds
            else:
                del self._mine[org]
        self._note_others(found)

    def _note_others(self, found: Mapping[str, ReadingLease]) -> None:
        # Asked once for all of them: a server's clock is a question, and there may be hundreds.
        now, ended = self._clock.now(), cache(has_ended)
        others = {
            org: lease for org, lease in found.items() if not self._is_free(lease, now, ended)
        }
        self._others = {org: lease.reader for org, lease in others.items()}
        ends = (lease.until - now for lease in others.values())
        self._next_end = self._elapsed() + min(ends, default=math.inf)

    def _is_free(
        self, lease: ReadingLease | None, now: float, ended: Callable[[str], bool] = has_ended
    ) -> bool:
        """Whether a lease can be taken: it is nobody's, ours, over, or a dead process's.

        By a time after it was looked at: one that was renewed since an earlier moment would last
        longer than any that was taken then, and look like a wrong clock's.
        """
        return (
            lease is None
            or lease.reader.holder == self._program.holder
            or not lease.is_under_way(now, self.seconds)
            or ended(lease.reader.process)
        )
