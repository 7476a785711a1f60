"""Pages, documents and files over HTTP: compressed, and sent once while they are the same."""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from monitor.snapshot import Snapshot
from tests.exporter.snapshots import NOW, org_snapshot, recorded_org_snapshot
from tests.web.conftest import Site

Server = Callable[..., Site]

READ_AGAIN = ("/", "/api/v1/actions", "/static/app.js")


@pytest.mark.parametrize("path", READ_AGAIN)
def test_what_was_read_already_is_not_sent_again(serve: Server, tmp_path: Path, path: str) -> None:
    """The second look costs a 304 without a body, and says what a browser needs to know."""
    site = serve(recorded_org_snapshot(tmp_path))
    first = site.ask(path, Accept_Encoding="gzip")
    second = site.ask(path, Accept_Encoding="gzip", If_None_Match=first.headers["ETag"])

    assert (first.status, second.status, second.body) == (200, 304, b"")
    assert second.headers["ETag"] == first.headers["ETag"]
    assert second.headers["Cache-Control"] == first.headers["Cache-Control"]
    assert second.headers["Content-Length"] is None


@pytest.mark.parametrize("path", READ_AGAIN)
def test_is_compressed_for_who_takes_it(serve: Server, tmp_path: Path, path: str) -> None:
    """The same body, smaller; under one ETag, for it says the same."""
    site = serve(recorded_org_snapshot(tmp_path))
    plain, packed = site.ask(path), site.ask(path, Accept_Encoding="br, gzip;q=0.9")

    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.body) == plain.body
    assert len(packed.body) < len(plain.body) / 2
    assert packed.headers["ETag"] == plain.headers["ETag"]
    assert "Accept-Encoding" in plain.headers["Vary"]
    assert "Content-Encoding" not in site.ask(path, Accept_Encoding="gzip;q=0").headers


def test_time_alone_makes_no_page_new(serve: Server, tmp_path: Path) -> None:
    """A page prints moments and no ages: it is the same until there is something new to say."""
    site = serve(recorded_org_snapshot(tmp_path))
    first = site.ask("/")
    site.clock.at += 130
    later = site.ask("/")

    assert later.headers["ETag"] == first.headers["ETag"]
    assert later.headers["Server-Timing"] == f"now;dur={(NOW + 130) * 1000:.0f}"


def test_a_new_snapshot_makes_a_page_new(serve: Server) -> None:
    """What was read meanwhile is sent, though the reader has a page already."""
    site = serve(org_snapshot())
    first = site.ask("/").headers["ETag"]
    site.holder.swap(Snapshot(taken_at=NOW + 60, orgs=(replace(org_snapshot(), polled_at=NOW),)))

    assert site.ask("/", If_None_Match=first).status == 200


def test_an_error_is_not_kept(serve: Server) -> None:
    """Neither kept by a browser nor given an ETag: it may be over at the next look."""
    answer = serve(org_snapshot()).ask("/nothing", Accept_Encoding="gzip")

    assert (answer.status, answer.headers["Cache-Control"]) == (404, "no-store")
    assert "ETag" not in answer.headers


def test_files_of_pages_are_kept_for_good_under_their_content(serve: Server) -> None:
    """The URL names the content: a browser keeps it for a year; under another name it asks."""
    site = serve(org_snapshot())
    urls = re.findall(r'/static/[^"]+', site.ask("/").text)

    assert {url.partition("?")[0] for url in urls} >= {"/static/app.css", "/static/app.js"}
    for url in urls:
        assert "immutable" in site.ask(url).headers["Cache-Control"]
        other = site.ask(url.partition("?")[0] + "?v=0")
        assert other.headers["Cache-Control"] == "private, no-cache"


@pytest.mark.parametrize("name", ["nothing.css", "..%2fapp.py", "%2e%2e/app.py", ""])
def test_no_other_file_is_served(serve: Server, name: str) -> None:
    """What is not in the folder is not found, whatever the path looks like."""
    assert serve(org_snapshot()).ask(f"/static/{name}").status == 404
