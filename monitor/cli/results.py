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

from monitor.cli.needed_files import needed_files, refuse_what_is_needed
from monitor.errors import ConfigurationError

if TYPE_CHECKING:
    from monitor.cli.context import Context
    from monitor.config import Settings


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
