"""Each reading of what nobody knows about writes: no write changes more than the timeout."""

from __future__ import annotations

from typing import Any

import pytest

from monitor.diagnosis import Editable
from monitor.errors import AmbiguousWriteError, ConflictError, EtagRewrittenError, RefusedError
from monitor.remediation.targets import is_same_lock
from monitor.simulator.scenarios import SEND_CONFIRMATION
from monitor.simulator.world import World
from tests.remediation.simulated_targets import ServeTarget
from tests.remediation.targets.test_both import without_timeouts


@pytest.mark.parametrize("patch", ["replaces", "merges"])
@pytest.mark.parametrize("shown", ["nothing", "uri", "inline"])
@pytest.mark.parametrize("unset", ["absent", "null", "zero"])
def test_a_write_wipes_nothing(
    serve_target: ServeTarget, patch: str, shown: str, unset: str
) -> None:
    """Whatever the configuration shows, and whatever is done to what is left out."""
    world = World(patch=patch, templates_shown=shown, unset_timeout=unset)
    served = serve_target("integration-action", world=world)
    stored: dict[str, Any] = served.stored()
    before = served.target.read(served.action_id)

    served.target.write(before, 6_000)

    after = served.target.read(served.action_id)
    assert served.timeout_ms() == after.timeout_ms == 6_000
    assert without_timeouts(served.stored()) == without_timeouts(stored)
    assert served.target.differences(before, after) == ()
    assert served.target.fingerprint(before) == served.target.fingerprint(after)


@pytest.mark.parametrize("unset", ["absent", "null", "zero"])
def test_an_unset_timeout_is_a_minute_and_never_an_authentication_action(
    serve_target: ServeTarget, unset: str
) -> None:
    """However it is shown."""
    served = serve_target("integration-action", world=World(unset_timeout=unset))

    reading = served.target.read(SEND_CONFIRMATION.action_id)

    assert (reading.timeout_ms, reading.is_set, reading.editable) == (60_000, False, Editable.YES)


@pytest.mark.parametrize(
    ("status", "error"),
    [("409", ConflictError), ("400", ConflictError), ("408", AmbiguousWriteError)],
)
def test_a_version_that_is_not_the_newest_is_a_conflict(
    serve_target: ServeTarget, status: str, error: type[Exception]
) -> None:
    """But for a 408, which could be anything, and is looked into before anything else."""
    served = serve_target("integration-action", world=World(conflict=status))
    reading = served.target.read(served.action_id)
    served.edit()

    with pytest.raises(error):
        served.target.write(reading, 6_000)

    assert served.timeout_ms() == 5_000


@pytest.mark.parametrize("etag", ["suffixed", "weak", "strong", "stubborn"])
def test_a_flow_behind_a_gateway_can_be_written(serve_target: ServeTarget, etag: str) -> None:
    """One that compresses, too; also where it does so whatever was asked for."""
    served = serve_target("flow", world=World(etag=etag))
    before = served.target.read(served.action_id)

    written = served.target.write(before, 6_000)

    after = served.target.read(served.action_id)
    assert served.timeout_ms() == 6_000
    assert served.writes() == (2 if etag == "stubborn" else 1)
    assert is_same_lock(written.lock, after.lock)
    assert not is_same_lock(before.lock, after.lock)
    assert served.target.differences(before, after) == ()


@pytest.mark.parametrize("etag", ["suffixed", "weak", "strong", "stubborn"])
@pytest.mark.parametrize("timeout_ms", [None, 7_000])
def test_a_gateway_does_not_hide_a_conflict(
    serve_target: ServeTarget, etag: str, timeout_ms: int | None
) -> None:
    """The document has changed: that is somebody's, and not tried again."""
    served = serve_target("flow", world=World(etag=etag))
    reading = served.target.read(served.action_id)
    served.edit(timeout_ms)

    with pytest.raises(ConflictError):
        served.target.write(reading, 6_000)

    assert (served.writes(), served.timeout_ms()) == (1, timeout_ms or 5_000)


def test_a_conflict_between_the_two_tries_is_one(serve_target: ServeTarget) -> None:
    """The second names what was read before it."""
    served = serve_target("flow", world=World(etag="stubborn"))
    reading = served.target.read(served.action_id)
    served.fault("edited", skip=1)

    with pytest.raises(ConflictError):
        served.target.write(reading, 6_000)

    assert (served.writes(), served.timeout_ms()) == (2, 5_000)


@pytest.mark.parametrize(("etag", "writes"), [("suffixed", 1), ("stubborn", 2)])
def test_an_etag_that_is_refused_all_the_same_is_told(
    serve_target: ServeTarget, etag: str, writes: int
) -> None:
    """Nobody has changed the flow, so nobody is blamed; what to do about the gateway is said."""
    served = serve_target("flow", world=World(etag=etag))
    reading = served.target.read(served.action_id)
    served.fault("precondition_failed", count=9)

    with pytest.raises(EtagRewrittenError, match="a gateway rewrites ETags") as caught:
        served.target.write(reading, 6_000)

    assert (caught.value.exit_code, caught.value.status) == (5, 412)
    assert "gateway" in caught.value.hint
    assert (served.writes(), served.timeout_ms()) == (writes, 5_000)


def test_a_refused_precondition_of_an_action_is_a_conflict(serve_target: ServeTarget) -> None:
    """Its lock is a version, which no gateway rewrites."""
    served = serve_target("integration-action")
    reading = served.target.read(served.action_id)
    served.fault("precondition_failed")

    with pytest.raises(ConflictError):
        served.target.write(reading, 6_000)


@pytest.mark.parametrize("kind", ["flow", "integration-action"])
def test_what_was_cut_on_its_way_is_not_written_back(serve_target: ServeTarget, kind: str) -> None:
    """Though it was cut alike each time, and what is left can be read."""
    served = serve_target(kind)
    path = served.path if kind == "flow" else f"{served.path}/templates/requesttemplate.vm"
    served.wire.fault("cut", path_prefix=path, method="GET", count=9)

    with pytest.raises(RefusedError, match="came whole") as caught:
        served.target.write(served.target.read(served.action_id), 6_000)

    assert (caught.value.guard, served.writes()) == ("whole_answer", 0)


@pytest.mark.parametrize("lock", ["suffixed", "weak", "strong", "stubborn"])
def test_a_restored_place_is_as_it_was_read(serve_target: ServeTarget, lock: str) -> None:
    """Under the lock of now, the version too, whatever the gateway makes of it."""
    for kind in ("flow", "integration-action"):
        served = serve_target(kind, world=World(etag=lock))
        stored = served.stored()
        before = served.target.read(served.action_id)
        served.fault("spoilt")
        served.target.write(before, 6_000)
        after = served.target.read(served.action_id)
        assert len(served.target.differences(before, after)) == 1
        assert served.target.fingerprint(before) != served.target.fingerprint(after)

        served.target.restore(before, after, before.timeout_ms)

        now = served.target.read(served.action_id)
        assert served.target.differences(before, now) == ()
        assert (now.timeout_ms, served.timeout_ms()) == (5_000, 5_000)
        assert without_timeouts(served.stored()) == without_timeouts(stored)


@pytest.mark.parametrize("patch", ["replaces", "merges"])
@pytest.mark.parametrize("unset", ["absent", "null", "zero"])
def test_a_timeout_that_nobody_had_set_is_unset_again(
    serve_target: ServeTarget, patch: str, unset: str
) -> None:
    """As far as the platform can: one that merges keeps what it is not told to drop."""
    world = World(unset_timeout=unset, patch=patch)
    served = serve_target("integration-action", world=world)
    before = served.target.read(SEND_CONFIRMATION.action_id)
    served.target.write(before, 20_000)
    after = served.target.read(SEND_CONFIRMATION.action_id)

    served.target.restore(before, after, before.timeout_ms)

    now = served.target.read(SEND_CONFIRMATION.action_id)
    assert now.is_set is (patch == "merges")


def test_nothing_is_restored_over_somebody_elses_change(serve_target: ServeTarget) -> None:
    """Once, under its lock, never blindly."""
    for kind in ("flow", "integration-action"):
        served = serve_target(kind)
        before = served.target.read(served.action_id)
        served.fault("spoilt")
        served.target.write(before, 6_000)
        after = served.target.read(served.action_id)
        served.edit(7_000)

        with pytest.raises(ConflictError):
            served.target.restore(before, after, before.timeout_ms)

        assert served.timeout_ms() == 7_000
