"""What every page has: the shell around it, its policy, and the moment it was asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from flask import Response, render_template
from jinja2 import pass_context

from monitor import __version__
from monitor.formats import count_of, iso_time
from monitor.web.banners import BannerStack, banners, stale_from
from monitor.web.readiness import why_not_ready
from monitor.web.time_tags import TimeForm, time_tag, utc_year

if TYPE_CHECKING:
    from flask import Flask
    from jinja2.runtime import Context
    from markupsafe import Markup

    from monitor.snapshot import Snapshot

PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
"""The Content-Security-Policy of a page: our own files and nothing that stands in the HTML."""

_LEAST_REFRESH_SECONDS, _MOST_REFRESH_SECONDS = 5, 30
_LOOKS_PER_POLL = 4
"""So often does a page look between two polls: what is new is seen a quarter of a poll later."""


@dataclass(frozen=True, slots=True)
class Shell:
    """What stands around the main part of every page.

    Attributes:
        version: The program's.
        orgs: The orgs' names.
        taken_at: When the snapshot was taken; epoch seconds.
        next_poll_at: When the next poll of an org is due; epoch seconds, None where not known.
        refresh_seconds: How often the page looks whether there is something new.
        banners: What a reader must know first.
        is_ready: Whether what is shown can be relied on.
        is_standby: Whether other programs read all that is shown.
        off: Sources that do not answer, by name.
        stale_from_iso: From when on the data is stale unless something is read, for a script.
    """

    version: str
    orgs: tuple[str, ...]
    taken_at: float
    next_poll_at: float | None
    refresh_seconds: int
    banners: BannerStack
    is_ready: bool
    is_standby: bool
    off: tuple[str, ...]
    stale_from_iso: str | None

    @classmethod
    def of(cls, snapshot: Snapshot, now: float) -> Shell:
        """Return the shell of a snapshot as it is to be seen now.

        Two shells of one snapshot are equal as long as the same banners are to be seen.
        """
        refresh_seconds = int(snapshot.interval_seconds / _LOOKS_PER_POLL)
        stale = stale_from(snapshot)
        polled = [one.polled_at for one in snapshot.read_here if one.polled_at is not None]
        return cls(
            version=__version__,
            orgs=tuple(org_snapshot.org for org_snapshot in snapshot.orgs),
            taken_at=snapshot.taken_at,
            next_poll_at=min(polled) + snapshot.interval_seconds if polled else None,
            refresh_seconds=min(
                max(refresh_seconds, _LEAST_REFRESH_SECONDS), _MOST_REFRESH_SECONDS
            ),
            banners=BannerStack.of(banners(snapshot, now)),
            is_ready=not why_not_ready(snapshot, now) and (stale is None or now <= stale),
            is_standby=bool(snapshot.orgs) and not snapshot.read_here,
            off=tuple(sorted({source for one in snapshot.orgs for source in one.sources_off})),
            stale_from_iso=iso_time(stale),
        )


def add_page_words(app: Flask) -> None:
    """Let templates write moments and numbers of things: ``{{ time_tag(at, "short") }}``."""
    app.jinja_env.globals["time_tag"] = _time_tag_on_page
    app.jinja_env.globals["count_of"] = count_of


@pass_context
def _time_tag_on_page(context: Context, at: float, form: str = TimeForm.FULL) -> Markup:
    """Write a moment as of the year in which the page's snapshot was taken."""
    return time_tag(at, form, utc_year(context["shell"].taken_at))


def page_response(template: str, snapshot: Snapshot, now: float, **words: object) -> Response:
    """Return a page that extends ``base.html``. Needs a request, for its templates.

    Args:
        template: Its name.
        snapshot: What the shell tells of; the page itself may show more.
        now: The moment of the request by the snapshot's clock; epoch seconds. No word of the page
            may come from it, or the page is new at every look.
        **words: What the template shows.
    """
    return html_response(render_template(template, shell=Shell.of(snapshot, now), **words), now)


def html_response(html: str, now: float) -> Response:
    """Return a page that was rendered already, under the policy of pages."""
    response = Response(html, content_type="text/html; charset=utf-8")
    response.headers["Content-Security-Policy"] = PAGE_POLICY
    # The browser reckons ages by this clock, not by its own. A header, for 304 carries it too.
    response.headers["Server-Timing"] = f"now;dur={now * 1000:.0f}"
    return response
