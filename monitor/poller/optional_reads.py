"""Questions that the program can do without the answer to; what that means is said once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

import structlog

from monitor.errors import GenesysError
from monitor.genesys import Client

log = structlog.get_logger()
T = TypeVar("T")

_MEANING: Mapping[str, Mapping[str, str]] = {
    "integration names": {
        "so": "Which actions are functions can't be told: no timeout is guessed, and none raised"
    },
    "function timeouts": {
        "so": "What was read before stays; 15 s, the platform's limit for functions, stands for "
        "the others"
    },
}
"""What a reader may not guess of what the program has to do without."""


class OptionalReads:
    """What one org's platform refuses that its catalogue can do without."""

    def __init__(self, org: str, client: Client) -> None:
        """Begin with nothing refused."""
        self._org = org
        self._client = client
        self._refused: set[str] = set()

    def ask(self, what: str, ask: Callable[[Client], T]) -> T | None:
        """Ask for something; None where there is no answer, which is said once."""
        try:
            answer = ask(self._client)
        except GenesysError as error:
            self.note_refusal(what, error)
            return None
        self.note_answer(what)
        return answer

    def note_refusal(self, what: str, error: GenesysError) -> None:
        """Say once what the program has to do without."""
        if what not in self._refused:
            self._refused.add(what)
            log.warning(
                "catalogue_without",
                org=self._org,
                what=what,
                why=error.message,
                hint=error.hint,
                **_MEANING.get(what, {}),
            )

    def note_answer(self, what: str) -> None:
        """Keep that it was answered: the next refusal is said again."""
        self._refused.discard(what)
