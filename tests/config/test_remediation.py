"""``[remediation]`` and the client that writes."""

from __future__ import annotations

from pathlib import Path

import pytest

from monitor.config import OrgSettings, load
from monitor.errors import ConfigurationError

READER = {"GENESYS_CLIENT_ID": "reader", "GENESYS_CLIENT_SECRET": "reads"}
WRITER = {"GENESYS_WRITE_CLIENT_ID": "writer", "GENESYS_WRITE_CLIENT_SECRET": "writes"}
AUTO = {"TIMEOUT_MONITOR__REMEDIATION__MODE": "auto"}


def org_of(environment: dict[str, str]) -> OrgSettings:
    """The only org of these variables."""
    (org,) = load(None, environment).org
    return org


def test_nothing_is_changed_without_a_word() -> None:
    """The default recommends, allows nothing by itself, and has the guards of the documentation."""
    guards = load(None, {}).remediation

    assert (guards.mode, guards.allow) == ("recommend", ())
    assert (guards.max_timeout_ms, guards.max_step, guards.cooldown) == (30_000, 1.5, 86_400)
    assert guards.hours == ()


def test_the_client_that_writes_is_another_one() -> None:
    """Everything but the credential stays as it is."""
    org = org_of(READER | WRITER)
    writer = org.as_writer()

    assert (org.client_id, org.read_client_secret()) == ("reader", "reads")
    assert (writer.client_id, writer.read_client_secret()) == ("writer", "writes")
    assert writer.api_base == org.api_base
    assert writer.as_writer() == writer


def test_the_reader_writes_what_a_person_applies_where_there_is_no_other() -> None:
    """Whether it may is the platform's to say."""
    org = org_of(READER)

    assert org.as_writer() == org


def test_a_writer_with_a_key_keeps_nothing_of_the_reader() -> None:
    """Its secret would contradict the key."""
    pem = "-----BEGIN PRIVATE KEY-----\nk\n-----END PRIVATE KEY-----"
    org = org_of(READER | {"GENESYS_WRITE_CLIENT_ID": "w", "GENESYS_WRITE_PRIVATE_KEY": pem})

    assert org.as_writer().read_client_secret() is None
    assert org.as_writer().read_private_key() == pem


def test_a_write_credential_of_the_environment_takes_the_place_of_the_files(
    tmp_path: Path,
) -> None:
    """Like the reader's."""
    file = tmp_path / "settings.toml"
    file.write_text(
        '[[org]]\nname = "acme"\nclient_id = "r"\nclient_secret_file = "s"\n'
        'write_client_id = "w"\nwrite_private_key_file = "k"\n'
    )
    (org,) = load(file, {"GENESYS_WRITE_CLIENT_SECRET": "writes"}).org

    assert org.as_writer().read_client_secret() == "writes"


def test_auto_needs_a_client_that_writes_or_a_word_that_the_reader_may() -> None:
    """The client that reads all day should not be able to write."""
    with pytest.raises(ConfigurationError, match="write_client_id"):
        load(None, READER | AUTO)

    assert load(None, READER | WRITER | AUTO).remediation.mode == "auto"
    agreed = {"TIMEOUT_MONITOR__REMEDIATION__READER_MAY_WRITE": "true"}
    assert load(None, READER | AUTO | agreed).remediation.mode == "auto"


def test_the_secret_that_writes_shows_nowhere() -> None:
    """Not in a representation either."""
    assert "writes" not in repr(load(None, READER | WRITER))
