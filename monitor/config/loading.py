"""Reads the settings from a TOML file and the environment, or says what can't be used."""

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
)

from monitor.config.paths import (
    document_in_place,
    with_paths_in_place,
    with_state_in_place,
)
from monitor.config.private_key import without_wrapping
from monitor.config.settings import PREFIX, Settings
from monitor.errors import ConfigurationError

DEFAULT_FILE = "timeout-monitor.toml"
FILE_VARIABLE = "TIMEOUT_MONITOR_CONFIG"

ORG_VARIABLES: Mapping[str, str] = {
    "GENESYS_ORG_ID": "name",
    "GENESYS_CLIENT_ID": "client_id",
    "GENESYS_CLIENT_SECRET": "client_secret",
    "GENESYS_PRIVATE_KEY": "private_key",
    "GENESYS_WRITE_CLIENT_ID": "write_client_id",
    "GENESYS_WRITE_CLIENT_SECRET": "write_client_secret",
    "GENESYS_WRITE_PRIVATE_KEY": "write_private_key",
    "GENESYS_REGION": "region",
    "GENESYS_API_URL": "api_url",
    "GENESYS_LOGIN_URL": "login_url",
    "GENESYS_CONTRACT": "contract",
}
"""Variables that describe a single org without a file, and the ``[[org]]`` keys they stand for."""

FLOW_VARIABLE = "FLOW_ID"
ACTION_VARIABLE = "ACTION_ID"
"""The flow and its data action that are meant where a command names none; see ``_with_flow``."""

_TOO_DEEP = "a list in a list in a list, and so on for far too long,"

_CREDENTIALS = ("client_secret", "private_key")


def load(path: Path | None = None, environment: Mapping[str, str] | None = None) -> Settings:
    """Read the settings: the file, then the environment over it.

    Args:
        path: The file; None for ``TIMEOUT_MONITOR_CONFIG``, else ``timeout-monitor.toml`` where it
            exists, else none.
        environment: The variables; None for the process's own.

    Raises:
        ConfigurationError: A file that can't be read, an unknown key, a bad value or a combination
            that can't work; the message names the key by its full path. Or two places hold a state
            that a relative path could mean.
    """
    variables = os.environ if environment is None else environment
    file = _choose_file(path, variables)
    _refuse_unknown_variables(variables)

    document = document_in_place(_document(file), file)

    class FileSettings(Settings):
        """The settings with this call's file and variables as their sources."""

        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],
            init_settings: PydanticBaseSettingsSource,
            env_settings: PydanticBaseSettingsSource,
            dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - pydantic's signature
            file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - pydantic's signature
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            toml = InitSettingsSource(settings_cls, document)
            orgs = _orgs(document.get("org", []), variables)
            env_settings.env_vars = {  # type: ignore[attr-defined]
                key.lower(): value for key, value in variables.items()
            }
            return (lambda: orgs, init_settings, env_settings, toml)  # type: ignore[return-value]

    try:
        settings = FileSettings()
    except ValidationError as error:
        raise _as_configuration_error(error, file) from error
    except (ValueError, RecursionError) as error:
        # A variable whose JSON can't be read
        raise ConfigurationError(
            f"The settings can't be read: {error}",
            "Check the environment for a missing quote or bracket.",
        ) from error
    return with_state_in_place(with_paths_in_place(settings), file)


def _document(file: Path | None) -> dict[str, Any]:
    """Return what a file says; a byte order mark, which some editors write, says nothing."""
    if file is None:
        return {}
    try:
        return tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except UnicodeDecodeError as error:
        raise ConfigurationError(
            f"The configuration file {file} is not UTF-8 text", "Save it as UTF-8."
        ) from error
    except OSError as error:
        raise ConfigurationError(
            f"The configuration file {file} can't be read: {error.strerror}",
            "Let the user that runs this program read it.",
        ) from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(
            f"The settings can't be read: {error}",
            f"Check {file} for a missing quote or bracket.",
        ) from error
    except (ValueError, RecursionError) as error:
        what = "a number of far too many digits" if isinstance(error, ValueError) else _TOO_DEEP
        raise ConfigurationError(
            f"The settings can't be read: there is {what} in {file}", "Take it out."
        ) from error


def _choose_file(path: Path | None, variables: Mapping[str, str]) -> Path | None:
    chosen = path or (Path(variables[FILE_VARIABLE]) if variables.get(FILE_VARIABLE) else None)
    try:
        if chosen is None:
            default = Path(DEFAULT_FILE)
            if not _is_there(default):
                return None
            chosen = default
        if chosen.is_file():
            return chosen
        kind = "is no file" if chosen.exists() else "is a link that leads nowhere"
        raise ConfigurationError(
            f"The configuration file {chosen} {kind if _is_there(chosen) else 'does not exist'}",
            f"Check --config and {FILE_VARIABLE}.",
        )
    except OSError as error:
        raise ConfigurationError(
            f"The configuration file {chosen or DEFAULT_FILE} can't be looked at: {error.strerror}",
            f"Check --config and {FILE_VARIABLE}, and that this user may enter its directory.",
        ) from error


def _is_there(path: Path) -> bool:
    """Whether there is anything of this name, if only a link that leads nowhere."""
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True


def _refuse_unknown_variables(variables: Mapping[str, str]) -> None:
    known = {name.upper() for name in Settings.model_fields}
    for variable in variables:
        if not variable.upper().startswith(PREFIX):
            continue
        section = variable.upper().removeprefix(PREFIX).split("__")[0]
        if section not in known:
            raise ConfigurationError(
                f"The variable {variable} names no section of the settings",
                f"Sections are {', '.join(sorted(name.lower() for name in known))}.",
            )


def _orgs(from_file: object, variables: Mapping[str, str]) -> dict[str, Any]:
    told = {key: _value(key, variables.get(name, "")) for name, key in ORG_VARIABLES.items()}
    given = {key: value for key, value in told.items() if value}
    orgs = list(from_file) if isinstance(from_file, list) else []
    if not given:
        only = orgs[0] if len(orgs) == 1 and isinstance(orgs[0], dict) else {}
        with_flow = _with_flow(only, variables)
        return {} if with_flow == only else {"org": [with_flow]}
    if len(orgs) > 1:
        raise ConfigurationError(
            f"The GENESYS_* variables describe one org, but the file lists {len(orgs)}",
            "Unset the variables, or keep a single [[org]] in the file.",
        )
    if not orgs and "client_id" not in given:
        raise ConfigurationError(
            "GENESYS_CLIENT_ID is not set although other GENESYS_* variables are",
            "Set it together with GENESYS_CLIENT_SECRET or GENESYS_PRIVATE_KEY.",
        )
    base: dict[str, Any] = dict(orgs[0]) if orgs else {"name": given["client_id"]}
    for prefix in ("", "write_"):
        if given.keys() & {f"{prefix}client_secret", f"{prefix}private_key"}:
            # A credential from the environment takes the place of the file's, of whatever kind.
            for key in ("client_secret", "client_secret_file", "private_key", "private_key_file"):
                base.pop(prefix + key, None)
    org: dict[str, Any] = base | given
    if not orgs and without_wrapping(variables.get(FLOW_VARIABLE, "")):
        # Nothing but the environment describes this org: a flow in it says which contract is meant.
        org.setdefault("contract", "flow")
    return {"org": [_with_flow(org, variables)]}


def _value(key: str, text: str) -> str:
    """What a variable holds for a key; a credential as it comes, for any character may be its."""
    return text if key.endswith(_CREDENTIALS) else without_wrapping(text)


def _with_flow(org: dict[str, Any], variables: Mapping[str, str]) -> dict[str, Any]:
    """An org of the flow contract with the environment's flow and, beside it, its action.

    For any other org the two variables stand in for arguments of ``flow`` alone.
    """
    flow_id = without_wrapping(variables.get(FLOW_VARIABLE, ""))
    if org.get("contract") != "flow" or not flow_id:
        return org
    same_flow = org.get("flow_id") == flow_id
    action_id = without_wrapping(variables.get(ACTION_VARIABLE, "")) or None
    # The file's action is one of the file's flow, and goes with another one.
    kept = org.get("action_id") if same_flow else None
    return {**org, "flow_id": flow_id, "action_id": action_id or kept}


def _as_configuration_error(error: ValidationError, file: Path | None) -> ConfigurationError:
    problems: list[str] = []
    for problem in error.errors(include_url=False, include_input=False):
        where = ".".join(str(part) for part in problem["loc"])
        if problem["type"] == "extra_forbidden":
            what = "is not a setting"
        else:
            what = problem["msg"].removeprefix("Value error, ")
        problems.append(f"{where}: {what}" if where else what)
    return ConfigurationError(
        "The settings can't be used: " + "; ".join(problems),
        f"Mend it in {file}." if file else "Mend the variable, or write a configuration file.",
    )
