"""What the benchmark of the pages measures, and that it says so; its times are for it alone."""

from __future__ import annotations

import gzip
from collections.abc import Iterator

import msgspec
import pytest

from benchmarks.pages import AIMS, SLOW_TAIL, Aim, Cost, Site, measure, open_site, rows_of, table

ACTIONS = 21
"""One of each kind."""


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    """The application on a small state."""
    with open_site(ACTIONS, windows=300) as site:
        yield site


@pytest.mark.parametrize("aim", AIMS, ids=lambda aim: aim.name)
def test_what_is_measured_is_the_real_answer(site: Site, aim: Aim) -> None:
    """Every path answers with the whole of it, and the same when it is sent compressed."""
    plain = site.ask(aim.path, is_packed=False)

    packed = site.ask(aim.path)
    # What is short is sent as it is.
    assert (gzip.decompress(packed) if len(plain) >= 1024 else packed) == plain
    if aim.name not in {"changes", "critical as JSON"}:
        assert SLOW_TAIL.encode() in plain


def test_every_action_is_on_the_page_and_in_the_document(site: Site) -> None:
    """So that what is told of thousands is of thousands."""
    page = site.ask("/?show=all", is_packed=False).decode()
    document = msgspec.json.decode(site.ask("/api/v1/actions", is_packed=False))

    assert len(document["actions"]) == ACTIONS
    assert all(f"/{one['action_id']}" in page for one in document["actions"])
    assert all(one["verdict"] and one["timeouts_by_hour"] for one in document["actions"])


def test_bare_jinja_has_the_same_rows() -> None:
    """Cell by cell, as text; of a document key by key."""
    page = b"<table><tr><th>a &lt;b&gt;</th><td data-x='1'><b>2</b></td></tr><tr></tr></table>"

    assert rows_of(page) == [["a <b>", "2"], []]
    assert rows_of(b'{"actions":[{"org":"x","n":1},{"org":"y"}]}') == [["x", "1"], ["y"]]
    assert rows_of(b'{"action":{"org":"x"}}') == [["x"]]


def test_a_snapshot_is_new_when_a_poll_has_ended(site: Site) -> None:
    """Otherwise the first look would be another one."""
    before = site.holder.current
    site.poll()

    assert site.holder.current is not before
    assert site.holder.current.orgs[0].diagnosis is before.orgs[0].diagnosis


def test_it_says_whether_an_aim_is_reached(site: Site) -> None:
    """In time and in size, as a line of the table; without an aim it claims nothing."""
    cost = measure(site, AIMS[0], runs=1)
    assert cost.rows > ACTIONS / 2
    assert min(cost.bare_ms, cost.first_ms, cost.again_ms, cost.sent_bytes) > 0

    aim = Aim("overview", "/", 50.0, 100_000)
    good = Cost(aim, 2.0, 49.0, 1.0, 500_000, 99_999, 300)
    slow = Cost(aim, 2.0, 51.0, 1.0, 500_000, 99_999, 300)
    large = Cost(aim, 2.0, 49.0, 1.0, 500_000, 100_000, 300)
    free = Cost(Aim("changes", "/changes"), 2.0, 51.0, 1.0, 500, 300, 3)
    assert [one.holds for one in (good, slow, large, free)] == [True, False, False, True]
    *_, first, second = table([good, free]).splitlines()
    assert first == (
        "| overview | 300 | 2.00 ms | 49.0 ms | 24.5 | 1.0 ms | 500 kB | 100.0 kB "
        "| 50 ms, 100 kB | yes |"
    )
    assert second.endswith("| - | - |")
