"""Each reading of what nobody knows about writes: no write changes more than the timeout."""

from __future__ import annotations

from typing import Any

import pytest

from monitor.diagnosis import Editable
from monitor.errors import AmbiguousWriteError, ConflictError, EtagRewrittenError, RefusedError
from monitor.remediation.targets import is_same_lock
from monitor.simulator.scenarios import SEND_CONFIRMATION
from monitor.simulator.world import World
from tests.remediation.making import MakePlace
from tests.remediation.targets.test_both import without_timeouts


@pytest.mark.parametrize("patch", ["replaces", "merges"])
@pytest.mark.parametrize("shown", ["nothing", "uri", "inline"])
@pytest.mark.parametrize("unset", ["absent", "null", "zero"])
def test_a_write_wipes_nothing(make_place: MakePlace, patch: str, shown: str, unset: str) -> None:
    """Whatever the configuration shows, and whatever is done to what is left out."""
    world = World(patch=patch, templates_shown=shown, unset_timeout=unset)
    place = make_place("integration-action", world=world)
    stored: dict[str, Any] = place.stored()
    before = place.target.read(place.action_id)

    place.target.write(before, 6_000)

    after = place.target.read(place.action_id)
    assert place.timeout_ms() == after.timeout_ms == 6_000
    assert without_timeouts(place.stored()) == without_timeouts(stored)
    assert place.target.differences(before, after) == ()
    assert place.target.fingerprint(before) == place.target.fingerprint(after)


@pytest.mark.parametrize("unset", ["absent", "null", "zero"])
def test_an_unset_timeout_is_a_minute_and_never_an_authentication_action(
    make_place: MakePlace, unset: str
) -> None:
    """However it is shown."""
    place = make_place("integration-action", world=World(unset_timeout=unset))

    reading = place.target.read(SEND_CONFIRMATION.action_id)

    assert (reading.timeout_ms, reading.is_set, reading.editable) == (60_000, False, Editable.YES)


@pytest.mark.parametrize(
    ("status", "error"),
    [("409", ConflictError), ("400", ConflictError), ("408", AmbiguousWriteError)],
)
def test_a_version_that_is_not_the_newest_is_a_conflict(
    make_place: MakePlace, status: str, error: type[Exception]
) -> None:
    """But for a 408, which could be anything, and is looked into before anything else."""
    place = make_place("integration-action", world=World(conflict=status))
    reading = place.target.read(place.action_id)
    place.edit()

    with pytest.raises(error):
        place.target.write(reading, 6_000)

    assert place.timeout_ms() == 5_000


@pytest.mark.parametrize("etag", ["suffixed", "weak", "strong", "stubborn"])
def test_a_flow_behind_a_gateway_can_be_written(make_place: MakePlace, etag: str) -> None:
    """One that compresses, too; also where it does so whatever was asked for."""
    place = make_place("flow", world=World(etag=etag))
    before = place.target.read(place.action_id)

    written = place.target.write(before, 6_000)

    after = place.target.read(place.action_id)
    assert place.timeout_ms() == 6_000
    assert place.writes() == (2 if etag == "stubborn" else 1)
    assert is_same_lock(written.lock, after.lock)
    assert not is_same_lock(before.lock, after.lock)
    assert place.target.differences(before, after) == ()


@pytest.mark.parametrize("etag", ["suffixed", "weak", "strong", "stubborn"])
@pytest.mark.parametrize("timeout_ms", [None, 7_000])
def test_a_gateway_does_not_hide_a_conflict(
    make_place: MakePlace, etag: str, timeout_ms: int | None
) -> None:
    """The document has changed: that is somebody's, and not tried again."""
    place = make_place("flow", world=World(etag=etag))
    reading = place.target.read(place.action_id)
    place.edit(timeout_ms)

    with pytest.raises(ConflictError):
        place.target.write(reading, 6_000)

    assert (place.writes(), place.timeout_ms()) == (1, timeout_ms or 5_000)


def test_a_conflict_between_the_two_tries_is_one(make_place: MakePlace) -> None:
    """The second names what was read before it."""
    place = make_place("flow", world=World(etag="stubborn"))
    reading = place.target.read(place.action_id)
    place.fault("edited", skip=1)

    with pytest.raises(ConflictError):
        place.target.write(reading, 6_000)

    assert (place.writes(), place.timeout_ms()) == (2, 5_000)


@pytest.mark.parametrize(("etag", "writes"), [("suffixed", 1), ("stubborn", 2)])
def test_an_etag_that_is_refused_all_the_same_is_told(
    make_place: MakePlace, etag: str, writes: int
) -> None:
    """Nobody has changed the flow, so nobody is blamed; what to do about the gateway is said."""
    place = make_place("flow", world=World(etag=etag))
    reading = place.target.read(place.action_id)
    place.fault("precondition_failed", count=9)

    with pytest.raises(EtagRewrittenError, match="a gateway rewrites ETags") as caught:
        place.target.write(reading, 6_000)

    assert (caught.value.exit_code, caught.value.status) == (5, 412)
    assert "gateway" in caught.value.hint
    assert (place.writes(), place.timeout_ms()) == (writes, 5_000)


def test_a_refused_precondition_of_an_action_is_a_conflict(make_place: MakePlace) -> None:
    """Its lock is a version, which no gateway rewrites."""
    place = make_place("integration-action")
    reading = place.target.read(place.action_id)
    place.fault("precondition_failed")

    with pytest.raises(ConflictError):
        place.target.write(reading, 6_000)


@pytest.mark.parametrize("kind", ["flow", "integration-action"])
def test_what_was_cut_on_its_way_is_not_written_back(make_place: MakePlace, kind: str) -> None:
    """Though it was cut alike each time, and what is left can be read."""
    place = make_place(kind)
    path = place.path if kind == "flow" else f"{place.path}/templates/requesttemplate.vm"
    place.wire.fault("cut", path_prefix=path, method="GET", count=9)

    with pytest.raises(RefusedError, match="came whole") as caught:
        place.target.write(place.target.read(place.action_id), 6_000)

    assert (caught.value.guard, place.writes()) == ("whole_answer", 0)


@pytest.mark.parametrize("lock", ["suffixed", "weak", "strong", "stubborn"])
def test_a_restored_place_is_as_it_was_read(make_place: MakePlace, lock: str) -> None:
    """Under the lock of now, the version too, whatever the gateway makes of it."""
    for kind in ("flow", "integration-action"):
        place = make_place(kind, world=World(etag=lock))
        stored = place.stored()
        before = place.target.read(place.action_id)
        place.fault("spoilt")
        place.target.write(before, 6_000)
        after = place.target.read(place.action_id)
        assert len(place.target.differences(before, after)) == 1
        assert place.target.fingerprint(before) != place.target.fingerprint(after)

        place.target.restore(before, after, before.timeout_ms)

        now = place.target.read(place.action_id)
        assert place.target.differences(before, now) == ()
        assert (now.timeout_ms, place.timeout_ms()) == (5_000, 5_000)
        assert without_timeouts(place.stored()) == without_timeouts(stored)


@pytest.mark.parametrize("patch", ["replaces", "merges"])
@pytest.mark.parametrize("unset", ["absent", "null", "zero"])
def test_a_timeout_that_nobody_had_set_is_unset_again(
    make_place: MakePlace, patch: str, unset: str
) -> None:
    """As far as the platform can: one that merges keeps what it is not told to drop."""
    world = World(unset_timeout=unset, patch=patch)
    place = make_place("integration-action", world=world)
    before = place.target.read(SEND_CONFIRMATION.action_id)
    place.target.write(before, 20_000)
    after = place.target.read(SEND_CONFIRMATION.action_id)

    place.target.restore(before, after, before.timeout_ms)

    now = place.target.read(SEND_CONFIRMATION.action_id)
    assert now.is_set is (patch == "merges")


def test_nothing_is_restored_over_somebody_elses_change(make_place: MakePlace) -> None:
    """Once, under its lock, never blindly."""
    for kind in ("flow", "integration-action"):
        place = make_place(kind)
        before = place.target.read(place.action_id)
        place.fault("spoilt")
        place.target.write(before, 6_000)
        after = place.target.read(place.action_id)
        place.edit(7_000)

        with pytest.raises(ConflictError):
            place.target.restore(before, after, before.timeout_ms)

        assert place.timeout_ms() == 7_000
