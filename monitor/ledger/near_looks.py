"""How executions lie just below the timeouts in force, in the database: for diagnosis alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from sqlalchemy import delete, func, select

from monitor.clock import is_in_future
from monitor.ledger.coverage import READ_AGAIN_SECONDS
from monitor.ledger.model import NearLook
from monitor.near_edges import near_edges
from monitor.sanitize import sanitize_id
from monitor.store import (
    Database,
    find_org,
    lock_org,
    looked_at,
    near_looks,
    remember_looked_at,
    upsert,
)
from monitor.time_ranges import TimeRange


class NearLooks:
    """What was seen of each org by looking closely. Raises ``LedgerError`` as the ledger does."""

    def __init__(self, database: Database) -> None:
        """Use an opened database."""
        self._database = database

    def save(self, org: str, looks: Iterable[NearLook], before: int) -> None:
        """Keep what was seen, and forget what is too old for any verdict.

        Args:
            org: The org's configured name.
            looks: What was seen; of a period that was looked at before the newer counts.
            before: What began before is forgotten; epoch seconds.
        """
        with self._database.writing() as connection:
            org_id = lock_org(connection, org)
            upsert(
                connection,
                near_looks,
                [
                    {
                        "org_id": org_id,
                        "action_id": sanitize_id(look.action_id),
                        "timeout_ms": look.timeout_ms,
                        "range_start": look.time_range.start,
                        "range_end": look.time_range.end,
                        "edges_ms": _text(near_edges(look.timeout_ms)),
                        "counts": _text(look.counts),
                    }
                    for look in looks
                ],
            )
            connection.execute(
                delete(near_looks).where(
                    near_looks.c.org_id == org_id, near_looks.c.range_start < before
                )
            )

    def asked_at(self, org: str) -> tuple[float, ...]:
        """Return when requests were last sent for it; epoch seconds, oldest first."""
        with self._database.reading() as connection:
            org_id = find_org(connection, org)
            return () if org_id is None else looked_at(connection, org_id)

    def note_asked(self, org: str, moments: Iterable[float]) -> None:
        """Remember when requests were last sent for it, in place of what was known before.

        Args:
            org: The org's configured name.
            moments: Epoch seconds, oldest first.
        """
        with self._database.writing() as connection:
            remember_looked_at(connection, lock_org(connection, org), moments)

    def void_future(self, org: str, settled_until: float) -> int:
        """Forget periods that no clock which is right has asked about, and the day before them.

        They were asked about while a clock was ahead, and hold what had happened by then. Nobody
        can tell how long it was wrong, so the last day is asked about again, as in
        ``Ledger.void_future``.

        Args:
            org: The org's configured name.
            settled_until: No period that ends later is asked about now; epoch seconds.

        Returns:
            How many were forgotten; 0 where none lay in the future.
        """
        end = near_looks.c.range_end
        with self._database.writing() as connection:
            mine = near_looks.c.org_id == lock_org(connection, org)
            furthest = connection.execute(select(func.max(end)).where(mine)).scalar_one()
            if furthest is None or not is_in_future(furthest, settled_until):
                return 0
            voided = delete(near_looks).where(mine, end > settled_until - READ_AGAIN_SECONDS)
            return connection.execute(voided).rowcount

    def since(self, org: str, moment: float) -> tuple[NearLook, ...]:
        """Return what was seen in periods that began at a moment or later, by action and time.

        What an older program kept by other bands, and what makes no sense, is left out.
        """
        table = near_looks.c
        with self._database.reading() as connection:
            org_id = find_org(connection, org)
            if org_id is None:
                return ()
            statement = (
                select(
                    table.action_id,
                    table.timeout_ms,
                    table.range_start,
                    table.range_end,
                    table.edges_ms,
                    table.counts,
                )
                .where(table.org_id == org_id, table.range_start >= moment)
                .order_by(table.action_id, table.timeout_ms, table.range_start)
            )
            return tuple(_looks(connection.execute(statement)))


def _looks(rows: Iterable[Sequence[object]]) -> Iterator[NearLook]:
    for row in rows:
        action_id, timeout_ms, start, end, edges_ms, text = row
        if not (isinstance(timeout_ms, int) and isinstance(start, int) and isinstance(end, int)):
            continue
        counts = str(text).split(",")
        if (
            start < end
            and timeout_ms > 0
            and edges_ms == _text(near_edges(timeout_ms))
            and len(counts) == len(near_edges(timeout_ms))
            and all(count.isdecimal() for count in counts)
        ):
            yield NearLook(
                str(action_id), timeout_ms, TimeRange(start, end), tuple(map(int, counts))
            )


def _text(numbers: Iterable[int]) -> str:
    return ",".join(map(str, numbers))
