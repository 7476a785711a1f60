"""Digests of JSON texts against the comparison that they stand for."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.remediation.targets.json_text import differences, digest
from monitor.remediation.targets.target import SERVER_MANAGED

KEYS = st.sampled_from(["a", "b", "version", "dateModified", "é", "a b"])
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.sampled_from([0, 1, 10, 1.0, 1e1, -0.0, "", "1", "a", "é", 10**30])
    | st.integers(-3, 3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=8,
)
DOCUMENTS = st.dictionaries(KEYS, VALUES, max_size=4)


def fingerprint(text: str | bytes) -> str:
    """Of a document whose place ``$.a`` does not count."""
    raw = text.encode() if isinstance(text, str) else text
    return digest(raw, {"$.a"}, SERVER_MANAGED)


@given(DOCUMENTS, DOCUMENTS)
def test_a_digest_is_the_same_exactly_where_nothing_differs(
    one: dict[str, object], other: dict[str, object]
) -> None:
    """For any two documents."""
    first, second = json.dumps(one), json.dumps(other, ensure_ascii=False, indent=1)
    found = list(differences(first.encode(), second.encode(), {"$.a"}, SERVER_MANAGED))

    assert (fingerprint(first) == fingerprint(second)) is (not found)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ('{"x": 1.50, "y": "\\u00e9"}', '{"y":"é","x":15e-1}'),
        ('{"x": 100, "version": 1}', '{"x": 1E2, "version": 2}'),
        ('{"x": -0, "a": 1}', '{"x": 0.0}'),
        ('{"x": 123456789012345678901234567890.10}', '{"x": 123456789012345678901234567890.1}'),
    ],
)
def test_how_a_document_is_written_makes_no_difference(one: str, other: str) -> None:
    """Order, spaces, escapes, the form of numbers, and what a server manages."""
    assert fingerprint(one) == fingerprint(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ('{"x": 123456789012345678901234567891}', '{"x": 123456789012345678901234567890}'),
        ('{"x": {"version": 1}}', '{"x": {"version": 2}}'),
        ('{"x": [1, [2]]}', '{"x": [1, 2]}'),
        ('{"x": "1"}', '{"x": 1}'),
        ('{"x": []}', '{"x": {}}'),
        ('{"x": 1, "x": 2}', '{"x": 2, "x": 1}'),
        ('{"x": 1e9999999999999999999}', '{"x": 2e9999999999999999999}'),
        ('{"x": null}', "{}"),
    ],
)
def test_what_a_document_says_makes_one(one: str, other: str) -> None:
    """To the last digit, and to the order of a key that is repeated."""
    assert fingerprint(one) != fingerprint(other)
