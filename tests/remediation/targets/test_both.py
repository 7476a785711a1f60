"""What every target does, whichever contract it speaks: the same tests for both."""

from __future__ import annotations

from typing import Any

import pytest

from monitor.diagnosis import Editable
from monitor.errors import (
    AmbiguousWriteError,
    BadRequestError,
    ConflictError,
    ConnectionFailedError,
    GenesysError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitedError,
    RefusedError,
)
from monitor.model import CAP_MS
from tests.remediation.making import MakePlace
from tests.remediation.places import PLACES, Place

SERVER_MANAGED = {"version", "dateModified", "modifiedBy"}


def without_timeouts(node: object) -> object:
    """A document without the field that was to change, and what a server sets itself."""
    if isinstance(node, dict):
        return {
            key: without_timeouts(value)
            for key, value in node.items()
            if key not in {"timeout", "timeoutSeconds"} | SERVER_MANAGED
        }
    return [without_timeouts(one) for one in node] if isinstance(node, list) else node


def test_a_reading_says_what_is_in_force(place: Place) -> None:
    """Value, lock and version, and that it can be changed."""
    reading = place.target.read(place.action_id)

    assert (reading.action_id, reading.action_name) == (place.action_id, "Order Status")
    assert (reading.timeout_ms, reading.is_set) == (5_000, True)
    assert reading.lock
    assert reading.version == "1"
    assert reading.editable is Editable.YES
    assert reading.by_hand


def test_a_write_changes_the_timeout_and_nothing_else(place: Place) -> None:
    """On the far side too, templates included; the answer names the new lock."""
    stored: dict[str, Any] = place.stored()
    before = place.target.read(place.action_id)

    written = place.target.write(before, 6_000)

    after = place.target.read(place.action_id)
    assert place.timeout_ms() == after.timeout_ms == written.timeout_ms == 6_000
    assert (after.lock, after.version) == (written.lock, written.version)
    assert after.lock != before.lock
    assert place.target.differences(before, after) == ()
    assert without_timeouts(place.stored()) == without_timeouts(stored)


def test_a_write_is_one_request(place: Place) -> None:
    """Nothing is repeated, and nothing but the write is sent."""
    reading = place.target.read(place.action_id)

    place.target.write(reading, 6_000)

    assert place.writes() == 1


def test_a_value_between_two_steps_is_rounded_up(place: Place) -> None:
    """The platform's actions count whole seconds, flows count milliseconds."""
    written = place.target.write(place.target.read(place.action_id), 5_001)

    expected = 5_001 if place.target.step_ms == 1 else 6_000
    assert place.timeout_ms() == written.timeout_ms == expected


def test_the_cap_itself_can_be_written(place: Place) -> None:
    """30 s are allowed."""
    place.target.write(place.target.read(place.action_id), CAP_MS)

    assert place.timeout_ms() == 30_000


@pytest.mark.parametrize(
    ("timeout_ms", "guard"), [(CAP_MS + 1, "cap"), (60_000, "cap"), (0, "positive")]
)
def test_a_value_out_of_range_is_never_sent(place: Place, timeout_ms: int, guard: str) -> None:
    """Whoever asks for it; beyond the cap the way to go is named."""
    reading = place.target.read(place.action_id)

    with pytest.raises(RefusedError) as caught:
        place.target.write(reading, timeout_ms)

    assert caught.value.guard == guard
    assert ("webhook" in caught.value.hint) == (guard == "cap")
    assert place.writes() == 0


@pytest.mark.parametrize("timeout_ms", [None, 7_000])
def test_a_write_over_somebody_elses_change_is_a_conflict(
    place: Place, timeout_ms: int | None
) -> None:
    """Whether they changed the timeout or another field, theirs stands."""
    reading = place.target.read(place.action_id)
    place.edit(timeout_ms)

    with pytest.raises(ConflictError):
        place.target.write(reading, 6_000)

    assert place.timeout_ms() == (timeout_ms or 5_000)


def test_a_conflict_in_the_last_moment_is_one(place: Place) -> None:
    """The lock is checked where the write happens, not before it."""
    reading = place.target.read(place.action_id)
    place.fault("edited")

    with pytest.raises(ConflictError):
        place.target.write(reading, 6_000)

    assert place.timeout_ms() == 5_000


@pytest.mark.parametrize("kind", ["reset", "server_error", "unavailable", "request_timeout"])
def test_a_write_that_was_lost_on_its_way_is_ambiguous(place: Place, kind: str) -> None:
    """It was not carried out, but nobody on this side can know; a reading shows it."""
    reading = place.target.read(place.action_id)
    place.fault(kind)

    with pytest.raises(AmbiguousWriteError):
        place.target.write(reading, 6_000)

    assert place.target.read(place.action_id).lock == reading.lock
    assert place.writes() == 1


@pytest.mark.parametrize("kind", ["reset_after", "html"])
def test_a_write_whose_answer_was_lost_is_ambiguous(place: Place, kind: str) -> None:
    """The answer broke off, or a proxy's page came in its place."""
    reading = place.target.read(place.action_id)
    place.fault(kind)

    with pytest.raises(AmbiguousWriteError):
        place.target.write(reading, 6_000)

    assert place.target.read(place.action_id).timeout_ms == place.timeout_ms()
    assert place.timeout_ms() == (6_000 if kind == "reset_after" else 5_000)


@pytest.mark.parametrize("kind", sorted(PLACES))
def test_a_write_that_hangs_is_ambiguous(kind: str, make_place: MakePlace) -> None:
    """Carried out, and then silence."""
    place = make_place(kind, deadline_seconds=1.0)
    reading = place.target.read(place.action_id)
    place.fault("hang_after", hang_seconds=5)

    with pytest.raises(AmbiguousWriteError):
        place.target.write(reading, 6_000)

    assert place.timeout_ms() == 6_000


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("rate_limited", RateLimitedError),
        ("bad_request", BadRequestError),
        ("forbidden", PermissionDeniedError),
        ("not_found", NotFoundError),
        ("conflict", ConflictError),
    ],
)
def test_a_refused_write_is_told_by_its_kind(
    place: Place, kind: str, error: type[GenesysError]
) -> None:
    """None of these is ambiguous: nothing was changed."""
    reading = place.target.read(place.action_id)
    place.fault(kind)

    with pytest.raises(error) as caught:
        place.target.write(reading, 6_000)

    assert not isinstance(caught.value, AmbiguousWriteError)
    assert place.timeout_ms() == 5_000
    assert place.writes() == 1


def test_a_missing_permission_is_named_with_where_to_grant_it(place: Place) -> None:
    """The permission to write, which the reader's client need not have."""
    reading = place.target.read(place.action_id)
    held = place.wire.org.permissions
    place.wire.org.grant(one for one in held if not one.endswith(("write", "edit")))

    with pytest.raises(PermissionDeniedError) as caught:
        place.target.write(reading, 6_000)

    wanted = "flow:flow:write" if place.target.kind == "flow" else "integrations:action:edit"
    assert wanted in caught.value.hint
    assert "Admin > Roles/Permissions" in caught.value.hint


def test_a_write_to_nobody_is_not_ambiguous(place: Place) -> None:
    """A connection that was never made carried nothing."""
    reading = place.target.read(place.action_id)
    place.wire.simulator.close()
    place.client._transport._session.close()  # type: ignore[attr-defined]  # noqa: SLF001

    with pytest.raises(ConnectionFailedError):
        place.target.write(reading, 6_000)

    assert reading.timeout_ms == 5_000


@pytest.mark.parametrize("kind", sorted(PLACES))
def test_what_terraform_manages_is_refused(kind: str, make_place: MakePlace) -> None:
    """By a pattern of its name; the hint says where to change it."""
    place = make_place(kind, managed=("Order *",))
    reading = place.target.read(place.action_id)

    with pytest.raises(RefusedError, match="Terraform manages it") as caught:
        place.target.write(reading, 6_000)

    assert reading.editable is Editable.TERRAFORM
    assert caught.value.guard == "editable_terraform"
    assert "Terraform" in caught.value.hint
    assert place.writes() == 0


@pytest.mark.parametrize("kind", sorted(PLACES))
def test_a_pattern_that_does_not_match_refuses_nothing(kind: str, make_place: MakePlace) -> None:
    """What Terraform does not manage stays free."""
    place = make_place(kind, managed=("crm-*",))

    place.target.write(place.target.read(place.action_id), 6_000)

    assert place.timeout_ms() == 6_000


def test_an_action_that_is_not_there_is_told(place: Place) -> None:
    """A mistyped id changes nothing."""
    with pytest.raises(NotFoundError):
        place.target.read("custom_-_nobody")

    assert place.writes() == 0


def test_a_change_of_another_field_is_a_difference(place: Place) -> None:
    """Its place is named; its value is not, for it may be secret."""
    before = place.target.read(place.action_id)
    place.edit()
    after = place.target.read(place.action_id)

    (where,) = place.target.differences(before, after)

    expected = "$.description" if place.target.kind == "flow" else "$.config.request.headers"
    assert where.startswith(expected)


def test_two_readings_of_the_same_do_not_differ(place: Place) -> None:
    """Nothing happened, nothing is said."""
    first, second = (place.target.read(place.action_id) for _ in range(2))

    assert place.target.differences(first, second) == ()
    assert first == second


def test_a_reading_does_not_show_what_it_carries(place: Place) -> None:
    """Documents hold addresses and headers of back ends, which may be secret."""
    shown = repr(place.target.read(place.action_id))

    assert "backend.example" not in shown
    assert "document" not in shown
