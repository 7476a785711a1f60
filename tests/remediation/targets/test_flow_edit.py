"""One timeout in a document's bytes: found for certain or refused, and exchanged alone."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.errors import NotFoundError, RefusedError
from monitor.remediation.targets.flow_edit import find_timeout, with_timeout
from monitor.remediation.targets.json_text import differences, parse, string_of


def entry(action_id: str, **data: object) -> dict[str, Any]:
    """A data action as it stands in a flow document."""
    return {"id": action_id, "name": "N", "type": "data", "data": data}


def changed(document: bytes, timeout_ms: int = 6_000, action_id: str = "a") -> bytes:
    """The document with another timeout."""
    return with_timeout(document, find_timeout(document, action_id), timeout_ms)


def test_every_other_byte_survives() -> None:
    """Unknown keys, their order, white space, numbers as written, escapes, astral characters."""
    document = (
        b'\r\n{ "z" : 1E400 ,"a\\u00e9\\ud83d\\ude00":"\\/\\u0041","n":[1e-7,1.50,-0,0.10e+05,'
        b'123456789012345678901234567890123456789],\t"tasks":[{"states":[{"actions":[{"branches":'
        b'{"yes":[{"type":"data","x":null,"data":{"body":"{\\"timeout\\": 5000}",'
        b'"timeout" :\t5000 ,"u":"\xf0\x9f\x98\x80\xc3\xa9"},"id":"a" }]}}]}]}]}\n\n'
    )

    assert changed(document) == document.replace(b"\t5000 ", b"\t6000 ")
    assert document.count(b"\t5000 ") == 1


@pytest.mark.parametrize(
    ("document", "expected", "value_ms"),
    [
        (b'{"id":"a","type":"data","data":{"timeout":5}}', b'"timeout":6000}', 5),
        (b'{"id":"a","type":"data","data":{"timeout": null}}', b'"timeout": 6000}', None),
        (b'{"id":"a","type":"data","data":{}}', b'"data":{"timeout":6000}', None),
        (b'{"id":"a","type":"data","data":{ }}', b'"data":{"timeout":6000 }', None),
        (b'{"id":"a","type":"data","data":{ "u":1}}', b'"data":{"timeout":6000, "u":1}', None),
        (b'{"id":"a","type":"data","data":{"\\u0074imeout":7}}', b'"\\u0074imeout":6000}', 7),
        (b'{"data":{"timeout":8},"type":"d\\u0061ta","i\\u0064":"\\u0061"}', b":6000}", 8),
        (b'[[{"id":"a","type":"data","data":{"timeout":-9}}]]', b":6000}", -9),
    ],
)
def test_the_value_is_exchanged_or_put_in(
    document: bytes, expected: bytes, value_ms: int | None
) -> None:
    """However it is written; an absent one goes to the beginning of its object."""
    after = changed(document)

    assert find_timeout(document, "a").value_ms == value_ms
    assert expected in after
    assert find_timeout(after, "a").value_ms == 6_000


@pytest.mark.parametrize(
    ("document", "place"),
    [
        (b'{"id":"a","type":"data","data":{}}', "$.data.timeout"),
        (b'{"t":[0,{"id":"a","type":"data","data":{}}]}', "$.t[1].data.timeout"),
        (b'{"a b":{"id":"a","type":"data","data":{}}}', '$["a b"].data.timeout'),
    ],
)
def test_the_place_is_named(document: bytes, place: str) -> None:
    """As people write a path into JSON."""
    assert find_timeout(document, "a").place == place


@pytest.mark.parametrize(
    "document",
    [
        b'{"id":"b","type":"data","data":{}}',
        b'{"id":"a","type":"task","data":{}}',
        b'{"id":"a","type":"data","data":[]}',
        b'{"id":"a","type":"data"}',
        b'{"id":["a"],"type":"data","data":{}}',
        b'{"text":"{\\"id\\":\\"a\\",\\"type\\":\\"data\\",\\"data\\":{}}"}',
        b"[]",
        b"17",
    ],
)
def test_what_is_no_such_data_action_is_not_found(document: bytes) -> None:
    """Another id, another type, no data, or only the text of one."""
    with pytest.raises(NotFoundError, match="no data action a"):
        find_timeout(document, "a")


TWICE = b'{"id":"a","type":"data","data":{"timeout":1}}'


@pytest.mark.parametrize(
    ("document", "words"),
    [
        (b"[" + TWICE + b"," + TWICE + b"]", r"in the flow 2 times, \$\[0\] and \$\[1\]"),
        (b'{"x":' + TWICE + b',"x":1}', '"x" on the way'),
        (b'{"x":1,"x":' + TWICE + b"}", '"x" on the way'),
        (b'{"x":[' + TWICE + b'],"\\u0078":1}', '"x" on the way'),
        (b'{"id":"a","id":"b","type":"data","data":{}}', '"id" on the way'),
        (b'{"id":"a","type":"data","type":"x","data":{}}', '"type" on the way'),
        (b'{"id":"a","type":"data","data":{},"data":1}', '"data" on the way'),
        (b'{"id":"a","type":"data","data":{"timeout":1,"timeout":2}}', '"timeout" on the way'),
        (b'{"id":"a","type":"data","data":{"timeout":"5"}}', "not a whole number"),
        (b'{"id":"a","type":"data","data":{"timeout":5.0}}', "not a whole number"),
        (b'{"id":"a","type":"data","data":{"timeout":5e3}}', "not a whole number"),
        (b'{"id":"a","type":"data","data":{"timeout":true}}', "not a whole number"),
        (b'{"id":"a","type":"data","data":{"timeout":{}}}', "not a whole number"),
        (b'{"id":"a","type":"data","data":{"timeout":[5]}}', "not a whole number"),
        (b'{"id":"a","type":"data","data":{"timeout":1' + b"0" * 30 + b"}}", "not a whole number"),
        (b'{"id":"a","n":"\xff"}', "no JSON in UTF-8"),
        (b"\xef\xbb\xbf" + TWICE, "no JSON in UTF-8"),
        (TWICE.decode().encode("utf-16"), "no JSON in UTF-8"),
        (TWICE[:-1], "no JSON in UTF-8"),
        (b'{"x":NaN}', "no JSON in UTF-8"),
        (b"", "no JSON in UTF-8"),
        (b"[" * 100_000, "nested too deeply"),
    ],
)
def test_what_is_not_certain_is_refused(document: bytes, words: str) -> None:
    """Nobody could say which bytes to change."""
    with pytest.raises(RefusedError, match=words) as caught:
        find_timeout(document, "a")

    assert caught.value.guard == "unambiguous_document"


def test_a_repeated_key_elsewhere_does_no_harm() -> None:
    """It is not on the way to the timeout, and stays as it is."""
    document = b'{"x":1,"x":2,"t":[{"k":1,"k":1},' + TWICE + b"]}"

    assert changed(document) == document.replace(b'"timeout":1', b'"timeout":6000')


def test_two_megabytes_three_levels_deep_are_changed_in_one_place() -> None:
    """Not a byte more than the number."""
    others = [entry(f"o{n}", url="\N{GRINNING FACE}" * 20, timeout=5_000) for n in range(12_000)]
    wanted = {"branches": {"yes": [entry("a", url="u", timeout=5_001)]}}
    whole = {"tasks": [{"states": [{"actions": [*others, wanted]}]}], "e": 1e-7, "b": 2**80}
    document = json.dumps(whole, ensure_ascii=False, indent=1).encode()
    assert len(document) > 2_000_000

    after = changed(document)

    assert after == document.replace(b": 5001\n", b": 6000\n")
    assert json.loads(after)["b"] == 2**80


NUMBERS = st.sampled_from(
    ["0", "-0", "1e-7", "1E+07", "1.50", "-12.0e3", "123456789012345678901234567890", "1e999"]
)
SPACE = st.text(" \t\r\n", max_size=2)
TEXTS = st.text(max_size=6)


@st.composite
def strings(draw: st.DrawFn) -> str:
    """A JSON string, escaped in one of the ways that mean the same."""
    return json.dumps(draw(TEXTS), ensure_ascii=draw(st.booleans())).replace("/", "\\/")


def json_texts(leaves: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """JSON as anybody may write it: repeated keys, odd numbers, white space anywhere."""

    def containers(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        members = st.lists(st.tuples(SPACE, strings(), SPACE, inner, SPACE), max_size=3)
        items = st.lists(st.tuples(SPACE, inner, SPACE), max_size=3)
        return members.map(
            lambda found: "{" + ",".join(f"{a}{k}{b}:{v}{c}" for a, k, b, v, c in found) + "}"
        ) | items.map(lambda found: "[" + ",".join(f"{a}{v}{b}" for a, v, b in found) + "]")

    return st.recursive(leaves, containers, max_leaves=8)


LEAVES = NUMBERS | strings() | st.sampled_from(["true", "false", "null"])


@st.composite
def documents(draw: st.DrawFn) -> tuple[str, str, str]:
    """A flow document with one data action ``a``: what comes before its value, it, and after."""
    around = json_texts(LEAVES)
    value = draw(st.sampled_from(["null", "0", "5000", "-7", "30000"]))
    data = ["u", "timeout", "v"]
    members = {
        "u": f'"u":{draw(SPACE)}{draw(around)}',
        "v": f'{draw(SPACE)}"v":{draw(around)}',
        "timeout": f'"timeout"{draw(SPACE)}:{draw(SPACE)}@@{draw(SPACE)}',
    }
    inner = ",".join(members[key] for key in draw(st.permutations(data)))
    parts = ['"id":"a"', '"type":"data"', f'"data":{{{inner}}}', f'"extra":{draw(around)}']
    text = "{" + ",".join(draw(st.permutations(parts))) + "}"
    for _ in range(draw(st.integers(0, 4))):
        if draw(st.booleans()):
            text = f"[{draw(around)},{draw(SPACE)}{text}]"
        else:
            text = f'{{"deep":{draw(SPACE)}{text},"and":{draw(around)}}}'
    before, _, after = text.partition("@@")
    return before, value, after


@given(documents(), st.integers(1, 30_000))
def test_only_the_value_differs(parts: tuple[str, str, str], timeout_ms: int) -> None:
    """In any document: the bytes around it are the same, and it says what was wanted."""
    before, value, after = (part.encode("utf-8", "surrogatepass") for part in parts)
    document = before + value + after

    field = find_timeout(document, "a")
    result = with_timeout(document, field, timeout_ms)

    assert result == before + str(timeout_ms).encode() + after
    expected = () if field.value_ms == timeout_ms else (field.place,)
    assert tuple(differences(document, result)) == expected


@given(json_texts(LEAVES))
def test_parts_are_what_a_library_reads(text: str) -> None:
    """Every part, cut out by its offsets, is what the library finds at that place."""
    raw = text.encode("utf-8", "surrogatepass")
    root = parse(raw)

    def value(part: Any) -> object:  # noqa: ANN401 - a part or what the library makes of it
        if part.members is not None:
            return [(key, value(inner)) for key, inner in part.members]
        if part.items is not None:
            return [value(inner) for inner in part.items]
        found = string_of(raw, part)
        return json.loads(raw[part.start : part.end]) if found is None else found

    assert value(root) == json.loads(raw, object_pairs_hook=list)


@given(json_texts(LEAVES), json_texts(LEAVES))
def test_differences_are_none_exactly_where_both_say_the_same(first: str, second: str) -> None:
    """Compared with itself, rewritten by a library, and with any other."""
    one, other = (text.encode("utf-8", "surrogatepass") for text in (first, second))

    def pairs(text: bytes) -> object:
        return json.loads(
            text, object_pairs_hook=_sorted_pairs, parse_int=_number, parse_float=_number
        )

    assert list(differences(one, one)) == []
    assert (list(differences(one, other)) == []) == (pairs(one) == pairs(other))


def _number(text: str) -> object:
    """A number to its last digit, and no boolean."""
    return "number", Decimal(text)


def _sorted_pairs(pairs: list[tuple[str, object]]) -> object:
    """An object that does not mind the order of its keys, but for the turns of a repeated one."""
    return ("object", sorted(pairs, key=lambda pair: pair[0]))


@pytest.mark.parametrize(
    ("before", "after", "where"),
    [
        ('{"a":1}', '{"a":1.0}', []),
        ('{"a":1e-7}', '{"a":0.0000001}', []),
        ('{"a":9007199254740993}', '{"a":9007199254740992}', ["$.a"]),
        ('{"a":"\\u00e9"}', '{"a":"é"}', []),
        ('{"a":1,"b":2}', '{ "b": 2, "a": 1 }', []),
        ('{"a":1}', '{"a":"1"}', ["$.a"]),
        ('{"a":1}', '{"a":true}', ["$.a"]),
        ('{"a":null}', "{}", ["$.a"]),
        ("{}", '{"b":null}', ["$.b"]),
        ('{"a":[1,2]}', '{"a":[1,2,3]}', ["$.a[2]"]),
        ('{"a":[1,2]}', '{"a":[2,1]}', ["$.a[0]", "$.a[1]"]),
        ('{"a":1,"a":2}', '{"a":2}', ["$.a", "$.a"]),
        ('{"a":{}}', '{"a":[]}', ["$.a"]),
        ('{"a":1e99999999999999999999}', '{"a":2e99999999999999999999}', ["$.a"]),
        ('{"version":1,"x":{"version":1}}', '{"version":2,"x":{"version":2}}', ["$.x.version"]),
        ('{"t":1}', '{"t":2}', []),
    ],
)
def test_a_difference_is_named_by_its_place(before: str, after: str, where: list[str]) -> None:
    """Values count, the way they are written does not; what may differ is left out."""
    found = differences(before.encode(), after.encode(), {"$.t"}, "version|modifiedBy")

    assert list(found) == where
