"""Which actions the overview shows: a form whose answer is the page's URL, so it can be sent on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self
from urllib.parse import urlencode

from monitor.diagnosis import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from monitor.web.watched_actions import WatchedAction

_ALL = "all"
NO_VERDICT = "none"
"""In the URL, actions that were not diagnosed yet."""


@dataclass(frozen=True, slots=True)
class OverviewFilters:
    """What the reader asks for; empty is everything.

    Attributes:
        org: One org's name.
        integration: One integration's name.
        verdict: A verdict as documents have it.
        text: Part of a name, an id, an integration, an org or a flow, in any case.
        shows_all: Whether long lists are drawn to their end.
    """

    org: str = ""
    integration: str = ""
    verdict: str = ""
    text: str = ""
    shows_all: bool = False

    @classmethod
    def of(cls, query: Mapping[str, str]) -> Self:
        """Read the filters of a URL; what else stands there is let be."""
        return cls(
            org=query.get("org", ""),
            integration=query.get("integration", ""),
            verdict=query.get("verdict", ""),
            text=query.get("q", "").strip(),
            shows_all=query.get("show") == _ALL,
        )

    @property
    def narrows(self) -> bool:
        """Whether anything is left out."""
        return bool(self.org or self.integration or self.verdict or self.text)

    @property
    def url_of_all(self) -> str:
        """The page with these filters and long lists to their end."""
        return replace(self, shows_all=True).url

    @property
    def url(self) -> str:
        """The page with these filters."""
        asked = {
            "org": self.org,
            "integration": self.integration,
            "verdict": self.verdict,
            "q": self.text,
            "show": _ALL if self.shows_all else "",
        }
        query = urlencode({name: value for name, value in asked.items() if value})
        return f"/?{query}" if query else "/"

    def apply(self, actions: Iterable[WatchedAction]) -> tuple[WatchedAction, ...]:
        """Return the actions that are asked for, in their order."""
        return tuple(one for one in actions if self._wants(one)) if self.narrows else (*actions,)

    def _wants(self, one: WatchedAction) -> bool:
        day = one.day
        if self.org and day.org != self.org:
            return False
        if self.integration and day.integration_name != self.integration:
            return False
        if self.verdict and (one.verdict or NO_VERDICT) != self.verdict:
            return False
        if not self.text:
            return True
        words = (one.name, day.action_id, day.integration_name, day.org, *(day.used_by or ()))
        text = self.text.casefold()
        return any(text in word.casefold() for word in words)


@dataclass(frozen=True, slots=True)
class Choice:
    """One choice of a list.

    Attributes:
        value: What stands in the URL.
        words: What the reader sees.
    """

    value: str
    words: str


@dataclass(frozen=True, slots=True)
class FilterChoices:
    """What may be chosen.

    Attributes:
        orgs: Org by org, in the configuration's order.
        integrations: By name.
        verdicts: Those that some action has, in the order of the documentation.
    """

    orgs: tuple[Choice, ...]
    integrations: tuple[Choice, ...]
    verdicts: tuple[Choice, ...]

    @classmethod
    def of(cls, orgs: Iterable[str], actions: Iterable[WatchedAction]) -> Self:
        """Collect them from all actions, whatever is filtered by."""
        actions = tuple(actions)
        integrations = sorted({one.day.integration_name for one in actions} - {""})
        seen = {one.verdict for one in actions}
        verdicts = [Choice(one, verdict_words(one)) for one in Verdict if one in seen]
        if None in seen:
            verdicts.append(Choice(NO_VERDICT, verdict_words(None)))
        return cls(
            orgs=tuple(Choice(org, org) for org in orgs),
            integrations=tuple(Choice(name, name) for name in integrations),
            verdicts=tuple(verdicts),
        )

    def with_chosen(self, filters: OverviewFilters) -> Self:
        """Return them with what is chosen, though no action has it now: a form says what it does.

        Args:
            filters: What is chosen.
        """
        verdict = None if filters.verdict == NO_VERDICT else filters.verdict
        return replace(
            self,
            orgs=_with(self.orgs, Choice(filters.org, filters.org)),
            integrations=_with(self.integrations, Choice(filters.integration, filters.integration)),
            verdicts=_with(self.verdicts, Choice(filters.verdict, verdict_words(verdict))),
        )


def _with(choices: tuple[Choice, ...], chosen: Choice) -> tuple[Choice, ...]:
    is_there = not chosen.value or any(one.value == chosen.value for one in choices)
    return choices if is_there else (*choices, chosen)


def verdict_words(verdict: str | None) -> str:
    """Return a verdict as people say it: ``slow tail``."""
    return "not judged yet" if verdict is None else verdict.replace("_", " ")
