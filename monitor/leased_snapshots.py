"""Which orgs' counts this program may export: by its leases, and by what its snapshots have seen.

Counters of an org that two programs export are counted twice in a sum over both. So the one stops
as soon as the other may begin, which costs a gap at worst; and the other begins with what the first
has counted to its end: from an older count, all that came since would be counted as new.
"""

from __future__ import annotations

from dataclasses import replace

from monitor.ledger import ReadingLeases
from monitor.snapshot import OrgSnapshot, Snapshot

_ANOTHERS = 0
"""The token of no lease: the snapshot is of what another program goes on writing."""


class LeasedSnapshots:
    """Shows snapshots as the leases of the moment let them be shown; safe to share."""

    def __init__(self, leases: ReadingLeases) -> None:
        """Begin with snapshots that are as new as the state."""
        self._leases = leases
        self._tokens: dict[str, int] = {}

    def note_another(self, org: str) -> None:
        """Another program reads an org: its snapshot falls behind from here on."""
        self._tokens[org] = _ANOTHERS

    def behind(self, org: str) -> int | None:
        """Return the token of the lease that an org's snapshot is older than; None for none.

        The snapshot has to be taken anew then, and ``note_caught_up`` told.
        """
        lease = self._leases.held(org)
        if lease is None:
            return None
        return None if self._tokens.setdefault(org, lease.token) == lease.token else lease.token

    def note_caught_up(self, org: str, token: int) -> None:
        """An org's snapshot was taken under the lease of this token."""
        self._tokens[org] = token

    def as_leased(self, snapshot: Snapshot) -> Snapshot:
        """Return a snapshot as it may be shown now; the very same one where nothing has changed."""
        orgs = tuple(map(self.org_as_leased, snapshot.orgs))
        is_unchanged = all(a is b for a, b in zip(orgs, snapshot.orgs, strict=True))
        return snapshot if is_unchanged else replace(snapshot, orgs=orgs)

    def org_as_leased(self, org_snapshot: OrgSnapshot) -> OrgSnapshot:
        """Return one org's, likewise."""
        org = org_snapshot.org
        lease = self._leases.held(org)
        is_behind = lease is not None and self._tokens.get(org, lease.token) != lease.token
        now = replace(
            org_snapshot,
            is_leased=lease is not None,
            read_by=self._leases.read_by(org),
            is_counted_here=(
                self._leases.counts(org) and not is_behind and not org_snapshot.is_starting
            ),
        )
        return org_snapshot if _standing(now) == _standing(org_snapshot) else now


def _standing(org_snapshot: OrgSnapshot) -> tuple[bool, str, bool]:
    return org_snapshot.is_leased, org_snapshot.read_by, org_snapshot.is_counted_here
