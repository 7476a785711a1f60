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
from tests.remediation.simulated_targets import TARGETS, ServeTarget, SimulatedTarget

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


def test_a_reading_says_what_is_in_force(served: SimulatedTarget) -> None:
    """Value, lock and version, and that it can be changed."""
    reading = served.target.read(served.action_id)

    assert (reading.action_id, reading.action_name) == (served.action_id, "Order Status")
    assert (reading.timeout_ms, reading.is_set) == (5_000, True)
    assert reading.lock
    assert reading.version == "1"
    assert reading.editable is Editable.YES
    assert reading.by_hand


def test_a_write_changes_the_timeout_and_nothing_else(served: SimulatedTarget) -> None:
    """On the far side too, templates included; the answer names the new lock."""
    stored: dict[str, Any] = served.stored()
    before = served.target.read(served.action_id)

    written = served.target.write(before, 6_000)

    after = served.target.read(served.action_id)
    assert served.timeout_ms() == after.timeout_ms == written.timeout_ms == 6_000
    assert (after.lock, after.version) == (written.lock, written.version)
    assert after.lock != before.lock
    assert served.target.differences(before, after) == ()
    assert without_timeouts(served.stored()) == without_timeouts(stored)


def test_a_write_is_one_request(served: SimulatedTarget) -> None:
    """Nothing is repeated, and nothing but the write is sent."""
    reading = served.target.read(served.action_id)

    served.target.write(reading, 6_000)

    assert served.writes() == 1


def test_a_value_between_two_steps_is_rounded_up(served: SimulatedTarget) -> None:
    """The platform's actions count whole seconds, flows count milliseconds."""
    written = served.target.write(served.target.read(served.action_id), 5_001)

    expected = 5_001 if served.target.step_ms == 1 else 6_000
    assert served.timeout_ms() == written.timeout_ms == expected


def test_the_cap_itself_can_be_written(served: SimulatedTarget) -> None:
    """30 s are allowed."""
    served.target.write(served.target.read(served.action_id), CAP_MS)

    assert served.timeout_ms() == 30_000


@pytest.mark.parametrize(
    ("timeout_ms", "guard"), [(CAP_MS + 1, "cap"), (60_000, "cap"), (0, "positive")]
)
def test_a_value_out_of_range_is_never_sent(
    served: SimulatedTarget, timeout_ms: int, guard: str
) -> None:
    """Whoever asks for it; beyond the cap the way to go is named."""
    reading = served.target.read(served.action_id)

    with pytest.raises(RefusedError) as caught:
        served.target.write(reading, timeout_ms)

    assert caught.value.guard == guard
    assert ("webhook" in caught.value.hint) == (guard == "cap")
    assert served.writes() == 0


@pytest.mark.parametrize("timeout_ms", [None, 7_000])
def test_a_write_over_somebody_elses_change_is_a_conflict(
    served: SimulatedTarget, timeout_ms: int | None
) -> None:
    """Whether they changed the timeout or another field, theirs stands."""
    reading = served.target.read(served.action_id)
    served.edit(timeout_ms)

    with pytest.raises(ConflictError):
        served.target.write(reading, 6_000)

    assert served.timeout_ms() == (timeout_ms or 5_000)


def test_a_conflict_in_the_last_moment_is_one(served: SimulatedTarget) -> None:
    """The lock is checked where the write happens, not before it."""
    reading = served.target.read(served.action_id)
    served.fault("edited")

    with pytest.raises(ConflictError):
        served.target.write(reading, 6_000)

    assert served.timeout_ms() == 5_000


@pytest.mark.parametrize("kind", ["reset", "server_error", "unavailable", "request_timeout"])
def test_a_write_that_was_lost_on_its_way_is_ambiguous(served: SimulatedTarget, kind: str) -> None:
    """It was not carried out, but nobody on this side can know; a reading shows it."""
    reading = served.target.read(served.action_id)
    served.fault(kind)

    with pytest.raises(AmbiguousWriteError):
        served.target.write(reading, 6_000)

    assert served.target.read(served.action_id).lock == reading.lock
    assert served.writes() == 1


@pytest.mark.parametrize("kind", ["reset_after", "html"])
def test_a_write_whose_answer_was_lost_is_ambiguous(served: SimulatedTarget, kind: str) -> None:
    """The answer broke off, or a proxy's page came in its place."""
    reading = served.target.read(served.action_id)
    served.fault(kind)

    with pytest.raises(AmbiguousWriteError):
        served.target.write(reading, 6_000)

    assert served.target.read(served.action_id).timeout_ms == served.timeout_ms()
    assert served.timeout_ms() == (6_000 if kind == "reset_after" else 5_000)


@pytest.mark.parametrize("kind", sorted(TARGETS))
def test_a_write_that_hangs_is_ambiguous(kind: str, serve_target: ServeTarget) -> None:
    """Carried out, and then silence."""
    served = serve_target(kind, deadline_seconds=1.0)
    reading = served.target.read(served.action_id)
    served.fault("hang_after", hang_seconds=5)

    with pytest.raises(AmbiguousWriteError):
        served.target.write(reading, 6_000)

    assert served.timeout_ms() == 6_000


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
    served: SimulatedTarget, kind: str, error: type[GenesysError]
) -> None:
    """None of these is ambiguous: nothing was changed."""
    reading = served.target.read(served.action_id)
    served.fault(kind)

    with pytest.raises(error) as caught:
        served.target.write(reading, 6_000)

    assert not isinstance(caught.value, AmbiguousWriteError)
    assert served.timeout_ms() == 5_000
    assert served.writes() == 1


def test_a_missing_permission_is_named_with_where_to_grant_it(served: SimulatedTarget) -> None:
    """The permission to write, which the reader's client need not have."""
    reading = served.target.read(served.action_id)
    held = served.wire.org.permissions
    served.wire.org.grant(one for one in held if not one.endswith(("write", "edit")))

    with pytest.raises(PermissionDeniedError) as caught:
        served.target.write(reading, 6_000)

    wanted = "flow:flow:write" if served.target.kind == "flow" else "integrations:action:edit"
    assert wanted in caught.value.hint
    assert "Admin > Roles/Permissions" in caught.value.hint


def test_a_write_to_nobody_is_not_ambiguous(served: SimulatedTarget) -> None:
    """A connection that was never made carried nothing."""
    reading = served.target.read(served.action_id)
    served.wire.simulator.close()
    served.client._transport._session.close()  # type: ignore[attr-defined]  # noqa: SLF001

    with pytest.raises(ConnectionFailedError):
        served.target.write(reading, 6_000)

    assert reading.timeout_ms == 5_000


@pytest.mark.parametrize("kind", sorted(TARGETS))
def test_what_terraform_manages_is_refused(kind: str, serve_target: ServeTarget) -> None:
    """By a pattern of its name; the hint says where to change it."""
    served = serve_target(kind, managed=("Order *",))
    reading = served.target.read(served.action_id)

    with pytest.raises(RefusedError, match="Terraform manages it") as caught:
        served.target.write(reading, 6_000)

    assert reading.editable is Editable.TERRAFORM
    assert caught.value.guard == "editable_terraform"
    assert "Terraform" in caught.value.hint
    assert served.writes() == 0


@pytest.mark.parametrize("kind", sorted(TARGETS))
def test_a_pattern_that_does_not_match_refuses_nothing(
    kind: str, serve_target: ServeTarget
) -> None:
    """What Terraform does not manage stays free."""
    served = serve_target(kind, managed=("crm-*",))

    served.target.write(served.target.read(served.action_id), 6_000)

    assert served.timeout_ms() == 6_000


def test_an_action_that_is_not_there_is_told(served: SimulatedTarget) -> None:
    """A mistyped id changes nothing."""
    with pytest.raises(NotFoundError):
        served.target.read("custom_-_nobody")

    assert served.writes() == 0


def test_a_change_of_another_field_is_a_difference(served: SimulatedTarget) -> None:
    """Its place is named; its value is not, for it may be secret."""
    before = served.target.read(served.action_id)
    served.edit()
    after = served.target.read(served.action_id)

    (where,) = served.target.differences(before, after)

    expected = "$.description" if served.target.kind == "flow" else "$.config.request.headers"
    assert where.startswith(expected)


def test_two_readings_of_the_same_do_not_differ(served: SimulatedTarget) -> None:
    """Nothing happened, nothing is said."""
    first, second = (served.target.read(served.action_id) for _ in range(2))

    assert served.target.differences(first, second) == ()
    assert first == second


def test_a_reading_does_not_show_what_it_carries(served: SimulatedTarget) -> None:
    """Documents hold addresses and headers of back ends, which may be secret."""
    shown = repr(served.target.read(served.action_id))

    assert "backend.example" not in shown
    assert "document" not in shown
