"""The files that this program lives on, which no result may be written over."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from monitor.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from monitor.cli.context import Context
    from monitor.config import OrgSettings, Settings


def needed_files(context: Context, settings: Settings) -> dict[Path, str]:
    """Return the files that the settings name, and what lies beside them, each with what it is."""
    from monitor.config import DEFAULT_FILE
    from monitor.ledger import StateCare
    from monitor.remediation import audit_path

    needed = {context.config_file or Path(DEFAULT_FILE): "the configuration file"}
    needed |= dict.fromkeys(StateCare(settings.state.url).files, "part of the state")
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
