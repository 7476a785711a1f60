"""What sort of data action each one is, and how long a function waits.

Only the type of an action's integration tells a function; its category is free text. Where the
type is not known nothing is guessed.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from monitor.clock import Clock
from monitor.errors import GenesysError, NotFoundError, PermissionDeniedError
from monitor.genesys import Client, IntegrationAction, ListedIntegration, function_timeout_ms
from monitor.model import Action, ActionKind

FUNCTION_LOOKUPS_PER_REFRESH = 10
"""Each function is asked for its timeout by itself."""

FUNCTION_LASTS_SECONDS = 3600.0
"""A function's timeout changes with a new version of its code."""

REFUSED_LASTS_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class KnownIntegrations:
    """What is known of an org's integrations.

    Attributes:
        names: Name by id.
        has_functions: Whether an integration's actions are functions, by its id; an integration
            whose type is not known is not in it.
    """

    names: Mapping[str, str]
    has_functions: Mapping[str, bool]

    @classmethod
    def of_answer(cls, listed: Mapping[str, ListedIntegration]) -> KnownIntegrations:
        """Return what the platform's list says."""
        types = {one_id: one.has_functions for one_id, one in listed.items()}
        return cls(
            names={one_id: one.name for one_id, one in listed.items()},
            has_functions={one_id: told for one_id, told in types.items() if told is not None},
        )

    @classmethod
    def of_actions(cls, known: Iterable[Action]) -> KnownIntegrations:
        """Return what an earlier list said, as the actions of the catalogue remember it."""
        actions = [action for action in known if action.integration_id]
        told = (ActionKind.CUSTOM, ActionKind.FUNCTION)
        return cls(
            names={
                one.integration_id: one.integration_name for one in actions if one.integration_name
            },
            has_functions={
                one.integration_id: one.kind is ActionKind.FUNCTION
                for one in actions
                if one.kind in told
            },
        )

    def kind_of(self, entry: IntegrationAction) -> ActionKind:
        """Return the kind of an action that a list without authentication actions shows."""
        if entry.is_static:
            return ActionKind.STATIC
        has_functions = self.has_functions.get(entry.integration_id)
        if has_functions is None:
            return ActionKind.UNDETERMINED
        return ActionKind.FUNCTION if has_functions else ActionKind.CUSTOM


class FunctionTimeouts:
    """The timeouts that functions have of their own, asked little by little."""

    def __init__(self, client: Client, clock: Clock) -> None:
        """Ask nothing yet."""
        self._client = client
        self._clock = clock
        self._problem: GenesysError | None = None
        self._asked_at: dict[str, float] = {}
        self._refused_at = -math.inf

    def applied_to(self, actions: Iterable[Action], known: Iterable[Action]) -> list[Action]:
        """Return the actions, functions with their own timeouts as far as those can be read.

        Args:
            actions: The catalogue as it was listed.
            known: What the catalogue was before: what was read stays while the platform does not
                answer, or refuses; a permission that is taken away changes no timeout.
        """
        listed = list(actions)
        before = {
            one.action_id: one.configured_timeout_ms
            for one in known
            if one.kind is ActionKind.FUNCTION
        }
        functions = [one.action_id for one in listed if one.kind is ActionKind.FUNCTION]
        for one in functions:
            if one not in before:
                # It was no known function when it was asked about, if it ever was.
                self._asked_at.pop(one, None)
        timeouts = before | self._read(functions)
        return [
            replace(one, configured_timeout_ms=timeouts.get(one.action_id))
            if one.kind is ActionKind.FUNCTION
            else one
            for one in listed
        ]

    @property
    def problem(self) -> GenesysError | None:
        """Why the newest question got no answer; None where it got one, or there was none."""
        return self._problem

    @property
    def _is_refused(self) -> bool:
        return self._clock.monotonic() - self._refused_at < REFUSED_LASTS_SECONDS

    def _read(self, action_ids: Iterable[str]) -> dict[str, int | None]:
        now, read = self._clock.monotonic(), dict[str, int | None]()
        if self._is_refused:
            return read
        due = [
            one
            for one in action_ids
            if now - self._asked_at.get(one, -math.inf) >= FUNCTION_LASTS_SECONDS
        ]
        due.sort(key=lambda one: (self._asked_at.get(one, -math.inf), one))
        for action_id in due[:FUNCTION_LOOKUPS_PER_REFRESH]:
            try:
                read[action_id] = function_timeout_ms(self._client, action_id)
            except NotFoundError:
                read[action_id] = None
            except GenesysError as error:
                self._problem = error
                if isinstance(error, PermissionDeniedError):
                    self._refused_at = now
                return read
            self._problem = None
            self._asked_at[action_id] = now
        return read
