"""What every page has: the shell around it, its policy, and the moment it was asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from flask import Response, render_template

from monitor import __version__
from monitor.web.time_tags import time_tag

if TYPE_CHECKING:
    from flask import Flask

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
        refresh_seconds: How often the page looks whether there is something new.
    """

    version: str
    orgs: tuple[str, ...]
    taken_at: float
    refresh_seconds: int

    @classmethod
    def of(cls, snapshot: Snapshot) -> Shell:
        """Return the shell of a snapshot."""
        wanted = int(snapshot.interval_seconds / _LOOKS_PER_POLL)
        return cls(
            version=__version__,
            orgs=tuple(org_snapshot.org for org_snapshot in snapshot.orgs),
            taken_at=snapshot.taken_at,
            refresh_seconds=min(max(wanted, _LEAST_REFRESH_SECONDS), _MOST_REFRESH_SECONDS),
        )


def add_page_words(app: Flask) -> None:
    """Let templates write moments: ``{{ time_tag(at, "short") }}``."""
    app.jinja_env.globals["time_tag"] = time_tag
    paths = frozenset(rule.rule for rule in app.url_map.iter_rules())
    app.jinja_env.globals["is_served"] = paths.__contains__


def page_response(template: str, snapshot: Snapshot, now: float, **words: object) -> Response:
    """Return a page that extends ``base.html``. Needs a request, for its templates.

    Args:
        template: Its name.
        snapshot: What the shell tells of; the page itself may show more.
        now: The moment of the request by the snapshot's clock; epoch seconds. No word of the page
            may come from it, or the page is new at every look.
        **words: What the template shows.
    """
    html = render_template(template, shell=Shell.of(snapshot), **words)
    return html_response(html, now)


def html_response(html: str, now: float) -> Response:
    """Return a page that was rendered already, under the policy of pages."""
    response = Response(html, content_type="text/html; charset=utf-8")
    response.headers["Content-Security-Policy"] = PAGE_POLICY
    # The browser reckons ages by this clock, not by its own. A header, for 304 carries it too.
    response.headers["Server-Timing"] = f"now;dur={now * 1000:.0f}"
    return response
