"""Whether what is shown can be relied on, and if not, whose data is too old and since when."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from monitor.snapshot import OrgSnapshot, Snapshot

_GOOD_POLLS = ("ok", "partial")

REFUSED = "refused"
"""Why nothing is ready of an org whose executions the platform does not let us count."""

STALE = "stale"
"""Why a source is not ready that was not read for too long, or never."""

STARTING = "starting: what was counted until now is being read"
"""Why an org is not ready of which nothing is shown yet."""

NO_POLL_HAS_ENDED = "no poll has ended for"
"""How the reason begins where polls hang, or are not begun."""


@dataclass(frozen=True, slots=True)
class Unready:
    """One reason not to rely on what is shown.

    Attributes:
        org: The org; empty where nothing at all has been read, or the state is lost.
        source: The source; empty where the reason concerns the org as a whole.
        reason: What is wrong, in a few words.
        last_success_at: The last good read; epoch seconds, None where there was none.
        stale_since: When the data became too old; epoch seconds, None where it never was fresh.
    """

    org: str
    source: str
    reason: str
    last_success_at: float | None = None
    stale_since: float | None = None


def why_not_ready(snapshot: Snapshot, now: float) -> tuple[Unready, ...]:
    """Every reason not to rely on the snapshot; none where it is complete and fresh.

    What another program reads is that one's to answer for.

    Args:
        snapshot: What is shown.
        now: Epoch seconds.
    """
    if snapshot.state_problem:
        return (Unready("", "", snapshot.state_problem),)
    if not snapshot.orgs:
        return (Unready("", "", "nothing has been read yet"),)
    refused = [
        Unready(org_snapshot.org, org_snapshot.required_source, REFUSED, _last(org_snapshot))
        for org_snapshot in snapshot.read_here
        if org_snapshot.is_required_source_off
    ]
    starting = {one.org for one in snapshot.read_here if one.is_starting}
    waiting = {
        org_snapshot.org for org_snapshot in snapshot.read_here if not _has_been_read(org_snapshot)
    }
    reasons = [
        *refused,
        *(Unready(org, "", STARTING) for org in sorted(starting)),
        *(
            Unready(org, "", "no poll has succeeded since the start")
            for org in sorted(waiting - starting)
        ),
    ]
    reasons += [
        Unready(org_snapshot.org, "", reason)
        for org_snapshot in snapshot.read_here
        for reason in _about_time(org_snapshot, now, snapshot.stale_after_seconds)
    ]
    for stale in snapshot.stale_sources(now):
        if stale.org in waiting or stale.org in starting:
            continue
        last = stale.last_success_at or None
        reasons.append(
            Unready(
                org=stale.org,
                source=stale.source,
                reason=STALE if stale.source else "no source answers",
                last_success_at=last,
                stale_since=None if last is None else last + snapshot.stale_after_seconds,
            )
        )
    return tuple(reasons)


def _about_time(org_snapshot: OrgSnapshot, now: float, stale_after_seconds: float) -> list[str]:
    """What is wrong with polls that never end or never begin, and with the clock."""
    found = []
    if org_snapshot.polled_at is not None and now - org_snapshot.polled_at > stale_after_seconds:
        found.append(f"{NO_POLL_HAS_ENDED} {now - org_snapshot.polled_at:.0f} s")
    skew = org_snapshot.health.clock_skew_seconds
    if skew is not None and org_snapshot.health.is_clock_off:
        way = "behind" if skew > 0 else "ahead of"
        found.append(f"the clock that windows go by is {abs(skew):.0f} s {way} the platform's")
    return found


def _last(org_snapshot: OrgSnapshot) -> float | None:
    return org_snapshot.last_success_at(org_snapshot.required_source) or None


def _has_been_read(org_snapshot: OrgSnapshot) -> bool:
    return any(org_snapshot.health.polls.get(result, 0) for result in _GOOD_POLLS)
