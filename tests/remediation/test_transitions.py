"""What became of a change, told from the platform's value alone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from monitor.journal import NOT_UNDONE, PUT_OFF, PUTTING_BACK, ChangeState
from monitor.remediation.put_back import is_being_put_back, is_damaged
from monitor.remediation.resolve import is_resting
from monitor.remediation.transitions import (
    ARRIVAL_SECONDS,
    LATE_SECONDS,
    resolve_state,
    was_given_up,
)
from tests.remediation.guard_inputs import NOW, change

OLD, OURS, FOREIGN = 3_000, 4_000, 5_000
S = ChangeState


@pytest.mark.parametrize(
    ("state", "value_ms", "waited", "expected"),
    [
        (S.WRITING, OURS, 0, S.APPLIED),
        (S.WRITING, OLD, 0, S.WRITING),
        (S.WRITING, OLD, ARRIVAL_SECONDS - 1, S.WRITING),
        (S.WRITING, OLD, ARRIVAL_SECONDS, S.ABANDONED),
        (S.WRITING, FOREIGN, 0, S.SUPERSEDED),
        (S.APPLIED, OURS, 0, S.WATCHING),
        (S.APPLIED, OLD, 0, S.SUPERSEDED),
        (S.APPLIED, FOREIGN, 0, S.SUPERSEDED),
        (S.UNDOING, OLD, 0, S.ROLLED_BACK),
        (S.UNDOING, OURS, 0, S.UNDOING),
        (S.UNDOING, OURS, ARRIVAL_SECONDS, S.UNHELPFUL),
        (S.UNDOING, FOREIGN, 0, S.SUPERSEDED),
        (S.ABANDONED, OURS, LATE_SECONDS - 1, S.APPLIED),
        (S.ABANDONED, OURS, LATE_SECONDS, S.KEPT),
        (S.ABANDONED, OURS, -LATE_SECONDS, S.KEPT),
        (S.ABANDONED, OLD, 0, S.ABANDONED),
        (S.ABANDONED, FOREIGN, 0, S.ABANDONED),
        # A clock that was set back makes it wait.
        (S.WRITING, OLD, -86_400, S.WRITING),
        (S.UNDOING, OURS, -86_400, S.UNDOING),
        # Nothing is asked of these.
        (S.WATCHING, FOREIGN, 0, S.WATCHING),
        (S.VERIFIED, OLD, 0, S.VERIFIED),
        (S.SUPERSEDED, OURS, 0, S.SUPERSEDED),
    ],
)
def test_the_value_tells_what_became_of_it(
    state: ChangeState, value_ms: int, waited: float, expected: ChangeState
) -> None:
    """Ours, the old one, or somebody else's."""
    at = NOW - waited
    found, note = resolve_state(change(state, sent_at=at, touched_at=at), value_ms, NOW)

    assert found is expected
    assert note


def test_a_value_that_a_person_set_is_not_measured() -> None:
    """They know why they set it."""
    set_by_hand = change(S.APPLIED, measured=False)

    assert resolve_state(set_by_hand, OURS, NOW)[0] is S.KEPT


def test_what_a_jumping_clock_has_given_up_too_early_is_still_looked_for() -> None:
    """It was sent an hour ago by that clock, and given up just now."""
    given_up = change(S.ABANDONED, sent_at=NOW - 3_600, touched_at=NOW - 60)

    assert resolve_state(given_up, OURS, NOW)[0] is S.APPLIED


@pytest.mark.parametrize(
    ("state", "words", "reason"),
    [
        (S.ABANDONED, "it got lost: the gateway has put off the request", PUT_OFF),
        (S.UNHELPFUL, "2 of 90 calls time out, the last raise not undone", NOT_UNDONE),
        (S.UNDOING, "asked by ann: the old value is being put back", PUTTING_BACK),
        (S.WATCHING, "ann says the write changed more than the timeout", "-"),
    ],
)
def test_what_is_safe_follows_from_codes_and_never_from_words(
    state: ChangeState, words: str, reason: str
) -> None:
    """Words are people's and the platform's, and anything may stand in them."""
    told = change(state, ago=60, note=words, touched_at=NOW - 60)
    meant = replace(told, note="", reason=reason, damage="$.x")

    assert was_given_up(told) is (state is S.ABANDONED)
    assert not is_resting(told, NOW)
    assert not is_being_put_back(told)
    assert not is_damaged(told)
    assert not was_given_up(meant)
    assert is_resting(meant, NOW) is (state is S.UNHELPFUL)
    assert is_being_put_back(meant) is (state is S.UNDOING)
    assert is_damaged(meant)
