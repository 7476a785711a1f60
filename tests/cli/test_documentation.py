"""The documentation against the program, in both directions."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from types import UnionType
from typing import Any, Union, get_args, get_origin

import pytest
from pydantic import BaseModel
from pydantic_core import PydanticUndefined
from typer.main import get_command
from typer.testing import CliRunner

from monitor import errors
from monitor.cli.app import app
from monitor.cli.examples import EXAMPLES
from monitor.config import FILE_VARIABLE, ORG_VARIABLES, Settings, load
from monitor.simulator import scenario_names
from monitor.store import SCHEMA_VERSION
from monitor.time_ranges import parse_duration

ROOT = Path(__file__).parents[2]
COMMANDS = ROOT / "docs" / "commands.md"
CONFIGURATION = ROOT / "docs" / "configuration.md"
EXAMPLE = ROOT / "examples" / "timeout-monitor.toml"


def command_names() -> list[str]:
    """Every command, in the order of the help; those of a group by both their words."""
    commands: dict[str, object] = get_command(app).commands  # type: ignore[attr-defined]
    return [
        f"{name} {inner}".strip()
        for name, command in commands.items()
        for inner in getattr(command, "commands", [""])
    ]


def helped(monkeypatch: pytest.MonkeyPatch, *words: str) -> str:
    """What --help prints on a terminal of 80 columns."""
    monkeypatch.setenv("COLUMNS", "80")
    result = CliRunner().invoke(
        app, [*words, "--help"], prog_name="timeout-monitor", terminal_width=80
    )
    assert result.exit_code == 0
    return result.output.rstrip()


def sections(page: Path) -> dict[str, str]:
    """The text of each section by its heading; what stands before the first has none."""
    begin, *rest = re.split(r"^## (.+)\n", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {"": begin, **dict(zip(rest[::2], rest[1::2], strict=True))}


def rows(text: str) -> dict[str, tuple[str, ...]]:
    """The rows of the tables in a text: the other cells by the first, without its code marks."""
    found = {}
    for line in text.splitlines():
        if line.startswith("| `"):
            first, *others = (
                cell.strip().replace(r"\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1]
            )
            found[first.strip("`")] = tuple(others)
    return found


def models() -> dict[str, type[BaseModel]]:
    """Each section's model by its heading in the documentation."""
    found: dict[str, type[BaseModel]] = {}
    for name, field in Settings.model_fields.items():
        if get_origin(field.annotation) is tuple:
            found[f"`[[{name}]]`"] = get_args(field.annotation)[0]
        else:
            assert isinstance(field.annotation, type)
            found[f"`[{name}]`"] = field.annotation
    return found


def test_every_command_has_a_section() -> None:
    """In the order of the help, and no other."""
    assert [name for name in sections(COMMANDS) if name] == command_names()


@pytest.mark.parametrize("name", ["", *command_names()])
def test_help_stands_in_the_documentation(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Word for word, as 80 columns show it."""
    block = re.search(r"```text\n(.*?)\n```", sections(COMMANDS)[name], re.DOTALL)

    assert block
    assert block[1] == helped(monkeypatch, *name.split())


def test_every_command_has_an_example() -> None:
    """And there is none of a command that there is not."""
    assert sorted(EXAMPLES) == sorted(command_names())


@pytest.mark.parametrize("name", command_names())
def test_every_command_has_its_exit_codes(name: str) -> None:
    """How it can end is told where it is described."""
    assert "\nExit codes: " in sections(COMMANDS)[name]


def test_every_exit_code_is_told() -> None:
    """Every code that an error of the tree leaves with stands in the table."""
    codes = {
        kind.exit_code
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, errors.TimeoutMonitorError)
    }
    told = {int(code) for code in re.findall(r"^\| (\d+) \|", sections(COMMANDS)[""], re.MULTILINE)}
    assert codes <= told


def test_every_scenario_is_told() -> None:
    """By its name, where the demo is described."""
    for name in scenario_names():
        assert f"`{name}`" in sections(COMMANDS)["demo"]


@pytest.mark.parametrize("heading", list(models()))
def test_every_setting_is_documented_and_nothing_else(heading: str) -> None:
    """The table of a section has exactly the keys that the program knows, in their order."""
    documented = list(rows(sections(CONFIGURATION)[heading]))

    assert sorted(documented) == sorted(models()[heading].model_fields)


@pytest.mark.parametrize("heading", list(models()))
def test_every_default_is_the_program_s_own(heading: str) -> None:
    """Defaults are written as they would stand in the file."""
    for key, (default, meaning) in rows(sections(CONFIGURATION)[heading]).items():
        field = models()[heading].model_fields[key]
        assert meaning.endswith("."), key
        if field.default is PydanticUndefined:
            assert default == "required", key
        elif field.default is None:
            assert default == "none", key
        else:
            written = tomllib.loads(f"value = {default.strip('`')}")["value"]
            assert _plain(written) == _plain(field.default), key


WORDS = re.findall(
    r"^\| `([^`]+)` \| (?:`(\d+)`|none|any) \| (\w+) \| [A-Z].*\. \|$",
    sections(CONFIGURATION)["Which words end as which outcome"],
    re.MULTILINE,
)


@pytest.mark.parametrize(("error_type", "status", "outcome"), WORDS)
def test_every_documented_word_ends_as_it_says(error_type: str, status: str, outcome: str) -> None:
    """The table of words and statuses is the rule's own, with the defaults of [classify]."""
    assert Settings().classify.classifier().outcome(error_type, status) == outcome


def test_the_documented_words_hold_each_that_was_seen() -> None:
    """Every row of the table is read, and the words of the vendor's own answers are among them."""
    told = sections(CONFIGURATION)["Which words end as which outcome"]
    assert len(WORDS) == told.count("\n| `")
    assert {word for word, _, _ in WORDS} >= {
        *("TOO_MANY_REQUESTS", "TOO_MANY_REQUESTS_REMOTE", "ACTION.AUTHENTICATION"),
        *("ACTION.PROCESSING", "ACTION.REMOTE_ENDPOINT", "INVALID_CREDENTIALS"),
        *("INVALID_SCHEMA", "BAD_REQUEST"),
    }


def test_every_variable_is_documented_and_nothing_else() -> None:
    """The variables that stand for an org, with the keys that they stand for."""
    documented = rows(sections(CONFIGURATION)["The environment alone"])

    assert documented.keys() == ORG_VARIABLES.keys()
    for variable, key in ORG_VARIABLES.items():
        assert documented[variable][0].startswith(f"`{key}`"), variable
    assert FILE_VARIABLE in CONFIGURATION.read_text(encoding="utf-8")


def test_the_example_can_be_loaded() -> None:
    """As it stands, and it describes one org."""
    settings = load(EXAMPLE, {})

    assert [org.name for org in settings.org] == ["acme"]


def test_the_example_holds_every_setting_with_its_default() -> None:
    """But for what has none; that stands there as a comment."""
    text = EXAMPLE.read_text(encoding="utf-8")
    written = tomllib.loads(text)

    for name, field in Settings.model_fields.items():
        section: dict[str, Any] = written[name][0] if name == "org" else written[name]
        model = models()[f"`[[{name}]]`" if name == "org" else f"`[{name}]`"]
        assert field.annotation
        for key, known in model.model_fields.items():
            if key in section:
                if known.default not in {PydanticUndefined, None}:
                    assert _plain(section[key]) == _plain(known.default), key
            else:
                assert re.search(rf"^# {key} = ", text, re.MULTILINE), key
        assert section.keys() <= model.model_fields.keys()


def test_the_documented_lists_of_choices_are_whole() -> None:
    """Where a setting takes one of a few words, the documentation names each."""
    for heading, model in models().items():
        for key, field in model.model_fields.items():
            told = " ".join(rows(sections(CONFIGURATION)[heading])[key])
            for choice in _choices(field.annotation):
                assert choice in told, f"{key}: {choice}"


def test_links_lead_somewhere() -> None:
    """Every relative link of both pages is a file of the checkout."""
    for page in (COMMANDS, CONFIGURATION):
        for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).is_file(), target


def _choices(annotation: object) -> list[str]:
    """The words of every Literal inside an annotation."""
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin in {Union, UnionType, tuple}:
        return [choice for part in inner for choice in _choices(part)]
    return [choice for choice in inner if isinstance(choice, str)]


def _plain(value: object) -> object:
    """A default as one comparable thing, be it written in TOML or in Python."""
    if isinstance(value, tuple | list):
        return list(value)
    try:
        return parse_duration(value)
    except ValueError:
        return value


def test_the_changelog_knows_the_version_of_the_state() -> None:
    """What it says of it last is what the program makes."""
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    told = re.search(r"^- The state is of version (\d+);", text, re.MULTILINE)

    assert told
    assert int(told[1]) == SCHEMA_VERSION
