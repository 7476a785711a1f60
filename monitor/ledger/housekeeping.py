"""What keeps a state small: windows that have settled are packed, and old ones are forgotten."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Connection, delete, select

from monitor.journal import forget_edits
from monitor.ledger.verdict_history import forget_verdicts
from monitor.store import (
    Database,
    find_org,
    flow_errors,
    incidents,
    lock_every_org,
    lock_org,
    near_looks,
    orgs,
    packed_days,
    pruned_before,
    remember_pruned_before,
    tallies,
)
from monitor.time_ranges import TimeRange


class Housekeeping:
    """What is forgotten and packed of a state. Raises ``LedgerError`` as the ledger does."""

    def __init__(self, database: Database) -> None:
        """Use an opened database."""
        self._database = database

    def pruned_before(self) -> int:
        """Return up to where everything has been forgotten; epoch seconds, 0 where nothing has."""
        with self._database.reading() as connection:
            return pruned_before(connection)

    def holds_older(self, before: int) -> bool:
        """Return whether there is anything that ``prune`` would forget.

        Args:
            before: Epoch seconds.
        """
        began = (
            (tallies, tallies.c.window_start),
            (packed_days, packed_days.c.first_window),
            (incidents, incidents.c.at),
            (flow_errors, flow_errors.c.window_start),
        )
        with self._database.reading() as connection:
            org_ids = list(connection.execute(select(orgs.c.id)).scalars())
            return any(
                connection.execute(
                    select(table.c.org_id).where(table.c.org_id == org_id, at < before).limit(1)
                ).first()
                for org_id in org_ids
                for table, at in began
            )

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
        with self._database.writing() as connection:
            org_ids = lock_every_org(connection)
            if before <= pruned_before(connection):
                return 0
            # First: what a program that dies in between leaves is removed with the next.
            remember_pruned_before(connection, before)
        removed = 0
        for org_id in org_ids:
            if stop():
                break
            # One org a transaction: the polls of all the others go on in between.
            with self._database.writing() as connection:
                removed += _forget(connection, org_id, before)
                removed += forget_verdicts(
                    connection, org_id, before if verdicts_before is None else verdicts_before
                )
        return removed

    def pack(self, before: int, stop: Callable[[], bool] = bool) -> int:
        """Pack the windows that began before ``before``: they count the same, in less room.

        Args:
            before: Windows from here on may still grow, and stay as they are. What grows all the
                same is taken out again.
            stop: Asked between two transactions whether to leave the rest for another time.

        Returns:
            Windows packed.
        """
        from monitor.ledger.packing import next_to_pack, pack_windows  # noqa: PLC0415 - numpy, for this alone

        with self._database.reading() as connection:
            names = list(connection.execute(select(orgs.c.name).order_by(orgs.c.id)).scalars())
        done = 0
        for name in names:
            since = -(2**62)
            while not stop():
                # A part of a day a transaction: polls go on in between.
                with self._database.reading() as connection:
                    org_id = find_org(connection, name) or -1
                    found = next_to_pack(connection, org_id, since, before)
                if found is None:
                    break
                since = found.end
                with self._database.writing() as connection:
                    org_id = lock_org(connection, name)
                    settled = TimeRange(found.start, min(found.end, before))
                    done += pack_windows(connection, org_id, settled)
        return done

    def compact(self) -> int:
        """Give the room of a file back of which most is free, as it is after much was packed.

        Returns:
            Bytes given back.
        """
        return self._database.compact()


def _forget(connection: Connection, org_id: int, before: int) -> int:
    """Remove what of an org began before a moment; how many rows that were."""
    from monitor.ledger.packing import forget_packed  # noqa: PLC0415 - numpy, for this alone

    # Where rows are locked: a poll may be about to take a window out of a pack.
    connection.execute(select(orgs.c.id).where(orgs.c.id == org_id).with_for_update())
    removed = forget_packed(connection, org_id, before)
    for statement in (
        delete(tallies).where(tallies.c.org_id == org_id, tallies.c.window_start < before),
        delete(incidents).where(incidents.c.org_id == org_id, incidents.c.at < before),
        delete(flow_errors).where(
            flow_errors.c.org_id == org_id, flow_errors.c.window_start < before
        ),
        delete(near_looks).where(near_looks.c.org_id == org_id, near_looks.c.range_start < before),
    ):
        removed += connection.execute(statement).rowcount
    return removed + forget_edits(connection, org_id, before)
