"""What ``demo`` draws into a window: as much as fits, from the head of the table down."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console
from rich.text import Text

from monitor.cli.demo_screen import ROOMY_LINES, DemoScreen
from tests.exporter.snapshots import ORG, recorded_org_snapshot

FOOT = Text("Status page  http://127.0.0.1:9840\nCtrl-C ends it"), Text("Ctrl-C ends it")


@pytest.fixture
def screen(tmp_path: Path) -> DemoScreen:
    """A day with three actions, one of which is explained."""
    shown = recorded_org_snapshot(tmp_path)
    assert shown.diagnosis is not None
    return DemoScreen([shown.day], {ORG: shown.diagnosis}, FOOT)


def drawn(screen: DemoScreen, width: int, height: int) -> list[str]:
    """Its lines in a window."""
    console = Console(width=width, height=height)
    with console.capture() as captured:
        console.print(screen)
    return [line.rstrip() for line in captured.get().splitlines()]


def with_many_actions(screen: DemoScreen) -> DemoScreen:
    """The same day with sixty actions."""
    [day] = screen.summaries
    many = tuple(
        replace(day.actions[0], action_id=f"many-{number}", action_name=f"Action {number}")
        for number in range(60)
    )
    return replace(screen, summaries=[replace(day, actions=many)])


@pytest.mark.parametrize("width", [40, 60, 80, 200])
def test_no_window_is_too_low(screen: DemoScreen, width: int) -> None:
    """Whatever its height nothing is drawn below its end, and the foot is in view."""
    for height in (8, 11, 24, 47):
        for one in (screen, with_many_actions(screen)):
            lines = drawn(one, width, height)
            assert len(lines) <= height
            assert lines[-1] == "Ctrl-C ends it"
            assert sum(line.startswith("Action ") for line in lines[:6]) >= 1


def test_more_room_shows_more(screen: DemoScreen) -> None:
    """The table comes first, then why, then what else is to be known."""
    low, middle, high = (drawn(screen, 120, height) for height in (9, 14, 40))

    assert not any(line == "Why" for line in low)
    assert "Why" in middle
    assert not any(line.startswith("Callers lost in flow") for line in middle)
    assert any(line.startswith("Callers lost in flow") for line in high)


def test_what_has_no_room_is_counted(screen: DemoScreen) -> None:
    """A table that is longer than the window says by how much, and where the rest is."""
    lines = drawn(with_many_actions(screen), 80, 24)
    [more] = [line for line in lines if line.startswith("and ")]

    shown = sum(line.startswith("Action ") and line[7].isdigit() for line in lines)
    assert more == f"and {60 - shown} more actions: the status page has all"


def test_room_is_left_for_what_comes_after(screen: DemoScreen) -> None:
    """The last screen has no addresses, which answer no more, and ends above the shell's prompt."""
    lines = drawn(replace(with_many_actions(screen), foot=None, spare_lines=5), 80, 24)

    assert len(lines) <= 24 - 5
    assert not any("status page" in line for line in lines)


def test_a_low_window_has_its_addresses_on_a_line(screen: DemoScreen) -> None:
    """One with room has a line for each."""
    assert "Status page  http://127.0.0.1:9840" in drawn(screen, 80, ROOMY_LINES)
    assert "Status page  http://127.0.0.1:9840" not in drawn(screen, 80, ROOMY_LINES - 1)


def test_a_name_steers_no_terminal(screen: DemoScreen) -> None:
    """It is written past the streams that keep such things out of everything else."""
    [day] = screen.summaries
    named = replace(day.actions[0], action_name="CRM \x1b]0;owned\x07 \u202egpj")
    lines = "\n".join(drawn(replace(screen, summaries=[replace(day, actions=(named,))]), 80, 24))

    assert "\x1b" not in lines
    assert "\u202e" not in lines
