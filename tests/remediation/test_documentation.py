"""The documentation of the guards against the guards."""

from __future__ import annotations

import re
from pathlib import Path

from monitor.journal import NEXT
from monitor.remediation.guards import GUARD_NAMES, GUARDS

PAGE = (Path(__file__).parents[2] / "docs" / "remediation.md").read_text(encoding="utf-8")


def test_every_rail_is_told_in_its_order() -> None:
    """With when it lets a change through, and why it is there."""
    told = re.findall(r"^\| `(\w+)` \| [^|]+ \| [^|]+ \|$", PAGE, re.MULTILINE)

    assert [name for name in told if name in GUARD_NAMES] == list(GUARD_NAMES)


def test_every_rail_says_why_it_is_there() -> None:
    """In its own words, where the code is read."""
    assert all(guard.__doc__ and guard.__doc__.endswith(".") for guard in GUARDS)


def test_the_life_of_a_change_is_drawn_as_it_is() -> None:
    """Every step that can follow another, and no other."""
    drawn = set(re.findall(r"^    (\w+) --> (\w+)", PAGE, re.MULTILINE))

    assert drawn == {(str(one), str(to)) for one, following in NEXT.items() for to in following}
