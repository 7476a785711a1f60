"""A configuration file that points the program at simulated orgs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

FILE_NAME = "timeout-monitor.toml"


def toml(*orgs: Mapping[str, Any], **sections: Mapping[str, Any]) -> str:
    """Return the text of a configuration file.

    Args:
        *orgs: ``[[org]]`` tables, such as ``tests.simulated_org.org_table`` makes.
        **sections: The other tables, by name.
    """
    tables = [*((f"[{name}]", values) for name, values in sections.items())]
    tables += [("[[org]]", values) for values in orgs]
    return "".join(
        # A string, a number, a flag or a list of them is written in TOML as it is in JSON.
        f"\n{head}\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in values.items())
        for head, values in tables
    )


def write_configuration(
    folder: Path, *orgs: Mapping[str, Any], more: str = "", **sections: Mapping[str, Any]
) -> Path:
    """Write the configuration file of a folder, and return its path.

    The state is kept in ``state.db`` beside it where ``state`` is not among the sections.

    Args:
        folder: Where it goes.
        *orgs: ``[[org]]`` tables.
        more: Text that is appended as it is.
        **sections: The other tables, by name.
    """
    state = {"url": f"sqlite:///{folder / 'state.db'}"}
    path = folder / FILE_NAME
    path.write_text(toml(*orgs, **{"state": state} | sections) + more, encoding="utf-8")
    return path
