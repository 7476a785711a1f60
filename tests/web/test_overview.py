"""The overview over real HTTP."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from monitor.diagnosis import Verdict
from monitor.journal import ChangeState, OutsideChange, SetBy
from monitor.ledger import OrgState, SourceState
from monitor.snapshot import SHOWN_CHANGES, PollHealth, RemediationSnapshot, Snapshot
from monitor.summary import CallersLost
from monitor.web.overview_rows import UNKNOWN, trend_words
from tests.exporter.snapshots import (
    CRM,
    HEALTHY,
    NOW,
    ORG,
    PAYMENT,
    fresh_sources,
    org_snapshot,
    recorded_org_snapshot,
)
from tests.remediation.guard_inputs import change
from tests.web.conftest import Site
from tests.web.overview_snapshots import BURNING, Watched, burning_org, calm_org, watched_org

Server = Callable[..., Site]

VOID = {"meta", "link", "br", "input"}


class Reader(HTMLParser):
    """Collects text and attributes, and holds every tag against its end."""

    def __init__(self) -> None:
        """Begin with an empty page."""
        super().__init__()
        self.words: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a tag."""
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """Close the tag that is open."""
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Note text; not the style sheet."""
        if data.strip() and self.open[-1:] != ["style"]:
            self.words.append(" ".join(data.split()))


def read(html: str) -> Reader:
    """Parse a page that must be well-formed."""
    reader = Reader()
    reader.feed(html)
    reader.close()
    assert reader.open == []
    return reader


def text_of(html: str) -> str:
    """The words of a page in one line."""
    return " ".join(read(html).words)


def test_shows_what_timed_out(serve: Server, tmp_path: Path) -> None:
    """The page names the day's timeouts, their action and the numbers beside them."""
    words = read(serve(recorded_org_snapshot(tmp_path)).ask("/").text).words

    assert "Data is fresh, without conversations" in words
    assert "3 timeouts in 1 of 3 data actions; 2 conversations hit." in words
    assert words.index("1 data action needs attention") < words.index("CRM lookup")
    assert words.index("CRM lookup") < words.index("1 other is well, 1 can't be judged")
    assert words.index("1 other is well, 1 can't be judged") < words.index("Payment")
    assert "33.33 %" in words


def test_an_action_that_was_only_throttled_is_shown_once(serve: Server, tmp_path: Path) -> None:
    """It stands among those that are not well, and is not counted as timed out."""
    shown = recorded_org_snapshot(tmp_path)
    assert shown.diagnosis
    throttled = replace(shown.diagnosis.diagnoses[CRM.action_id], verdict=Verdict.THROTTLED)
    diagnoses = {**shown.diagnosis.diagnoses, PAYMENT.action_id: throttled}
    shown = replace(shown, diagnosis=replace(shown.diagnosis, diagnoses=diagnoses))
    words = read(serve(shown).ask("/").text).words

    assert "3 timeouts in 1 of 3 data actions; 2 conversations hit." in words
    assert words.count("Payment") == 1
    assert words.index("2 data actions need attention") < words.index("Payment")
    assert words.index("Payment") < words.index("0 others are well, 1 can't be judged")


def test_asks_its_own_server_alone(serve: Server, tmp_path: Path) -> None:
    """The page has no image, frame or handler of its own, and every address is on this server."""
    reader = read(serve(recorded_org_snapshot(tmp_path)).ask("/").text)

    tags = {tag for tag, _, _ in reader.attributes}
    assert not tags & {"img", "iframe", "object", "style"}
    addresses = [value for _, name, value in reader.attributes if name in {"href", "src", "action"}]
    assert all(re.match(r"/(?!/)|#", address) for address in addresses)
    names = {name for _, name, _ in reader.attributes}
    assert not {name for name in names if name.startswith("on") or name == "style"}


def test_every_link_leads_somewhere(serve: Server) -> None:
    """What the page links to is there."""
    site = serve(org_snapshot())
    links = [
        value
        for tag, name, value in read(site.ask("/").text).attributes
        if (tag, name) == ("a", "href") and not value.startswith("#")
    ]

    assert links
    assert [site.ask(link).status for link in links] == [200] * len(links)


def test_the_policy_allows_files_of_this_server_and_nothing_in_the_page(serve: Server) -> None:
    """No script or style that stands in the HTML would run, whoever put it there."""
    policy = serve(org_snapshot()).ask("/").headers["Content-Security-Policy"]

    assert policy == (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        "connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    )


def test_names_are_text_and_never_markup(serve: Server) -> None:
    """A name that looks like markup is shown as it is written."""
    nasty = "<script>alert('x')</script> & \"co\""
    health = replace(HEALTHY, problem=nasty)
    state = OrgState(nasty, sources={nasty: SourceState(nasty)})
    answer = serve(org_snapshot(state, health=health)).ask("/")

    assert "<script>" not in answer.text
    assert nasty in read(answer.text).words
    assert nasty in text_of(answer.text).partition("The newest poll had a problem: ")[2]


def test_stale_source_is_said_in_words(serve: Server) -> None:
    """A stale source stands on the page with the moment of its newest read."""
    site = serve(org_snapshot())
    site.clock.at += 595
    text = text_of(site.ask("/").text)

    assert "Data is not up to date" in text
    assert "Data is stale; last read: actions 21 Sep 14:14 UTC" in text
    assert "the newest poll ended 21 Sep 14:14 UTC" in text


def test_what_will_turn_stale_is_in_the_page_before_it_does(serve: Server) -> None:
    """Hidden, with the moment from which a script shows it: no server is needed then."""
    reader = read(serve(org_snapshot()).ask("/").text)

    assert ("p", "data-from", "2026-09-21T14:19:55Z") in reader.attributes
    assert ("span", "data-until", "2026-09-21T14:19:55Z") in reader.attributes


def test_source_that_was_never_read_is_said_in_words(serve: Server) -> None:
    """A source that answers but was never read is told from one that is stale."""
    sources = {"actions": fresh_sources()["actions"]}
    health = PollHealth({"ok": 1}, source_available={"actions": True, "conversations": True})
    words = read(
        serve(org_snapshot(OrgState(ORG, sources=sources), health=health)).ask("/").text
    ).words

    assert "Source conversations has never been read." in words


def test_problem_of_the_newest_poll_is_shown(serve: Server) -> None:
    """What went wrong in the newest poll stands on the page."""
    health = replace(HEALTHY, problem="The platform refused the token")
    words = read(serve(org_snapshot(health=health)).ask("/").text).words

    assert "The newest poll had a problem: The platform refused the token." in words


def test_org_that_no_poll_has_read(serve: Server) -> None:
    """Before the first good poll the page says so, and claims no counts."""
    words = read(serve(org_snapshot(OrgState(ORG), health=PollHealth())).ask("/").text).words

    assert "No poll has succeeded since the start." in words
    assert "A part of this day has not been read: counts are too low." in words
    assert "No data action is known yet." in words


def test_page_before_the_first_poll(serve: Server) -> None:
    """The snapshot that a daemon begins with has a page too."""
    words = read(serve(shown=Snapshot(taken_at=NOW)).ask("/").text).words

    assert "Nothing has been read yet" in words


def test_unwritable_state_is_shown(serve: Server) -> None:
    """A state that can't be written is on top of the page."""
    shown = Snapshot(taken_at=NOW, orgs=(org_snapshot(),), state_writable=False)
    text = text_of(serve(shown=shown).ask("/").text)

    assert "The state cannot be written" in text


def test_contract_flow_has_a_page(serve: Server, tmp_path: Path) -> None:
    """Where only timeouts are known the rest is a dash, not a zero."""
    reader = read(serve(recorded_org_snapshot(tmp_path, contract="flow")).ask("/").text)

    assert "2 timeouts in 1 of 3 data actions; 2 conversations hit." in reader.words
    assert UNKNOWN in reader.words


@pytest.mark.parametrize(
    ("timeouts", "before", "words"),
    [
        (6, None, ""),
        (6, 0, ""),
        (6, 6, ""),
        (6, 4, "+50 %"),
        (1, 2_000, "-100 %"),
        (9_000, 3, "+299,900 %"),
    ],
)
def test_trend_in_words(timeouts: int, before: int | None, words: str) -> None:
    """Timeouts are held against the day before, where that says something."""
    assert trend_words(timeouts, before) == words


def test_conversations_that_no_one_read_are_not_claimed(serve: Server, tmp_path: Path) -> None:
    """Without detail records the headline leaves conversations out."""
    shown = recorded_org_snapshot(tmp_path)
    blind = replace(shown.day, total=replace(shown.day.total, conversations=None))
    words = read(serve(replace(shown, day=blind)).ask("/").text).words

    assert "3 timeouts in 1 of 3 data actions." in words


def test_day_without_a_timeout(serve: Server, tmp_path: Path) -> None:
    """A good day is one calm sentence."""
    shown = recorded_org_snapshot(tmp_path)
    quiet = replace(
        shown.day,
        actions=tuple(action for action in shown.day.actions if not action.timeouts),
        total=replace(shown.day.total, timeouts=0),
    )
    reader = read(serve(replace(shown, day=quiet)).ask("/").text)

    assert "No timeout in 2 data actions." in reader.words
    assert "Nothing needs attention" in reader.words
    assert ("details", "open", "") in reader.attributes


def test_shows_the_verdict_and_the_raise(serve: Server, tmp_path: Path) -> None:
    """Severity in a word, the verdict, the timeout to set, and why."""
    words = read(serve(recorded_org_snapshot(tmp_path)).ask("/").text).words

    assert words.index("slow tail") < words.index("critical") < words.index("5 s")
    assert words[words.index("5 s") + 1 :][:2] == ["\u2192", "advised:"]
    assert any("answers come right up to it" in word for word in words)
    below = words[words.index("critical") :]
    assert below.index("1 other is well, 1 can't be judged") < below.index("healthy")


def test_an_org_that_is_gone_is_not_all_clear(serve: Server) -> None:
    """A link from before a rename says so, shows no numbers of it, and leads on by its form."""
    html = serve(burning_org()).ask("/?org=globex").text
    text = text_of(html)

    assert "There is no org globex" in text
    assert "Timeouts, last hour" not in text
    assert "needs attention" not in text
    assert "nothing changed" not in text
    assert '<option value="globex" data-key="=globex" selected>' in html
    assert '<option value="acme"' in html


def test_the_form_says_what_is_chosen(serve: Server) -> None:
    """Also a verdict or an integration that no action has at the moment."""
    html = serve(burning_org()).ask("/?verdict=wrong_inputs&integration=Gone").text

    assert '<option value="wrong_inputs" data-key="=wrong_inputs" selected>wrong inputs' in html
    assert '<option value="Gone" data-key="=Gone" selected>Gone' in html


def test_before_a_diagnosis_there_is_a_dash(serve: Server, tmp_path: Path) -> None:
    """Not a verdict that nobody gave."""
    undiagnosed = replace(recorded_org_snapshot(tmp_path), diagnosis=None)
    words = read(serve(undiagnosed).ask("/").text).words

    assert "not judged yet" in words
    # A choice of the filter may be called so, but no action is.
    assert not {"healthy", "slow tail", "Why"} & set(words)


def test_callers_lost_stand_in_a_table_of_their_own(serve: Server, tmp_path: Path) -> None:
    """By flow, with how it ended and the timeouts of what it uses; a name is a name."""
    shown = recorded_org_snapshot(tmp_path)
    lost = CallersLost("f1", "<b>Main</b>", 1_234, (("FLOW_ERROR_EXIT", 1_234),), None)
    day = replace(shown.day, callers_lost=(lost,))
    text = serve(replace(shown, day=day)).ask("/").text
    assert '<td class="number" data-label="Callers">1,234</td>' in text
    assert "FLOW_ERROR_EXIT 1,234" in text
    assert "<b>Main</b>" not in text
    assert "Callers lost in a flow to an error of its own" in text


def test_what_names_no_action_is_counted_as_none(serve: Server) -> None:
    """Timeouts whose records name none have a row, but are no data action among the others."""
    nameless = Watched("unknown", None, 3, 3, action_id="unknown")
    text = text_of(serve(watched_org(*BURNING, nameless)).ask("/").text)

    assert "5 of 8 data actions" in text
    assert "5 data actions need attention" in text
    assert "timeouts in 6 of 8 data actions" in text

    quiet = Watched("unknown", None, 0, 3, action_id="unknown")
    text = text_of(serve(watched_org(Watched("A"), quiet)).ask("/").text)
    assert "1 data action is well" in text
    assert "be judged" not in text


def test_a_day_of_more_changes_than_a_snapshot_has(serve: Server) -> None:
    """What the newest hundred tell is not said to be all."""
    made = change(ChangeState.WATCHING, began_at=NOW - 900, sent_at=NOW - 900, applied_at=NOW - 890)
    full = (replace(made, change_id=at) for at in range(SHOWN_CHANGES))
    seen = RemediationSnapshot(changes=tuple(full))
    text = text_of(serve(replace(calm_org(), remediation=seen)).ask("/").text)

    assert "Since yesterday: at least 100 changes of timeouts" in text
    assert "and at least 75 more" in text


def test_what_changed_since_yesterday(serve: Server) -> None:
    """Changes of timeouts by this program and by others, verdicts that began or ended; no older."""
    made = change(ChangeState.WATCHING, began_at=NOW - 900, sent_at=NOW - 900, applied_at=NOW - 890)
    old = change(ChangeState.VERIFIED, began_at=NOW - 3 * 86_400, sent_at=None, applied_at=None)
    outside = OutsideChange(ORG, "a", "<i>Lookup</i>", None, 9_000, NOW - 7_200, SetBy("Ada"))
    seen = RemediationSnapshot(changes=(made, old), outside=(outside,))
    text = text_of(serve(replace(burning_org(), remediation=seen)).ask("/").text)

    assert "Since yesterday: 4 verdicts began, 1 verdict ended, 2 changes of timeouts" in text
    told = text.partition("2 changes of timeouts")[2].partition("All changes")[0]
    assert "Look Up Customer : timeout 3 s \u2192 4 s, watching, by auto@host" in told
    assert "<i>Lookup</i> : timeout not known \u2192 9 s, set outside this program by Ada" in told
    assert "Shipment Tracking : outage ended" in told
    assert "verified" not in told
    assert told.index("watching") < told.index("by Ada") < told.index("slow tail began")


@pytest.mark.parametrize("path", ["/", "/changes"])
def test_the_title_of_every_page_warns_without_a_script(serve: Server, path: str) -> None:
    """Of stale data, and of changes that were stopped: a tab in the background is seen."""
    calm = org_snapshot()
    stopped = replace(calm, remediation=RemediationSnapshot(tripped=True))
    assert "<title>(!) " not in serve(calm).ask(path).text
    assert "<title>(!) " in serve(stopped).ask(path).text
    site = serve(calm)
    site.clock.at += 900
    assert site.ask(path).text.count("(!) ") == 1
