"""The page about the API says what the API says of itself."""

from __future__ import annotations

import re
from pathlib import Path

from monitor.diagnosis import Severity
from monitor.web.api_description import ACTIONS, ROUTES


def test_the_page_lists_every_route(root: Path) -> None:
    """In the words and the order of ``/api/v1``."""
    page = (root / "docs" / "api.md").read_text(encoding="utf-8")
    told = re.findall(r"^\| `(/[^`]*)` \| (.+) \|$", page, re.MULTILINE)

    assert told == [(route.path, route.summary) for route in ROUTES]


def test_the_page_names_what_actions_are_chosen_by(root: Path) -> None:
    """Each parameter, and each severity."""
    page = (root / "docs" / "api.md").read_text(encoding="utf-8")
    words = [*(one.name for one in ACTIONS.parameters), *(one.value for one in Severity)]

    assert [word for word in words if f"`{word}`" not in page] == []
