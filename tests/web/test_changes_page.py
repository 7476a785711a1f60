"""The page of changes over real HTTP, from a real journal."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from html import unescape
from threading import Event, Semaphore, Thread

import pytest

from monitor.errors import LedgerError
from monitor.journal import AuditEntry, ChangeState, Switch, Trail, TrailQuery
from monitor.ledger import Ledger
from monitor.snapshot import Snapshot
from monitor.web.changes_page import PIECES_PER_PAGE
from tests.exporter.snapshots import CRM, NOW, ORG, org_snapshot, snapshot
from tests.web.changed_org import HOSTILE, HOUR, ChangedOrg, fill
from tests.web.conftest import Site

Server = Callable[..., Site]


def words_of(html: str) -> str:
    """Return the text of a page's main part, a space between its pieces."""
    main = html.partition("<main")[2].partition("</main>")[0]
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", "<" + main)).split())


def changes(site: Site, query: str = "") -> str:
    """Return what the page says."""
    answer = site.ask(f"/changes{query}")
    assert answer.status == 200
    return words_of(answer.text)


def test_it_tells_what_changed_who_did_it_and_what_came_of_it(
    serve: Server, ledger: Ledger
) -> None:
    """Own changes and those of others in one order, before and after, with their ends."""
    words = changes(serve(shown=fill(ledger), trails=ledger.journal))

    said = [
        "5 s → 7 s In force; its effect is being measured",
        "5 s → 7 s Not made: somebody else wrote first version 12 was written in between",
        "4 s → 5 s In force; it helped",
        "9 s → 12 s Undone fewer than expected were rescued",
        "6 s → 9 s Made outside this program Ada Lovelace the platform's audit log says so",
        "6 s → 9 s Made outside this program Somebody, not known who seen when the catalogue",
        "5 s → 7 s Refused by the platform; nothing was changed 400: timeoutSeconds",
    ]
    words = words.replace(" to ", " → ").replace("→ →", "→")
    places = [words.find(one) for one in said]
    assert -1 not in places, said[places.index(-1)]
    assert places == sorted(places)
    assert "grace on laptop" in words
    assert "The daemon on ops-1" in words


def test_a_change_tells_how_it_went(serve: Server, ledger: Ledger) -> None:
    """Each step, why it was decided, what every guard said, and how to undo it."""
    words = changes(serve(shown=fill(ledger), trails=ledger.journal), "?action=crm")

    assert "7.42 % of the calls take longer than 5 s." in words
    assert re.search(
        "decided.*about to be sent.*carried out.*read back, from now on measured", words
    )
    assert "cooldown let it pass: Nothing was changed for 7 days" in words
    assert "To undo it: timeout-monitor rollback 5" in words


def test_what_was_not_made_is_folded_with_the_guard_that_spoke(
    serve: Server, ledger: Ledger
) -> None:
    """What was refused in a row is one line, until somebody wants to know."""
    html = serve(shown=fill(ledger), trails=ledger.journal).ask("/changes").text
    words = words_of(html)

    assert "3 changes not made: 2 refused, 1 tried without writing" in words
    assert "Refused by the guard cooldown It was changed 11 h ago, and rests for 7 days" in words
    assert "editable refused: Nobody can edit a static action" in words
    assert not re.search(r"<details[^>]* open", html)


def test_what_stops_changes_stands_on_top(serve: Server, ledger: Ledger) -> None:
    """Since when, who, why, and what lets them go on."""
    words = changes(serve(shown=fill(ledger), trails=ledger.journal))

    assert words.index("Paused since") < words.index("Changes of timeouts")
    assert "by ada on ops-2: Release of the flows . timeout-monitor resume --org acme" in words


@pytest.mark.parametrize(
    ("mode", "words"),
    [
        ("off", "Changes are off. Nothing is ever written: the mode is off."),
        (
            "recommend",
            "Nothing stops changes. Nothing is changed by itself: the mode is recommend.",
        ),
        ("auto", "The daemon raises what allow names: the mode is auto."),
    ],
)
def test_a_mode_is_told_in_words(serve: Server, mode: str, words: str) -> None:
    """And so is that nothing was ever changed."""
    known = replace(org_snapshot().remediation, mode=mode)
    said = changes(serve(replace(org_snapshot(), remediation=known)))

    assert words in said
    assert "No timeout was ever changed, by this program or by others." in said


def test_failures_that_stopped_everything_are_told_first(serve: Server, ledger: Ledger) -> None:
    """Also where somebody has paused it, too."""
    shown = fill(ledger)
    lease = ChangedOrg(ledger).lease(NOW)
    ledger.journal.trip(lease, Switch(NOW - 60, "auto@ops-1", "3 failures in a row"))
    words = changes(serve(shown=shown, trails=ledger.journal))

    assert "Stopped after failures in a row since" in words
    assert "by the daemon on ops-1: 3 failures in a row" in words
    assert "All changes stopped after failures 3 failures in a row" in words


@pytest.mark.parametrize(
    ("query", "there", "missing"),
    [
        (f"?action={CRM.action_id}", "4 s", "12 s"),
        ("?action=PAYM", "12 s", "4 s"),
        ("?show=outside", "Ada Lovelace", "12 s"),
        ("?show=not-made", "2 refused", "12 s"),
        ("?show=switches", "All changes paused", "12 s"),
        ("?show=changes", "12 s", "Ada Lovelace"),
        ("?show=nonsense&after=x&org=", "12 s", "nonsense"),
        (f"?org={ORG}", "12 s", "Nothing matches"),
        ("?org=nobody", "There is no org nobody.", "12 s"),
        ("?action=nothing", "Nothing matches. Show everything", "12 s"),
    ],
)
def test_the_address_says_what_is_shown(
    serve: Server, ledger: Ledger, query: str, there: str, missing: str
) -> None:
    """By org, action and kind; what nobody can mean asks for nothing."""
    words = changes(serve(shown=fill(ledger), trails=ledger.journal), query)

    assert there in words
    assert missing not in words


def test_what_was_not_made_stays_unfolded_as_it_grows(serve: Server, ledger: Ledger) -> None:
    """Its row keeps its key, by which an open page knows it, though a page holds no more of it."""
    org = ChangedOrg(ledger)
    site = serve(org_snapshot(), trails=ledger.journal)

    def keys_after(*moments: float) -> list[str]:
        for at in moments:
            org.refuse(CRM, at, "cooldown", "It rests for 7 days")
        return re.findall(r'<tr data-key="(not-made/[^"]+)"', site.ask("/changes").text)

    assert len(first := keys_after(NOW - HOUR, NOW - HOUR + 1)) == 1
    assert keys_after(NOW - HOUR + 2) == first
    cut = keys_after(*(NOW - HOUR + 3 + at for at in range(PIECES_PER_PAGE)))
    assert len(cut) == 1
    assert keys_after(NOW - 1) == cut


def test_a_change_of_another_year_says_so(serve: Server, ledger: Ledger) -> None:
    """A day and a month alone are those of this year."""
    shown = fill(ledger)
    later = replace(shown, taken_at=shown.taken_at + 366 * 86_400)

    assert (
        'data-form="short">21 Sep '
        in serve(shown=shown, trails=ledger.journal).ask("/changes").text
    )
    html = serve(shown=later, trails=ledger.journal).ask("/changes").text.partition("<main")[2]
    assert 'data-form="short">2026-09-21 ' in html
    assert 'data-form="short">21 Sep ' not in html


def test_older_ones_are_a_link_away(serve: Server, ledger: Ledger) -> None:
    """Every page says how many it shows; all of them together show everything once."""
    org = ChangedOrg(ledger)
    for number in range(120):
        org.change(CRM, NOW - HOUR + number, ChangeState.ABANDONED)
    site, path, seen = serve(org_snapshot(), trails=ledger.journal), "/changes?org=acme", []
    while path:
        html = site.ask(path).text
        seen += re.findall(r"change (\d+)</span>", html)
        assert ("Newest</a>" in html) == ("after=" in path)
        link = re.search(r'<span class="faint">50 are shown;</span> <a href="([^"]*)"', html)
        path = unescape(link[1]) if link else ""
        assert not path or path.startswith("/changes?org=acme&after=")

    assert [int(one) for one in seen] == list(range(120, 0, -1))


class BrokenState:
    """A state that can't be read."""

    def trail(self, query: TrailQuery) -> Trail:  # noqa: ARG002 - the reader's own signature
        """Fail, as a database that is gone does."""
        raise LedgerError("the state can't be used: gone", "Bring it back.")


def test_a_state_that_can_not_be_read_hides_nothing_that_is_known(
    serve: Server, ledger: Ledger
) -> None:
    """The snapshot's changes are there, and the page says what is missing, and why."""
    site = serve(shown=fill(ledger), trails=BrokenState())
    words = changes(site)

    assert "The state can't be read now" in words
    assert "the state can't be used: gone" in words
    assert "9 s" in words
    assert "Ada Lovelace" in words
    assert "Paused" in words
    assert "9 s" not in changes(site, "?action=nothing")


class HangingState:
    """A state whose answers do not come until somebody lets them."""

    def __init__(self) -> None:
        """Begin with nobody asking."""
        self.asked, self.over = Semaphore(0), Event()

    def trail(self, query: TrailQuery) -> Trail:  # noqa: ARG002 - the reader's own signature
        """Hang."""
        self.asked.release()
        self.over.wait(20)
        return Trail(())


def test_a_state_that_hangs_takes_nothing_else_down(serve: Server, ledger: Ledger) -> None:
    """Two pages hang with it; others show the snapshot at once, and health and metrics answer."""
    state = HangingState()
    site = serve(shown=fill(ledger), trails=state)
    tabs = [Thread(target=site.ask, args=("/changes",), daemon=True) for _ in range(2)]
    try:
        for tab in tabs:
            tab.start()
            assert state.asked.acquire(timeout=10)

        words = changes(site)
        assert "The state is being read for others." in words
        assert "Ada Lovelace" in words
        assert site.ask("/healthz").status == 200
        assert site.ask("/metrics").status == 200
    finally:
        state.over.set()
    for tab in tabs:
        tab.join(10)
    assert "being read for others" not in changes(site)


def test_names_are_text_and_never_markup(serve: Server, ledger: Ledger) -> None:
    """Of actions, of people, of what the platform said; also of orgs, in the command too."""
    nasty = "a'; <script>"
    shown = fill(ledger, name=HOSTILE)
    org = replace(shown.orgs[0], org=nasty)
    ledger.journal.pause(nasty, Switch(NOW, f"{HOSTILE}@<b>host</b>", HOSTILE))
    ledger.journal.audit.note(
        [AuditEntry(NOW, nasty, "refused", "<i>", "<u>", HOSTILE, detail=HOSTILE)]
    )
    html = serve(shown=snapshot(*shown.orgs, org), trails=ledger.journal).ask("/changes").text

    assert not re.search(r"<(img|b|i|u)[ >]", html)
    assert html.count("<script") == 1
    assert "--org 'a'\\''; <script>'" in unescape(html)


def test_without_a_change_or_an_org_there_is_a_page(serve: Server) -> None:
    """Before the first poll."""
    assert "Nothing has been read yet." in changes(serve(shown=Snapshot(taken_at=NOW)))


def test_the_page_is_the_same_until_something_changes(serve: Server, ledger: Ledger) -> None:
    """So that a browser that looks every few seconds is sent it once."""
    site = serve(shown=fill(ledger), trails=ledger.journal)
    first = site.ask("/changes")
    site.clock.at += 20
    later = site.ask("/changes")
    ledger.journal.resume(ORG, Switch(NOW + 20, "ada@ops-2"))

    assert later.headers["ETag"] == first.headers["ETag"]
    assert site.ask("/changes").headers["ETag"] != first.headers["ETag"]
