"""The table at every width that a terminal may have."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from rich.console import Console

from monitor.cli.plan_views import audit_table
from monitor.cli.tables import report_table
from monitor.cli.terminal import WHOLE_WIDTH, console_for
from monitor.journal import AuditEntry
from tests.cli.conftest import Command
from tests.daemon.place import Place

HEADINGS = (
    "Action", "Severity", "Verdict", "Timeout", "Timeouts", "Share", "Runs", "1 d ago", "p50",
    "p95", "p99", "Used", "Errors", "Throttled", "Calls", "Integration", "Flows",
)  # fmt: skip


@pytest.fixture
def report(
    place: Place, command: Command, monkeypatch: pytest.MonkeyPatch
) -> Callable[[int], list[str]]:
    """The lines of a report on a terminal of so many columns."""
    assert command("poll").code == 0
    assert place.state.exists()

    def lines(width: int) -> list[str]:
        monkeypatch.setenv("COLUMNS", str(width))
        monkeypatch.setenv("FORCE_COLOR", "1")
        monkeypatch.setenv("NO_COLOR", "1")
        return command("report", "--since", "30m").out.splitlines()

    return lines


def without_styles(lines: list[str]) -> list[str]:
    """What stands there, however bold or dim."""
    return [re.sub(r"\x1b\[[0-9]*m", "", line) for line in lines]


@pytest.mark.parametrize("width", [60, 80, 100, 120, 200])
def test_every_width_has_what_matters_most(report: Callable[[int], list[str]], width: int) -> None:
    """Each action stands with its name, verdict and timeout on one line that is not too long."""
    lines = without_styles(report(width))
    [heading] = [line for line in lines if line.startswith("Action")]

    assert heading.split()[:1] == ["Action"]
    assert {"Verdict", "Timeout", "Timeouts"} <= set(heading.split())
    table = lines[lines.index(heading) : lines.index("")]
    for name in ("Order Status", "Take Payment", "Branch Finder"):
        assert sum(line.startswith(name) for line in table) == 1
    assert all(len(line) <= width for line in lines)
    assert "\N{HORIZONTAL ELLIPSIS}" not in heading


def test_what_is_left_out_is_told(report: Callable[[int], list[str]]) -> None:
    """On a narrow terminal the columns that are missing are named, and where they are found."""
    # Where a line was wrapped a blank may stand at its end, and does not where it is just full.
    said = " ".join(" ".join(without_styles(report(80))).split())

    assert "Not shown for lack of room:" in said
    assert "--format csv" in said


def test_a_wide_terminal_has_all(report: Callable[[int], list[str]]) -> None:
    """Nothing is missing where there is room."""
    lines = "\n".join(report(200))

    for heading in HEADINGS:
        assert heading in lines
    assert "lack of room" not in lines


def test_an_org_without_actions(quiet_place: Place, command: Command) -> None:
    """It is said in words, not by an empty table."""
    command("poll")
    lines = command("report", "--since", "10m").out.splitlines()

    assert "No data actions" in lines
    assert not any(line.startswith("Action") for line in lines)
    assert quiet_place.state.exists()


def test_no_summary_is_no_table() -> None:
    """Before the first poll there is nothing to draw."""
    console = Console(width=80)
    with console.capture() as captured:
        console.print(report_table([]))

    assert captured.get().strip() == ""


def test_a_pipe_has_room() -> None:
    """Where there is no terminal no width is imposed."""
    assert console_for().width == WHOLE_WIDTH
    assert console_for(90).width == 90


def test_what_an_older_program_kept_as_it_came_steers_no_terminal() -> None:
    """Reasons and names that somebody typed are shown as text, and whole."""
    detail = "\x1b[31m" + "because " * 100
    entry = AuditEntry(0.0, "acme", "paused", "al\x1bice", detail=detail)
    console = console_for(2_000)
    with console.capture() as captured:
        console.print(audit_table([entry]))

    assert "al\ufffdice" in captured.get()
    assert "\ufffd[31m" + "because " * 99 in captured.get()
