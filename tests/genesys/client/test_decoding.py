"""Reading answers record by record: the same as by their types, and one bad record costs itself."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.errors import WrongShapeError
from monitor.genesys import Endpoint
from monitor.genesys.api.actions import _ActionPage
from monitor.genesys.api.analytics import ActionAggregates, ConversationPage
from monitor.genesys.client.coercion import number, whole_number
from monitor.genesys.client.decoding import (
    WHOLLY_BAD,
    DropReason,
    _parsed,
    _record_by_record,
    decode_leniently,
)

WORDS = st.text(max_size=5)
NUMBERS = st.integers(0, 10**6) | st.floats(0, 1e6, allow_nan=False)
MOMENTS = st.datetimes().map(lambda at: f"{at.isoformat(timespec='milliseconds')}Z")
STATS = st.fixed_dictionaries(
    {},
    optional={
        "count": st.integers(0, 1000) | st.none(),
        "min": NUMBERS | st.none(),
        "max": NUMBERS | st.none(),
        "sum": st.none(),
        "p95": NUMBERS,
    },
)
BUCKETS = st.fixed_dictionaries(
    {"interval": MOMENTS.map(lambda at: f"{at}/{at}")},
    optional={
        "metrics": st.lists(
            st.fixed_dictionaries(
                {"metric": st.just("tTotalExecution")}, optional={"stats": STATS}
            ),
            max_size=2,
        )
        | st.none(),
        "views": st.lists(
            st.fixed_dictionaries({"name": WORDS}, optional={"stats": STATS}), max_size=3
        ),
    },
)
GROUPS = st.fixed_dictionaries(
    {},
    optional={
        "group": st.dictionaries(
            st.sampled_from(["actionId", "errorType", "responseStatus"]), WORDS | st.none()
        ),
        "data": st.lists(BUCKETS, max_size=3) | st.none(),
        "unknown": st.recursive(WORDS | NUMBERS | st.none(), st.lists, max_leaves=5),
    },
)
AGGREGATES = st.fixed_dictionaries({}, optional={"results": st.lists(GROUPS, max_size=4)})
SEGMENTS = st.fixed_dictionaries(
    {},
    optional={
        "segmentStart": MOMENTS,
        "errorCode": WORDS,
        "properties": st.lists(
            st.fixed_dictionaries({}, optional={"property": WORDS, "value": WORDS}), max_size=2
        ),
    },
)
SESSIONS = st.fixed_dictionaries(
    {},
    optional={
        "flow": st.fixed_dictionaries({}, optional={"flowId": WORDS, "exitReason": WORDS}),
        "segments": st.lists(SEGMENTS, max_size=3),
    },
)
CONVERSATIONS = st.fixed_dictionaries(
    {"conversationId": st.text(min_size=1, max_size=5)},
    optional={
        "conversationStart": MOMENTS,
        "participants": st.lists(
            st.fixed_dictionaries({}, optional={"sessions": st.lists(SESSIONS, max_size=2)}),
            max_size=2,
        ),
    },
)
PAGES = st.fixed_dictionaries(
    {"totalHits": st.integers(0, 10**9)},
    optional={"conversations": st.lists(CONVERSATIONS, max_size=3)},
)


@given(
    st.tuples(AGGREGATES, st.just(ActionAggregates)) | st.tuples(PAGES, st.just(ConversationPage))
)
def test_both_ways_of_reading_agree_on_good_answers(drawn: tuple[Any, type[Any]]) -> None:
    """Whatever is as the models have it reads the same by its types and record by record."""
    document, decode = drawn
    body = json.dumps(document, ensure_ascii=False).encode(errors="replace")
    quick, none = decode_leniently(body, decode)
    slow, nothing = _record_by_record(body.decode(), decode, ValueError())
    assert (quick, none, nothing) == (slow, (), ())


@given(st.lists(st.booleans(), min_size=1, max_size=30).filter(any))
def test_each_bad_record_costs_itself_and_nothing_else(good: list[bool]) -> None:
    """In whatever order they stand; and the page still knows how many stood on it."""
    entities = [{"id": f"a{n}"} if ok else {"name": "nobody"} for n, ok in enumerate(good)]
    page, dropped = decode_leniently(json.dumps({"entities": entities}).encode(), _ActionPage)
    kept = [one.id for one in page.entities or ()]
    assert kept == [f"a{n}" for n, ok in enumerate(good) if ok]
    assert len(dropped) == page.unread == good.count(False)


@given(st.text() | st.lists(st.text()), st.integers(0, 3))
def test_halves_of_characters_are_replaced_and_whole_ones_stay(text: object, halves: int) -> None:
    """Escaped or not, behind a backslash or not."""
    document = {"results": [], "more": text}
    encoded = json.dumps(document)[:-1] + ', "odd": "' + r"\\\ud83c" * halves + '"}'
    value, dropped = decode_leniently(encoded.encode("utf-8", "replace"), dict[str, object])
    assert dropped == ()
    assert value["odd"] == "\\\ufffd" * halves


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ({"name": "no id"}, "shape"),
        ({"id": ""}, "shape"),
        ({"id": None}, "shape"),
        ({"id": "a\0b"}, "shape"),
        ({"id": "a\ud83c"}, "shape"),
        ({"id": "x" * 300}, "shape"),
        (17, "shape"),
        (None, "shape"),
        ({"id": "b", "config": {"timeoutSeconds": 10**30}}, "number"),
        ({"id": "b", "config": {"timeoutSeconds": 1e30}}, "number"),
        ({"id": "b", "config": {"timeoutSeconds": -5}}, "number"),
        ({"id": "b", "config": {"timeoutSeconds": "soon"}}, "number"),
        ({"id": "b", "config": {"timeoutSeconds": 2.5}}, "number"),
        ({"id": "b", "config": []}, "shape"),
        ({"id": "b", "version": {}}, "number"),
    ],
)
def test_a_bad_record_says_why(record: object, reason: str) -> None:
    """One of few words, for the metric."""
    body = json.dumps({"entities": [{"id": "a"}, record]}).encode()
    page, (dropped,) = decode_leniently(body, _ActionPage)
    assert [one.id for one in page.entities or ()] == ["a"]
    assert dropped.reason is DropReason(reason)


@pytest.mark.parametrize("seconds", [10, 10.0, "10", "10.0"])
def test_a_timeout_is_read_however_it_is_written(seconds: object) -> None:
    """As a number or as a text."""
    body = json.dumps({"entities": [{"id": "a", "config": {"timeoutSeconds": seconds}}]}).encode()
    page, _ = decode_leniently(body, _ActionPage)
    assert [one.action().timeout_ms for one in page.entities or ()] == [10_000]


def test_a_list_of_nothing_but_nonsense_is_refused() -> None:
    """It is another kind of answer; a few bad records alone are not."""
    few = json.dumps({"entities": [{}] * (WHOLLY_BAD - 1)}).encode()
    page, dropped = decode_leniently(few, _ActionPage)
    assert (page.entities, len(dropped)) == ((), WHOLLY_BAD - 1)
    with pytest.raises(msgspec.ValidationError, match=f"none of {WHOLLY_BAD} records"):
        decode_leniently(json.dumps({"entities": [{}] * WHOLLY_BAD}).encode(), _ActionPage)


@pytest.mark.parametrize(
    "body",
    [b"", b"<html></html>", b'{"entities": [', b"[" * 5_000, b'{"a": ' * 5_000, b"]" * 5_000],
)
def test_what_is_no_json_is_none(body: bytes) -> None:
    """However deep it is nested."""
    with pytest.raises(msgspec.DecodeError) as refused:
        decode_leniently(body, _ActionPage)
    assert not isinstance(refused.value, msgspec.ValidationError)


def test_brackets_in_texts_are_no_nesting() -> None:
    """Cutting off what lies too deep leaves texts alone."""
    deep = "[" * 5_000 + "]" * 5_000
    found = _parsed(f'{{"deep": {deep}, "text": "[[[{{\\"", "next": [[1]]}}')
    assert isinstance(found, dict)
    assert (found["text"], found["next"]) == ('[[[{"', [[1]])


@pytest.mark.parametrize(
    "text", ["", "x", "1_000", "0x10", "nan", "inf", "\u0661", "1" * 50, "1 2"]
)
def test_a_text_that_only_python_takes_for_a_number_is_none(text: str) -> None:
    """Underscores, names of infinity, and digits of other scripts."""
    assert number(text) is None


@pytest.mark.parametrize("value", [True, None, [], {}, 2.5, 1e300, float("nan"), float("inf")])
def test_what_is_no_whole_number_is_none(value: object) -> None:
    """Nothing is rounded."""
    assert whole_number(value) is None


@pytest.mark.parametrize("value", ["", ".", "..", "a\nb", "a\0", "x" * 2_000])
def test_an_id_that_leads_elsewhere_is_not_asked_for(value: str) -> None:
    """Dots would take the part of the address before them with them."""
    endpoint = Endpoint("GET", "/api/v2/jobs/{jobId}/results")
    with pytest.raises(WrongShapeError, match="jobId"):
        endpoint.path({"jobId": value})
    assert endpoint.path({"jobId": "a/../b ü"}) == "/api/v2/jobs/a%2F..%2Fb%20%C3%BC/results"


def test_null_for_a_list_of_records_is_none_of_them() -> None:
    """Also where another field forces the answer to be read record by record."""
    body = b'{"conversations": null, "totalHits": null, "x": ' + b"[" * 5_000 + b"]" * 5_000 + b"}"
    page, dropped = decode_leniently(body, ConversationPage)
    assert (page.conversations, page.total_hits, dropped) == ((), 0, ())
