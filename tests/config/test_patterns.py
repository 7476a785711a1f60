"""Regular expressions of ``[classify]``: what can't be used is told when it is read."""

from __future__ import annotations

import time

import pytest

from monitor.config import load
from monitor.errors import ConfigurationError
from monitor.model import LONGEST_WORD, Classifier, Outcome

KEYS = (
    "timeout_error_types",
    "remote_error_types",
    "throttle_error_types",
    "telephony_error_codes",
)


def refused(key: str, pattern: str) -> str:
    """What is said of a pattern."""
    variable = f"TIMEOUT_MONITOR__CLASSIFY__{key.upper()}"
    with pytest.raises(ConfigurationError) as error:
        load(None, {variable: f'["{pattern}"]'})
    return error.value.message


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize(
    ("pattern", "told"),
    [
        ("(", "is not a regular expression"),
        ("a{99999999999999999999}", "is not a regular expression"),
        ("(" * 900 + ")" * 900, "is not a regular expression"),
        ("a" * 2_001, "more than 2000 characters"),
        ("(a+)+$", "may take for ever"),
        ("(a*)*$", "may take for ever"),
        ("(?:a|a)+$", "may take for ever"),
        ("(a?){30}a{30}$", "may take for ever"),
        ("((ab)*c?)+$", "may take for ever"),
        ("(?=(a+)+$)", "may take for ever"),
        ("(?:(?:a?){16}){16}x", "may take for ever"),
        ("(a?b?a?){16}(a?b?a?){16}c", "may take for ever"),
        ("(?i)((?:ab?|a){16}){16}x", "may take for ever"),
        ("(?:(?:a|aa){1,16}){1,16}$", "may take for ever"),
        ("(?:a{0,16}){16}$", "may take for ever"),
        ("a?" * 20 + "x", "may take for ever"),
        (".*.*.*(?:a|a){4}x", "may take for ever"),
        ("(?:[ab]+a){10}x", "may take for ever"),
        (".*.*.*.*x", "repeats more than 3 parts without end"),
    ],
)
def test_a_pattern_that_can_not_be_used_is_refused(key: str, pattern: str, told: str) -> None:
    """By its key: a word that somebody makes up must not hold up every poll."""
    said = refused(key, pattern)

    assert told in said
    assert f"classify.{key}" in said


@pytest.mark.parametrize(
    "pattern",
    [
        ".*[a-z]+.*x$",
        "a+a+a+$",
        "(?i)rate.?limit|concurren|too.?many",
        ".*(?:rate|quota).*(?:limit|exceed).*",
        "(?:[0-9]{1,3}[.]){3}[0-9]{1,3}",
        "(?:timed?.?out|time.?limit).*",
        "(ab){2}c*",
        "(?:a?){15}x",
        ".*.*(?:a|aa){2}x",
        "(?:a+b?){2}.x",
    ],
)
def test_a_pattern_that_is_taken_ends_on_any_word(pattern: str) -> None:
    """The worst that is let through takes a second of a busy machine at most."""
    load(None, {"TIMEOUT_MONITOR__CLASSIFY__TIMEOUT_ERROR_TYPES": f'["{pattern}"]'})
    classifier = Classifier.from_patterns([pattern], [], [])
    begun = time.process_time()

    assert classifier.outcome("a" * 1_000_000 + "!", "") in set(Outcome)

    assert time.process_time() - begun < 5
    assert LONGEST_WORD == 200
