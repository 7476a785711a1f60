"""``flow show`` and ``flow set-timeout``: what they refuse, say and print."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from monitor.ledger import Ledger
from tests.cli.conftest import Command
from tests.configuration_file import FILE_NAME, toml
from tests.end_to_end.flow_shell import ACTION_ID, FLOW_ID, Shell, lines, shell_in
from tests.genesys.far_side import FarSide, Reply, listening
from tests.simulated_org import org_table


@pytest.fixture
def shell(tmp_path: Path, command: Command, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shell]:
    """A few variables, and the program in the test's own process."""
    with shell_in(tmp_path) as shell:
        for name, value in shell.variables.items():
            monkeypatch.setenv(name, value)
        Ledger.open(f"sqlite:///{shell.state}").close()
        yield replace(shell, command=command)


def test_a_refused_document_is_told_with_what_differs(shell: Shell) -> None:
    """400: the platform's words, and which part is not as it was fetched."""
    shell.fault("bad_request")

    done = shell.run("flow", "set-timeout", "6000")

    assert done.code == 1
    assert "The request could not be understood by the server" in done.err
    assert "at $.actions[1].data.timeout alone, 5000 ms before and 6000 ms now" in done.err


def test_a_missing_permission_is_named(shell: Shell) -> None:
    """403: which one, and where to grant it."""
    shell.wire.org.grant(["flow:flow:read"])

    done = shell.run("flow", "set-timeout", "6000")

    assert done.code == 4
    assert "flow:flow:write" in done.err
    assert "Admin > Roles/Permissions" in done.err
    assert shell.timeout_ms() == 5_000


@pytest.mark.parametrize(
    ("arguments", "words", "hint", "guard"),
    [
        (["30001"], "30001 ms is above the limit of 30000 ms", "webhook", "cap"),
        (["5000"], "Order Status has 5000 ms already", "nothing to do", "raise_only"),
        (["4000"], "4000 ms is less than the 5000 ms", "--allow-lower", "raise_only"),
        (["6"], "6 ms is less than the 5000 ms", "6 s are 6000", "raise_only"),
        (["60001", "--allow-lower"], "above the limit", "asynchronous call", "cap"),
        (["0", "--allow-lower"], "0 ms", "1 at least", "positive"),
    ],
)
def test_a_guard_refuses_and_is_recorded(
    shell: Shell, arguments: list[str], words: str, hint: str, guard: str
) -> None:
    """Exit code 3, a reason and a way out; not one write."""
    done = shell.run("flow", "set-timeout", *arguments)

    assert (done.code, done.out) == (3, "")
    assert words in done.said[0]
    assert hint in done.said[1]
    assert shell.writes() == 0
    assert (shell.audit(), shell.audit("reason")) == (["refused"], [guard])


def test_a_timeout_is_lowered_where_somebody_says_so(shell: Shell) -> None:
    """Only this command can."""
    done = shell.run("flow", "set-timeout", "4000", "--allow-lower")

    assert (done.code, shell.timeout_ms()) == (0, 4_000)


def test_a_value_that_is_there_already_is_not_written_again(shell: Shell) -> None:
    """Asked for it all the same, there is nothing to do."""
    done = shell.run("flow", "set-timeout", "5000", "--allow-lower")

    assert (done.code, shell.writes()) == (0, 0)
    assert lines(done.out)["timeout"] == "5000 ms already: nothing was changed"


def test_a_dry_run_sends_nothing(shell: Shell) -> None:
    """It shows what would be sent, and is recorded."""
    done = shell.run("flow", "set-timeout", "6000", "--dry-run")

    told = lines(done.out)
    assert done.code == 0
    assert told["timeout"] == "5000 ms -> 6000 ms in a dry run: nothing was sent"
    assert told["request"].startswith(f"PUT /api/v2/flows/{FLOW_ID} with If-Match ")
    assert told["changed"].startswith("$.actions[1].data.timeout")
    assert (shell.writes(), shell.audit()) == (0, ["dry_run"])


def test_a_dry_run_without_a_state_makes_none(shell: Shell) -> None:
    """It shows what would be sent all the same."""
    shell.state.unlink()

    done = shell.run("flow", "set-timeout", "6000", "--dry-run")

    assert (done.code, done.err) == (0, "")
    assert lines(done.out)["timeout"] == "5000 ms -> 6000 ms in a dry run: nothing was sent"
    assert list(shell.folder.iterdir()) == []


def test_a_write_without_a_state_makes_one_and_says_where(shell: Shell) -> None:
    """What is sent is recorded first, wherever it is run."""
    shell.state.unlink()

    done = shell.run("flow", "set-timeout", "6000")

    assert (done.code, done.err) == (0, f"A new state was made: {shell.state}\n")
    assert "applied" in shell.audit()


@pytest.mark.parametrize(
    ("more", "guard"),
    [
        ({"REMEDIATION__MODE": "off"}, "mode"),
        ({"REMEDIATION__MAX_TIMEOUT": "5s"}, "cap"),
        ({"RECOMMEND__TERRAFORM_ACTIONS": '["Order*"]'}, "editable_terraform"),
    ],
)
def test_settings_hold_for_a_person_too(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, more: dict[str, str], guard: str
) -> None:
    """Off is off, a lower cap is lower, and what Terraform keeps is changed there."""
    for name, value in more.items():
        monkeypatch.setenv(f"TIMEOUT_MONITOR__{name}", value)

    done = shell.run("flow", "set-timeout", "6000")

    assert (done.code, shell.writes()) == (3, 0)
    assert shell.audit("reason") == [guard]


def test_the_result_can_be_had_as_json(shell: Shell) -> None:
    """The words of the other commands, in seconds."""
    done = shell.run("flow", "set-timeout", FLOW_ID, "order status", "6000", "--format", "json")

    document = json.loads(done.out)
    assert document["etag_before"] != document["etag_after"]
    assert {key: document[key] for key in document if not key.startswith("etag")} == {
        "org": "acme",
        "flow_id": FLOW_ID,
        "flow_name": "Order Enquiries",
        "action_id": ACTION_ID,
        "action_name": "Order Status",
        "place": "$.actions[1].data.timeout",
        "outcome": "changed",
        "from_seconds": 5.0,
        "to_seconds": 6.0,
        "version_before": "1",
        "version_after": "2",
        "also_changed": [],
        "writes": 1,
        "remarks": [],
    }


def test_show_lists_nested_actions_without_secrets(shell: Shell) -> None:
    """Every data action of the flow with its method, its address and its timeout."""
    done = shell.run("flow", "show")

    assert (done.code, done.err) == (0, "")
    assert [row.split("custom_")[0].strip() for row in done.out.splitlines()[2:]] == [
        "Order Status",
        "Shipment Tracking",
        "Address Lookup",
        "Delivery Slots",
        "Get Customer",
    ]
    assert "POST    https://backend.example/order-status " in done.out
    assert "5,000 ms" in done.out
    assert "channel=voice" not in done.out


def test_show_can_be_read_by_programs(shell: Shell) -> None:
    """With the version and the ETag of what was shown."""
    document = json.loads(shell.run("flow", "show", FLOW_ID, "--format", "json").out)

    assert (document["flow_name"], document["version"]) == ("Order Enquiries", "1")
    assert document["etag"] == shell.wire.org.flows.get(FLOW_ID).etag
    assert document["actions"][0] == {
        "action_id": ACTION_ID,
        "action_name": "Order Status",
        "method": "POST",
        "url": "https://backend.example/order-status",
        "timeout_seconds": 5.0,
        "timeout_is_set": True,
    }


def test_whoever_is_overtaken_again_and_again_stops(shell: Shell) -> None:
    """The first write and five more."""
    shell.fault("edited", count=100)

    done = shell.run("flow", "set-timeout", "6000")

    assert done.code == 5
    assert "was 5000 ms when it was shown, and still is" in done.err
    assert (shell.timeout_ms(), shell.writes()) == (5_000, 6)


def test_a_write_of_which_nobody_knows_is_said_to_be_so(shell: Shell) -> None:
    """The answer is lost, and then the platform can't be read; the record stays open."""
    shell.fault("reset_after")
    shell.wire.fault("forbidden", path_prefix="/api/v2/flows/", method="GET", skip=2, count=99)

    done = shell.run("flow", "set-timeout", "6000")

    assert (done.code, done.out) == (6, "")
    assert "Whether the timeout was changed is not known" in done.err
    assert "timeout-monitor flow show tells" in done.err
    assert shell.audit() == ["planned", "writing", "unknown"]


@pytest.mark.parametrize(
    ("arguments", "missing", "words"),
    [
        (["set-timeout"], ["FLOW_ID"], "FLOW is missing"),
        (["set-timeout", FLOW_ID, ACTION_ID, "soon"], [], "Soon is no timeout in milliseconds"),
        (["set-timeout", "-5000"], [], "No such option"),
        (["set-timeout", "5s"], [], "5s is no timeout in milliseconds"),
        (["set-timeout", "6000.5"], [], "6000.5 is no timeout in milliseconds"),
        (["set-timeout", "\u0663"], [], "is no timeout in milliseconds"),
        (["set-timeout", "6000"], ["FLOW_ID"], "FLOW is missing"),
        (["set-timeout", "6000"], ["ACTION_ID"], "ACTION is missing"),
        (["show"], ["FLOW_ID"], "FLOW is missing"),
        (["show", "--org", "initech"], [], "No org is called initech"),
        (["set-timeout", "6000"], ["GENESYS_CLIENT_ID"], "GENESYS_CLIENT_ID is not set"),
    ],
)
def test_what_is_missing_or_strange_is_named(
    shell: Shell,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    missing: list[str],
    words: str,
) -> None:
    """Exit code 2, before anything is asked."""
    for name in missing:
        monkeypatch.delenv(name)

    done = shell.run("flow", *arguments)

    assert (done.code, done.out) == (2, "")
    assert words in done.err
    assert shell.writes() == 0


@pytest.mark.parametrize(
    ("arguments", "unset"),
    [
        ([FLOW_ID, ACTION_ID], ["FLOW_ID", "ACTION_ID"]),
        ([FLOW_ID], ["FLOW_ID"]),
        ([ACTION_ID], ["ACTION_ID"]),
        (["ORDER STATUS"], []),
    ],
)
def test_arguments_and_variables_stand_in_for_each_other(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, arguments: list[str], unset: list[str]
) -> None:
    """Whatever is left out comes from the environment; an action may go by its name."""
    for name in unset:
        monkeypatch.delenv(name)

    done = shell.run("flow", "set-timeout", *arguments, "6000")

    assert (done.code, shell.timeout_ms()) == (0, 6_000)


@pytest.mark.parametrize(
    ("arguments", "unset"),
    [
        ([], []),
        (["ORDER STATUS"], []),
        ([ACTION_ID], ["ACTION_ID"]),
        ([FLOW_ID], ["FLOW_ID"]),
        ([FLOW_ID, ACTION_ID], ["FLOW_ID", "ACTION_ID"]),
    ],
)
def test_five_seconds_are_set_where_no_value_is_given(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, arguments: list[str], unset: list[str]
) -> None:
    """As the script that the contract came with does."""
    for name in unset:
        monkeypatch.delenv(name)
    shell.place(shell.served().replace(b'"timeout": 5000', b'"timeout": 3000'))
    assert shell.timeout_ms() == 3_000

    done = shell.run("flow", "set-timeout", *arguments)

    assert (done.code, shell.timeout_ms()) == (0, 5_000)


def test_a_longer_timeout_is_not_lowered_to_the_usual_one(shell: Shell) -> None:
    """No value was asked for, so that none may be lost by it."""
    shell.run("flow", "set-timeout", "8000")

    assert shell.run("flow", "set-timeout").code == 3
    assert shell.timeout_ms() == 8_000


def test_several_orgs_want_to_be_told_apart(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """One of them is chosen by its name."""
    for name in ("GENESYS_ORG_ID", "GENESYS_CLIENT_ID", "GENESYS_PRIVATE_KEY", "GENESYS_API_URL"):
        monkeypatch.delenv(name)
    orgs = [org_table(shell.wire.base, name) for name in ("acme", "zebra")]
    (shell.folder / FILE_NAME).write_text(toml(*orgs), encoding="utf-8")

    unclear, clear = shell.run("flow", "show"), shell.run("flow", "show", "--org", "zebra")

    assert (unclear.code, clear.code) == (2, 0)
    assert "2 orgs are configured, acme, zebra" in unclear.err


def test_an_action_that_is_not_there_is_told_with_those_that_are(shell: Shell) -> None:
    """A mistyped id is a sentence and a hint; nothing is written."""
    done = shell.run("flow", "set-timeout", "nobody", "6000")

    assert done.code == 1
    assert done.said[0] == "The flow has no data action nobody."
    assert ACTION_ID in done.said[1]
    assert shell.writes() == 0


def test_a_name_of_several_actions_is_refused(shell: Shell) -> None:
    """Their ids are told."""
    entries: list[dict[str, object]] = [
        {"id": i, "name": "Look", "type": "data", "data": {}} for i in ("a", "b")
    ]
    shell.place(json.dumps({"id": FLOW_ID, "actions": entries}).encode())

    done = shell.run("flow", "set-timeout", "look", "6000")

    assert done.code == 2
    assert done.said == [
        "The flow has 2 data actions called look.",
        "Name one by its id: a, b.",
    ]


def test_a_flow_without_data_actions_is_shown(shell: Shell) -> None:
    """Nothing is listed, which is said."""
    shell.place(json.dumps({"id": FLOW_ID, "name": "Empty"}).encode())

    done = shell.run("flow", "show")

    assert (done.code, done.out.splitlines()[-1]) == (0, "No data actions")


def test_an_action_that_stands_there_twice_is_refused(shell: Shell) -> None:
    """Nobody knows which one is meant; the refusal is recorded."""
    entry = {"id": ACTION_ID, "name": "A", "type": "data", "data": {"timeout": 5_000}}
    shell.place(json.dumps({"id": FLOW_ID, "actions": [entry, entry]}).encode())

    done = shell.run("flow", "set-timeout", "6000")

    assert done.code == 3
    assert "is in the flow 2 times, $.actions[0] and $.actions[1]" in done.err
    assert (shell.writes(), shell.audit("reason")) == (0, ["unambiguous_document"])


@pytest.fixture
def scripted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FarSide]:
    """A platform that answers as no simulator would, and the variables that point at it."""
    monkeypatch.chdir(tmp_path)
    with listening() as far_side:
        for name, value in {
            "GENESYS_CLIENT_ID": "client",
            "GENESYS_CLIENT_SECRET": "secret",
            "GENESYS_API_URL": far_side.url,
            "FLOW_ID": "f",
            "ACTION_ID": "a",
        }.items():
            monkeypatch.setenv(name, value)
        yield far_side


READ, WRITE = "GET /api/v2/flows/f", "PUT /api/v2/flows/f"


def flow_of(timeout_ms: int, tag: str | None = '"1"', **more: object) -> Reply:
    """A flow with one data action, as it is served."""
    entry = {"id": "a", "name": "A", "type": "data", "data": {"timeout": timeout_ms}}
    headers = {} if tag is None else {"ETag": tag}
    return Reply(body={"id": "f", "name": "F", "actions": [entry], **more}, headers=headers)


def test_a_flow_without_an_etag_is_not_written(scripted: FarSide, command: Command) -> None:
    """A change by somebody else would be lost."""
    scripted.on(READ, flow_of(5_000, tag=None))

    done = command("flow", "set-timeout", "6000")

    assert done.code == 3
    assert "The platform gave no ETag for A" in done.err
    assert scripted.requests(WRITE) == []


def test_a_platform_that_changes_more_is_told(scripted: FarSide, command: Command) -> None:
    """The value is there, and another field has changed under the same ETag."""
    scripted.on(READ, flow_of(5_000), flow_of(5_000), flow_of(6_000, '"2"', colour="red"))
    scripted.on(WRITE, Reply(body={}, headers={"ETag": '"2"'}))

    done = command("flow", "set-timeout", "6000")

    assert (done.code, done.out) == (1, "")
    assert "changed to 6000 ms, but it differs at another place now: $.colour" in done.err


def test_a_platform_that_ignores_the_change_is_told(scripted: FarSide, command: Command) -> None:
    """It said yes, and nothing is different."""
    scripted.on(READ, flow_of(5_000), flow_of(5_000), flow_of(5_000, '"2"'))
    scripted.on(WRITE, Reply(body={}, headers={"ETag": '"2"'}))

    done = command("flow", "set-timeout", "6000")

    assert done.code == 1
    assert "took the change to 6000 ms, but A has 5000 ms" in done.err


def test_what_is_older_than_the_change_is_nobody_elses(scripted: FarSide, command: Command) -> None:
    """A cache still shows the flow from before, under the ETag from before."""
    scripted.on(READ, flow_of(5_000), flow_of(5_000), flow_of(5_000))
    scripted.on(WRITE, Reply(body={}, headers={"ETag": '"2"'}))

    done = command("flow", "set-timeout", "6000")

    assert done.code == 1
    assert "took the change to 6000 ms, but A has 5000 ms" in done.err
    assert "somebody else" not in done.err.lower()


def test_somebody_who_changes_it_right_after_is_told(scripted: FarSide, command: Command) -> None:
    """Ours was carried out; theirs is in force."""
    scripted.on(READ, flow_of(5_000), flow_of(5_000), flow_of(7_000, '"3"'))
    scripted.on(WRITE, Reply(body={}, headers={"ETag": '"2"'}))

    done = command("flow", "set-timeout", "6000")

    assert done.code == 5
    assert "somebody else has changed it to 7000 ms since" in done.err


def test_somebody_who_changes_something_else_right_after_harms_nothing(
    scripted: FarSide, command: Command
) -> None:
    """It is done, and what is theirs is named."""
    scripted.on(READ, flow_of(5_000), flow_of(5_000), flow_of(6_000, '"3"', colour="red"))
    scripted.on(WRITE, Reply(body={}, headers={"ETag": '"2"'}))

    done = command("flow", "set-timeout", "6000")

    assert done.code == 0
    assert lines(done.out)["checked"] == "read back; somebody else changed $.colour"


def test_a_conflict_after_which_the_value_is_there_is_no_failure(
    scripted: FarSide, command: Command
) -> None:
    """Somebody else wanted the same, and something more: that was none of ours."""
    scripted.on(READ, flow_of(5_000), flow_of(5_000), flow_of(6_000, '"2"', colour="red"))
    scripted.on(WRITE, Reply(412, {}))

    done = command("flow", "set-timeout", "6000")

    assert done.code == 0
    assert lines(done.out)["timeout"] == "6000 ms already: nothing was changed"
    assert lines(done.out)["note"] == "Somebody else has set it to this value meanwhile"


def test_a_lost_answer_and_somebody_elses_change_is_a_conflict(
    scripted: FarSide, command: Command
) -> None:
    """The state is neither the one before nor the one wanted."""
    scripted.on(READ, flow_of(5_000), flow_of(5_000), flow_of(7_000, '"9"'))
    scripted.on(WRITE, Reply(502, {}))

    done = command("flow", "set-timeout", "6000")

    assert done.code == 5
    assert "was 5000 ms, and is 7000 ms now" in done.err


def test_a_change_that_can_not_be_read_back_is_told(scripted: FarSide, command: Command) -> None:
    """It was carried out, and more can't be said."""
    scripted.on(READ, flow_of(5_000), flow_of(5_000), Reply(404, {}))
    scripted.on(WRITE, Reply(body={}, headers={"ETag": '"2"'}))

    done = command("flow", "set-timeout", "6000")

    assert done.code == 1
    assert "The change was carried out, and can't be read back" in done.err


def test_a_flow_that_there_is_not_is_told(scripted: FarSide, command: Command) -> None:
    """A sentence and a hint."""
    scripted.on(READ, Reply(404, {"message": "no such flow"}))

    done = command("flow", "show")

    assert (done.code, len(done.said)) == (1, 2)
    assert "no such flow" in done.err
