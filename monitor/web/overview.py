"""The overview: every org, and one line for each action that is worth attention, worst first.

It is drawn from the snapshot alone and asks neither the platform nor the state. What a snapshot
says is the same until the next one: a page that was drawn is kept for who looks again, and for
everybody else who looks.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from flask import render_template

from monitor.diagnosis import Severity
from monitor.formats import count_of
from monitor.web.org_sections import org_section, totals
from monitor.web.overview_filters import FilterChoices, OverviewFilters
from monitor.web.overview_rows import overview_row, well_row
from monitor.web.pages import Shell
from monitor.web.since_yesterday import since_yesterday
from monitor.web.watched_actions import watched_actions

if TYPE_CHECKING:
    from monitor.snapshot import Snapshot
    from monitor.web.watched_actions import WatchedAction

MOST_ROWS = 100
"""Actions worth attention that are drawn unless all are asked for: who reads at night reads ten."""

MOST_WELL = 100
"""Healthy actions likewise."""

MOST_ORGS = 6
"""Of more orgs, those in which nothing needs attention are folded away."""

_KEPT_PAGES = 8
"""The page and what some readers filter by."""


@dataclass(frozen=True, slots=True)
class _Seen:
    """A snapshot, sorted once."""

    snapshot: Snapshot
    actions: tuple[WatchedAction, ...]
    by_org: dict[str, list[WatchedAction]]
    choices: FilterChoices
    lost: dict[str, dict[str, int]]

    @classmethod
    def of(cls, snapshot: Snapshot) -> _Seen:
        actions = watched_actions(snapshot)
        by_org: dict[str, list[WatchedAction]] = {one.org: [] for one in snapshot.orgs}
        for one in actions:
            by_org[one.day.org].append(one)
        return cls(
            snapshot=snapshot,
            actions=actions,
            by_org=by_org,
            choices=FilterChoices.of((one.org for one in snapshot.orgs), actions),
            lost={
                one.org: {flow.flow_name: flow.callers for flow in one.day.callers_lost or ()}
                for one in snapshot.orgs
            },
        )


class Overview:
    """Draws the overview; keeps what it has drawn of the newest snapshot. Safe between threads."""

    def __init__(self) -> None:
        """Begin with nothing drawn."""
        self._seen: _Seen | None = None
        self._drawn: OrderedDict[tuple[Shell, OverviewFilters], str] = OrderedDict()
        self._keeping = threading.Lock()

    def html(self, snapshot: Snapshot, now: float, filters: OverviewFilters) -> str:
        """Return the page. Needs an application context, for its templates.

        Args:
            snapshot: What to show.
            now: The moment of the request by the snapshot's clock; epoch seconds.
            filters: What the reader asks for.
        """
        shell = Shell.of(snapshot, now)
        key = (shell, filters)
        seen = self._seen_of(snapshot)
        with self._keeping:
            known = self._drawn.get(key)
        if known is not None:
            return known
        html = _draw(seen, shell, filters)
        with self._keeping:
            if self._seen is seen:
                self._drawn[key] = html
                while len(self._drawn) > _KEPT_PAGES:
                    self._drawn.popitem(last=False)
        return html

    def _seen_of(self, snapshot: Snapshot) -> _Seen:
        with self._keeping:
            if self._seen is None or self._seen.snapshot is not snapshot:
                self._seen = _Seen.of(snapshot)
                self._drawn.clear()
            return self._seen


def _draw(seen: _Seen, shell: Shell, filters: OverviewFilters) -> str:
    shown = filters.apply(seen.actions)
    attention = [one for one in shown if one.needs_attention]
    well = [one for one in shown if not one.needs_attention and one.is_named]
    named = sum(1 for one in attention if one.is_named)
    rows = attention if filters.shows_all else attention[:MOST_ROWS]
    # Of those that are well, the ones that come closest to their timeout are the next to watch.
    well.sort(key=lambda one: (-(one.day.budget_used_ratio or 0.0), one.name))
    orgs = [one for one in seen.snapshot.orgs if filters.org in {"", one.org}]
    of_orgs = seen.by_org.get(filters.org, []) if filters.org else seen.actions
    org_rows = sorted(
        (totals([one], seen.by_org[one.org], one.org) for one in orgs),
        key=lambda one: -one.attention,
    )
    shown_orgs = (
        len(orgs) if len(orgs) <= MOST_ORGS else sum(1 for one in org_rows if one.attention)
    )
    return render_template(
        "overview.html",
        shell=shell,
        filters=filters,
        choices=seen.choices.with_chosen(filters),
        is_org_gone=bool(filters.org) and not orgs,
        several=len(seen.snapshot.orgs) > 1,
        totals=totals(orgs, of_orgs),
        org_rows=org_rows[:shown_orgs],
        calm_org_rows=org_rows[shown_orgs:],
        sections=[org_section(one) for one in orgs],
        news=since_yesterday(seen.snapshot, of_orgs, filters.org),
        rows=[overview_row(one, seen.lost[one.day.org]) for one in rows],
        attention=named,
        attention_rows=len(attention),
        well=[well_row(one) for one in (well if filters.shows_all else well[:MOST_WELL])],
        well_count=len(well),
        well_words=_well_words(well, "other" if attention else "data action"),
        well_timeouts=sum(one.day.timeouts for one in well),
    )


def _well_words(well: list[WatchedAction], noun: str) -> str:
    """How many are well, and how many of them nothing can be said of."""
    unknown = sum(1 for one in well if one.severity is Severity.UNKNOWN)
    good = len(well) - unknown
    words = f"{count_of(good, noun)} {'is' if good == 1 else 'are'} well"
    return f"{words}, {unknown:,} can't be judged" if unknown else words
