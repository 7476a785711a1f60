"""Which data action a user means by an id or a name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from monitor.errors import ConfigurationError
from monitor.ledger import OrgState
from monitor.model import UNKNOWN_ACTION, Action

_MAX_NAMED = 5
"""As many as fit into a sentence."""


@dataclass(frozen=True, slots=True)
class ActionMatch:
    """A data action of an org; ``is_gone`` where its catalogue lists it no more."""

    org: str
    action: Action
    is_gone: bool = False


def known_actions(states: Sequence[OrgState]) -> tuple[ActionMatch, ...]:
    """Return every data action that the orgs' catalogues know."""
    return tuple(
        ActionMatch(state.org, action, action.action_id in state.gone)
        for state in states
        for action in state.actions
        if action.action_id != UNKNOWN_ACTION
    )


def find_action(asked: str, among: Sequence[ActionMatch]) -> ActionMatch:
    """Return the one data action of this id, else of this name, else of this name in any case.

    An action that is gone from the catalogue is meant only where no other one fits.

    Raises:
        ConfigurationError: There is none, or more than one.
    """
    tests: tuple[Callable[[Action], bool], ...] = (
        lambda action: action.action_id == asked,
        lambda action: action.name == asked,
        lambda action: action.name.casefold() == asked.casefold(),
    )
    for fits in tests:
        found = [one for one in among if fits(one.action)]
        found = [one for one in found if not one.is_gone] or found
        if len(found) == 1:
            return found[0]
        if found:
            raise _ambiguous(asked, found)
    raise _unknown(asked, among)


def _ambiguous(asked: str, found: Sequence[ActionMatch]) -> ConfigurationError:
    several_orgs = len({one.org for one in found}) > 1
    named = [
        one.action.action_id + (f" (org {one.org})" if several_orgs else "")
        for one in found[:_MAX_NAMED]
    ]
    left = len(found) - len(named)
    if left:
        named.append(f"{left} more")
    return ConfigurationError(
        f"{len(found)} data actions are called {asked}: {_enumerate(named)}",
        "Name one org with --org, or one action by its id."
        if several_orgs
        else "Name one of them by its id.",
    )


def _unknown(asked: str, among: Sequence[ActionMatch]) -> ConfigurationError:
    by_name: Mapping[str, str] = {
        one.action.name.casefold(): one.action.name for one in among if not one.is_gone
    }
    needle = asked.casefold()
    near = [name for name in sorted(by_name) if needle in name] if needle else []
    near += [name for name in get_close_matches(needle, by_name, _MAX_NAMED) if name not in near]
    return ConfigurationError(
        f"No data action is called {asked}, nor has one this id",
        f"Perhaps it is {_enumerate([by_name[name] for name in near[:_MAX_NAMED]], 'or')}."
        if near
        else "timeout-monitor report lists them; timeout-monitor poll learns of new ones.",
    )


def _enumerate(words: Sequence[str], last: str = "and") -> str:
    return f" {last} ".join(filter(None, (", ".join(words[:-1]), words[-1])))
