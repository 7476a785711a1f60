"""Where ``report`` and ``export`` write to, and what they leave as it is."""

from __future__ import annotations

import json
import os
import re
import stat
import threading
from pathlib import Path

import pytest

from monitor.cli.results import Result
from monitor.errors import ConfigurationError
from tests.cli.conftest import Command
from tests.cli.error_messages import assert_refused
from tests.daemon.place import PATIENCE_SECONDS, Place
from tests.simulated_org import SECRET

WRITERS = ("report --since 30m", "export openmetrics")


NEEDED = [
    ("state.db", "part of the state"),
    ("state.db-wal", "part of the state"),
    ("state.db-shm", "part of the state"),
    ("state.db-journal", "part of the state"),
    ("secret", "a credential of org acme"),
    ("web.yml", "part of [serve] web_config"),
    ("key.pem", "part of [serve] web_config"),
    ("state.audit.jsonl", "the audit trail"),
    ("timeout-monitor.toml", "the configuration file"),
    ("link", "part of the state"),
    ("twin", "part of the state"),
]
"""Files that the program lives on, and what they are."""


@pytest.mark.parametrize("words", [*WRITERS, "state backup", "state repair"])
def test_what_the_program_lives_on_is_not_overwritten(
    place: Place, command: Command, words: str
) -> None:
    """By its name, a link or a second name; nor is it made where it is not there at the moment."""
    text = place.config.read_text().replace("port = 0", 'port = 0\nweb_config = "web.yml"')
    text = re.sub("client_secret = .*", 'client_secret_file = "secret"', text)
    place.config.write_text(text)
    (place.folder / "secret").write_text(SECRET)
    (place.folder / "web.yml").write_text("tls_server_config: {cert_file: c, key_file: key.pem}")
    assert command("poll").code == 0
    (place.folder / "link").symlink_to(place.state)
    (place.folder / "twin").hardlink_to(place.state)
    before = {path: path.read_bytes() for path in place.folder.iterdir()}

    for name, what in NEEDED:
        finished = command(*words.split(), "-o", name)

        assert_refused(finished, 2, f"can't be written to {name}: that is {what}")
        assert {path: path.read_bytes() for path in place.folder.iterdir()} == before, name


@pytest.mark.parametrize("words", WRITERS)
def test_a_pipe_is_written_into(place: Place, command: Command, words: str) -> None:
    """It stays one, and whoever reads it gets all of it."""
    assert command("poll").code == 0
    pipe, read = place.folder / "pipe", []
    os.mkfifo(pipe)
    reader = threading.Thread(
        target=lambda: read.append(pipe.read_text(encoding="utf-8")), daemon=True
    )
    reader.start()

    assert command(*words.split(), "-o", str(pipe)).code == 0

    reader.join(10)
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    assert "acme" in read[0] or "Order Status" in read[0]


def result(output: Path) -> Result:
    """A result that may be written over anything."""
    return Result(output, "report", {})


def test_the_last_result_stays_until_the_new_one_is_whole(tmp_path: Path) -> None:
    """A disk that is full in the middle costs nothing, and nothing half made is left."""
    output = tmp_path / "report.csv"
    output.write_text("the last one")

    def half() -> None:
        with result(output).opened() as file:
            file.write("half of the new one")
            raise OSError(28, "No space left on device")

    with pytest.raises(ConfigurationError, match="No space left"):
        half()

    assert [(one.name, one.read_text()) for one in tmp_path.iterdir()] == [
        ("report.csv", "the last one")
    ]


def test_a_link_is_followed(tmp_path: Path) -> None:
    """What it leads to is written, and it stays a link."""
    link, target = tmp_path / "link", tmp_path / "report.csv"
    link.symlink_to(target.name)

    for text in ("one", "two"):
        with result(link).opened() as file:
            file.write(text)
        assert (link.is_symlink(), target.read_text()) == (True, text)


def test_whoever_could_read_it_still_can(tmp_path: Path) -> None:
    """A new file is like any other that this user makes; one that is replaced stays as it was."""
    output, other = tmp_path / "report.csv", tmp_path / "other"
    other.touch()

    with result(output).opened() as file:
        file.write("one")
    assert output.stat().st_mode == other.stat().st_mode

    output.chmod(0o640)
    with result(output).opened() as file:
        file.write("two")
    assert (stat.S_IMODE(output.stat().st_mode), output.read_text()) == (0o640, "two")


def test_the_standard_output_is_written_into_wherever_it_leads(place: Place) -> None:
    """The file that a shell has opened stays the one that it has opened."""
    assert place.run("poll").code == 0
    shown = place.folder / "shown.json"
    with shown.open("w") as stdout:
        words = ("report", "--since", "30m", "--format", "json", "-o", "/dev/stdout")
        process = place.start(*words, stdout=stdout.fileno())
        assert process.wait(PATIENCE_SECONDS) == 0
        assert os.fstat(stdout.fileno()).st_ino == shown.stat().st_ino

    assert json.loads(shown.read_text(encoding="utf-8"))["actions"]
