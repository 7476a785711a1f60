"""Axe-core on every page, in both schemes, at the width of a desk and of a phone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from monitor.snapshot import OrgSnapshot, RemediationSnapshot
from tests.exporter.snapshots import HEALTHY
from tests.web.conftest import Site
from tests.web.overview_snapshots import burning_org, calm_org

UNFOLD = "document.querySelectorAll('details').forEach((one) => { one.open = true; })"


def alarmed_org() -> OrgSnapshot:
    """Return an org with a banner of each kind."""
    stopped = RemediationSnapshot(mode="auto", paused=True, tripped=True)
    health = replace(HEALTHY, problem="The platform can't be reached")
    return replace(burning_org(), remediation=stopped, health=health)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("org", [alarmed_org, calm_org])
@pytest.mark.parametrize("width", [1280, 390])
def test_the_overview_is_accessible(
    page: Page, serve: Callable[..., Site], scheme: str, org: Callable[[], OrgSnapshot], width: int
) -> None:
    """Nothing serious or critical, contrast among it, with everything unfolded."""
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    page.set_viewport_size({"width": width, "height": 844})
    page.goto(f"http://127.0.0.1:{serve(org(), replace(calm_org(), org='globex')).port}/")
    page.evaluate(UNFOLD)

    found = Axe().run(page).response["violations"]
    assert [
        (one["id"], one["impact"], [node["html"] for node in one["nodes"]][:3])
        for one in found
        if one["impact"] in {"serious", "critical"}
    ] == []
