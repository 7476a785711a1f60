"""Where a path in the settings leads: from the configuration file, or from a home directory.

What stands in the file counts from the file, for every command and wherever it is run; what comes
from a variable or an option counts from the working directory, as it does in every shell. The state
always counts from the file: from the working directory, each directory that a command is run in
would have a state of its own, and what is said to one of them the daemon never hears.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import unquote

from monitor.config.settings import Settings
from monitor.errors import ConfigurationError

_S = TypeVar("_S", bound=Settings)
_SCHEME = "sqlite:///"

CREDENTIAL_FILES = (
    "client_secret_file",
    "private_key_file",
    "write_client_secret_file",
    "write_private_key_file",
)
KEYS = ("private_key", "write_private_key")
"""What may be a key itself, or the path of a file with it."""


def document_in_place(document: Mapping[str, Any], file: Path | None) -> dict[str, Any]:
    """Return what a configuration file says, with its paths made absolute.

    The state and its audit trail have a rule of their own; see ``with_state_in_place``.

    Args:
        document: As it was read; nothing of it is checked yet.
        file: The configuration file; None where there is none, and so no path.

    Raises:
        ConfigurationError: A path can't be one, or another file of its name lies in the working
            directory, from where such paths counted before.
    """
    placed = dict(document)
    if file is None:
        return placed
    folder = file.parent.absolute()
    serve, orgs = placed.get("serve"), placed.get("org")
    if isinstance(serve, dict):
        placed["serve"] = _in_place(serve, "[serve]", ("web_config",), folder)
    if isinstance(orgs, list):
        placed["org"] = [
            _in_place(_with_key_files(one, folder), "[[org]]", CREDENTIAL_FILES, folder)
            if isinstance(one, dict)
            else one
            for one in orgs
        ]
    return placed


def with_paths_in_place(settings: _S) -> _S:
    """Return the settings with the paths that came from variables made absolute.

    Raises:
        ConfigurationError: A path can't be one.
    """
    serve = settings.serve
    if serve.web_config:
        path = from_working_directory("[serve] web_config", serve.web_config)
        serve = serve.model_copy(update={"web_config": str(path)})
    orgs = []
    for org in settings.org:
        given = {key: getattr(org, key) for key in CREDENTIAL_FILES}
        update = {
            key: from_working_directory(f"[[org]] {key}", str(path))
            for key, path in given.items()
            if path is not None
        }
        orgs.append(org.model_copy(update=update))
    return settings.model_copy(update={"serve": serve, "org": tuple(orgs)})


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


def from_working_directory(key: str, text: str) -> Path:
    """Return the path that a text names, from the working directory where it is relative.

    Raises:
        ConfigurationError: It can't be one.
    """
    path = expanded(key, text)
    return path if path.is_absolute() else path.absolute()


def expanded(key: str, text: str) -> Path:
    """Return the path that a text names, from a home directory where it begins with ``~``.

    Raises:
        ConfigurationError: It can't be one.
    """
    if "\0" in text:
        raise ConfigurationError(f"{key} holds a NUL, which no path can", "Write it anew.")
    try:
        return Path(text).expanduser()
    except RuntimeError as error:
        raise ConfigurationError(
            f"{key} {text} is in a home directory that is not there", "Write the whole path."
        ) from error


def _in_place(
    section: Mapping[str, Any], name: str, keys: tuple[str, ...], folder: Path
) -> dict[str, Any]:
    placed = dict(section)
    for key in keys:
        text = placed.get(key)
        if isinstance(text, str) and text:
            placed[key] = str(_from_file(f"{name} {key}", text, folder))
    return placed


def _with_key_files(org: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    placed = dict(org)
    for key in KEYS:
        text = placed.get(key)
        if not isinstance(text, str) or "-----BEGIN" in text:
            continue
        if any(_is_file(place / text) for place in (folder, Path())):
            placed[key] = str(_from_file(f"[[org]] {key}", text, folder))
    return placed


def _from_file(key: str, text: str, folder: Path) -> Path:
    path = expanded(key, text)
    if path.is_absolute():
        return path
    place = folder / path
    if not _is_file(path) or _are_one(place, path):
        return place
    other = path.absolute()
    both = (
        f"{key} counts from the configuration file, so that it is {place}, and the working "
        f"directory has a file of that name too, {other}"
        if place.exists()
        else f"{key} counts from the configuration file, so that it is {place}, which is not "
        f"there; the working directory has {other}"
    )
    raise ConfigurationError(both, "Write the whole path of the one that is meant.")


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False  # too long for a name, or with characters that no path can have


def _are_one(place: Path, other: Path) -> bool:
    try:
        return place.samefile(other)
    except OSError:
        return False


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
