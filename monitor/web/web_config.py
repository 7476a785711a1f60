"""TLS and passwords, in the file format of Prometheus' exporter-toolkit.

Format: https://github.com/prometheus/exporter-toolkit/blob/master/docs/web-configuration.md.
What of it is not understood is refused: a setting for safety that is ignored would be worse than
none.
"""

from __future__ import annotations

import hashlib
import re
import ssl
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import bcrypt
import structlog
import yaml
from pydantic import BaseModel, ConfigDict, ValidationError, field_validator

from monitor.config import read_small_file
from monitor.errors import ConfigurationError

log = structlog.get_logger()

_HINT = "See https://github.com/prometheus/exporter-toolkit/blob/master/docs/web-configuration.md."
_BCRYPT = r"\$2[aby]\$\d\d\$[./A-Za-z0-9]{53}"
_NOBODY = b"$2b$10$prKlKGq2ldEs5qbYnzyR6uTzASgzFSD5PM24fgOxzrRJ0MEHz8LgS"
"""Compared with where there is no such user, so that a stranger can't tell by the time it takes."""

_LONGEST_PASSWORD_BYTES = 72  # bcrypt's own limit

TRIED_AT_ONCE = 2
"""bcrypt is slow on purpose. Of the four threads that answer, guessers may keep two: the others are
for whoever knows the password and for health checks."""

_UNREADABLE = (
    *(yaml.YAMLError, ValueError, ArithmeticError, RecursionError),
    *(AttributeError, TypeError, LookupError),
)
"""What the library raises for what is no YAML, for dates that there never are, numbers of thousands
of digits, lists in lists without end, and for tags that do not fit what they stand before."""

_VERSIONS = {
    "TLS12": ssl.TLSVersion.TLSv1_2,
    "TLS13": ssl.TLSVersion.TLSv1_3,
}


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class _Tls(_Part):
    cert_file: Path
    key_file: Path
    min_version: Literal["TLS12", "TLS13"] = "TLS12"
    max_version: Literal["TLS12", "TLS13"] = "TLS13"


class _File(_Part):
    tls_server_config: _Tls | None = None
    basic_auth_users: dict[str, str] = {}

    @field_validator("basic_auth_users")
    @classmethod
    def _are_hashes(cls, users: dict[str, str]) -> dict[str, str]:
        for user, hashed in users.items():
            if not re.fullmatch(_BCRYPT, hashed):
                reason = f"what {user} has is not a bcrypt hash, as htpasswd -nBC 10 gives"
                raise ValueError(reason)
        return users


class TooManyPasswordsError(Exception):
    """So many passwords are being tried that another one has to wait."""


class Passwords:
    """Who may read, by user and password; what was right once is known again without bcrypt."""

    def __init__(self, hashes: dict[str, str]) -> None:
        """Know these users.

        Args:
            hashes: The bcrypt hash of each user's password.
        """
        self._lock = threading.Lock()
        self.replace(hashes)
        self._trying = threading.BoundedSemaphore(TRIED_AT_ONCE)

    def replace(self, hashes: dict[str, str]) -> None:
        """Know these users instead, and nobody that was known before."""
        with self._lock:
            self._hashes = {user: hashed.encode() for user, hashed in hashes.items()}
            self._known: dict[str, bytes] = {}

    def allow(self, user: str, password: str) -> bool:
        """Return whether this is the user's password.

        Raises:
            TooManyPasswordsError: Others are being tried; ask again in a second.
        """
        given = password.encode()
        digest = hashlib.sha256(given).digest()
        with self._lock:
            if self._known.get(user) == digest:
                return True
            expected = self._hashes.get(user)
        if len(given) > _LONGEST_PASSWORD_BYTES:
            return False
        if not self._trying.acquire(blocking=False):
            raise TooManyPasswordsError
        try:
            right = bcrypt.checkpw(given, expected or _NOBODY)
        except ValueError:
            return False
        finally:
            self._trying.release()
        if not right or expected is None:
            return False
        with self._lock:
            # It may have been replaced while it was tried.
            if self._hashes.get(user) != expected:
                return False
            self._known[user] = digest
        return True


@dataclass(slots=True)
class _RenewedCertificate:
    """A certificate that is read again for the next connection once its files have changed."""

    tls: _Tls
    context: ssl.SSLContext
    times: tuple[float, ...]
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, connection: ssl.SSLObject, _name: str | None, _old: ssl.SSLContext) -> None:
        """Give a connection that begins the newest certificate."""
        try:
            times = _times(self.tls)
            if times != self.times:
                self.context, self.times = _context(self.tls), times
                log.info("certificate_read_again", cert_file=str(self.tls.cert_file))
        except (OSError, ConfigurationError) as error:
            # In the middle of being replaced; the old one is as good as before.
            log.debug("certificate_not_read", why=str(error))
        connection.context = self.context


@dataclass(frozen=True, slots=True)
class WebConfig:
    """How the pages are protected.

    Attributes:
        tls: The certificate to show; None for plain HTTP.
        passwords: Who may read; None for everybody.
    """

    tls: ssl.SSLContext | None = None
    passwords: Passwords | None = None

    @staticmethod
    def files(name: str) -> tuple[Path, ...]:
        """Return the file and those that it names; the file alone where it can't be read."""
        path = Path(name)
        try:
            tls = _read(path).tls_server_config
        except ConfigurationError:
            tls = None
        if tls is None:
            return (path,)
        return (path, path.parent / tls.cert_file, path.parent / tls.key_file)

    @classmethod
    def read(cls, name: str) -> WebConfig:
        """Read a file; the paths in it count from its own folder.

        Args:
            name: The file's path; empty where there is none, and nothing is protected.

        Raises:
            ConfigurationError: It can't be read or understood, or its certificate can't be used.
        """
        if not name:
            return cls()
        path = Path(name)
        document = _read(path)
        tls = None
        if document.tls_server_config is not None:
            folder, given = path.parent, document.tls_server_config
            placed = given.model_copy(
                update={"cert_file": folder / given.cert_file, "key_file": folder / given.key_file}
            )
            tls = _context(placed)
            tls.sni_callback = _RenewedCertificate(placed, tls, _times(placed))
        users = document.basic_auth_users
        return cls(tls, Passwords(users) if users else None)

    def users_now(self, name: str) -> dict[str, str]:
        """Return who may read by the file as it is now; ``renew`` lets them in.

        Args:
            name: The file's path; empty where there is none.

        Raises:
            ConfigurationError: It can't be read or understood, or there were passwords and are none
                any more, or the other way round.
        """
        users = _read(Path(name)).basic_auth_users if name else {}
        if bool(users) != (self.passwords is not None):
            raise ConfigurationError(
                f"The web configuration {name} has {'' if users else 'no '}users now",
                "Whether a password is asked for can't change while the daemon runs: restart it.",
            )
        return users

    def renew(self, users: dict[str, str]) -> None:
        """Let in these users from now on, and no others."""
        if self.passwords is not None:
            self.passwords.replace(users)


def _read(path: Path) -> _File:
    try:
        document: Any = yaml.safe_load(read_small_file(path).decode("utf-8-sig"))
        return _File.model_validate({} if document is None else document)
    except OSError as error:
        raise ConfigurationError(
            f"The web configuration {path} can't be read: {error.strerror}",
            "Check [serve] web_config.",
        ) from error
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ConfigurationError(
            f"The web configuration {path} can't be used: {where}: {first['msg']}", _HINT
        ) from error
    except _UNREADABLE as error:
        raise ConfigurationError(
            f"The web configuration {path} is not YAML that can be understood",
            "Check [serve] web_config.",
        ) from error


def _context(tls: _Tls) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = _VERSIONS[tls.min_version]
    context.maximum_version = _VERSIONS[tls.max_version]
    for path in (tls.cert_file, tls.key_file):
        if path.exists() and not path.is_file():
            raise ConfigurationError(
                f"The certificate {tls.cert_file} and key {tls.key_file} can't be used: {path} is "
                "no file",
                "Give a PEM certificate with its chain, and its own key without a passphrase.",
            )
    try:
        # A key with a passphrase would have OpenSSL ask for it on the terminal.
        context.load_cert_chain(tls.cert_file, tls.key_file, password="")
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise ConfigurationError(
            f"The certificate {tls.cert_file} and key {tls.key_file} can't be used: {reason}",
            "Give a PEM certificate with its chain, and its own key without a passphrase.",
        ) from error
    return context


def _times(tls: _Tls) -> tuple[float, ...]:
    return tls.cert_file.stat().st_mtime_ns, tls.key_file.stat().st_mtime_ns
