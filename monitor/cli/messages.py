"""What is said on stderr beside a result: one sentence, and one hint on what to do about it."""

from __future__ import annotations

import typer

from monitor.redaction import SECRETS
from monitor.sanitize import tame


def print_error(message: str, hint: str = "") -> None:
    """Print what is wrong, and what to do about it, on stderr.

    Args:
        message: One sentence; its capital and its full stop are set here.
        hint: One sentence; empty where nothing can be done.
    """
    typer.secho(_sentence(tame(SECRETS.redact(message))), fg="red", err=True)
    if hint:
        typer.echo(_sentence(tame(SECRETS.redact(hint))), err=True)


def no_actions(org: str) -> tuple[str, str]:
    """The sentence and the hint for an org that there is nothing to watch in."""
    return (
        f"The org {org} has no data actions",
        "Check that client_id is of the org you mean: Admin > Integrations > Actions lists them",
    )


def _sentence(text: str) -> str:
    word = text.partition(" ")[0]
    # What is no plain word, such as a URL or the name of an option, keeps its own spelling.
    begin = text[:1].upper() if word.replace("'", "").isalpha() else text[:1]
    return begin + text[1:].rstrip(".") + "."
