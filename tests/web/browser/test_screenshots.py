"""Pictures of the pages as artefacts: looked at by people, and each of a page that is whole."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from monitor.snapshot import OrgSnapshot
from tests.web.conftest import Site
from tests.web.overview_snapshots import burning_org, calm_org

KEPT_IN = os.environ.get("TIMEOUT_MONITOR_SCREENSHOTS", "")
"""A folder to keep them in; read here, for tests run without variables of ours."""

SIZES = {"wide": (1280, 800), "phone": (390, 844)}

VIEWS: dict[str, tuple[Callable[[], tuple[OrgSnapshot, ...]], float]] = {
    "burning": (lambda: (burning_org(),), 10),
    "calm": (lambda: (calm_org(),), 10),
    "stale": (lambda: (burning_org(),), 900),
    "orgs": (lambda: (burning_org("acme"), calm_org("globex"), calm_org("initech")), 10),
}
"""What is shown, and how old it is; seconds."""


@pytest.mark.parametrize("look", ["wide-light", "wide-dark", "phone-light", "phone-dark"])
@pytest.mark.parametrize("view", VIEWS)
def test_pictures_of_the_overview(
    page: Page, serve: Callable[..., Site], tmp_path: Path, view: str, look: str
) -> None:
    """The page is drawn to its end, and its picture kept where somebody wants to look at it."""
    shown, age_seconds = VIEWS[view]
    size, _, scheme = look.partition("-")
    width, height = SIZES[size]
    page.set_viewport_size({"width": width, "height": height})
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    site = serve(*(replace(one, catalogue_read_at=one.polled_at) for one in shown()))
    site.clock.at += age_seconds
    page.goto(f"http://127.0.0.1:{site.port}/")
    expect(page.get_by_role("contentinfo")).to_contain_text("Timeout Monitor")

    folder = Path(KEPT_IN) if KEPT_IN else tmp_path
    picture = folder / f"overview-{view}-{look}.png"
    page.screenshot(path=picture, full_page=size == "phone")
    assert picture.read_bytes().startswith(b"\x89PNG")
