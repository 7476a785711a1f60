"""One writer an org: a lease that ends by itself, and a token that tells who is late."""

from __future__ import annotations

from sqlalchemy import Connection, select, update

from monitor.clock import is_under_way
from monitor.errors import BusyError
from monitor.journal.model import Lease
from monitor.store import leases, upsert

LONGEST_SECONDS = 600.0
"""Longer than any lease lasts, even by the clocks of hosts that are minutes apart. One that ends
later than this from now was taken before the machine's clock was set back, and is void: its holder
can't write down or send anything once another has taken over."""


def take_lease(  # noqa: PLR0913 - whose, for whom and for how long
    connection: Connection, org: str, org_id: int, *, holder: str, now: float, seconds: float
) -> Lease | None:
    """Take or renew the lease of an org; None where another holds it.

    Every taking gives a new token, also to the same holder: what it began under an older one is
    over.

    Args:
        connection: A write transaction that has locked the org.
        org: The org's name.
        org_id: The org.
        holder: Who wants it; unique to one running program.
        now: By the machine's clock; epoch seconds.
        seconds: How long it is to last.
    """
    row = connection.execute(
        select(leases.c.holder, leases.c.token, leases.c.until).where(leases.c.org_id == org_id)
    ).one_or_none()
    is_held = row is not None and is_under_way(row.until, now, LONGEST_SECONDS)
    if row is not None and is_held and row.holder not in {"", holder}:
        return None
    lease = Lease(org, holder, (row.token if row is not None else 0) + 1, now + seconds)
    upsert(
        connection,
        leases,
        [{"org_id": org_id, "holder": holder, "token": lease.token, "until": lease.until}],
    )
    return lease


def give_back(connection: Connection, org_id: int, lease: Lease) -> None:
    """End a lease; one that somebody else has meanwhile stays theirs."""
    connection.execute(
        update(leases)
        .where(
            leases.c.org_id == org_id,
            leases.c.holder == lease.holder,
            leases.c.token == lease.token,
        )
        .values(holder="", until=0.0)
    )


def verify_lease(
    connection: Connection, org_id: int, lease: Lease, *, now: float | None = None
) -> None:
    """Make sure that nobody else has the lease.

    Args:
        connection: A write transaction that has locked the org.
        org_id: The org.
        lease: The lease that is relied on.
        now: The machine's clock where the lease must not be over either; None where it is enough
            that nobody has taken over, as for writing down what has happened.

    Raises:
        BusyError: It is over, or another program's.
    """
    row = connection.execute(
        select(leases.c.holder, leases.c.token).where(leases.c.org_id == org_id)
    ).one_or_none()
    if row is None or (row.holder, row.token) != (lease.holder, lease.token):
        raise BusyError(
            f"Another program has taken over changing timeouts of {lease.org}",
            "Nothing is lost: it goes on from what is recorded.",
        )
    if now is not None and now >= lease.until:
        raise BusyError(
            f"Changing a timeout of {lease.org} took longer than its lease",
            "It is taken up again at the next turn.",
        )
