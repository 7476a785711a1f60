"""What running programs are called where they leave a trace: in leases, and as who has acted."""

from __future__ import annotations

import socket

import pytest

from monitor.remediation.actor import daemon
from monitor.store import running_program, this_place


def test_no_two_programs_have_one_name() -> None:
    """Not even two of one process: a lease of the one is none of the other's."""
    one, other = running_program(), running_program()
    assert one != other
    assert one.startswith(this_place())
    assert other.startswith(this_place())


def test_a_host_whose_name_is_no_text_has_one_that_can_be_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A database refuses half characters, and PostgreSQL zeros too."""
    monkeypatch.setattr(socket, "gethostname", lambda: "ops\udcff\x00\x1b[2J")
    for name in (running_program(), this_place(), daemon()):
        assert name.encode()
        assert name.isprintable()
