"""The report that is mailed: one file of HTML, and the same as markdown."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from monitor.render import ReportContent, report_html, report_markdown, worst_actions
from monitor.render.html_report import MOST_BYTES
from monitor.render.mailed_report import with_pictures_up_to
from monitor.render.markdown_report import escape_markdown
from monitor.web import report_assets
from tests.web.action_world import CRM, HOSTILE, IDLE, SLOW, ActionWorld
from tests.web.test_overview import text_of


class Tags(HTMLParser):
    """Collects tags with their attributes."""

    def __init__(self, html: str) -> None:
        """Read all of it."""
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a tag."""
        self.tags.append((tag, dict(attrs)))


@pytest.fixture(scope="session")
def html(report_content: ReportContent) -> str:
    """The report as HTML."""
    return report_html(report_content, report_assets())


@pytest.fixture(scope="session")
def markdown(report_content: ReportContent) -> str:
    """The report as markdown."""
    return report_markdown(report_content)


def test_the_worst_come_first_and_the_well_are_counted(html: str) -> None:
    """Each with its verdict, since when, and a link to its pictures."""
    text = text_of(html)
    assert text.index("Order status") < text.index("CRM lookup") < text.index("Credit check")
    assert "slow tail since at least 2027-01-13 00:00 UTC, goes on" in text
    assert "outage from 2027-01-15 09:00 UTC to 2027-01-15 10:00 UTC, over" in text
    assert "1,403 timeouts in 4 of 7 data actions" in text
    assert "1 action without a timeout and well is not listed." in text
    assert "2 actions without a timeout that can't be judged are not listed." in text
    assert IDLE.name not in text


def test_an_action_that_was_only_throttled_is_worth_attention(action_world: ActionWorld) -> None:
    """Nothing can be judged where nothing ran; but that it was refused is told."""
    day = action_world.snapshot.day
    idle = next(one for one in day.actions if one.action_id == IDLE.action_id)
    for throttled, expected in ((4, 1), (0, 0)):
        actions = (replace(idle, throttled=throttled),)
        chosen, others = worst_actions([replace(day, actions=actions)], {})
        assert (len(chosen), len(others)) == (expected, 1 - expected)


def test_the_file_needs_nothing_else(html: str) -> None:
    """It names no address but its own parts; its policy lets its own sheet and script be alone."""
    found = Tags(html).tags
    assert not [
        one for one in found if one[0] in {"link", "img", "iframe", "form", "base", "object"}
    ]
    addresses = [
        value
        for _, attributes in found
        for name, value in attributes.items()
        if name in {"href", "src", "action", "data", "srcset"}
    ]
    assert addresses
    assert all(re.fullmatch(r"#a\d+", address or "") for address in addresses)
    assert "style" not in {name for _, attributes in found for name in attributes}
    (policy,) = [one["content"] for tag, one in found if one.get("http-equiv")]
    for kind, tag in (("style-src", "style"), ("script-src", "script")):
        (content,) = re.findall(rf"<{tag}>(.*?)</{tag}>", html, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{kind} 'sha256-{digest}'" in str(policy)
    assert str(policy).startswith("default-src 'none'")
    assert not re.search(r"url\((?!#)|@import", html)


def test_every_part_of_the_file_has_one_id(html: str) -> None:
    """Several actions have the same pictures: their ids differ."""
    ids = [attributes["id"] for _, attributes in Tags(html).tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert {"a1-outcomes", "a2-outcomes", "a1-curve"} <= set(ids)


def test_names_are_text(html: str) -> None:
    """A name that looks like markup is shown as it is written."""
    assert "<img" not in html
    assert HOSTILE[:60] in text_of(html)


def test_it_is_small_enough_to_mail(report_content: ReportContent) -> None:
    """With three hundred actions, of which a dozen are pictured; who goes without is named."""
    many = tuple(
        replace(report_content.actions[0], number=number, name=f"Action {number}")
        for number in range(1, 301)
    )
    crowded = with_pictures_up_to(replace(report_content, actions=many), 40)
    html = report_html(crowded, report_assets())
    assert MOST_BYTES * 0.7 < len(html.encode()) <= MOST_BYTES == 500_000
    pictured = html.count('class="chart" id="')
    assert pictured
    assert re.search(r"Without pictures, to keep this small: Action \d+, .* and \d+ more\.", html)


def test_nothing_to_tell_is_told(report_content: ReportContent) -> None:
    """A good day is a short report."""
    quiet = replace(report_content, actions=(), left_out=())
    assert "No data action timed out, and none is unwell." in report_html(quiet, report_assets())
    assert "No data action timed out, and none is unwell." in report_markdown(quiet)


def test_markdown_tells_the_same(markdown: str) -> None:
    """Its tables are those of the pictures, the worst action first."""
    assert markdown.index(SLOW.name) < markdown.index(CRM.name)
    assert "### What another timeout would do" in markdown
    assert "| 10 s | 99.15 % |" in markdown
    rows = [line for line in markdown.splitlines() if line.startswith("|")]
    assert rows
    plain = [re.sub(r"\\.", "", row) for row in rows]
    heads = [row.count("|") for row in plain]
    tables = markdown.count("| --- |")
    assert tables
    assert min(heads) > 2


def rendered(markdown: str) -> str:
    """Markdown as GitHub would show it: tables, and addresses that become links."""
    return str(MarkdownIt("commonmark").enable("table").render(markdown))


def test_names_are_text_in_markdown(markdown: str) -> None:
    """Nothing that the platform says is markup, a link or the end of a cell."""
    found = Tags(rendered(markdown)).tags
    kinds = {tag for tag, _ in found}
    assert kinds <= {
        *("h1", "h2", "h3", "p", "ul", "li", "strong"),
        *("table", "thead", "tbody", "tr", "th", "td"),
    }


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=60))
def test_any_text_is_itself_in_markdown(text: str) -> None:
    """Whatever it is made of, it is shown as it is, in one line."""
    shown = " ".join(text.split())
    html = rendered(f"x {escape_markdown(text)} x")
    assert text_of(html).split() == f"x {shown} x".split()
    assert {tag for tag, _ in Tags(html).tags} == {"p"}


@pytest.mark.parametrize(
    "name", ["https://evil.example/?a=b", "www.evil.example", "FTP://evil.example", "HTTP://x"]
)
def test_an_address_does_not_become_a_link(name: str) -> None:
    """Where it would begin to be one, a backslash stands."""
    escaped = escape_markdown(f"see {name} now")
    assert not re.search(r"(?i)(https?|ftp)://|www\.", escaped)
    assert text_of(rendered(escaped)) == f"see {name} now"
