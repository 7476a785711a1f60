"""What a reader must know before believing a number, in sentences at the top of every page.

Most of it is known when the page is made. That data turns stale is known before: its banner is in
the page from the start, with the moment from which it is to be shown, and needs no server then.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from markupsafe import Markup, escape

from monitor.formats import UNKNOWN, count_of, iso_time
from monitor.snapshot import VERDICTS_LAST_SECONDS
from monitor.web.readiness import NO_POLL_HAS_ENDED, REFUSED, STALE, why_not_ready
from monitor.web.time_tags import TimeForm, time_tag

if TYPE_CHECKING:
    from collections.abc import Iterable

    from monitor.snapshot import OrgSnapshot, Snapshot
    from monitor.web.readiness import Unready

_MOST_NAMED = 5
"""Orgs that a banner names; of more it says how many."""


_MOST_STACKED = 4
"""Banners that leave room for the page below them."""


class BannerKind(StrEnum):
    """How much a banner matters; the worst first."""

    BAD = "bad"
    """What is shown can't be relied on, or nothing is changed any more because of a failure."""
    WARN = "warn"
    """Something is not as it should be."""
    INFO = "info"
    """Worth knowing."""


@dataclass(frozen=True, slots=True)
class Banner:
    """One sentence.

    Attributes:
        kind: How much it matters.
        words: The sentence, safe in HTML.
        orgs: The orgs that it is about; empty where it is about all.
        shown_from: From when on it is to be shown; epoch seconds, None for always.
        is_shown: Whether that moment has come.
    """

    kind: BannerKind
    words: Markup
    orgs: tuple[str, ...] = ()
    shown_from: float | None = None
    is_shown: bool = True

    @property
    def shown_from_iso(self) -> str | None:
        """``shown_from`` as a script reads it."""
        return iso_time(self.shown_from)


def banners(snapshot: Snapshot, now: float) -> tuple[Banner, ...]:
    """Return what a reader must know, the worst first.

    What is the same of several orgs is said once.

    Args:
        snapshot: What is shown.
        now: The moment of the request by the snapshot's clock; epoch seconds. It decides only
            which of the banners are to be seen already.
    """
    found = [*_of_all(snapshot)]
    for org_snapshot in snapshot.orgs:
        found += _on_staleness(org_snapshot, snapshot.stale_after_seconds)
        found += _of_org(org_snapshot)
        found += _on_verdicts(org_snapshot)
    reasons = [one for one in why_not_ready(snapshot, now) if one.org]
    found += [_unready(one, snapshot) for one in reasons if _is_for_good(one)]
    shown = (replace(one, is_shown=one.shown_from is None or one.shown_from < now) for one in found)
    kinds = list(BannerKind)
    several = len(snapshot.orgs) > 1
    together = sorted(_together(shown), key=lambda one: kinds.index(one.kind))
    return tuple(replace(one, words=_with_orgs(one)) if several else one for one in together)


@dataclass(frozen=True, slots=True)
class BannerStack:
    """Banners as a page shows them: with many orgs there may be more than there is room for.

    Attributes:
        first: Those that are shown.
        folded: The others.
        folded_from: From when on any of those is to be shown; epoch seconds, None for always.
    """

    first: tuple[Banner, ...]
    folded: tuple[Banner, ...] = ()
    folded_from: float | None = None

    @classmethod
    def of(cls, found: tuple[Banner, ...]) -> BannerStack:
        """Stack banners: what is to be seen already comes before what may be, later."""
        ordered = sorted(found, key=lambda one: not one.is_shown)
        if len(ordered) <= _MOST_STACKED + 1:
            return cls(tuple(ordered))
        folded = tuple(ordered[_MOST_STACKED:])
        moments = [one.shown_from for one in folded if one.shown_from is not None]
        is_always = len(moments) < len(folded)
        return cls(tuple(ordered[:_MOST_STACKED]), folded, None if is_always else min(moments))

    @property
    def folded_from_iso(self) -> str | None:
        """``folded_from`` as a script reads it."""
        return iso_time(self.folded_from)

    @property
    def is_alarming(self) -> bool:
        """Whether anything is to be seen that makes what is shown unreliable, or stops changes."""
        every = (*self.first, *self.folded)
        return any(one.is_shown and one.kind is BannerKind.BAD for one in every)

    @property
    def is_folded_shown(self) -> bool:
        """Whether any of those that are folded is to be seen already."""
        return any(one.is_shown for one in self.folded)


def stale_from(snapshot: Snapshot) -> float | None:
    """Return from when on the snapshot is stale; epoch seconds, None where nothing was read."""
    return min(
        (
            moment
            for org_snapshot in snapshot.orgs
            for moment in _stale_moments(org_snapshot, snapshot.stale_after_seconds)
        ),
        default=None,
    )


def _is_for_good(unready: Unready) -> bool:
    """Whether it is no matter of time, which banners tell that wait for theirs."""
    if unready.reason == STALE:
        return unready.last_success_at is None
    return not unready.reason.startswith(NO_POLL_HAS_ENDED)


def _of_all(snapshot: Snapshot) -> list[Banner]:
    found = []
    if snapshot.state_problem:
        found.append(Banner(BannerKind.BAD, escape(_sentence(snapshot.state_problem))))
    if not snapshot.state_writable:
        words = "The state cannot be written: nothing new is counted, and nothing is changed."
        found.append(Banner(BannerKind.BAD, Markup(words)))  # noqa: S704 - our own words
    if not snapshot.orgs and not snapshot.state_problem:
        found.append(Banner(BannerKind.BAD, Markup("Nothing has been read yet.")))
    for way, times in sorted(snapshot.clock_steps.items()):
        if times:
            words = (
                f"The clock of this machine was set {way} {count_of(times, 'time')} since the "
                "start. Nothing is lost or counted twice by that."
            )
            found.append(Banner(BannerKind.INFO, escape(words)))
    return found


def _stale_moments(org_snapshot: OrgSnapshot, stale_after_seconds: float) -> list[float]:
    """When the sources of an org turn stale, and when its newest poll is too long ago."""
    ended = _poll_ended(org_snapshot)
    moments = [last for _, last in _last_reads(org_snapshot)] + ([] if ended is None else [ended])
    return [moment + stale_after_seconds for moment in moments]


def _poll_ended(org_snapshot: OrgSnapshot) -> float | None:
    """When the newest poll ended; None where another program makes them."""
    return None if org_snapshot.read_by else org_snapshot.polled_at


def _last_reads(org_snapshot: OrgSnapshot) -> list[tuple[str, float]]:
    """The sources that answer and were read, with when that was.

    Which of the others answer is known to the program alone that reads the org.
    """
    if org_snapshot.read_by:
        required = org_snapshot.required_source
        last = org_snapshot.last_success_at(required)
        return [(required, last)] if last else []
    available = org_snapshot.health.source_available
    reads = [(source, org_snapshot.last_success_at(source)) for source in org_snapshot.source_names]
    return [(source, last) for source, last in reads if available.get(source) and last]


def _on_staleness(org_snapshot: OrgSnapshot, stale_after_seconds: float) -> list[Banner]:
    moments = _stale_moments(org_snapshot, stale_after_seconds)
    if not moments:
        return []
    told = []
    reads = _last_reads(org_snapshot)
    if reads:
        ages = (
            Markup("{} {}").format(source, time_tag(last, TimeForm.AGE)) for source, last in reads
        )
        told.append(Markup("last read: {}").format(Markup(", ").join(ages)))
    ended = _poll_ended(org_snapshot)
    if ended is not None:
        tag = time_tag(ended, TimeForm.SHORT)
        told.append(Markup("the newest poll ended {}").format(tag))
    words = Markup("Data is stale; {}.").format(Markup("; ").join(told))
    return [Banner(BannerKind.BAD, words, (org_snapshot.org,), min(moments))]


def _unready(unready: Unready, snapshot: Snapshot) -> Banner:
    org_snapshot = next(one for one in snapshot.orgs if one.org == unready.org)
    if unready.reason == REFUSED:
        why = org_snapshot.health.refused.get(unready.source, "")
        words = f"Source {unready.source} is refused, so nothing is counted. {why}".rstrip()
    elif unready.source:
        words = f"Source {unready.source} has never been read."
    else:
        words = _sentence(unready.reason)
    return Banner(BannerKind.BAD, escape(words), (unready.org,))


def _of_org(org_snapshot: OrgSnapshot) -> list[Banner]:
    health, remediation = org_snapshot.health, org_snapshot.remediation
    found: list[tuple[BannerKind, str | Markup]] = []
    if remediation.tripped:
        words = (
            "Changes of timeouts were stopped after failures, and stay stopped until "
            "timeout-monitor resume; timeout-monitor history says what failed."
        )
        found.append((BannerKind.BAD, words))
    if health.problem and not org_snapshot.is_required_source_off:
        problem = f"The newest poll had a problem: {_sentence(health.problem, capital=False)}"
        found.append((BannerKind.WARN, problem))
    if health.catalogue_problem:
        read_at = org_snapshot.catalogue_read_at
        words = Markup("Names and timeouts in force could not be read; they are as of {}. {}")
        age = UNKNOWN if read_at is None else time_tag(read_at)
        found.append((BannerKind.WARN, words.format(age, health.catalogue_problem)))
    if remediation.paused:
        words = "Changes of timeouts are paused until timeout-monitor resume."
        found.append((BannerKind.WARN, words))
    if not org_snapshot.day.complete and not org_snapshot.is_starting:
        words = "A part of this day has not been read: counts are too low."
        found.append((BannerKind.INFO, words))
    found += [(BannerKind.INFO, words) for words in _on_standby(org_snapshot)]
    found += [(BannerKind.INFO, words) for words in _on_sources_off(org_snapshot)]
    return [Banner(kind, escape(words), (org_snapshot.org,)) for kind, words in found]


def _on_verdicts(org_snapshot: OrgSnapshot) -> list[Banner]:
    """When the verdicts are of, where nobody would think so."""
    known, orgs = org_snapshot.diagnosis, (org_snapshot.org,)
    if known is None:
        return []
    at = time_tag(known.taken_at, TimeForm.AGE)
    if not org_snapshot.is_judged_here and not org_snapshot.read_by:
        words = Markup("Verdicts were last made {}, before the start; new ones come with a poll.")
        return [Banner(BannerKind.INFO, words.format(at), orgs)]
    words = Markup("Verdicts are old: they were last made {}. Alerts on them can't fire.")
    shown_from = known.taken_at + VERDICTS_LAST_SECONDS
    return [Banner(BannerKind.WARN, words.format(at), orgs, shown_from)]


def _on_sources_off(org_snapshot: OrgSnapshot) -> list[str]:
    """What is not known because a source that nothing is counted from is switched off."""
    refused = org_snapshot.health.refused
    return [
        f"Source {source} does not answer, so what it tells is not known. "
        f"{refused.get(source, '')}".rstrip()
        for source in org_snapshot.sources_off
        if source != org_snapshot.required_source
    ]


def _on_standby(org_snapshot: OrgSnapshot) -> list[str]:
    if org_snapshot.read_by:
        return [f"Standby: read by {org_snapshot.read_by}, which also judges its actions."]
    if org_snapshot.is_leased or org_snapshot.is_counted_here:
        return []
    why = "The state could not be asked for longer than a lease lasts"
    return [
        f"{why}: another program may read this org by now, so its counts are not exported here."
    ]


def _sentence(words: str, *, capital: bool = True) -> str:
    first = words[:1].upper() if capital else words[:1]
    return f"{first}{words[1:].rstrip('.')}."


def _together(found: Iterable[Banner]) -> list[Banner]:
    """The same banners, those of several orgs that say the same as one."""
    same: dict[tuple[object, ...], Banner] = {}
    for one in found:
        key = (one.kind, one.words, one.shown_from)
        known = same.get(key)
        same[key] = one if known is None else replace(known, orgs=(*known.orgs, *one.orgs))
    return list(same.values())


def _with_orgs(banner: Banner) -> Markup:
    """Its words with the orgs before them, as many as can be read."""
    if not banner.orgs:
        return banner.words
    named = banner.orgs if len(banner.orgs) <= _MOST_NAMED else banner.orgs[: _MOST_NAMED - 1]
    names = Markup(", ").join(Markup("<bdi>{}</bdi>").format(name) for name in named)
    left = len(banner.orgs) - len(named)
    more = f" and {left:,} more" if left else ""
    return Markup("{}{}: {}").format(names, more, banner.words)
