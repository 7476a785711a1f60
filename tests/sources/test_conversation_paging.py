"""Paging through detail records: newest first, none missed, and never without an end."""

from __future__ import annotations

from monitor.genesys import MOST_BARREN_PAGES, Client
from monitor.sources import ConversationsSource
from monitor.time_ranges import TimeRange
from tests.clocks import HOUR, NOON
from tests.filled_ledger import CLASSIFIER
from tests.genesys.far_side import FarSide, Reply
from tests.sources.analytics_answers import DETAILS, Json, conversation, page, segment
from tests.sources.test_conversations import KnowsNothing

PERIOD = TimeRange(NOON, NOON + 900)


def failed(number: int, began: float = NOON - 60) -> Json:
    """A conversation with a timeout of its own in the period."""
    return conversation(f"c{number:04d}", segment(NOON + number / 1_000), began=began)


def found(client: Client, *, deep: bool = False) -> list[str]:
    """The conversations that a read finds, sorted."""
    source = ConversationsSource(client, CLASSIFIER, KnowsNothing())
    incidents = source.read(PERIOD, 300, deep=deep).incidents
    return sorted(incident.conversation_id for incident in incidents)


def names(*numbers: int) -> list[str]:
    """The conversations with these numbers."""
    return [f"c{number:04d}" for number in numbers]


def asked_pages(far_side: FarSide) -> list[int]:
    """The pages that were asked for."""
    return [seen.json["paging"]["pageNumber"] for seen in far_side.requests(DETAILS)]


def pages(conversations: list[Json]) -> list[Reply]:
    """All of them, a hundred a page."""
    return [
        page(*conversations[start : start + 100], total=len(conversations))
        for start in range(0, len(conversations) + 1, 100)
    ]


def test_every_page_is_read(far_side: FarSide, client: Client) -> None:
    """250 conversations are three requests."""
    far_side.on(DETAILS, *pages([failed(number) for number in range(250)]))
    assert found(client) == names(*range(250))
    assert asked_pages(far_side) == [1, 2, 3]


def test_a_page_that_is_not_full_is_the_last(far_side: FarSide, client: Client) -> None:
    """A first page of 99 costs one request."""
    far_side.on(DETAILS, page(*(failed(number) for number in range(99))))
    assert len(found(client)) == 99
    assert asked_pages(far_side) == [1]


def test_an_empty_page_is_the_last(far_side: FarSide, client: Client) -> None:
    """Exactly a hundred: the second page has none."""
    far_side.on(DETAILS, *pages([failed(number) for number in range(100)]))
    assert len(found(client)) == 100
    assert asked_pages(far_side) == [1, 2]


def test_paging_ends_where_conversations_began_too_early(far_side: FarSide, client: Client) -> None:
    """The server returns whole days: what began before the reach is not paged through."""
    newest = [failed(number) for number in range(150)]
    morning = [failed(number, began=NOON - HOUR - 1) for number in range(150, 900)]
    far_side.on(DETAILS, *pages(newest + morning))
    assert set(names(*range(150))) <= set(found(client))
    assert asked_pages(far_side) == [1, 2]


def test_a_deep_read_pages_six_hours_back(far_side: FarSide, client: Client) -> None:
    """What a shallow read leaves is found by a deep one."""
    newest = [failed(number) for number in range(150)]
    morning = [failed(number, began=NOON - 6 * HOUR) for number in range(150, 420)]
    night = [failed(number, began=NOON - 6 * HOUR - 1) for number in range(420, 900)]
    far_side.on(DETAILS, *pages(newest + morning + night))
    assert set(names(*range(420))) <= set(found(client, deep=True))
    assert asked_pages(far_side) == [1, 2, 3, 4, 5]


def test_one_that_arrives_meanwhile_hides_none(far_side: FarSide, client: Client) -> None:
    """New ones push the others back a place: they repeat, count once, and none is missed."""
    records = [failed(number) for number in range(230)]
    first = page(*records[:100])
    three_more = [failed(number) for number in range(900, 903)]
    second = page(*(three_more + records)[100:200])
    one_more = [failed(950), *three_more]
    third = page(*(one_more + records)[200:300])
    far_side.on(DETAILS, first, second, third)
    assert found(client) == names(*range(230))


def test_a_page_that_repeats_a_conversation_counts_it_once(
    far_side: FarSide, client: Client
) -> None:
    """The same segment of the same conversation is one incident."""
    far_side.on(DETAILS, page(failed(1), failed(2), failed(1)))
    assert found(client) == names(1, 2)


def test_a_repeated_conversation_that_has_grown_counts_in_whole(
    far_side: FarSide, client: Client
) -> None:
    """Its second timeout came to light between two pages."""
    records = [failed(number) for number in range(100)]
    grown = conversation("c0099", segment(NOON + 0.099), segment(NOON + 300))
    far_side.on(DETAILS, page(*records), page(grown))
    assert found(client) == sorted([*names(*range(100)), "c0099"])


def test_records_without_a_beginning_do_not_end_the_paging(
    far_side: FarSide, client: Client
) -> None:
    """Nobody knows where they stand."""
    timeless = [failed(number) for number in range(100)]
    for record in timeless:
        del record["conversationStart"]
    far_side.on(DETAILS, page(*timeless), page(failed(100)))
    assert found(client) == names(*range(101))


def test_a_platform_that_ignores_the_page_number_is_not_asked_for_ever(
    far_side: FarSide, client: Client
) -> None:
    """A full page that brings nothing new ends the paging where no count speaks against it."""
    far_side.on(DETAILS, page(*(failed(number) for number in range(100))))
    assert len(found(client)) == 100
    assert asked_pages(far_side) == [1, 2]


def test_a_page_of_repeats_is_not_the_end_where_more_are_counted(
    far_side: FarSide, client: Client
) -> None:
    """A hundred that arrived between two pages repeat a whole page, and hide none."""
    records = [failed(number) for number in range(150)]
    first = page(*records[:100], total=150)
    repeated = page(*records[:100], total=250)
    far_side.on(DETAILS, first, repeated, page(*records[100:], total=250))
    assert found(client) == names(*range(150))


def test_a_page_that_lost_a_record_is_not_the_last(far_side: FarSide, client: Client) -> None:
    """The platform counts a hundred and fifty; what stood on the first page was less than full."""
    records = [failed(number) for number in range(150)]
    first = page(*records[:99], total=150)
    far_side.on(DETAILS, first, page(*records[100:], total=150))
    assert found(client) == names(*range(99), *range(100, 150))
    assert asked_pages(far_side) == [1, 2]


def test_a_page_that_lost_every_record_is_not_the_last(far_side: FarSide, client: Client) -> None:
    """Nor does it stand for the time at which its records began."""
    records = [failed(number) for number in range(100, 150)]
    far_side.on(DETAILS, page(*[{}] * 9, total=150), page(*records, total=150))
    assert found(client) == names(*range(100, 150))
    assert asked_pages(far_side) == [1, 2]


def test_an_empty_page_is_the_last_whatever_is_counted(far_side: FarSide, client: Client) -> None:
    """A platform that counts more than it has is not asked for ever."""
    records = [failed(number) for number in range(100)]
    far_side.on(DETAILS, page(*records, total=10**9), page(total=10**9))
    assert found(client) == names(*range(100))
    assert asked_pages(far_side) == [1, 2]


def test_a_platform_that_repeats_itself_and_counts_more_is_not_asked_for_ever(
    far_side: FarSide, client: Client
) -> None:
    """So many pages without anything new end the reading."""
    far_side.on(DETAILS, page(failed(1), total=5_000))
    assert found(client) == names(1)
    assert len(asked_pages(far_side)) == 1 + MOST_BARREN_PAGES
