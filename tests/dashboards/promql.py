"""Reads PromQL as far as the rules of the house need it."""

from __future__ import annotations

import re
from collections.abc import Iterator

_KEYWORDS = frozenset(
    {"and", "or", "unless", "by", "without", "on", "ignoring", "group_left", "group_right"}
    | {"offset", "bool", "inf", "nan"}
)
_LABEL_LISTS = re.compile(
    r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^()]*\)", re.IGNORECASE
)
_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_OF_COUNTERS = ("rate", "increase", "resets", "group", "count")
"""What may be asked of a counter: how it grows, and whether it is there."""


def bare(expression: str) -> str:
    """An expression without strings, matchers, windows and lists of labels."""
    text = re.sub(r'"(?:[^"\\]|\\.)*"', '""', expression)
    text = re.sub(r"\{[^{}]*\}", "", text)
    text = re.sub(r"\[[^\]]*\]", "", text)
    return re.sub(r"\boffset\s+\S+", "", _LABEL_LISTS.sub("", text))


def metrics(expression: str) -> set[str]:
    """The names of the metrics that an expression asks for."""
    text = bare(expression)
    return {
        found[0]
        for found in _NAME.finditer(text)
        if found[0].lower() not in _KEYWORDS
        and not re.match(r"\s*\(", text[found.end() :])
        and not re.search(r"[\d$]$", text[: found.start()])
    }


def bare_counters(expression: str, counters: set[str]) -> set[str]:
    """Counters that are asked for their value, which means nothing."""
    text = re.sub(r'"(?:[^"\\]|\\.)*"', '""', expression)
    text = re.sub(r"\{[^{}]*\}", "", text)
    wrong = set()
    for found in _NAME.finditer(text):
        if found[0] in counters:
            around = re.search(r"(\w+)\s*(?:by\s*\([^()]*\)\s*)?\(\s*$", text[: found.start()])
            if around is None or around[1] not in _OF_COUNTERS:
                wrong.add(found[0])
    return wrong


def divisors(expression: str) -> Iterator[str]:
    """What is divided by, each as it is written."""
    text = re.sub(r'"[^"]*"', '""', expression)
    for found in re.finditer(r"/\s*", text):
        rest = text[found.end() :]
        if not rest.startswith("("):
            yield rest.split()[0]
            continue
        depth = 0
        for place, character in enumerate(rest):
            depth += {"(": 1, ")": -1}.get(character, 0)
            if depth == 0:
                yield rest[1:place]
                break
