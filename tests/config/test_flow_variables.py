"""An org of the flow contract from five variables: where it logs in, and what decides all this."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from monitor.config import OrgSettings, load
from monitor.errors import ConfigurationError

PEM = "-----BEGIN PRIVATE KEY-----\nbm90IGEga2V5\n-----END PRIVATE KEY-----"
FIVE = {
    "GENESYS_ORG_ID": "acme",
    "GENESYS_CLIENT_ID": "client",
    "GENESYS_PRIVATE_KEY": PEM,
    "FLOW_ID": "flow-1",
    "ACTION_ID": "action-1",
}
ORG = """
[[org]]
name = "acme"
client_id = "client"
client_secret_file = "secret.txt"
"""


def org_of(
    environment: Mapping[str, str], text: str = "", folder: Path | None = None
) -> OrgSettings:
    """The only org of a file with this text, and of these variables."""
    path = None
    if folder is not None:
        path = folder / "settings.toml"
        path.write_text(text, encoding="utf-8")
    (org,) = load(path, environment).org
    return org


def token_url(environment: Mapping[str, str], **more: str) -> str:
    """Where an org that the environment describes logs in."""
    return org_of({**environment, **more}).token_url


def test_five_variables_describe_an_org_of_the_flow_contract() -> None:
    """Nothing else is told: the flow and its action say which contract is meant."""
    org = org_of(FIVE)
    assert (org.name, org.contract) == ("acme", "flow")
    assert (org.flow_id, org.action_id) == ("flow-1", "action-1")


def test_the_five_variables_name_one_host() -> None:
    """The login too is asked of the API's host."""
    org = org_of(FIVE)
    assert org.api_base == "https://api.mypurecloud.com"
    assert org.token_url == "https://api.mypurecloud.com/oauth/token"  # noqa: S105 - a URL


SECRET = {"GENESYS_CLIENT_ID": "client", "GENESYS_CLIENT_SECRET": "s"}
KEY = {"GENESYS_CLIENT_ID": "client", "GENESYS_PRIVATE_KEY": PEM}


@pytest.mark.parametrize(
    ("given", "host"),
    [
        (SECRET, "https://login.mypurecloud.com"),
        (KEY, "https://api.mypurecloud.com"),
        (SECRET | {"GENESYS_CONTRACT": "flow"}, "https://api.mypurecloud.com"),
        (SECRET | {"FLOW_ID": "flow-1"}, "https://api.mypurecloud.com"),
        (KEY | {"GENESYS_CONTRACT": "platform"}, "https://api.mypurecloud.com"),
        (KEY | {"GENESYS_REGION": "mypurecloud.ie"}, "https://api.mypurecloud.ie"),
        (KEY | {"GENESYS_API_URL": "https://g.example"}, "https://g.example"),
        (SECRET | {"GENESYS_API_URL": "https://g.example"}, "https://g.example"),
        (KEY | {"GENESYS_LOGIN_URL": "https://l.example"}, "https://l.example"),
        (
            KEY
            | {"GENESYS_API_URL": "https://g.example", "GENESYS_LOGIN_URL": "https://l.example"},
            "https://l.example",
        ),
    ],
)
def test_a_signed_login_and_the_flow_contract_know_one_host(
    given: Mapping[str, str], host: str
) -> None:
    """``login_url``, else ``api_url``; else the API's host, or the login host for a secret."""
    assert token_url(given) == f"{host}/oauth/token"


def test_a_client_that_writes_logs_in_by_its_own_credential(tmp_path: Path) -> None:
    """A reader with a secret, a writer with a key: each at the host of its grant."""
    org = org_of({}, f'{ORG}write_client_id = "w"\nwrite_private_key_file = "k"\n', tmp_path)
    assert org.token_url.startswith("https://login.")
    assert org.as_writer().token_url.startswith("https://api.")


def test_a_contract_that_is_told_wins() -> None:
    """Somebody may keep ``FLOW_ID`` for ``flow show``, and watch by the platform's API."""
    org = org_of(FIVE | {"GENESYS_CONTRACT": "platform"})
    assert (org.contract, org.flow_id, org.action_id) == ("platform", None, None)


def test_a_flow_does_not_change_an_org_that_a_file_describes(tmp_path: Path) -> None:
    """Its file said nothing of flows: the variables stand in for arguments alone."""
    org = org_of({"FLOW_ID": "flow-1", "GENESYS_REGION": "mypurecloud.ie"}, ORG, tmp_path)
    assert (org.contract, org.flow_id) == ("platform", None)


def test_a_flow_is_taken_by_a_files_org_of_the_flow_contract(tmp_path: Path) -> None:
    """What the file says of a flow gives way, and so does its action, which was of that flow."""
    text = f'{ORG}contract = "flow"\nflow_id = "flow-0"\naction_id = "action-0"\n'
    org = org_of({}, text, tmp_path)
    assert (org.flow_id, org.action_id) == ("flow-0", "action-0")
    org = org_of({"FLOW_ID": "flow-1"}, text, tmp_path)
    assert (org.flow_id, org.action_id) == ("flow-1", None)


def test_an_action_alone_stays_an_argument() -> None:
    """Without its flow it says nothing of the org."""
    org = org_of(SECRET | {"ACTION_ID": "action-1"})
    assert (org.contract, org.action_id) == ("platform", None)


def test_a_flow_alone_describes_no_org() -> None:
    """Nobody has to unset it to read the help, or to watch an org of a file."""
    assert load(None, {"FLOW_ID": "flow-1", "ACTION_ID": "action-1"}).org == ()


def test_several_orgs_take_no_flow_from_the_environment(tmp_path: Path) -> None:
    """Nobody could tell whose it is."""
    path = tmp_path / "settings.toml"
    one = f'{ORG}contract = "flow"\n'
    path.write_text(one + one.replace("acme", "zebra"), encoding="utf-8")
    assert [org.flow_id for org in load(path, {"FLOW_ID": "flow-1"}).org] == [None, None]


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ('flow_id = "f"', 'flow_id is for contract = "flow"'),
        ('contract = "flow"\naction_id = "a"', "action_id is set without flow_id"),
        ('contract = "flow"\nflow_id = ""', "flow_id"),
    ],
)
def test_a_flow_that_has_no_use_is_refused(tmp_path: Path, keys: str, words: str) -> None:
    """A key that nothing reads would be taken for one that works."""
    with pytest.raises(ConfigurationError) as caught:
        org_of({}, f"{ORG}{keys}\n", tmp_path)
    assert words in caught.value.message


@pytest.mark.parametrize("around", ['"{}"', "'{}'", " {} ", "{}\r"])
def test_what_an_env_file_leaves_around_an_id_is_taken_off(around: str) -> None:
    """Docker hands quotes on as they are, and a file from Windows its carriage returns."""
    names = ("GENESYS_ORG_ID", "GENESYS_CLIENT_ID", "FLOW_ID", "ACTION_ID")
    org = org_of(FIVE | {name: around.format(FIVE[name]) for name in names})
    assert (org.name, org.client_id) == ("acme", "client")
    assert (org.flow_id, org.action_id) == ("flow-1", "action-1")
