"""Settings from a TOML file and the environment, checked as a whole before anything starts."""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self, cast
from urllib.parse import urlsplit

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from monitor.duration import parse_duration
from monitor.errors import ConfigurationError
from monitor.model import Classifier

DEFAULT_FILE = "timeout-monitor.toml"
FILE_VARIABLE = "TIMEOUT_MONITOR_CONFIG"
PREFIX = "TIMEOUT_MONITOR__"
DEFAULT_REGION = "mypurecloud.com"

ORG_VARIABLES: Mapping[str, str] = {
    "GENESYS_ORG_ID": "name",
    "GENESYS_CLIENT_ID": "client_id",
    "GENESYS_CLIENT_SECRET": "client_secret",
    "GENESYS_PRIVATE_KEY": "private_key",
    "GENESYS_REGION": "region",
    "GENESYS_API_URL": "api_url",
    "GENESYS_LOGIN_URL": "login_url",
    "GENESYS_CONTRACT": "contract",
}
"""Variables that describe a single org without a file, and the ``[[org]]`` keys they stand for."""

_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_ALLOWED_WINDOWS_SECONDS = (60, 300, 600, 900, 1800, 3600)


Seconds = Annotated[int, BeforeValidator(parse_duration)]
FractionalSeconds = Annotated[float, BeforeValidator(parse_duration)]


class _Section(BaseModel):
    """A section that refuses keys it does not know."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, validate_default=True, hide_input_in_errors=True
    )


class CollectSettings(_Section):
    """``[collect]``: what is read, how often, and how far back. Attributes are seconds."""

    interval: FractionalSeconds = cast("float", "1m")
    window: Seconds = cast("int", "5m")
    settle: Seconds = cast("int", "10m")
    near: Seconds = cast("int", "15m")
    lookback: Seconds = cast("int", "1h")
    max_backfill: Seconds = cast("int", "7d")
    initial: Seconds = cast("int", "24h")
    sources: tuple[Literal["actions", "conversations"], ...] = ("actions", "conversations")

    @model_validator(mode="after")
    def _possible_together(self) -> Self:
        if self.window not in _ALLOWED_WINDOWS_SECONDS:
            allowed = ", ".join(f"{seconds // 60}m" for seconds in _ALLOWED_WINDOWS_SECONDS)
            reason = f"window must be one of {allowed}"
            raise ValueError(reason)
        if not self.sources:
            reason = "sources must name at least one source"
            raise ValueError(reason)
        for shorter, longer in (
            ("interval", "lookback"),
            ("window", "near"),
            ("near", "lookback"),
            ("settle", "lookback"),
            ("initial", "max_backfill"),
            ("lookback", "max_backfill"),
        ):
            if getattr(self, shorter) > getattr(self, longer):
                reason = f"{shorter} must not be longer than {longer}"
                raise ValueError(reason)
        return self


class ServeSettings(_Section):
    """``[serve]``: where the metrics and the API are served."""

    host: str = "127.0.0.1"
    port: int = Field(default=9840, ge=0, le=65535)


class StateSettings(_Section):
    """``[state]``: where the ledger is kept, and for how long (seconds)."""

    url: str = Field(default="sqlite:///timeout-monitor.db", repr=False)  # may hold a password
    retention: Seconds = cast("int", "35d")


class ClassifySettings(_Section):
    """``[classify]``: how the platform's words for a failure are read."""

    timeout_error_types: tuple[str, ...] = (r"(?i)timed?[ _-]?out",)
    timeout_statuses: tuple[str, ...] = ("408", "504")
    throttle_error_types: tuple[str, ...] = (r"(?i)rate.?limit|concurren",)
    function_categories: tuple[str, ...] = (r"(?i)\bfunction\b",)

    @field_validator("timeout_error_types", "throttle_error_types", "function_categories")
    @classmethod
    def _are_patterns(cls, patterns: tuple[str, ...]) -> tuple[str, ...]:
        for pattern in patterns:
            try:
                re.compile(pattern)
            except re.error as error:
                reason = f"{pattern!r} is not a regular expression: {error}"
                raise ValueError(reason) from error
        return patterns

    def classifier(self) -> Classifier:
        """The rule that these patterns make."""
        return Classifier.from_patterns(
            self.timeout_error_types, self.timeout_statuses, self.throttle_error_types
        )


class OrgSettings(_Section):
    """``[[org]]``: one Genesys Cloud organisation and the client that reads it."""

    name: str = Field(min_length=1)
    client_id: str = Field(min_length=1)
    client_secret: SecretStr | None = None
    client_secret_file: Path | None = None
    private_key: SecretStr | None = None
    private_key_file: Path | None = None
    region: str = DEFAULT_REGION
    api_url: str = ""
    login_url: str = ""
    contract: Literal["platform", "flow"] = "platform"

    @field_validator("api_url", "login_url")
    @classmethod
    def _is_safe_url(cls, url: str) -> str:
        if not url:
            return url
        parts = urlsplit(url)
        if "@" in parts.netloc:
            # Nothing of it is repeated: it may be a password.
            reason = "a URL must not hold a user or a password; use client_id and a credential"
            raise ValueError(reason)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            reason = f"{url!r} is not an http(s) URL"
            raise ValueError(reason)
        if parts.scheme == "http" and parts.hostname not in _LOOPBACK:
            reason = "plain http would send the credentials in the clear; use https"
            raise ValueError(reason)
        return url.rstrip("/")

    @field_validator("region")
    @classmethod
    def _is_domain(cls, region: str) -> str:
        if not re.fullmatch(r"[a-z0-9-]+(\.[a-z0-9-]+)+", region):
            reason = f"{region!r} is not a region's domain, such as mypurecloud.ie"
            raise ValueError(reason)
        return region

    @model_validator(mode="after")
    def _has_one_credential(self) -> Self:
        given = [
            key
            for key in ("client_secret", "client_secret_file", "private_key", "private_key_file")
            if getattr(self, key) is not None
        ]
        if not given:
            reason = "no credential: set client_secret_file, private_key_file or their variables"
            raise ValueError(reason)
        if len(given) > 1:
            reason = f"{' and '.join(given)} contradict each other; keep one"
            raise ValueError(reason)
        text = self.private_key if self.client_secret is None else self.client_secret
        if text is not None and not text.get_secret_value():
            reason = f"{given[0]} is empty"
            raise ValueError(reason)
        return self

    @property
    def api_base(self) -> str:
        """The API's base URL, without a slash at its end."""
        return self.api_url or f"https://api.{self.region}"

    @property
    def token_url(self) -> str:
        """Where tokens come from: ``login_url``, else ``api_url``, else the region's login host."""
        return (self.login_url or self.api_url or f"https://login.{self.region}") + "/oauth/token"

    def read_client_secret(self) -> str | None:
        """The client secret, or None where the client signs with a private key.

        Raises:
            ConfigurationError: The file can't be read or is empty.
        """
        return _read_credential(self.client_secret, self.client_secret_file, self.name, "secret")

    def read_private_key(self) -> str | None:
        """The private key as PEM text, or None where the client uses a secret.

        Raises:
            ConfigurationError: The file can't be read or is empty.
        """
        given = self.private_key.get_secret_value() if self.private_key else ""
        if given and "-----BEGIN" not in given:
            if not _is_file(given):
                # Not shown, nor chained: it may be the bare body of the key itself.
                raise ConfigurationError(
                    f"The private key of org {self.name} is neither PEM text nor the path of a "
                    "file",
                    "Give the whole PEM text with its BEGIN line, or the path of a file with it.",
                )
            return _read_credential(None, Path(given), self.name, "private key")
        return _read_credential(self.private_key, self.private_key_file, self.name, "private key")


def _is_file(path: str) -> bool:
    try:
        return Path(path).expanduser().is_file()
    except (OSError, RuntimeError, ValueError):
        # too long for a name, no home directory to expand, or with characters no path can have
        return False


def _read_credential(text: SecretStr | None, path: Path | None, org: str, what: str) -> str | None:
    if text is not None:
        # A PEM in an environment variable often arrives with its line breaks written out.
        return text.get_secret_value().replace("\\n", "\n").strip()
    if path is None:
        return None
    try:
        content = path.expanduser().read_text(encoding="utf-8").strip()
    except (OSError, RuntimeError, UnicodeDecodeError) as error:
        # A RuntimeError is a ~ without a home directory.
        words = "no such home directory" if isinstance(error, RuntimeError) else "not text"
        reason = error.strerror if isinstance(error, OSError) and error.strerror else words
        raise ConfigurationError(
            f"The {what} of org {org} can't be read from {path}: {reason}",
            "Check that the file exists and that this user may read it.",
        ) from error
    if not content:
        raise ConfigurationError(
            f"The file {path} with the {what} of org {org} is empty",
            "Write the credential into it and start again.",
        )
    return content


class Settings(BaseSettings):
    """Everything the program can be told, frozen once it is loaded."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter="__",
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
    )

    collect: CollectSettings = CollectSettings()
    serve: ServeSettings = ServeSettings()
    state: StateSettings = StateSettings()
    classify: ClassifySettings = ClassifySettings()
    org: tuple[OrgSettings, ...] = ()

    @model_validator(mode="after")
    def _possible_together(self) -> Self:
        names = [org.name for org in self.org]
        doubled = sorted({name for name in names if names.count(name) > 1})
        if doubled:
            reason = f"org: the name {doubled[0]!r} is used twice; names keep the counts apart"
            raise ValueError(reason)
        if self.state.retention < self.collect.max_backfill + self.collect.lookback:
            reason = (
                "state.retention must be at least collect.max_backfill plus collect.lookback, "
                "or windows that were forgotten could be counted again"
            )
            raise ValueError(reason)
        return self

    def sources_of(self, org: OrgSettings) -> tuple[str, ...]:
        """The sources to ask for an org: one that speaks only flows has no action aggregates."""
        if org.contract == "flow":
            return ("conversations",)
        return self.collect.sources


def load(path: Path | None = None, environment: Mapping[str, str] | None = None) -> Settings:
    """Read the settings: the file, then the environment over it.

    Args:
        path: The file; None for ``TIMEOUT_MONITOR_CONFIG``, else ``timeout-monitor.toml`` where it
            exists, else none.
        environment: The variables; None for the process's own.

    Raises:
        ConfigurationError: A file that can't be read, an unknown key, a bad value or a combination
            that can't work; the message names the key by its full path.
    """
    variables = os.environ if environment is None else environment
    file = _choose_file(path, variables)
    _refuse_unknown_variables(variables)

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
            toml = TomlConfigSettingsSource(settings_cls, toml_file=file)
            orgs = _orgs(toml().get("org", []), variables)
            env_settings.env_vars = {  # type: ignore[attr-defined]
                key.lower(): value for key, value in variables.items()
            }
            return (lambda: orgs, init_settings, env_settings, toml)  # type: ignore[return-value]

    try:
        return FileSettings()
    except ValidationError as error:
        raise _as_configuration_error(error, file) from error
    except (ValueError, OSError) as error:
        # tomllib's own error, or a variable whose JSON can't be read
        raise ConfigurationError(
            f"The settings can't be read: {error}",
            f"Check {file or 'the environment'} for a missing quote or bracket.",
        ) from error


def _choose_file(path: Path | None, variables: Mapping[str, str]) -> Path | None:
    chosen = path or (Path(variables[FILE_VARIABLE]) if variables.get(FILE_VARIABLE) else None)
    if chosen is None:
        default = Path(DEFAULT_FILE)
        return default if default.is_file() else None
    if not chosen.is_file():
        raise ConfigurationError(
            f"The configuration file {chosen} does not exist",
            f"Check --config and {FILE_VARIABLE}.",
        )
    return chosen


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
    given = {key: variables[name] for name, key in ORG_VARIABLES.items() if variables.get(name)}
    if not given:
        return {}
    orgs = list(from_file) if isinstance(from_file, list) else []
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
    if given.keys() & {"client_secret", "private_key"}:
        # A credential from the environment takes the place of the file's, of whatever kind.
        for key in ("client_secret", "client_secret_file", "private_key", "private_key_file"):
            base.pop(key, None)
    return {"org": [base | given]}


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
