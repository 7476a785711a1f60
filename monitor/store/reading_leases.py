"""One reader an org: who asks about it, until when, and a token that tells who is late.

Several daemons may share a state. Each org is read by one of them, and the others stand by.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, select, update

from monitor.clock import is_under_way
from monitor.errors import NotLeasedError
from monitor.store.engines import upsert
from monitor.store.schema import orgs, reading_leases

FENCE = "timeout_monitor_fence"
"""Execution option of a connection whose writes stand or fall with a ``ReadingLease``."""

LEASE_SECONDS = 60.0
"""How long an org waits for a daemon that has died or hangs; longer than any transaction takes."""

RENEWALS = 3
"""How often a lease is renewed while it lasts: one or two renewals may be lost."""

SLACK_SECONDS = 1.0
"""Clocks of one machine never differ by more."""


@dataclass(frozen=True, slots=True)
class Reader:
    """A running program that reads orgs.

    Attributes:
        holder: Names it and no other one, ever.
        place: Host and process, for people.
        process: The process as its own machine tells it from all others, so that one that has
            died is known to be dead there; empty where that can't be told.
    """

    holder: str
    place: str
    process: str = ""


@dataclass(frozen=True, slots=True)
class ReadingLease:
    """The right to read one org into the ledger, for a while.

    Attributes:
        org: The org's configured name.
        reader: Who has it; an empty holder where nobody has.
        token: Grows with each new holder; whoever comes with an older one is late.
        until: It ends then, if it is not renewed; epoch seconds of the machine's or the server's
            clock.
    """

    org: str
    reader: Reader
    token: int
    until: float

    def is_under_way(self, now: float, seconds: float) -> bool:
        """Whether it is held; one that ends later than it lasts was taken by a wrong clock.

        Args:
            now: By the clock of leases; epoch seconds.
            seconds: How long a lease lasts.
        """
        return bool(self.reader.holder) and is_under_way(self.until, now, seconds + SLACK_SECONDS)


_OF_LEASES = select(
    orgs.c.name,
    reading_leases.c.holder,
    reading_leases.c.place,
    reading_leases.c.process,
    reading_leases.c.token,
    reading_leases.c.until,
).join_from(reading_leases, orgs)


def read_leases(connection: Connection) -> Mapping[str, ReadingLease]:
    """Return the lease of each org that was ever read, by its name."""
    return {
        row.name: ReadingLease(
            row.name, Reader(row.holder, row.place, row.process), row.token, row.until
        )
        for row in connection.execute(_OF_LEASES)
    }


def renew_leases(connection: Connection, holder: str, named: Collection[str], until: float) -> None:
    """Let leases that a program has end later; what another one has taken stays theirs.

    Args:
        connection: A write transaction.
        holder: The program.
        named: The orgs. What it has given back, or lost sight of, is none of them.
        until: Epoch seconds of the clock of leases.
    """
    ids = select(orgs.c.id).where(orgs.c.name.in_(named))
    mine = update(reading_leases).where(
        reading_leases.c.holder == holder, reading_leases.c.org_id.in_(ids)
    )
    connection.execute(mine.values(until=until))


def hand_out_lease(
    connection: Connection, org_id: int, before: ReadingLease | None, lease: ReadingLease
) -> bool:
    """Give the lease of an org to a new holder, unless it has changed since it was looked at.

    Args:
        connection: A write transaction that has locked the org.
        org_id: The org.
        before: What it was; None where there was none.
        lease: What it is to be.
    """
    found = connection.execute(
        select(reading_leases.c.token, reading_leases.c.until)
        .where(reading_leases.c.org_id == org_id)
        # Its holder may be renewing it, which locks no org.
        .with_for_update()
    ).one_or_none()
    if (None if found is None else tuple(found)) != (before and (before.token, before.until)):
        return False
    row = {
        "org_id": org_id,
        "holder": lease.reader.holder,
        "place": lease.reader.place,
        "process": lease.reader.process,
        "token": lease.token,
        "until": lease.until,
    }
    upsert(connection, reading_leases, [row])
    return True


def end_leases(connection: Connection, holder: str, org: str | None = None) -> None:
    """End every lease that a program has, or the one of an org."""
    mine = update(reading_leases).where(reading_leases.c.holder == holder)
    if org is not None:
        named = select(orgs.c.id).where(orgs.c.name == org).scalar_subquery()
        mine = mine.where(reading_leases.c.org_id == named)
    connection.execute(mine.values(holder="", until=0.0))


def verify_fence(connection: Connection, org: str, org_id: int) -> None:
    """Make sure that the lease under which a transaction writes, if any, is still the newest.

    Args:
        connection: A write transaction that has locked the org: who takes over waits for its end.
        org: The org's name.
        org_id: The org.

    Raises:
        NotLeasedError: Another program has taken over.
    """
    lease: ReadingLease | None = connection.get_execution_options().get(FENCE)
    if lease is None or lease.org != org:
        return
    found = connection.execute(
        select(reading_leases.c.holder, reading_leases.c.token, reading_leases.c.place).where(
            reading_leases.c.org_id == org_id
        )
    ).one_or_none()
    if found is None or (found.holder, found.token) != (lease.reader.holder, lease.token):
        raise not_leased(org, found.place if found is not None and found.holder else "")


def not_leased(org: str, place: str) -> NotLeasedError:
    """Return what is said where an org is another program's to read."""
    return NotLeasedError(
        f"Another program reads {org}{place and f', {place}'}: nothing was read here",
        "Nothing is lost. End the other program to read it here; it would be asked twice else.",
    )
