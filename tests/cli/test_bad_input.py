"""Whatever is wrong ends in one sentence and one hint on stderr and the exit code for it."""

from __future__ import annotations

import json
import re
import socket
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.cli.conftest import Command
from tests.cli.error_messages import assert_refused
from tests.daemon.place import Place
from tests.simulated_org import SECRET


def test_a_refused_secret(place: Place, command: Command) -> None:
    """Exit code 4, and what to check; the sources are not asked one after the other."""
    place.configure(secret="wrong-and-never-shown")  # noqa: S106 - a test's

    finished = command("poll")

    assert_refused(finished, 4, "refused the credentials")
    assert "wrong-and-never-shown" not in finished.err
    assert place.asked("/oauth/token") == 1


def test_a_key_of_another_client(place: Place, command: Command, keys: dict[str, Path]) -> None:
    """A good key that the platform does not know is refused like a wrong secret."""
    text = place.config.read_text().replace(
        f'client_secret = "{SECRET}"', f'private_key_file = "{keys["good"]}"'
    )
    place.config.write_text(text)

    assert_refused(command("poll"), 4, "refused the credentials")


def test_a_check_as_json(place: Place, command: Command) -> None:
    """One document, with an exit code that says the same."""
    well = command("check", "--format", "json")
    place.configure(secret="wrong")  # noqa: S106 - a test's
    ill = command("check", "--format", "json")

    document = json.loads(well.out)
    assert (well.code, document["ok"]) == (0, True)
    subjects = [(one["org"], one["subject"]) for one in document["checks"]]
    assert subjects[:4] == [(None, "settings"), (None, "state"), (None, "port"), ("acme", "login")]
    assert {one["level"] for one in document["checks"]} == {"ok"}
    document = json.loads(ill.out)
    assert (ill.code, document["ok"]) == (4, False)
    assert document["checks"][-1]["exit_code"] == 4
    assert document["checks"][-1]["hint"]


def test_a_refused_login_in_a_check(place: Place, command: Command) -> None:
    """The check says what is wrong and what to do about it, and exits with 4."""
    place.configure(secret="wrong")  # noqa: S106 - a test's

    finished = command("check")

    assert finished.code == 4
    assert "failed  acme: login: " in finished.out
    assert "Check client_id, the client secret and the region" in finished.out
    assert finished.said[0] == "1 check has failed."


def test_no_permission_at_all(place: Place, command: Command) -> None:
    """A client that may do nothing is told which permission to grant, and where."""
    place.simulator.org.grant([])

    finished = command("poll")

    assert finished.code == 4
    assert "The OAuth client may not use POST /api/v2/analytics" in finished.said[-2]
    assert finished.said[-1].startswith("Grant ")
    assert "Admin > Roles/Permissions" in finished.said[-1]
    assert "Traceback" not in finished.err


def test_one_missing_permission(place: Place, command: Command) -> None:
    """A source that may not be read is left out with a sentence; the others are read."""
    place.simulator.org.grant(["integrations:action:view"])

    finished = command("poll")

    assert_refused(finished, 0, "The OAuth client may not use POST /api/v2/analytics/conversations")
    assert finished.out.startswith("acme: ok, ")


def test_one_source_that_fails(place: Place, command: Command) -> None:
    """A poll that left out what it should have read does not exit with 0."""
    place.order("unavailable", "/api/v2/analytics/conversations", retry_after_seconds=None)

    finished = command("poll")

    assert_refused(finished, 6, "")
    assert finished.out.startswith("acme: partial, ")


def test_each_failure_is_told_once(place: Place, command: Command) -> None:
    """Two sources that fail for two reasons leave two sentences, each with its hint."""
    place.order("server_error", "/api/v2/analytics/conversations")
    place.order("bad_request", "/api/v2/analytics/actions")

    finished = command("poll")

    assert finished.code in {1, 6}
    assert len(finished.said) == 4
    assert finished.out.startswith("acme: partial, ")  # callers lost in flows were read


@pytest.mark.parametrize("words", ["poll", "check"])
def test_a_host_that_is_not_there(place: Place, command: Command, words: str) -> None:
    """Exit code 6, and where to look."""
    place.simulator.close()

    finished = command(words)

    assert finished.code == 6
    assert "the connection was refused" in finished.out + finished.err
    assert "Check region, api_url and login_url" in finished.out + finished.err
    if words == "poll":
        assert_refused(finished, 6, "No connection to 127.0.0.1")


def test_a_web_page_in_place_of_the_platform(place: Place, command: Command) -> None:
    """A proxy that wants a login is no platform: exit code 6."""
    place.order("html", "/", count=100)

    assert_refused(command("poll"), 6, "is not JSON")


def test_a_name_that_is_no_host(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """What can't even be looked up is a mistake in the settings."""
    monkeypatch.setenv("GENESYS_CLIENT_ID", "client")
    monkeypatch.setenv("GENESYS_CLIENT_SECRET", SECRET)
    monkeypatch.setenv("GENESYS_API_URL", "https://" + "a" * 64 + ".example")

    finished = command("poll")

    assert finished.code in {2, 6}
    assert_refused(finished, finished.code, "a" * 64)


def test_an_org_without_data_actions(quiet_place: Place, command: Command) -> None:
    """Nothing has failed, but it is hardly what was wanted: a sentence and a hint, exit code 0."""
    assert_refused(command("poll"), 0, "The org acme has no data actions")
    # Once with the custom authentication actions, and once without.
    assert quiet_place.asked("/api/v2/integrations/actions") == 2

    checked = command("check")
    assert checked.code == 0
    assert "warning acme: catalogue: The org has no data actions" in checked.out
    assert "Check that client_id" in checked.out

    reported = command("report", "--since", "5m")
    assert "The org acme has no data actions." in reported.said
    assert "No data actions" in reported.out


@pytest.fixture
def taken_port() -> Iterator[str]:
    """A port that another program listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield str(listening.getsockname()[1])


def test_a_port_in_use(place: Place, taken_port: str) -> None:
    """Whatever is to listen: the port is named, with exit code 2."""
    config = place.config.read_text().replace("port = 0", f"port = {taken_port}")
    place.config.write_text(config)

    for words in (
        "run",
        f"demo --scenario quiet --port {taken_port}",
        f"simulate --port {taken_port}",
    ):
        finished = place.run(*words.split())
        assert_refused(finished, 2, taken_port)
        assert "in use" in finished.err


@pytest.mark.parametrize("words", ["poll", "run", "report", "check"])
def test_a_state_file_that_is_not_ours(place: Place, command: Command, words: str) -> None:
    """Somebody's file is left as it is, and told by its name."""
    place.state.write_text("somebody's notes\n" * 100)
    before = place.state.read_bytes()

    finished = command(words)

    if words == "check":
        assert finished.code == 1
        assert "is not an SQLite file" in finished.out
    else:
        assert_refused(finished, 1, "state.db is not an SQLite file")
    assert place.state.read_bytes() == before


def test_the_database_of_another_program(place: Place, command: Command) -> None:
    """A database is not enough: it must be ours."""
    with closing(sqlite3.connect(place.state)) as connection:
        connection.execute("CREATE TABLE contacts (name TEXT)")

    assert_refused(command("poll"), 1, "belongs to another program")


@pytest.mark.parametrize("words", ["poll", "run", "report", "check"])
@pytest.mark.parametrize("directory", ["/proc", "/absent/directory"])
def test_a_directory_that_can_not_be_written(
    place: Place, command: Command, words: str, directory: str
) -> None:
    """No user may create a file in /proc, root neither; exit code 1."""
    place.configure(state=f"sqlite:///{directory}/state.db")

    finished = command(words)

    if words == "check":
        assert finished.code == 1
        assert f"the state {directory}/state.db can't be written" in finished.out
    elif words == "report":
        assert_refused(finished, 1, f"There is no state at {directory}/state.db")
    else:
        assert_refused(finished, 1, f"The state {directory}/state.db can't be opened or created")


def test_a_password_in_the_url_of_the_state_is_not_shown(place: Place, command: Command) -> None:
    """Where PostgreSQL can't be used, its password is nowhere to be seen."""
    place.configure(state="postgresql://user:open-sesame@127.0.0.1:1/db")

    finished = command("poll")

    assert_refused(finished, 1, "")
    assert "open-sesame" not in finished.err


def test_a_state_that_refuses_to_be_written(place: Place, command: Command) -> None:
    """A write that fails in the middle of a poll is told, with exit code 1."""
    assert command("poll").code == 0
    read_only = f"sqlite:///file:{place.state}?mode=ro&uri=true"
    place.configure(state=read_only)

    finished = command("poll")

    assert_refused(finished, 1, "can't be written")
    assert '"result": "failed"' in finished.err


def test_a_state_that_may_only_be_read_can_be_reported(place: Place, command: Command) -> None:
    """Somebody who may not write may still read."""
    assert command("poll").code == 0
    place.configure(state=f"sqlite:///file:{place.state}?mode=ro&uri=true")

    assert command("report", "--since", "10m").code == 0


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (
            "report --since soon",
            "--since: 'soon' is no time that is understood; write how long ago (90m, 24h",
        ),
        ("report --since 36d", "--since: 36d is longer than the state is kept"),
        ("report --output /proc/report.csv", "can't be written to /proc/report.csv"),
        ("backfill --from 2026-01-02 --to 2026-01-01", "--to must be later than --from"),
        ("backfill --from 2026-01-01 --to 2099-01-01", "--to lies in the future"),
        ("backfill --from 2020-01-01 --to 2020-01-02", "further back than the state is kept"),
    ],
)
def test_arguments_that_can_not_be_used(
    place: Place, command: Command, words: str, sentence: str
) -> None:
    """The option is named, with exit code 2."""
    assert command("poll").code == 0
    assert place.state.exists()

    assert_refused(command(*words.split()), 2, sentence)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("demo --scenario nowhere", "There is no scenario 'nowhere'"),
        ("simulate --scenario nowhere", "There is no scenario 'nowhere'"),
        ("simulate --host 192.0.2.1 --port 0", "Can't listen on 192.0.2.1"),
    ],
)
def test_simulations_that_can_not_be(place: Place, words: str, sentence: str) -> None:
    """What can't be played, or not there, is named with exit code 2."""
    assert_refused(place.run(*words.split()), 2, sentence)


def test_an_error_of_our_own_is_no_trace(
    place: Place, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What nobody foresaw is told in a sentence too, with where to go; --verbose shows it all."""

    def broken(*_: object) -> None:
        message = "the moon is in the seventh house"
        raise ZeroDivisionError(message)

    monkeypatch.setattr("monitor.poller.org_poller.OrgPoller.poll", broken)
    assert place.config.exists()

    told = command("poll")
    assert_refused(told, 1, "the moon is in the seventh house")
    assert re.search(
        r"ZeroDivisionError was raised at \S+\.py:\d+ in \S*\.py:\d+: the moon", told.err
    )
    verbose = command("--verbose", "poll")
    assert verbose.code == 1
    assert "Traceback" in verbose.err
    assert "ZeroDivisionError: the moon is in the seventh house" in verbose.err
