"""Listings of the platform, page by page, each entity once."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Protocol, TypeVar

from monitor.errors import BudgetSpentError, WrongShapeError
from monitor.genesys.client.api_client import Client
from monitor.genesys.client.budget import Deadline
from monitor.genesys.client.coercion import Record, check_id
from monitor.genesys.client.endpoint import Endpoint
from monitor.platform_limits import MOST_ENTITIES_A_PAGE

PAGE_SIZE = MOST_ENTITIES_A_PAGE
MOST_BARREN_PAGES = 30
"""So many pages in a row without anything new end a listing, whatever the platform counts: a flow
comes once for each of its versions, and a platform that ignored the page number comes for ever."""

MOST_PAGES = 500
"""Fifty thousand entities: more than any org has of what is listed here, and an end for a listing
whose pages always bring something new."""

LISTING_SECONDS = 120.0
"""The most that one listing takes, but for the page that is under way: at the slowest pace that
the platform allows it is longer than fifty thousand actions need."""


class NamedRecord(Record, frozen=True):
    """An entity that has an id, and perhaps a name."""

    id: str
    name: str | None = None

    def __post_init__(self) -> None:
        """Refuse an id that names nothing.

        Raises:
            ImplausibleError: It is no id.
        """
        check_id(self.id)


class Entity(Protocol):
    """Whatever a listing lists."""

    @property
    def id(self) -> str:
        """What tells it from others."""
        ...


E_co = TypeVar("E_co", bound=Entity, covariant=True)


class Page(Protocol[E_co]):
    """One page of a listing."""

    @property
    def entities(self) -> tuple[E_co, ...] | None:
        """What stands on it."""
        ...

    @property
    def page_count(self) -> int | None:
        """How many pages there are; None where the platform does not say."""
        ...

    @property
    def unread(self) -> int:
        """How many records of it were left out."""
        ...


def paginate(
    client: Client, endpoint: Endpoint, page_type: type[Page[E_co]], params: dict[str, str]
) -> Iterator[E_co]:
    """Yield each entity once, page by page.

    Ends at the last page that the platform counts. Where it counts none, ends at a page that
    brings nothing new, unless that page is full: the same thing may fill a page and more. A
    platform that repeats itself is not asked for ever.

    Raises:
        WrongShapeError: Not one of what it lists can be read: that is no empty list. Or it does
            not end.
        BudgetSpentError: It took too long.
        GenesysError: Any other error of the tree.
    """
    seen: set[str] = set()
    barren = unread = 0
    deadline = Deadline.after(LISTING_SECONDS)
    for number in itertools.count(1):
        _refuse_the_endless(endpoint, number, deadline)
        page = client.call(
            endpoint,
            page_type,
            params={**params, "pageSize": str(PAGE_SIZE), "pageNumber": str(number)},
        )
        entities = page.entities or ()
        fresh = {entity.id: entity for entity in entities if entity.id not in seen}
        yield from fresh.values()
        seen |= fresh.keys()
        unread += page.unread
        barren = 0 if fresh else barren + 1
        if page.page_count or not (entities or page.unread):
            goes_on = number < (page.page_count or 0)
        else:
            goes_on = bool(fresh or page.unread) or len(entities) >= PAGE_SIZE
        if not goes_on or barren >= MOST_BARREN_PAGES:
            break
    if unread and not seen:
        raise WrongShapeError(
            f"Not one of the {unread} records in the answer to {endpoint.label} can be read",
            "The API may have changed; report it.",
            endpoint=endpoint.label,
        )


def _refuse_the_endless(endpoint: Endpoint, number: int, deadline: Deadline) -> None:
    if number > MOST_PAGES:
        raise WrongShapeError(
            f"The list of {endpoint.label} does not end: {MOST_PAGES} pages were read",
            "Nothing of it is used; report it to the platform's support.",
            endpoint=endpoint.label,
        )
    if deadline.remaining_seconds <= 0:
        raise BudgetSpentError(
            f"The list of {endpoint.label} took longer than {LISTING_SECONDS:.0f} s",
            "The platform is slow; it is asked again the next time.",
            endpoint=endpoint.label,
        )
