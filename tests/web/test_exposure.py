"""What is said of pages that more people can read than their owner may think."""

from __future__ import annotations

import pytest

from monitor.web import WebConfig, exposure_of
from monitor.web.web_config import Passwords

WITH_PASSWORDS = WebConfig(passwords=Passwords({}))


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.53", "::1", "localhost"])
def test_this_machine_alone_is_nothing_to_tell(host: str) -> None:
    """What only this machine reaches needs no password."""
    assert exposure_of(host, WebConfig()) is None


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.4", "monitor.example.com"])  # noqa: S104 - judged only
def test_an_open_page_is_told(host: str) -> None:
    """Bound wide and without a password, everybody reads it, and what to do is said."""
    exposed = exposure_of(host, WebConfig())
    assert exposed is not None
    assert exposed.event == "served_to_everybody"
    assert host in exposed.what
    assert "basic_auth_users" in exposed.hint


def test_passwords_without_encryption_are_told() -> None:
    """A password that travels in the clear is one for everybody on the way."""
    exposed = exposure_of("10.0.0.4", WITH_PASSWORDS)
    assert exposed is not None
    assert exposed.event == "passwords_in_the_clear"
