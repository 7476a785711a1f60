"""What a shell offers for a word that is being typed: orgs, and data actions of the state.

What the platform's people have named is offered only where no shell makes anything of it: some
evaluate what they are offered. Of other actions the id is.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from monitor.config import Settings

COMPLETING = "_TIMEOUT_MONITOR_COMPLETE"
"""The variable by which a shell's script asks for words."""

_HARMLESS = re.compile(r"\w[\w.\-]*(?: [\w.\-]+)*")
"""Letters of any script, digits, dots, dashes, and single spaces between."""

_LOCAL = "sqlite:"
"""Only a state on this machine is read: nobody waits for a server between two keys."""


def complete_org(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return the names of orgs that begin so."""
    settings = _settings(ctx)
    names = [org.name for org in settings.org] if settings else []
    return [_typed(name) for name in names if name.startswith(incomplete) and _is_harmless(name)]


def complete_action(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return the names, or else the ids, of known data actions that begin so, in any case."""
    return sorted(
        {
            _typed(word)
            for word in _words_of_actions(_settings(ctx))
            if word.casefold().startswith(incomplete.casefold())
        }
    )


def _words_of_actions(settings: Settings | None) -> Iterator[str]:
    if settings is None or not settings.state.url.startswith(_LOCAL):
        return
    from monitor.errors import TimeoutMonitorError
    from monitor.ledger import Ledger

    try:
        with Ledger.open(settings.state.url, may_create=False) as ledger:
            for org in settings.org:
                for action in ledger.state(org.name).actions:
                    word = action.name if _is_harmless(action.name) else action.action_id
                    if _is_harmless(word):
                        yield word
    except TimeoutMonitorError:
        return


def _settings(ctx: typer.Context) -> Settings | None:
    """Return the settings that the command would have; None where it would refuse them."""
    from monitor.config import load
    from monitor.errors import TimeoutMonitorError

    try:
        return load(ctx.find_root().params.get("config"))
    except TimeoutMonitorError:
        return None


def _is_harmless(word: str) -> bool:
    return _HARMLESS.fullmatch(word) is not None


class _Offered(str):
    """A word that was chosen already.

    Typer leaves out what does not begin with the very text that was typed; this may differ from it
    in case, and by a backslash before a space.
    """

    __slots__ = ()

    def startswith(self, *_: object) -> bool:
        return True


def _typed(word: str) -> _Offered:
    """Return a word as it must be typed; zsh and fish see to that themselves."""
    in_bash = os.environ.get(COMPLETING, "").endswith("bash")
    return _Offered(word.replace(" ", "\\ ") if in_bash else word)
