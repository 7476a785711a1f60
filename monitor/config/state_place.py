"""Where the state is: a relative path counts from the configuration file, for every command alike.

Counted from the working directory, each directory that a command is run in has a state of its own,
and what is said to one of them the daemon never hears.
"""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar
from urllib.parse import unquote

from monitor.config.paths import expanded
from monitor.config.settings import Settings
from monitor.errors import ConfigurationError

_SCHEME = "sqlite:///"
_S = TypeVar("_S", bound=Settings)


def with_state_in_place(settings: _S, file: Path | None) -> _S:
    """Return the settings with the state's path, and that of its audit trail, made absolute.

    Args:
        settings: As they were read.
        file: The configuration file; None where there is none, and the working directory counts.

    Raises:
        ConfigurationError: The working directory holds a state of that name, too, or alone; or a
            path can't be one.
    """
    if "\0" in unquote(settings.state.url):
        raise ConfigurationError("[state] url holds a NUL, which no path can", "Write it anew.")
    state, remediation = settings.state, settings.remediation
    kind, relative, rest = _parts(state.url)
    if relative.startswith("~"):
        home = expanded("[state] url", unquote(relative))
        state = state.model_copy(update={"url": f"{kind}{_escaped(home)}{rest}"})
    elif relative:
        folder = _escaped(_folder(file))
        # In a URL a name may be escaped; the files are looked for under their own.
        _refuse_another(_folder(file) / unquote(relative), Path.cwd() / unquote(relative))
        state = state.model_copy(update={"url": f"{kind}{folder}/{relative}{rest}"})
    if remediation.audit_file is not None:
        audit_file = expanded("[remediation] audit_file", str(remediation.audit_file))
        if not audit_file.is_absolute():
            audit_file = _folder(file) / audit_file
        remediation = remediation.model_copy(update={"audit_file": audit_file})
    return settings.model_copy(update={"state": state, "remediation": remediation})


def _folder(file: Path | None) -> Path:
    return (file.parent if file else Path()).absolute()


def _escaped(path: Path) -> str:
    return str(path).replace("%", "%25").replace("?", "%3F")


def _parts(url: str) -> tuple[str, str, str]:
    """What stands before a relative path in a URL of SQLite, the path, and what stands after it.

    The path is empty where the URL has none, or says it from the root.
    """
    path, mark, query = url.partition("?")
    for kind in (f"{_SCHEME}file:", _SCHEME):
        rest = path.removeprefix(kind)
        if path.startswith(kind):
            is_relative = not rest.startswith(("/", ":"))
            return kind, rest if is_relative else "", mark + query
    return "", "", url


def _refuse_another(place: Path, other: Path) -> None:
    try:
        if not other.is_file() or (place.exists() and place.samefile(other)):
            return
        is_there = place.exists()
    except OSError as error:
        raise ConfigurationError(
            f"The state's place {error.filename or place} can't be looked at: {error.strerror}",
            "Check [state] url, and that this user may enter its directory.",
        ) from error
    if is_there:
        raise ConfigurationError(
            f"Two places hold a state: {place}, beside the configuration file, and {other}, in the "
            "working directory",
            "Keep the one that the daemon uses and move the other away, or write the whole path as "
            "[state] url.",
        )
    raise ConfigurationError(
        f"The state is to be at {place}, beside the configuration file, where none is, and the "
        f"working directory holds one, {other}",
        "Move it there if it is the right one, or write the whole path as [state] url.",
    )
