"""Reads detail records that are at hand, by the program's own parts and with nothing else loaded.

    .venv/bin/python -m benchmarks.detail_reads RECORDS START END FILE

Reads so many records of a period into a new state beside the file, which holds pages of them, a
line each; prints how many timeouts were counted, and the most that the process had resident in KiB.
It is what ``benchmarks.read_memory`` measures the memory of.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count as count_from
from pathlib import Path
from typing import Final
from uuid import UUID

from benchmarks.resident import most_resident_kib
from monitor.config import ClassifySettings
from monitor.genesys import LARGEST_PAGE, ApiCounters, Client, Response
from monitor.ledger import Ledger, Reading
from monitor.model import Incident
from monitor.redaction import SECRETS
from monitor.sources import ConversationsSource
from monitor.sources.conversations import MOST_PAGES
from monitor.time_ranges import TimeRange

ORG: Final = "acme"
WINDOW_SECONDS: Final = 300
_CLASSIFIER: Final = ClassifySettings().classifier()


class AnsweringClient(Client):
    """Answers each question with bytes that are at hand; all that follows is the program's."""

    def __init__(self, bodies: Iterable[bytes]) -> None:
        """Answer with these, one after the other."""
        self._counters = ApiCounters()
        self._left = iter(bodies)

    def fetch(self, *_asked: object, **_more: object) -> Response:
        """Answer with the next one."""
        return Response(200, {"Content-Type": "application/json"}, next(self._left), is_whole=True)


class KnowsNothing:
    """Attributes no timeout to an action that its record does not name."""

    def action_named(self, name: str) -> str | None:
        """Return nothing: no action is known."""
        del name
        return None

    def sole_action(self, flow_id: str) -> str | None:
        """Return nothing: no flow is known."""
        del flow_id
        return None


@dataclass(frozen=True, slots=True)
class Details:
    """What the platform answers to a read of failed conversations, page by page."""

    period: TimeRange
    pages: Sequence[bytes]

    @property
    def records(self) -> int:
        """How many conversations they hold."""
        return sum(page.count(b'"conversationId"') for page in self.pages)


def incidents(client: Client, period: TimeRange) -> Sequence[Incident]:
    """Read the timeouts of a period as a poll does."""
    source = ConversationsSource(client, _CLASSIFIER, KnowsNothing())
    return source.read(period, WINDOW_SECONDS, deep=False).incidents


def read_into(ledger: Ledger, details: Details, first: int, count: int) -> None:
    """Read so many pages into a state, as a poll does."""
    client = AnsweringClient(renamed(details.pages, first, count))
    reading = Reading(
        details.period,
        WINDOW_SECONDS,
        details.period.end,
        incidents=incidents(client, details.period),
    )
    ledger.record(ORG, "conversations", reading)


def read_much(details: Details, records: int, folder: Path) -> int:
    """Read so many detail records into a new state; how many timeouts it has then."""
    pages = -(-records // LARGEST_PAGE)
    with Ledger.open(f"sqlite:///{folder / f'{records}.db'}") as ledger:
        # The last page that may be asked for shows that there is no more.
        for first in range(0, pages, MOST_PAGES - 1):
            count = min(MOST_PAGES - 1, pages - first)
            read_into(ledger, details, first, count)
        return sum(total.incidents for total in ledger.state(ORG).incident_totals)


def renamed(pages: Sequence[bytes], first: int, count: int) -> Iterator[bytes]:
    """Yield so many full pages, of conversations that were on none before, and an empty one."""
    # The last one ended the reading: it goes on before what was asked for.
    whole = [page for page in pages[:-1] if page.count(b'"conversationId"') == LARGEST_PAGE]
    for number in range(first, first + count):
        ids = count_from(number * LARGEST_PAGE)
        named = _CONVERSATION.sub(
            lambda _found, ids=ids: b'"conversationId":"%s"' % str(UUID(int=next(ids))).encode(),  # type: ignore[misc]
            whole[number % len(whole)],
        )
        yield _HITS.sub(b'"totalHits":%d' % (count * LARGEST_PAGE), named)
    yield b"{}"


_CONVERSATION: Final = re.compile(rb'"conversationId":"[^"]*"')
_HITS: Final = re.compile(rb'"totalHits":[0-9]+')


def keep_a_secret() -> None:
    """Know a secret as long as those of the platform: what is read is searched for it."""
    SECRETS.keep("k8JQ2vX0pL5mZ7rT3wY9bN4cF6hD1gS8aU0eR5iO2xC")


def main(arguments: Sequence[str]) -> None:
    """Read, and print the count and the peak."""
    records, start, end, file = arguments
    keep_a_secret()
    pages = Path(file).read_bytes().split(b"\n")
    details = Details(TimeRange(int(start), int(end)), pages)
    print(read_much(details, int(records), Path(file).parent), most_resident_kib())


if __name__ == "__main__":
    main(sys.argv[1:])
