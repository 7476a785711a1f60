"""The report as one file of HTML that needs nothing else: to be mailed, opened offline, printed.

Its own policy forbids it to load anything; the one style sheet and the one script in it are allowed
by their digests.
"""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass
from functools import cache
from hashlib import sha256

from jinja2 import Environment, PackageLoader
from markupsafe import Markup

from monitor import __version__
from monitor.formats import count_of, iso_time, utc_moment
from monitor.render.action_words import RAISE_COLUMNS
from monitor.render.mailed_report import ReportContent, with_pictures_up_to

MOST_BYTES = 500_000
"""What is larger is stopped by some gateways, and read by nobody."""


@dataclass(frozen=True, slots=True)
class ReportAssets:
    """What is written into the file beside the report.

    Attributes:
        style: The style sheets, one after the other; our own files.
        script: What moves the slider; our own file.
    """

    style: str
    script: str


def report_html(content: ReportContent, assets: ReportAssets) -> str:
    """Return the report as HTML of at most ``MOST_BYTES``.

    Actions that get no pictures for want of room are named in it.

    Args:
        content: What to tell.
        assets: What goes into the file beside it.
    """
    pictured = sum(one.pictures is not None for one in content.actions)
    html = _render(content, assets)
    while len(html.encode()) > MOST_BYTES and pictured:
        pictured -= 1
        content = with_pictures_up_to(content, pictured)
        html = _render(content, assets)
    return html


def _render(content: ReportContent, assets: ReportAssets) -> str:
    return (
        _templates()
        .get_template("report.html")
        .render(
            report=content,
            raise_columns=RAISE_COLUMNS,
            several=len(content.orgs) > 1,
            generated=utc_moment(content.generated_at),
            generated_iso=iso_time(content.generated_at),
            version=__version__,
            style=Markup(assets.style),  # noqa: S704 - our own files, not input
            script=Markup(assets.script),  # noqa: S704 - the same
            policy=(
                f"default-src 'none'; style-src '{_digest(assets.style)}'; "
                f"script-src '{_digest(assets.script)}'; base-uri 'none'; form-action 'none'"
            ),
        )
    )


def _digest(text: str) -> str:
    return f"sha256-{b64encode(sha256(text.encode()).digest()).decode()}"


@cache
def _templates() -> Environment:
    templates = Environment(
        loader=PackageLoader("monitor.render"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.globals["count_of"] = count_of
    return templates
