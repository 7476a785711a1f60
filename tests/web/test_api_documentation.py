"""The page about the API says what the API says of itself."""

from __future__ import annotations

import re
from pathlib import Path

from monitor.diagnosis import Severity
from monitor.web.api_description import ACTIONS, ROUTES

PAGE = (Path(__file__).parents[2] / "docs" / "api.md").read_text(encoding="utf-8")


def test_the_page_lists_every_route() -> None:
    """In the words and the order of ``/api/v1``."""
    told = re.findall(r"^\| `(/[^`]*)` \| (.+) \|$", PAGE, re.MULTILINE)

    assert told == [(route.path, route.summary) for route in ROUTES]


def test_the_page_names_what_actions_are_chosen_by() -> None:
    """Each parameter, and each severity."""
    words = [*(one.name for one in ACTIONS.parameters), *(one.value for one in Severity)]

    assert [word for word in words if f"`{word}`" not in PAGE] == []
