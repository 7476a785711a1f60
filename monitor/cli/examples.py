"""Examples that ``--help`` ends with: for each command, what people come for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import typer

EXAMPLES: Final[Mapping[str, tuple[str, ...]]] = {
    "demo": ("demo", "demo --port 9841 --duration 60", "demo --scenario large --seed 7"),
    "run": ("run", "--config /etc/timeout-monitor.toml run"),
    "poll": ("poll", "poll --json"),
    "backfill": (
        "backfill --from 7d --to 1d",
        "backfill --from 2026-11-23 --to '2026-11-23 14:30'",
    ),
    "reconcile": ("reconcile --since 2d", "reconcile --since yesterday --json"),
    "report": (
        "report --since 90m",
        "report --since yesterday --min-severity warning",
        "report --since 7d --format html --output week.html",
        "report --format html --output report.html",
    ),
    "investigate": (
        "investigate 'Order Status'",
        "investigate 'Order Status' --since 1d --limit 100 --format json",
    ),
    "plan": ("plan", "plan --format terraform"),
    "apply": ("apply --dry-run", "apply 'Order Status'"),
    "trial": ("trial 'Order Status'", "trial 'Order Status' --for 2h --dry-run"),
    "rollback": ("rollback 17",),
    "history": ("history", "history --audit --limit 20"),
    "pause": ("pause --reason 'release tonight'",),
    "resume": ("resume --reason 'release is out'", "resume --action 'Order Status'"),
    "export": (
        "export openmetrics --from 30d --output past.om",
        "export openmetrics --to '2026-11-23 14:30' --label job=timeout-monitor",
    ),
    "check": ("check", "check --format json"),
    "simulate": ("simulate --port 9841", "simulate --contract flow --seed 7"),
    "flow show": ('flow show "$FLOW"',),
    "flow set-timeout": ("flow set-timeout \"$FLOW\" 'Order Status' 6000 --dry-run",),
    "state backup": ("state backup --output saved.db",),
    "state repair": ("state repair --output repaired.db",),
    "state check": ("state check",),
}
"""What is typed after the program's name, by the words of the command."""


def add_examples(group: typer.Typer, name: str = "") -> None:
    """Let the help of every command of a group end with its examples.

    Args:
        group: The commands.
        name: The group's own name; empty for the program's.
    """
    for command in group.registered_commands:
        own = command.name or getattr(command.callback, "__name__", "")
        lines = [f"  timeout-monitor {one}" for one in EXAMPLES[f"{name} {own}".strip()]]
        # A line of \b alone: what follows is shown as it is.
        command.epilog = "\n".join(["\b", "Examples:", *lines])
    for inner in group.registered_groups:
        if inner.typer_instance is not None:
            add_examples(inner.typer_instance, str(inner.name))
