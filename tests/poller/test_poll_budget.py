"""No poll runs for ever: what never ends costs its own source, and nothing is taken for read."""

from __future__ import annotations

import itertools
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler

import pytest

from monitor.config import CollectSettings, Settings
from monitor.errors import BudgetSpentError, WrongShapeError
from monitor.genesys import Client, RequestBudget, list_actions
from monitor.ledger import Ledger
from monitor.poller import PollResult
from monitor.poller.source_reader import ChargedSources, SourceReader
from monitor.sources import ActionsSource, ConversationsSource, Source
from monitor.time_ranges import TimeRange
from tests.clocks import HOUR, NOON, ManualClock
from tests.filled_ledger import CLASSIFIER
from tests.genesys.far_side import Act, FarSide, Reply, listening
from tests.poller.watched_org import client_of, org_settings
from tests.simulated_org import ORG
from tests.sources.analytics_answers import (
    AGGREGATES,
    DETAILS,
    Json,
    bucket,
    conversation,
    group,
    page,
    segment,
)
from tests.sources.test_conversations import KnowsNothing

ACTIONS = "GET /api/v2/integrations/actions"
SOURCES = ("actions", "conversations")


@pytest.fixture
def far_side() -> Iterator[FarSide]:
    """A scripted platform, which has counted two executions since noon."""
    with listening() as far_side:
        far_side.on(AGGREGATES, Reply(body={"results": [group(bucket(2, at=NOON))]}))
        far_side.on(DETAILS, page())
        yield far_side


@pytest.fixture
def client(far_side: FarSide) -> Iterator[Client]:
    """A client that asks it as fast as it can."""
    client = client_of(far_side.url, deadline_seconds=5)
    yield client
    client.close()


@pytest.fixture
def clock(clock: ManualClock) -> ManualClock:
    """Ten past twelve."""
    clock.at = NOON + 600
    return clock


@pytest.fixture
def source_reader(client: Client, ledger: Ledger, clock: ManualClock) -> SourceReader:
    """Reads executions, then detail records."""
    return collector_of(client, ledger, clock, "1h")


def collector_of(client: Client, ledger: Ledger, clock: ManualClock, initial: str) -> SourceReader:
    """A collector of both sources with so much history."""
    sources: tuple[Source, ...] = (
        ActionsSource(client),
        ConversationsSource(client, CLASSIFIER, KnowsNothing()),
    )
    return SourceReader(
        org_settings(),
        Settings(collect=CollectSettings.model_validate({"initial": initial})),
        ChargedSources(sources, client.within),
        ledger=ledger,
        clock=clock,
        stop=threading.Event(),
    )


def endless(begin: object, record: object) -> Act:
    """Pages that always bring something new, a hundred records each."""
    numbers = itertools.count()

    def answer(handler: BaseHTTPRequestHandler) -> None:
        records = [record(next(numbers)) for _ in range(100)]  # type: ignore[operator]
        body = json.dumps(begin(records)).encode()  # type: ignore[operator]
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return answer


def failed(number: int) -> Json:
    """A conversation that a timeout hit just now."""
    return conversation(f"c{number}", segment(NOON + 60), began=NOON + 30)


ENDLESS_RECORDS = (lambda records: page(*records, total=10**9).body, failed)


def nothing_is_read(ledger: Ledger, source: str) -> bool:
    """Whether the ledger knows of no reading of a source."""
    state = ledger.source_state(ORG, source)
    return ledger.coverage(ORG, source) == () and (state is None or state.complete_until == 0)


def test_pages_that_never_end_cost_their_own_source(
    far_side: FarSide, source_reader: SourceReader, ledger: Ledger
) -> None:
    """The poll's time ends them; executions are counted, and of detail records nothing is."""
    far_side.on(DETAILS, endless(*ENDLESS_RECORDS))

    began = time.monotonic()
    report = source_reader.poll(RequestBudget(1.0))

    assert time.monotonic() - began < 6
    assert report.result is PollResult.PARTIAL
    assert type(report.errors["conversations"]) is BudgetSpentError
    assert report.executions_added == 2
    assert report.incidents_added == 0
    assert nothing_is_read(ledger, "conversations")


def test_what_the_budget_cut_is_read_when_pages_end_again(
    far_side: FarSide, source_reader: SourceReader, ledger: Ledger, clock: ManualClock
) -> None:
    """Once, and all of it."""
    far_side.on(DETAILS, endless(*ENDLESS_RECORDS))
    source_reader.poll(RequestBudget(0.5))

    far_side.on(DETAILS, page(*map(failed, range(30))))
    clock.at += 60
    report = source_reader.poll()

    assert report.result is PollResult.OK
    assert report.incidents_added == 30
    assert ledger.coverage(ORG, "conversations") == (TimeRange(NOON - HOUR, NOON + 660),)


def test_a_poll_asks_only_so_often(far_side: FarSide, source_reader: SourceReader) -> None:
    """However fast pages come; the first source leaves the other its share."""
    far_side.on(DETAILS, endless(*ENDLESS_RECORDS))

    report = source_reader.poll(RequestBudget(requests=40))

    assert type(report.errors["conversations"]) is BudgetSpentError
    assert "requests" in report.errors["conversations"].message
    asked = len(far_side.requests(AGGREGATES)) + len(far_side.requests(DETAILS))
    assert asked == 40


def test_a_question_with_too_many_pages_is_asked_for_less(
    far_side: FarSide, source_reader: SourceReader, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until there is nothing less: then it has failed, and nothing advanced."""
    monkeypatch.setattr("monitor.sources.conversations.MOST_PAGES", 2)
    far_side.on(DETAILS, endless(*ENDLESS_RECORDS))

    report = source_reader.poll()

    assert report.result is PollResult.PARTIAL
    assert "fill more than 2 pages" in report.errors["conversations"].message
    assert len({one.json["interval"] for one in far_side.requests(DETAILS)}) > 2
    assert nothing_is_read(ledger, "conversations")


def test_a_slow_source_leaves_the_others_their_share(
    far_side: FarSide, source_reader: SourceReader
) -> None:
    """The first one takes half of two at most."""

    def drip(handler: BaseHTTPRequestHandler) -> None:
        handler.close_connection = True
        try:
            while True:
                handler.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
                time.sleep(0.05)
        except OSError:
            return

    far_side.on(AGGREGATES, drip)

    began = time.monotonic()
    report = source_reader.poll(RequestBudget(1.0))

    assert time.monotonic() - began < 6
    assert report.errors.keys() == {"actions"}
    assert type(report.errors["actions"]) is BudgetSpentError


def test_history_that_takes_too_long_goes_on_at_the_next_poll(
    far_side: FarSide, client: Client, ledger: Ledger, clock: ManualClock
) -> None:
    """What was read is kept with its place; the poll is a good one all the same."""
    source_reader = collector_of(client, ledger, clock, "12h")
    spent = iter([False, False, True])
    far_side.on(AGGREGATES, Reply(body={}))

    class Hasty(RequestBudget):
        @property
        def is_half_spent(self) -> bool:
            return next(spent, False)

        def part(self, shares: int) -> RequestBudget:  # noqa: ARG002 - the parent's
            return self

    report = source_reader.poll(Hasty())

    state = ledger.source_state(ORG, "actions")
    assert report.result is PollResult.OK
    assert state is not None
    assert state.complete_until == NOON - 8 * HOUR
    assert ledger.coverage(ORG, "actions")[0] == TimeRange(NOON - 12 * HOUR, NOON - 8 * HOUR)

    clock.at += 60
    assert source_reader.poll().result is PollResult.OK
    assert len(ledger.coverage(ORG, "actions")) == 1


def test_a_listing_that_never_ends_is_none(
    far_side: FarSide, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever it listed is not taken for the catalogue."""
    monkeypatch.setattr("monitor.genesys.api.pagination.MOST_PAGES", 5)
    far_side.on(
        ACTIONS,
        endless(
            lambda records: {"entities": records, "pageCount": 10**9},
            lambda number: {"id": f"a{number}", "name": "A"},
        ),
    )

    with pytest.raises(WrongShapeError, match="does not end: 5 pages"):
        list_actions(client)
    assert len(far_side.requests(ACTIONS)) == 5


def test_a_listing_that_takes_too_long_is_none(
    far_side: FarSide, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where nobody has a budget for it, it has one of its own."""
    monkeypatch.setattr("monitor.genesys.api.pagination.LISTING_SECONDS", 0.0)
    far_side.on(ACTIONS, Reply(body={"entities": [], "pageCount": 1}))

    with pytest.raises(BudgetSpentError):
        list_actions(client)


def test_with_nothing_left_nothing_is_asked(far_side: FarSide, client: Client) -> None:
    """Outside of the block the client asks again."""
    with client.within(RequestBudget(0.0)), pytest.raises(BudgetSpentError, match="was answered"):
        list_actions(client)
    assert far_side.seen == []
    far_side.on(ACTIONS, Reply(body={"entities": []}))
    assert list_actions(client) == []
