"""Numbers, durations and dates that nothing can be done with, for whatever takes one."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

from monitor.cli.app import app
from monitor.config import Settings, load
from monitor.errors import ConfigurationError
from tests.cli.conftest import Command

ABSURD = ("-1", str(2**63), str(2**64), "1" + "0" * 30, "9" * 5_000, "nan", "inf", "1e400", "")
DATES = ("0001-01-01", "9999-12-31", "10000-01-01", "2026-02-30", *ABSURD)
DURATIONS = (*(f"{one}s" for one in ABSURD), *(f"{one}d" for one in ABSURD), *ABSURD)
MOMENTS = (*DATES, *DURATIONS)
AS_TEXT = {"since": MOMENTS, "begin": MOMENTS, "end": MOMENTS, "wait": DURATIONS}
"""Options that hold a duration or a moment as text."""

NEEDED = {
    ("backfill", "begin"): ("--to", "2026-01-02"),
    ("backfill", "end"): ("--from", "2026-01-01"),
    ("investigate", "since"): ("action",),
    ("investigate", "wait"): ("action",),
    ("investigate", "limit"): ("action",),
    ("export", "begin"): ("openmetrics",),
    ("export", "end"): ("openmetrics",),
}
"""What a command wants beside the parameter that is tried."""


def parameters(group: typer.Typer, before: tuple[str, ...] = ()) -> Iterator[typing.Any]:
    """Every command's words with each parameter that is a number, a duration or a date."""
    for one in group.registered_commands:
        assert one.callback is not None
        words = (*before, one.name or one.callback.__name__.replace("_", "-"))
        for name, parameter in inspect.signature(one.callback).parameters.items():
            kinds = typing.get_args(parameter.annotation)
            if not kinds:
                continue
            types = {kinds[0], *typing.get_args(kinds[0])}
            values = AS_TEXT.get(name, ABSURD if types & {int, float} else ())
            declared = getattr(kinds[1], "param_decls", None) or ()
            is_argument = isinstance(kinds[1], typer.models.ArgumentInfo)
            option = () if is_argument else (declared[0] if declared else f"--{name}",)
            if values:
                yield pytest.param(
                    (*words, *NEEDED.get((words[0], name), ())),
                    option,
                    values,
                    id=f"{words}-{name}",
                )
    for nested in group.registered_groups:
        assert nested.typer_instance is not None
        yield from parameters(nested.typer_instance, (*before, str(nested.name)))


@pytest.fixture
def _configured(command: Command) -> None:
    """An org that nobody can ask: nothing must come that far."""
    assert command("--version").code == 0
    Path("timeout-monitor.toml").write_text(
        "[[org]]\nname = 'acme'\nclient_id = 'c'\nclient_secret = 's'\n"
        "api_url = 'http://127.0.0.1:9'\n",
        encoding="utf-8",
    )


@pytest.mark.usefixtures("_configured")
@pytest.mark.parametrize(("words", "option", "values"), list(parameters(app)))
def test_a_number_that_can_not_be_is_refused(
    command: Command, words: tuple[str, ...], option: tuple[str, ...], values: tuple[str, ...]
) -> None:
    """In words, as bad usage, whichever command takes it."""
    for value in values:
        finished = command(*words, *option, value)

        shown = value[:40]
        assert finished.code in ((1, 2) if value == "0001-01-01" else (2,)), shown
        assert "Traceback" not in finished.err, shown
        assert "went wrong inside" not in finished.err, shown
        assert finished.err.strip(), shown


def test_every_number_is_found() -> None:
    """The table above is made from the commands themselves: it must not be empty."""
    found = {one.id for one in parameters(app)}

    assert len(found) > 10
    assert "('history',)-limit" in found
    assert "('rollback',)-change" in found


@pytest.mark.usefixtures("_configured")
@pytest.mark.parametrize("value", ABSURD)
def test_a_timeout_that_can_not_be_is_refused(command: Command, value: str) -> None:
    """Nothing is asked of the platform for it."""
    finished = command("flow", "set-timeout", "flow", "action", value)

    assert finished.code == 2
    assert "Traceback" not in finished.err


def settings_with_numbers() -> Iterator[typing.Any]:
    """Every key of the settings whose value is a number or a duration."""
    for section, field in Settings.model_fields.items():
        fields = getattr(field.annotation, "model_fields", {})
        for key, one in fields.items():
            if one.annotation in {int, float}:
                values = (
                    DURATIONS
                    if one.metadata and "BeforeValidator" in repr(one.metadata)
                    else ABSURD
                )
                yield pytest.param(section, key, values, id=f"{section}.{key}")


@pytest.mark.parametrize(("section", "key", "values"), list(settings_with_numbers()))
def test_a_setting_that_can_not_be_is_refused(
    section: str, key: str, values: tuple[str, ...]
) -> None:
    """By its full path, whether it comes from a file or a variable."""
    variable = f"TIMEOUT_MONITOR__{section.upper()}__{key.upper()}"
    for value in values:
        with pytest.raises(ConfigurationError, match=rf"{section}\.{key}|{section}: "):
            load(None, {variable: value})
