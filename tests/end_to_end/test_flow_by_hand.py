"""A timeout set in a flow by hand: the command as a process, the platform over a socket."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.flow_shell import ACTION_ID, FLOW_ID, Shell, lines, shell_in


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    """Nothing but variables."""
    with shell_in(tmp_path) as shell:
        yield shell


def test_variables_alone_are_enough(shell: Shell) -> None:
    """Client, key, flow and action from the environment; before, after and version are printed."""
    fetched = shell.served()

    done = shell.run("flow", "set-timeout", "6000")

    assert (done.code, done.err) == (0, f"A new state was made: {shell.state}\n")
    told = lines(done.out)
    assert told["timeout"] == "5000 ms -> 6000 ms"
    assert told["version"] == "1 -> 2"
    assert told["checked"] == "read back; nothing else differs"
    assert "Order Status" in done.out
    assert shell.timeout_ms() == 6_000
    assert shell.sent() == fetched.replace(b'"timeout": 5000', b'"timeout": 6000')
    assert shell.writes() == 1
    assert shell.audit() == ["planned", "writing", "applied", "kept"]


def deep(entry: dict[str, Any]) -> dict[str, Any]:
    """A flow whose data action stands three levels deep."""
    inner = {"type": "decision", "branches": {"yes": [entry], "no": []}}
    state = {"name": "Initial", "actions": [inner]}
    return {"id": FLOW_ID, "name": "Riesig", "version": 41, "tasks": [{"states": [state]}]}


def test_every_other_byte_of_a_large_document_survives(shell: Shell) -> None:
    """2 MB with unknown keys, big integers, 1e-7, escapes and characters beyond the BMP."""
    entry = {"id": ACTION_ID, "name": "A", "type": "data", "data": {"url": "u", "timeout": 4321}}
    text = json.dumps(deep(entry), indent=3)
    odd = (
        '"x-\\u00e9\\ud83d\\ude00": {"big": 12345678901234567890123456789, "small": 1e-7,\n'
        ' "E": 1.50E+3, "zero": -0.0, "esc": "\\/\\t\\"\\\\", "raw": "\N{GRINNING FACE}é"},'
    )
    filler = '"filler": "' + "\N{CJK UNIFIED IDEOGRAPH-6F22}" * 700_000 + '",'
    document = ("\n" + text.replace("{", "{" + odd + filler, 1) + "\r\n ").encode()
    assert len(document) > 2_000_000
    shell.place(document)

    done = shell.run("flow", "set-timeout", "6000")

    assert (done.code, lines(done.out)["version"]) == (0, "41 -> 42")
    assert shell.sent() == document.replace(b"4321", b"6000")
    assert document.count(b"4321") == 1


def test_an_absent_timeout_is_written_beside_the_rest(shell: Shell) -> None:
    """3 s were in force; now the document says what is."""
    entry = {"id": ACTION_ID, "name": "A", "type": "data", "data": {"url": "u"}}
    shell.place(json.dumps(deep(entry)).encode())

    done = shell.run("flow", "set-timeout", "4000")

    assert lines(done.out)["timeout"] == "3000 ms (the default) -> 4000 ms"
    assert shell.timeout_ms() == 4_000


def test_somebody_elses_other_change_is_kept(shell: Shell) -> None:
    """412: read again, write again, and both changes are there."""
    shell.fault("edited", count=2)

    done = shell.run("flow", "set-timeout", "6000")

    assert done.code == 0
    assert "Somebody else had saved something else meanwhile, 2 times" in lines(done.out)["note"]
    document = json.loads(shell.served())
    assert document["description"].startswith("Edited when")
    assert shell.timeout_ms() == 6_000
    assert shell.writes() == 3


def test_somebody_elses_change_of_the_same_timeout_stands(shell: Shell) -> None:
    """412, and another value: both are told, and nothing is overwritten."""
    shell.fault("edited", action_id=ACTION_ID, timeout_ms=5_500)

    done = shell.run("flow", "set-timeout", "6000")

    assert (done.code, done.out) == (5, "")
    assert "it was 5000 ms when it was shown, and is 5500 ms now" in done.err
    assert (shell.timeout_ms(), shell.writes()) == (5_500, 1)
    assert shell.audit()[-1] == "conflict"


@pytest.mark.parametrize("retry_after_seconds", [1, None])
def test_a_rate_limit_is_waited_out(shell: Shell, retry_after_seconds: int | None) -> None:
    """As long as the platform says, else a little longer each time; the write was refused."""
    shell.fault("rate_limited", count=2, retry_after_seconds=retry_after_seconds)

    done = shell.run("flow", "set-timeout", "6000")

    assert done.code == 0
    assert (shell.timeout_ms(), shell.writes()) == (6_000, 3)
    assert shell.audit() == ["planned", "writing", "applied", "kept"]


def test_a_long_rate_limit_is_not_waited_out(shell: Shell) -> None:
    """An hour is too long for a person; nothing was changed, and they are told."""
    shell.fault("rate_limited", retry_after_seconds=3_600)

    done = shell.run("flow", "set-timeout", "6000")

    assert done.code == 6
    assert "The platform wants fewer requests to PUT" in done.err
    assert "Nothing was changed" in done.err
    assert (shell.timeout_ms(), shell.writes()) == (5_000, 1)
    assert shell.audit()[-1] == "abandoned"


def test_a_write_whose_answer_was_lost_is_found_to_be_done(shell: Shell) -> None:
    """It is read, not sent again."""
    shell.fault("reset_after")

    done = shell.run("flow", "set-timeout", "6000")

    assert done.code == 0
    assert lines(done.out)["note"] == "The answer to the change was lost, but it was carried out"
    assert (shell.timeout_ms(), shell.writes()) == (6_000, 1)
    assert shell.audit() == ["planned", "writing", "applied", "kept"]


def test_a_write_that_was_lost_is_found_not_to_be_done(shell: Shell) -> None:
    """It is read, not sent again, and what is so is said."""
    shell.fault("reset")

    done = shell.run("flow", "set-timeout", "6000")

    assert (done.code, done.out) == (6, "")
    assert "The change got lost, and Order Status still has 5000 ms" in done.err
    assert (shell.timeout_ms(), shell.writes()) == (5_000, 1)
    assert shell.audit() == ["planned", "writing", "abandoned"]


def test_nothing_is_written_that_can_not_be_recorded(shell: Shell) -> None:
    """A state that can't be opened ends it before the platform is asked for anything."""
    (shell.folder / "timeout-monitor.db").write_text("no database", encoding="utf-8")

    done = shell.run("flow", "set-timeout", "6000")

    assert (done.code, done.out) == (1, "")
    assert len(done.said) == 2
    assert (shell.writes(), shell.timeout_ms()) == (0, 5_000)


def killed_in_the_middle(shell: Shell, kind: str) -> None:
    """Set 6 s, and kill the program while the platform keeps it waiting for its answer."""
    shell.fault(kind, hang_seconds=60)
    with shell.start("flow", "set-timeout", "6000") as process:
        while not shell.writes() or (kind == "hang_after" and shell.timeout_ms() != 6_000):
            assert process.poll() is None
        process.kill()
    assert shell.audit() == ["planned", "writing"]


def test_a_killed_run_is_settled_by_the_next_one(shell: Shell) -> None:
    """The write was carried out; its record is completed before anything else is done."""
    killed_in_the_middle(shell, "hang_after")
    busy = shell.run("flow", "set-timeout", "7000")
    shell.let_the_lease_run_out()

    done = shell.run("flow", "set-timeout", "7000")

    assert (busy.code, done.code) == (5, 0)
    assert "Another program is changing timeouts of acme" in busy.err
    assert shell.timeout_ms() == 7_000
    assert shell.audit()[2:] == [
        *("applied", "kept"),
        *("planned", "writing", "applied", "superseded", "kept"),
    ]


def test_the_trail_is_a_file_of_lines_too(shell: Shell) -> None:
    """For whoever collects such files: refusals, dry runs and changes, and history shows them."""
    shell.run("flow", "set-timeout", "31000")
    shell.run("flow", "set-timeout", "6000", "--dry-run")
    shell.run("flow", "set-timeout", "6000")

    text = (shell.folder / "timeout-monitor.audit.jsonl").read_text(encoding="utf-8")
    told = [json.loads(line) for line in text.splitlines()]
    history = shell.run("history")
    assert [line["event"] for line in told] == [
        *("refused", "dry_run"),
        *("planned", "writing", "applied", "kept"),
    ]
    assert all(line["actor"] and line["action_id"] == ACTION_ID for line in told)
    assert history.code == 0
    assert "Order Status" in history.out
    assert "kept" in history.out
