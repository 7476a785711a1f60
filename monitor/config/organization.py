"""``[[org]]``: an organisation, where it is reached, and the credential that reads it."""

import codecs
import re
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator

from monitor.config.private_key import pem_text, without_wrapping
from monitor.config.sections import Section
from monitor.config.small_file import read_small_file
from monitor.contract import Contract
from monitor.errors import ConfigurationError

DEFAULT_REGION = "mypurecloud.com"

_WRITE_CREDENTIALS = (
    "write_client_secret",
    "write_client_secret_file",
    "write_private_key",
    "write_private_key_file",
)
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


class OrgSettings(Section):
    """``[[org]]``: one Genesys Cloud organisation and the client that reads it."""

    name: str = Field(min_length=1)
    client_id: str = Field(min_length=1)
    client_secret: SecretStr | None = None
    client_secret_file: Path | None = None
    private_key: SecretStr | None = None
    private_key_file: Path | None = None
    write_client_id: str | None = Field(default=None, min_length=1)
    write_client_secret: SecretStr | None = None
    write_client_secret_file: Path | None = None
    write_private_key: SecretStr | None = None
    write_private_key_file: Path | None = None
    region: str = DEFAULT_REGION
    api_url: str = ""
    login_url: str = ""
    contract: Contract = Contract.PLATFORM
    flow_id: str | None = Field(default=None, min_length=1)
    action_id: str | None = Field(default=None, min_length=1)

    @field_validator("api_url", "login_url")
    @classmethod
    def _is_safe_url(cls, url: str) -> str:
        if not url:
            return url
        parts = urlsplit(url)
        if "@" in url.partition("?")[0]:
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

    @model_validator(mode="after")
    def _writes_with_one_credential(self) -> Self:
        given = [key for key in _WRITE_CREDENTIALS if getattr(self, key) is not None]
        if self.write_client_id is None and given:
            reason = f"{given[0]} is set without write_client_id, the client that it belongs to"
            raise ValueError(reason)
        if self.write_client_id is None:
            return self
        if len(given) != 1:
            reason = (
                f"{' and '.join(given)} contradict each other; keep one"
                if given
                else "write_client_id has no credential: set write_client_secret_file or "
                "write_private_key_file"
            )
            raise ValueError(reason)
        if self.write_client_id == self.client_id:
            reason = (
                "write_client_id is the client that reads; give writing a client of its own, "
                "or leave it out"
            )
            raise ValueError(reason)
        text = self.write_client_secret or self.write_private_key
        if text is not None and not text.get_secret_value():
            reason = f"{given[0]} is empty"
            raise ValueError(reason)
        return self

    @model_validator(mode="after")
    def _names_a_flow_where_it_counts(self) -> Self:
        if self.flow_id is not None and self.contract is not Contract.FLOW:
            reason = 'flow_id is for contract = "flow", and the contract is another'
            raise ValueError(reason)
        if self.action_id is not None and self.flow_id is None:
            reason = "action_id is set without flow_id, the flow that it is in"
            raise ValueError(reason)
        return self

    def as_writer(self) -> Self:
        """The same org with the client that writes; the one that reads where there is no other."""
        if self.write_client_id is None:
            return self
        return self.model_copy(
            update={
                "client_id": self.write_client_id,
                **{key.removeprefix("write_"): getattr(self, key) for key in _WRITE_CREDENTIALS},
                "write_client_id": None,
                **dict.fromkeys(_WRITE_CREDENTIALS),
            }
        )

    @property
    def client_ids(self) -> frozenset[str]:
        """The OAuth clients that this program logs in with."""
        return frozenset({self.client_id, self.write_client_id or self.client_id})

    @property
    def api_base(self) -> str:
        """The API's base URL, without a slash at its end."""
        return self.api_url or f"https://api.{self.region}"

    @property
    def token_url(self) -> str:
        """Where tokens come from, which is also the audience of a signed login.

        ``login_url``, else ``api_url``; else the API's own host where a login is signed or the
        contract is ``flow``, which know one host, and the region's login host otherwise.
        """
        signs = self.private_key is not None or self.private_key_file is not None
        one_host = signs or self.contract is Contract.FLOW
        usual = self.api_base if one_host else f"https://login.{self.region}"
        return (self.login_url or self.api_url or usual) + "/oauth/token"

    def read_client_secret(self) -> str | None:
        """The client secret, or None where the client signs with a private key.

        Raises:
            ConfigurationError: The file can't be read or is empty.
        """
        return _read_credential(self.client_secret, self.client_secret_file, self.name, "secret")

    def read_private_key(self) -> str | None:
        """The private key as PEM text, or None where the client uses a secret.

        It may be given as PEM text whatever became of its line ends, as base64 of that, or as the
        path of a file with either.

        Raises:
            ConfigurationError: It is none of these, is cut, or the file can't be read or is empty.
        """
        if self.private_key is None:
            content = _read_credential(None, self.private_key_file, self.name, "private key")
            # What is no PEM goes on as it is: whoever loads it says what it is instead.
            return content and (pem_text(content, self.name) or content)
        given = self.private_key.get_secret_value()
        path = without_wrapping(given)
        if "-----BEGIN" not in given and _is_file(path):
            content = _read_credential(None, Path(path), self.name, "private key") or ""
            return pem_text(content, self.name) or content
        found = pem_text(given, self.name)
        if found is None:
            # Not shown, nor chained: it may be the bare body of the key itself.
            raise ConfigurationError(
                f"The private key of org {self.name} is neither PEM text nor base64 of it nor the "
                "path of a file",
                "Give the whole PEM text with its BEGIN line, base64 of it, or the path of a file "
                "with it.",
            )
        return found


def _is_file(path: str) -> bool:
    try:
        return Path(path).expanduser().is_file()
    except (OSError, RuntimeError, ValueError):
        # too long for a name, no home directory to expand, or with characters no path can have
        return False


def _text(content: bytes) -> str:
    """Return what a file says, in UTF-8 or as Windows' own tools write it: UTF-16 with a mark."""
    is_utf16 = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    return content.decode("utf-16" if is_utf16 else "utf-8-sig")


def _read_credential(text: SecretStr | None, path: Path | None, org: str, what: str) -> str | None:
    if text is not None:
        return text.get_secret_value().removeprefix("\ufeff").strip()
    if path is None:
        return None
    try:
        content = _text(read_small_file(path.expanduser())).strip()
    except UnicodeDecodeError as error:
        raise ConfigurationError(
            f"The {what} of org {org} can't be read from {path}: not text", "Save it as UTF-8."
        ) from error
    except (OSError, RuntimeError, ValueError) as error:
        # A RuntimeError is a ~ without a home directory, a ValueError a NUL in the path.
        words = "no such home directory" if isinstance(error, RuntimeError) else "no path"
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
