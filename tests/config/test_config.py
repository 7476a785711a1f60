"""Settings from a file and the environment."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from monitor.config import DEFAULT_FILE, ORG_VARIABLES, OrgSettings, Settings, load
from monitor.contract import Contract
from monitor.errors import ConfigurationError
from monitor.model import Outcome
from monitor.time_ranges import parse_duration

FIXTURES = Path(__file__).parent / "fixtures"
GOOD = sorted(FIXTURES.glob("*.ok.toml"))
BAD = sorted(FIXTURES.glob("*.bad.toml"))
SECRET = "hunter2-must-not-be-seen"  # noqa: S105 - what the tests look for in outputs
PEM = f"-----BEGIN PRIVATE KEY-----\n{SECRET}\n-----END PRIVATE KEY-----"
SINGLE_ORG = {"GENESYS_CLIENT_ID": "client", "GENESYS_CLIENT_SECRET": SECRET}
ORG = """
[[org]]
name = "acme"
client_id = "client"
client_secret_file = "secret.txt"
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file with one org and a port."""
    return written(tmp_path, ORG + "[serve]\nport = 8000\n")


def written(folder: Path, text: str) -> Path:
    """A configuration file with this text."""
    path = folder / "settings.toml"
    path.write_text(text, encoding="utf-8")
    return path


def name_of(path: Path) -> str:
    """What a fixture is called in the test's output."""
    return path.name.split(".")[0]


def refusal(path: Path | None = None, environment: Mapping[str, str] | None = None) -> str:
    """What is said of settings that can't be used."""
    with pytest.raises(ConfigurationError) as caught:
        load(path, environment or {})
    assert caught.value.exit_code == 2
    assert caught.value.hint
    return caught.value.message


def org_of(environment: Mapping[str, str], path: Path | None = None) -> OrgSettings:
    """The only org of some settings."""
    (org,) = load(path, environment).org
    return org


@pytest.mark.parametrize("path", GOOD, ids=name_of)
def test_good_files_are_accepted(path: Path) -> None:
    """What these files show is allowed stays allowed."""
    assert isinstance(load(path, {}), Settings)


@pytest.mark.parametrize("path", BAD, ids=name_of)
def test_bad_files_are_refused_with_the_key(path: Path) -> None:
    """The error has the words of the file's first line: the key's full path and what is wrong."""
    first_line = path.read_text(encoding="utf-8").splitlines()[0]
    assert first_line.removeprefix("# ") in refusal(path)


def test_every_setting_is_shown_in_a_good_file() -> None:
    """A setting that is new has to be tried, too."""
    shown = tomllib.loads((FIXTURES / "everything.ok.toml").read_text(encoding="utf-8"))
    known = load(None, {}).model_dump()
    for section in known.keys() - {"org"}:
        assert set(shown[section]) == set(known[section])
    secrets = ("client_secret", "private_key")  # in a file they are shown nowhere
    elsewhere = {*secrets, *(f"write_{secret}" for secret in secrets)}
    shown_of_orgs = {key for org in shown["org"] for key in org}
    assert shown_of_orgs | elsewhere == set(OrgSettings.model_fields)


def test_a_file_without_a_word_has_the_defaults() -> None:
    """The defaults are usable as they are."""
    empty, none = load(FIXTURES / "empty.ok.toml", {}), load(None, {})
    # But for where the state is: that counts from the file, if there is one.
    but_for = {"state": {"url"}}
    assert empty.model_dump(exclude=but_for) == none.model_dump(exclude=but_for)


def test_values_of_a_file_replace_the_defaults() -> None:
    """Durations arrive as seconds, the rest as written."""
    settings = load(FIXTURES / "everything.ok.toml", {})
    assert (settings.collect.interval, settings.collect.window) == (30, 900)
    assert settings.collect.max_backfill == 3 * 86_400
    assert (settings.serve.host, settings.serve.port) == ("0.0.0.0", 8080)  # noqa: S104 - a value
    assert settings.state.retention == 90 * 86_400
    assert (settings.recommend.target_success, settings.recommend.min_span) == (0.995, 6 * 3600)
    assert [org.name for org in settings.org] == ["acme", "zebra"]


def test_settings_are_frozen() -> None:
    """Nothing changes them after they were checked as a whole."""
    settings = load(None, {})
    with pytest.raises(ValueError, match="frozen"):
        settings.serve.port = 1


# --- which file -----------------------------------------------------------------------------


def test_the_default_file_is_read_where_it_exists(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the working directory, without a word on the command line."""
    monkeypatch.chdir(tmp_path)
    assert load(None, {}).serve.port == 9840
    (tmp_path / DEFAULT_FILE).write_text("[serve]\nport = 8001\n", encoding="utf-8")
    assert load(None, {}).serve.port == 8001


def test_a_variable_names_the_file(file: Path) -> None:
    """For containers, which have no command line to edit."""
    assert load(None, {"TIMEOUT_MONITOR_CONFIG": str(file)}).serve.port == 8000


def test_the_command_line_names_the_file_before_the_variable(file: Path) -> None:
    """What was typed is nearer to the user than what was exported."""
    assert load(file, {"TIMEOUT_MONITOR_CONFIG": "/nowhere.toml"}).serve.port == 8000


def test_a_named_file_that_is_missing_is_refused(tmp_path: Path) -> None:
    """Running with defaults instead would watch nothing and say nothing."""
    assert "nowhere.toml does not exist" in refusal(tmp_path / "nowhere.toml")


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    """A wrong file is told by its content."""
    path = tmp_path / "settings.toml"
    path.write_bytes(b"\xff\xfe\x00")
    assert "is not UTF-8 text" in refusal(path)


def test_a_file_that_can_not_be_read_is_refused() -> None:
    """The reason is the operating system's own; not even root can read this one."""
    assert "Input/output error" in refusal(Path("/proc/self/mem"))


# --- the environment ------------------------------------------------------------------------


def test_a_variable_overrides_the_file(file: Path) -> None:
    """One key changes; the others stay as the file has them."""
    settings = load(file, {"TIMEOUT_MONITOR__SERVE__PORT": "8002"})
    assert (settings.serve.port, settings.org[0].name) == (8002, "acme")


def test_a_variable_overrides_one_key_of_a_section(tmp_path: Path) -> None:
    """The section's other keys keep the file's values."""
    path = written(tmp_path, '[collect]\nwindow = "15m"\nnear = "30m"\n')
    collect = load(path, {"TIMEOUT_MONITOR__COLLECT__NEAR": "45m"}).collect
    assert (collect.window, collect.near) == (900, 2_700)


def test_a_list_in_a_variable_is_json() -> None:
    """As in a file, in brackets."""
    variables = {"TIMEOUT_MONITOR__COLLECT__SOURCES": '["actions"]'}
    assert load(None, variables).collect.sources == ("actions",)


def test_variables_are_found_in_lower_case_too() -> None:
    """Some schedulers pass them that way."""
    assert load(None, {"timeout_monitor__serve__port": "8003"}).serve.port == 8003


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        ("TIMEOUT_MONITOR__COLECT__WINDOW", "5m", "TIMEOUT_MONITOR__COLECT__WINDOW names no sect"),
        ("TIMEOUT_MONITOR__COLLECT__WINDO", "5m", "collect.windo: is not a setting"),
        ("TIMEOUT_MONITOR__COLLECT__WINDOW", "5", "collect.window: '5' is not a duration"),
        ("TIMEOUT_MONITOR__SERVE__PORT", "http", "serve.port: "),
        ("TIMEOUT_MONITOR__COLLECT__SOURCES", "actions", "collect"),
    ],
)
def test_a_variable_that_is_wrong_is_refused(variable: str, value: str, words: str) -> None:
    """A typing error in a deployment must not run with the default unnoticed."""
    assert words in refusal(None, {variable: value})


def test_the_hint_for_an_unknown_section_lists_the_sections() -> None:
    """The right name is one of them."""
    with pytest.raises(ConfigurationError) as caught:
        load(None, {"TIMEOUT_MONITOR__COLECT__WINDOW": "5m"})
    assert caught.value.hint == (
        "Sections are classify, collect, diagnosis, org, recommend, remediation, serve, state."
    )


def test_other_programs_variables_are_ignored() -> None:
    """A name that only resembles ours is somebody else's."""
    settings = load(None, {"TIMEOUT_MONITORING__PORT": "1", "PORT": "2"})
    assert settings.model_dump() == load(None, {}).model_dump()


def test_the_process_environment_is_read_where_none_is_given(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The commands pass nothing."""
    monkeypatch.setenv("TIMEOUT_MONITOR__SERVE__PORT", "8004")
    assert load().serve.port == 8004


# --- a single org from the environment ------------------------------------------------------


def test_two_variables_describe_an_org() -> None:
    """Its client id stands in for a name, and the first region for a region."""
    org = org_of(SINGLE_ORG)
    assert (org.name, org.client_id, org.read_client_secret()) == ("client", "client", SECRET)
    assert org.api_base == "https://api.mypurecloud.com"
    assert org.token_url == "https://login.mypurecloud.com/oauth/token"  # noqa: S105 - a URL


def test_every_variable_of_an_org_reaches_its_key() -> None:
    """Each of the documented names sets what it says."""
    values = {
        "GENESYS_ORG_ID": "acme",
        "GENESYS_CLIENT_ID": "client",
        "GENESYS_PRIVATE_KEY": PEM,
        "GENESYS_WRITE_CLIENT_ID": "writer",
        "GENESYS_WRITE_PRIVATE_KEY": PEM,
        "GENESYS_REGION": "mypurecloud.ie",
        "GENESYS_API_URL": "https://gateway.example",
        "GENESYS_LOGIN_URL": "https://login.example",
        "GENESYS_CONTRACT": "flow",
    }
    secrets = {"GENESYS_CLIENT_SECRET", "GENESYS_WRITE_CLIENT_SECRET"}
    assert {*values, *secrets} == set(ORG_VARIABLES)
    org = org_of(values)
    assert (org.name, org.region, org.contract) == ("acme", "mypurecloud.ie", "flow")
    assert (org.api_url, org.login_url) == ("https://gateway.example", "https://login.example")
    assert org.read_private_key() == PEM
    assert org.as_writer().client_id == "writer"
    assert org.as_writer().read_private_key() == PEM


def test_variables_override_the_only_org_of_the_file(file: Path) -> None:
    """What they do not name stays as the file has it."""
    org = org_of({"GENESYS_REGION": "mypurecloud.de"}, file)
    assert (org.name, org.region) == ("acme", "mypurecloud.de")


@pytest.mark.parametrize(
    ("variable", "value"), [("GENESYS_CLIENT_SECRET", SECRET), ("GENESYS_PRIVATE_KEY", PEM)]
)
def test_a_credential_takes_the_place_of_the_files(file: Path, variable: str, value: str) -> None:
    """Of whatever kind: the two would contradict each other otherwise."""
    org = org_of({variable: value}, file)
    assert org.client_secret_file is None
    assert value in {org.read_client_secret(), org.read_private_key()}


def test_variables_beside_several_orgs_are_refused(tmp_path: Path) -> None:
    """Nobody could tell which org they mean."""
    path = written(tmp_path, ORG + ORG.replace("acme", "zebra"))
    assert "describe one org, but the file lists 2" in refusal(path, SINGLE_ORG)


def test_an_org_without_a_client_id_is_refused() -> None:
    """The variable that is missing is named."""
    assert "GENESYS_CLIENT_ID is not set" in refusal(None, {"GENESYS_CLIENT_SECRET": SECRET})


def test_a_secret_and_a_key_contradict_each_other() -> None:
    """Both given by variables leave open which one is meant."""
    both = SINGLE_ORG | {"GENESYS_PRIVATE_KEY": PEM}
    assert "client_secret and private_key contradict each other" in refusal(None, both)


def test_empty_variables_are_as_if_not_set() -> None:
    """A compose file passes the unset ones on as empty."""
    assert load(None, dict.fromkeys(ORG_VARIABLES, "")).org == ()


# --- addresses ------------------------------------------------------------------------------


def test_a_single_host_serves_both_unless_a_login_host_is_given() -> None:
    """``login_url``, else ``api_url``, else the region's login host."""
    here = org_of(SINGLE_ORG | {"GENESYS_API_URL": "https://gateway.example/"})
    assert here.api_base == "https://gateway.example"
    assert here.token_url == "https://gateway.example/oauth/token"  # noqa: S105 - a URL
    both = org_of(
        SINGLE_ORG
        | {"GENESYS_API_URL": "https://gateway.example", "GENESYS_LOGIN_URL": "https://l.example"}
    )
    assert both.token_url == "https://l.example/oauth/token"  # noqa: S105 - a URL


def test_the_region_decides_both_hosts() -> None:
    """As published for every region."""
    org = org_of(SINGLE_ORG | {"GENESYS_REGION": "euw2.pure.cloud"})
    assert org.api_base == "https://api.euw2.pure.cloud"
    assert org.token_url == "https://login.euw2.pure.cloud/oauth/token"  # noqa: S105 - a URL


# --- sources and words ----------------------------------------------------------------------


def test_an_org_of_the_flow_contract_has_no_aggregates() -> None:
    """It has no action aggregates to ask for, whatever the file lists."""
    settings = load(FIXTURES / "everything.ok.toml", {})
    acme, zebra = settings.org
    assert settings.sources_of(acme) == ("actions",)
    assert settings.sources_of(zebra) == ("conversations",)


def test_the_audit_log_is_read_with_the_catalogue_and_not_by_polls() -> None:
    """By default, where the timeouts are the integration actions' own."""
    settings = load(None, SINGLE_ORG)
    (platform,) = settings.org
    flow = platform.model_copy(update={"contract": Contract.FLOW})
    assert settings.sources_of(platform) == ("actions", "conversations", "flow-errors")
    assert settings.sources_of(flow) == ("conversations", "flow-errors")
    assert [settings.reads_audits(org) for org in (platform, flow)] == [True, False]
    off = {"TIMEOUT_MONITOR__COLLECT__SOURCES": '["actions"]'}
    assert not load(None, SINGLE_ORG | off).reads_audits(platform)


def test_the_default_words_tell_the_outcomes_apart() -> None:
    """Without configuration the likely words of the platform are read."""
    classifier = load(None, {}).classify.classifier()
    assert classifier.outcome("EXECUTION_TIMEOUT", "") is Outcome.TIMEOUT
    assert classifier.outcome("CONCURRENT_LIMIT", "429") is Outcome.THROTTLED
    assert classifier.outcome("REMOTE_ERROR", "500") is Outcome.ERROR
    assert classifier.outcome("ANYTHING", "429") is Outcome.THROTTLED
    assert classifier.outcome("REMOTE_ERROR", "429") is Outcome.ERROR


def test_configured_words_replace_the_default_ones() -> None:
    """A list is replaced as a whole, not added to."""
    classifier = load(FIXTURES / "everything.ok.toml", {}).classify.classifier()
    assert classifier.outcome("REMOTE GAVE UP", "") is Outcome.TIMEOUT
    assert classifier.outcome("REMOTE_ERROR", "408") is Outcome.ERROR
    assert classifier.outcome("REMOTE_ERROR", "430") is Outcome.THROTTLED
    assert classifier.outcome("BACKEND_ERROR", "430") is Outcome.ERROR
    assert classifier.outcome("ANYTHING", "429") is Outcome.ERROR


# --- durations ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90s", 90),
        ("5m", 300),
        ("1.5h", 5_400),
        ("7d", 604_800),
        ("250ms", 0.25),
        (" 5 m ", 300),
    ],
)
def test_a_duration_is_a_number_and_a_unit(text: str, seconds: float) -> None:
    """Whole seconds come as whole numbers."""
    parsed = parse_duration(text)
    assert parsed == seconds
    assert type(parsed) is type(seconds)


@pytest.mark.parametrize(
    "value", ["", "5", "m", "5 minutes", "-5m", "5m30s", "1e3s", "five m", 300, 5.0, None, True]
)
def test_anything_else_is_no_duration(value: object) -> None:
    """The error shows what to write instead."""
    with pytest.raises(ValueError, match="write a number and a unit, such as 90s, 5m or 24h"):
        parse_duration(value)


@pytest.mark.parametrize("text", ["0s", "0ms", "0.0d"])
def test_no_time_at_all_is_no_duration(text: str) -> None:
    """Nothing of ours can happen every 0 s."""
    with pytest.raises(ValueError, match="longer than nothing"):
        parse_duration(text)


@for_all(number=st.integers(1, 10_000), unit=st.sampled_from(["s", "m", "h", "d"]))
def test_units_are_what_they_are_called(number: int, unit: str) -> None:
    """A day has 24 hours of 60 minutes of 60 seconds."""
    seconds = {"s": 1, "m": 60, "h": 60 * 60, "d": 24 * 60 * 60}[unit]
    assert parse_duration(f"{number}{unit}") == number * seconds


# --- secrets --------------------------------------------------------------------------------


def test_a_secret_is_read_from_its_file(tmp_path: Path) -> None:
    """Without the line break that editors leave at its end."""
    secret_file = tmp_path / "secret.txt"
    secret_file.write_text(SECRET + "\n", encoding="utf-8")
    org = org_of({}, written(tmp_path, ORG.replace("secret.txt", str(secret_file))))
    assert org.read_client_secret() == SECRET
    assert org.read_private_key() is None


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_byte_order_mark_is_no_part_of_a_secret(tmp_path: Path, encoding: str) -> None:
    """Windows' own tools write one in front."""
    secret_file = tmp_path / "secret.txt"
    secret_file.write_text(SECRET + "\r\n", encoding=encoding)
    org = org_of({}, written(tmp_path, ORG.replace("secret.txt", str(secret_file))))
    assert org.read_client_secret() == SECRET


def test_a_byte_order_mark_is_no_part_of_the_settings(tmp_path: Path) -> None:
    """The first line of the file is read as it is meant."""
    path = tmp_path / "timeout-monitor.toml"
    path.write_text(f'[collect]\ninterval = "7m"\n{ORG}', encoding="utf-8-sig")
    assert load(path, {}).collect.interval == 420


@pytest.mark.parametrize(
    ("content", "words", "hint"),
    [
        ('[collect]\ninterval = "7m"\n'.encode("utf-16"), "is not UTF-8 text", "UTF-8"),
        (b"\xe4", "is not UTF-8 text", "UTF-8"),
        (b"[collect", "can't be read", "bracket"),
        (b"x = " + b"9" * 5_000, "a number of far too many digits", "Take it out"),
        (b"x = " + b"[" * 9_000, "a list in a list", "Take it out"),
    ],
)
def test_a_file_that_is_no_settings_is_told_as_what_it_is(
    tmp_path: Path, content: bytes, words: str, hint: str
) -> None:
    """Not as a missing bracket, where there is none missing."""
    path = tmp_path / "timeout-monitor.toml"
    path.write_bytes(content)
    with pytest.raises(ConfigurationError, match=words) as caught:
        load(path, {})
    assert hint in caught.value.hint


@pytest.mark.parametrize(
    ("kind", "words"),
    [("a directory", "is no file"), ("a link", "is a link that leads nowhere")],
)
@pytest.mark.parametrize("is_named", [False, True])
def test_what_stands_in_the_place_of_the_file_is_not_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, words: str, *, is_named: bool
) -> None:
    """A mount that went wrong must not let the program run with other settings."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / DEFAULT_FILE
    if kind == "a directory":
        path.mkdir()
    else:
        path.symlink_to(tmp_path / "absent")

    assert words in refusal(path if is_named else None)


def test_a_file_that_may_not_be_looked_at_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is told as what it is, by a name as well as at the usual place."""
    assert "can't be looked at: File name too long" in refusal(tmp_path / ("a" * 300))

    def forbid(path: Path) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "lstat", forbid)
    assert f"{DEFAULT_FILE} can't be looked at: Permission denied" in refusal()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[remediation]\naudit_file = "~nobody-of-this-name/x"\n', "home directory that is not"),
        ('[remediation]\naudit_file = "a\\u0000b"\n', "audit_file holds a NUL"),
        ('[state]\nurl = "sqlite:///a\\u0000b"\n', "url holds a NUL"),
        ('[state]\nurl = "sqlite:///a%00b"\n', "url holds a NUL"),
        (f'[state]\nurl = "sqlite:///{"a" * 300}"\n', "can't be looked at: File name too long"),
    ],
)
def test_a_path_that_can_be_none_is_refused(tmp_path: Path, text: str, words: str) -> None:
    """As a mistake in the settings, by the key or the path."""
    assert words in refusal(written(tmp_path, text))


def test_a_credential_file_of_an_impossible_name_is_refused(tmp_path: Path) -> None:
    """A NUL can stand in TOML and in no path."""
    with pytest.raises(ConfigurationError, match="no path"):
        org_of({}, written(tmp_path, ORG.replace("secret.txt", "a\\u0000b")))


def test_a_variable_that_is_nested_too_deep_is_refused() -> None:
    """As any other that can't be read."""
    assert "can't be read" in refusal(None, {"TIMEOUT_MONITOR__COLLECT": "[" * 100_000})


def test_a_key_is_read_from_its_file(tmp_path: Path) -> None:
    """The variable may hold a path instead of the key itself."""
    key_file = tmp_path / "key.pem"
    key_file.write_text(PEM + "\n", encoding="utf-8")
    org = org_of({"GENESYS_CLIENT_ID": "client", "GENESYS_PRIVATE_KEY": str(key_file)})
    assert org.read_private_key() == PEM
    assert org.read_client_secret() is None


def test_a_key_may_have_its_line_breaks_written_out() -> None:
    r"""Many secret stores hand a PEM over in one line, with ``\n`` in it."""
    one_line = PEM.replace("\n", "\\n")
    org = org_of({"GENESYS_CLIENT_ID": "client", "GENESYS_PRIVATE_KEY": one_line})
    assert org.read_private_key() == PEM


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "No such file or directory"),
        (b"", "is empty"),
        (b" \n", "is empty"),
        (b"\xff\xfe", "is empty"),
        (b"\xffsecret", "not text"),
        (b"\xff\xfea", "not text"),
    ],
)
def test_a_credential_file_that_is_no_use_is_refused(
    tmp_path: Path, content: bytes | None, words: str
) -> None:
    """The org and the file are named, and what is wrong with it."""
    secret_file = tmp_path / "secret.txt"
    if content is not None:
        secret_file.write_bytes(content)
    org = org_of({}, written(tmp_path, ORG.replace("secret.txt", str(secret_file))))
    with pytest.raises(ConfigurationError, match=words) as caught:
        org.read_client_secret()
    assert "acme" in caught.value.message
    assert str(secret_file) in caught.value.message


def test_secrets_are_not_shown() -> None:
    """Neither by ``repr`` nor by ``str`` nor as JSON."""
    for secret in (SINGLE_ORG, {"GENESYS_CLIENT_ID": "c", "GENESYS_PRIVATE_KEY": PEM}):
        settings = load(None, secret)
        for shown in (repr(settings), str(settings), settings.model_dump_json()):
            assert SECRET not in shown


def test_the_password_of_the_state_is_not_shown() -> None:
    """A database's URL may hold one."""
    url = f"postgresql://monitor:{SECRET}@db.example/state"
    settings = load(None, {"TIMEOUT_MONITOR__STATE__URL": url})
    assert settings.state.url == url
    assert SECRET not in repr(settings)


@pytest.mark.parametrize("given", [SECRET, SECRET * 200, f"~{SECRET}/key.pem", f"{SECRET}\0"])
def test_a_key_that_is_neither_pem_nor_a_path_is_not_shown(given: str) -> None:
    """It may be the bare body of a key: the error names the org alone, down to its cause."""
    org = org_of({"GENESYS_CLIENT_ID": "client", "GENESYS_PRIVATE_KEY": given})
    with pytest.raises(ConfigurationError, match="neither PEM text nor") as caught:
        org.read_private_key()
    assert SECRET not in caught.value.message + caught.value.hint
    assert caught.value.__cause__ is caught.value.__context__ is None


@pytest.mark.parametrize(
    "org",
    [
        f'client_secret = "{SECRET}"\nclient_secret_file = "x"',
        f'client_secret = ["{SECRET}"]',
        f'client_secret = "{SECRET}"\nregion = "Nowhere"',
        f'client_secret = "{SECRET}"\nunknown = "{SECRET}"',
        f'client_secret = "{SECRET}',
        f"client_secret = {SECRET}",
    ],
)
def test_errors_show_no_secret(tmp_path: Path, org: str) -> None:
    """However wrong the settings are, and wherever the error is looked at."""
    path = written(tmp_path, f'[[org]]\nname = "acme"\nclient_id = "client"\n{org}\n')
    with pytest.raises(ConfigurationError) as caught:
        load(path, {})
    assert SECRET not in caught.value.message + caught.value.hint
    assert SECRET not in str(caught.value.__cause__)


def test_a_secret_in_a_broken_variable_is_not_shown() -> None:
    """JSON that can't be read is not quoted."""
    broken = f'[{{"name": "acme", "client_secret": "{SECRET}"'
    assert SECRET not in refusal(None, {"TIMEOUT_MONITOR__ORG": broken})
