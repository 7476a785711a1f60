"""The file that a command writes its result to: whole or not at all, and none that is needed."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkstemp
from typing import TYPE_CHECKING, TextIO

from monitor.errors import ConfigurationError

if TYPE_CHECKING:
    from monitor.cli.context import Context
    from monitor.config import OrgSettings, Settings


@dataclass(frozen=True, slots=True)
class Result:
    """Where a result goes.

    Attributes:
        output: The file that was chosen; None for the standard output.
        what: What errors call the result, such as ``export``.
        needed: Files that this program lives on, each with what it is.
    """

    output: Path | None
    what: str
    needed: Mapping[Path, str]

    @classmethod
    def of(cls, output: Path | None, what: str, context: Context, settings: Settings) -> Result:
        """Return where the result of a command goes."""
        return cls(output, what, {} if output is None else needed_files(context, settings))

    @contextmanager
    def opened(self) -> Iterator[TextIO]:
        """Where to write.

        A file gets its name once it is whole, so that the last result stays where a new one can't
        be written. Links are followed, and what is no file is written into as it is.

        Raises:
            ConfigurationError: It can't be written, or something else would be lost.
        """
        if self.output is None:
            yield sys.stdout
            return
        try:
            refuse_what_is_needed(self.output, self.what, self.needed)
            target = Path(os.path.realpath(self.output))
            if _is_written_in_place(self.output, target):
                with self.output.open("w", encoding="utf-8", newline="\n") as file:
                    yield file
            else:
                with _renamed_when_whole(target) as file:
                    yield file
        except OSError as error:
            raise ConfigurationError(
                f"The {self.what} can't be written to {self.output}: {error.strerror or error}",
                "Choose a file in a directory that exists and that this user may write.",
            ) from error


def needed_files(context: Context, settings: Settings) -> dict[Path, str]:
    """Return the files that the settings name, and what lies beside them, each with what it is."""
    from monitor.config import DEFAULT_FILE
    from monitor.remediation import audit_path
    from monitor.store import StateMaintenance

    needed = {context.config_file or Path(DEFAULT_FILE): "the configuration file"}
    needed |= dict.fromkeys(StateMaintenance(settings.state.url).files, "part of the state")
    audit_file = audit_path(settings)
    if audit_file is not None:
        needed[audit_file] = "the audit trail"
    for org in settings.org:
        needed |= dict.fromkeys(_credential_files(org), f"a credential of org {org.name}")
    if settings.serve.web_config:
        from monitor.web import WebConfig

        for path in WebConfig.files(settings.serve.web_config):
            needed[path] = "part of [serve] web_config"
    return needed


def refuse_what_is_needed(output: Path, what: str, needed: Mapping[Path, str]) -> None:
    """Make sure that nothing is written over, or where, a file that this program lives on is.

    Args:
        output: Where it is to be written.
        what: What errors call the result, such as ``export``.
        needed: From ``needed_files``.

    Raises:
        ConfigurationError: It would be.
    """
    for path, named in needed.items():
        if _are_one(path, output):
            raise ConfigurationError(
                f"The {what} can't be written to {output}: that is {named}", "Choose another file."
            )


def _is_written_in_place(output: Path, target: Path) -> bool:
    """Whether nothing may, or can, take the place of what is there."""
    if output.is_relative_to("/dev") or target.is_mount():
        return True
    if target.is_file():
        return os.access(target, os.W_OK) and not os.access(target.parent, os.W_OK)
    return target.exists()


@contextmanager
def _renamed_when_whole(target: Path) -> Iterator[TextIO]:
    """A new file beside another one, whose place it takes at the end."""
    number, name = mkstemp(prefix=".timeout-monitor-", dir=target.parent)
    try:
        with os.fdopen(number, "w", encoding="utf-8", newline="\n") as file:
            os.fchmod(number, _mode(target))
            yield file
        Path(name).replace(target)
    finally:
        with suppress(FileNotFoundError):
            Path(name).unlink()


def _mode(target: Path) -> int:
    """Who may read it: whoever could before, and where there is none what is usual for new ones."""
    if target.exists():
        return stat.S_IMODE(target.stat().st_mode)
    usual = os.umask(0)
    os.umask(usual)
    return 0o666 & ~usual


def _credential_files(org: OrgSettings) -> list[Path]:
    from monitor.config import CREDENTIAL_FILES

    named = [getattr(org, key) for key in CREDENTIAL_FILES]
    keys = [org.private_key, org.write_private_key]
    # A key may be given as a path, too: whatever else it is leads to no file.
    paths = [Path(key.get_secret_value().strip()) for key in keys if key is not None]
    return [path for path in (*named, *paths) if path is not None]


def _are_one(path: Path, other: Path) -> bool:
    """Whether two paths lead to the same place, whether or not anything is there."""
    try:
        return os.path.realpath(path) == os.path.realpath(other) or path.samefile(other)
    except (OSError, ValueError):
        return False
