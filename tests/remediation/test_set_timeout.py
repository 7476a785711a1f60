"""A timeout set by hand, on both targets: the journal, the guards, and other programs."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NoReturn

import pytest
import stamina

from monitor.config import RemediationSettings
from monitor.errors import (
    AmbiguousWriteError,
    BusyError,
    ConflictError,
    EtagRewrittenError,
    LedgerError,
    PermissionDeniedError,
    RateLimitedError,
    RefusedError,
)
from monitor.journal import Journal, Switch
from monitor.ledger import Ledger
from monitor.model import Action, ActionKind
from monitor.remediation.actor import ActorContext
from monitor.remediation.set_timeout import (
    ManualRequest,
    SetResult,
    SetTimeout,
    SetTimeoutResult,
)
from monitor.remediation.targets import PreSendCheck, TargetState, Written
from monitor.simulator.world import World
from tests.clocks import NOON, ManualClock
from tests.remediation.simulated_targets import (
    FLOW_ID,
    TARGETS,
    SimulatedTarget,
    entries,
    served_targets,
)

ORG = "acme"


class _Interrupted:
    """A journal before whose first record of an intent something happens."""

    def __init__(self, journal: Journal, before: Callable[[], None]) -> None:
        self._journal, self._before = journal, before

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - every method of a journal
        if name == "begin":
            before, self._before = self._before, lambda: None
            before()
        return getattr(self._journal, name)


@dataclass
class Desk:
    """Somebody who sets timeouts, with a ledger of their own.

    Attributes:
        served: What they change.
        ledger: Where it is recorded.
        before_sending: Happens just before a write is recorded and sent.
    """

    served: SimulatedTarget
    ledger: Ledger
    settings: RemediationSettings = field(default_factory=RemediationSettings)
    clock: ManualClock = field(default_factory=lambda: ManualClock(NOON))
    before_sending: Callable[[], None] = lambda: None

    def set(
        self,
        timeout_ms: int,
        *,
        dry_run: bool = False,
        allow_lower: bool = False,
        holder: str = "a",
    ) -> SetTimeoutResult:
        """Set a timeout."""
        request = ManualRequest(
            ORG, self.served.action_id, timeout_ms, allow_lower, self.settings, wait_seconds=5.0
        )
        context = ActorContext("ann@desk", holder, self.clock, self.clock, self.settings.quarantine)
        journal: Any = _Interrupted(self.ledger.journal, self.before_sending)
        setting = SetTimeout(journal, self.served.target, request, context)
        with setting.writer.lease() as lease:
            return setting.run(lease, dry_run=dry_run)

    def events(self) -> list[str]:
        """The audit trail's, the oldest first."""
        return [one.event for one in reversed(self.ledger.journal.audit.newest(ORG, 100))]

    def pause(self) -> None:
        """Pull the switch."""
        self.ledger.journal.pause(ORG, Switch(NOON, "bob@desk"))


@pytest.fixture(params=sorted(TARGETS))
def desk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Desk]:
    """Each target, and a new ledger; nothing is repeated by itself."""
    with (
        served_targets() as serve_target,
        Ledger.open(f"sqlite:///{tmp_path / 'state.db'}") as ledger,
        stamina.set_testing(True, attempts=1),
    ):
        yield Desk(serve_target(str(request.param)), ledger)


def test_a_change_is_recorded_from_intent_to_end(desk: Desk) -> None:
    """Who, what, from, to, both locks, and what every guard said."""
    result = desk.set(6_000)

    (change,) = desk.ledger.journal.changes(ORG, 10)
    assert result.after is not None
    assert (result.outcome, desk.served.timeout_ms()) == (SetResult.CHANGED, 6_000)
    assert desk.events() == ["planned", "writing", "applied", "kept"]
    assert (change.actor, change.from_ms, change.to_ms) == ("ann@desk", 5_000, 6_000)
    assert (change.target, change.container_id) == (
        desk.served.target.kind,
        desk.served.target.container_id,
    )
    assert (change.lock_before, change.lock_after) == (result.before.lock, result.after.lock)
    assert (change.is_open, change.left_ms) == (False, 6_000)
    (first, *_) = reversed(desk.ledger.journal.audit.newest(ORG, 10))
    assert [guard["name"] for guard in first.evidence["guards"]] == [  # type: ignore[attr-defined]
        "editable",
        "positive",
        "cap",
        "raise_only",
        "settled",
        "change_window",
        "tripped",
        "paused",
        "mode",
    ]


def test_whoever_was_overtaken_keeps_what_others_did(desk: Desk) -> None:
    """Each write is a change of its own; the first ended as a conflict."""
    desk.served.fault("edited")

    result = desk.set(6_000)

    assert (result.writes, desk.served.timeout_ms()) == (2, 6_000)
    assert desk.events() == [
        *("planned", "writing", "conflict"),
        *("planned", "writing", "applied", "kept"),
    ]
    assert desk.served.target.differences(
        result.before, desk.served.target.read(desk.served.action_id)
    )


def test_somebody_elses_value_is_not_overwritten(desk: Desk) -> None:
    """Both values are told."""
    desk.served.fault("edited", action_id=desk.served.action_id, timeout_ms=7_000)

    with pytest.raises(ConflictError, match=r"was 5000 ms when it was shown, and is 7000 ms now"):
        desk.set(6_000)

    assert desk.served.timeout_ms() == 7_000


def test_a_conflict_of_which_nothing_shows_is_tried_again_five_times(desk: Desk) -> None:
    """A lock that is refused for reasons of the platform's own ends as well."""
    desk.served.fault("conflict", count=100)

    with pytest.raises(ConflictError, match="6 times in a row"):
        desk.set(6_000)

    assert (desk.served.writes(), desk.served.timeout_ms()) == (6, 5_000)


def test_a_lost_answer_is_looked_for(desk: Desk) -> None:
    """Carried out, and recorded so."""
    desk.served.fault("reset_after")

    result = desk.set(6_000)

    assert result.remarks == ("The answer to the change was lost, but it was carried out",)
    assert (desk.served.writes(), desk.events()[-1]) == (1, "kept")


def test_a_lost_write_is_looked_for(desk: Desk) -> None:
    """Not carried out, recorded so, and not sent again."""
    desk.served.fault("unavailable")

    with pytest.raises(AmbiguousWriteError, match="still has 5000 ms"):
        desk.set(6_000)

    assert (desk.served.writes(), desk.events()[-1]) == (1, "abandoned")


def test_ctrl_c_in_the_middle_of_a_write_is_looked_into(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody can take back what is on its way; what became of it is said."""
    write = desk.served.target.write

    def interrupted(
        reading: TargetState, timeout_ms: int, *, pre_send_check: PreSendCheck | None = None
    ) -> None:
        write(reading, timeout_ms, pre_send_check=pre_send_check)
        raise KeyboardInterrupt

    monkeypatch.setattr(desk.served.target, "write", interrupted)

    result = desk.set(6_000)

    assert (result.outcome, desk.served.timeout_ms()) == (SetResult.CHANGED, 6_000)
    assert desk.events()[-1] == "kept"


def test_a_refused_write_is_recorded_as_failed(desk: Desk) -> None:
    """Nothing was changed."""
    desk.served.fault("forbidden")

    with pytest.raises(PermissionDeniedError):
        desk.set(6_000)

    assert desk.events() == ["planned", "writing", "failed"]


def test_a_dry_run_is_recorded_and_sends_nothing(desk: Desk) -> None:
    """What it would have done is in the trail."""
    result = desk.set(6_000, dry_run=True)

    assert (result.outcome, desk.served.writes(), desk.events()) == (
        SetResult.DRY_RUN,
        0,
        ["dry_run"],
    )


@pytest.mark.parametrize(
    ("changed", "guard"),
    [
        ({"mode": "off"}, "mode"),
        ({"max_timeout": "5s"}, "cap"),
        ({"window": "Sun 01:00-02:00"}, "change_window"),
    ],
)
def test_settings_can_forbid_it(desk: Desk, changed: dict[str, object], guard: str) -> None:
    """Off, a lower cap, and a change freeze hold for people too."""
    desk.settings = RemediationSettings.model_validate(changed)

    with pytest.raises(RefusedError) as caught:
        desk.set(6_000)

    assert (caught.value.guard, desk.served.writes()) == (guard, 0)
    assert caught.value.hint
    assert desk.events() == ["refused"]


def test_nothing_is_changed_while_paused(desk: Desk) -> None:
    """Whoever paused it is named."""
    desk.pause()

    with pytest.raises(RefusedError, match="paused by bob@desk") as caught:
        desk.set(6_000)

    assert (caught.value.guard, desk.served.writes()) == ("paused", 0)


def test_a_pause_in_the_last_moment_counts(desk: Desk) -> None:
    """It is decided once more, upon the state that the write is recorded on."""
    desk.before_sending = desk.pause

    with pytest.raises(RefusedError, match="paused by bob@desk"):
        desk.set(6_000)

    assert desk.served.writes() == 0
    assert desk.events()[-1] == "refused"
    assert not any(one.is_open for one in desk.ledger.journal.changes(ORG, 10))


def test_another_program_that_changes_timeouts_is_not_disturbed(desk: Desk) -> None:
    """One writer an org."""
    desk.ledger.journal.take_lease(ORG, "another", NOON, 60.0)

    with pytest.raises(BusyError, match="Another program is changing timeouts"):
        desk.set(6_000)

    assert desk.served.writes() == 0


def test_a_lease_is_given_back(desk: Desk) -> None:
    """Also after a refusal; whoever comes next need not wait."""
    with pytest.raises(RefusedError):
        desk.set(60_000)

    assert desk.set(6_000, holder="b").outcome is SetResult.CHANGED


def test_a_lease_that_another_has_taken_over_sends_nothing(desk: Desk) -> None:
    """Whoever slept too long comes too late."""

    def overslept() -> None:
        desk.clock.at += 1_000
        assert desk.ledger.journal.take_lease(ORG, "another", desk.clock.at, 600.0)

    desk.before_sending = overslept

    with pytest.raises(BusyError):
        desk.set(6_000)

    assert desk.served.writes() == 0


def test_what_can_not_be_recorded_is_not_sent(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A state that fails between reading and writing ends it."""

    def broken(*_: object, **__: object) -> None:
        raise LedgerError("The disk is full")

    monkeypatch.setattr(desk.ledger.journal, "send", broken)

    with pytest.raises(LedgerError):
        desk.set(6_000)

    assert desk.served.writes() == 0


@pytest.mark.parametrize(
    ("after", "timeout_ms", "seconds", "expected"),
    [
        ("begin", 5_000, 0, "abandoned"),
        ("send", 5_000, 0, "writing"),
        ("send", 5_000, 200, "abandoned"),
        ("send", 6_000, 0, "kept"),
        ("send", 7_000, 0, "superseded"),
        ("move", 6_000, 0, "kept"),
        ("move", 5_000, 0, "superseded"),
    ],
)
def test_what_a_killed_run_left_open_is_settled(  # noqa: PLR0913, PLR0917 - one table
    desk: Desk,
    monkeypatch: pytest.MonkeyPatch,
    after: str,
    timeout_ms: int,
    seconds: int,
    expected: str,
) -> None:
    """Wherever it ended, the value that is there now tells what became of it."""
    step = getattr(desk.ledger.journal, after)

    def last_step(*arguments: object, **more: object) -> None:
        step(*arguments, **more)
        raise MemoryError  # nobody is there to handle it, as after kill -9

    monkeypatch.setattr(desk.ledger.journal, after, last_step)
    with pytest.raises(MemoryError):
        desk.set(6_000)
    monkeypatch.undo()
    desk.served.edit(timeout_ms)
    desk.clock.at += seconds

    if expected == "writing":
        with pytest.raises(RefusedError, match="is writing") as caught:
            desk.set(9_000, dry_run=True)
        assert caught.value.guard == "settled"
    else:
        desk.set(9_000, dry_run=True)

    (change,) = desk.ledger.journal.changes(ORG, 10)
    assert str(change.state) == expected


def test_an_action_that_can_not_be_sent_back_whole_is_refused_and_recorded(desk: Desk) -> None:
    """With what to do about it; a flow that was cut is refused as well."""
    if desk.served.target.kind == "flow":
        desk.served.wire.fault("cut", path_prefix=desk.served.path, method="GET", count=9)
        guard = "whole_answer"
    else:
        templates = f"{desk.served.path}/templates/"
        desk.served.wire.fault("not_found", path_prefix=templates, method="GET", count=9)
        guard = "whole_templates"

    with pytest.raises(RefusedError) as caught:
        desk.set(6_000)

    assert (caught.value.guard, bool(caught.value.hint)) == (guard, True)
    assert (desk.served.writes(), desk.events()) == (0, ["refused"])


@pytest.fixture(params=["suffixed", "weak", "stubborn"])
def gateway_desk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Desk]:
    """A flow behind a gateway that compresses and rewrites ETags."""
    with (
        served_targets() as serve_target,
        Ledger.open(f"sqlite:///{tmp_path / 'state.db'}") as ledger,
        stamina.set_testing(True, attempts=1),
    ):
        yield Desk(serve_target("flow", world=World(etag=str(request.param))), ledger)


@pytest.mark.parametrize("lost", [False, True])
def test_a_flow_behind_a_gateway_that_compresses_is_set(gateway_desk: Desk, *, lost: bool) -> None:
    """Nobody is blamed for what the gateway does, also where the answer is lost."""
    if lost:
        is_second = gateway_desk.served.wire.org.world.etag == "stubborn"
        gateway_desk.served.fault("reset_after", skip=int(is_second))

    result = gateway_desk.set(6_000)

    assert (result.outcome, gateway_desk.served.timeout_ms()) == (SetResult.CHANGED, 6_000)
    assert result.also_changed == ()
    assert gateway_desk.events() == ["planned", "writing", "applied", "kept"]


def test_a_write_that_is_lost_behind_a_gateway_is_told_as_lost(gateway_desk: Desk) -> None:
    """Its ETag may look another way by now, and the flow is the same."""
    gateway_desk.served.fault("unavailable")

    with pytest.raises(AmbiguousWriteError, match="still has 5000 ms"):
        gateway_desk.set(6_000)

    assert gateway_desk.events()[-1] == "abandoned"


def test_a_gateway_whose_etags_are_refused_is_told_at_once(gateway_desk: Desk) -> None:
    """Not after six tries, and not as somebody who wrote first."""
    gateway_desk.served.fault("precondition_failed", count=99)

    with pytest.raises(EtagRewrittenError, match="nobody has changed the flow"):
        gateway_desk.set(6_000)

    assert gateway_desk.served.writes() <= 2
    assert (gateway_desk.served.timeout_ms(), gateway_desk.events()[-1]) == (5_000, "failed")


def test_lowering_is_for_those_who_say_so(desk: Desk) -> None:
    """And equal is nothing to do."""
    with pytest.raises(RefusedError):
        desk.set(4_000)

    assert desk.set(4_000, allow_lower=True).outcome is SetResult.CHANGED
    assert desk.set(4_000, allow_lower=True).outcome is SetResult.UNCHANGED
    assert (desk.served.timeout_ms(), desk.served.writes()) == (4_000, 1)


def test_a_value_between_two_steps_is_rounded_before_it_is_judged(desk: Desk) -> None:
    """30,000 ms at most, whatever the platform rounds to."""
    result = desk.set(5_400)

    expected = 5_400 if desk.served.target.step_ms == 1 else 6_000
    assert result.to_ms == desk.served.timeout_ms() == expected


def test_the_catalogue_learns_the_timeout_of_its_own_kind_only(desk: Desk) -> None:
    """A flow's timeout is not the integration action's, though both have one id."""
    kinds = {"flow": ActionKind.FLOW, "integration-action": ActionKind.CUSTOM}
    for kind in kinds.values():
        action = Action(
            desk.served.action_id, "Order Status", kind=kind, configured_timeout_ms=9_000
        )
        desk.ledger.save_catalogue(ORG, [action], NOON)
        desk.set(6_000, allow_lower=True)
        desk.set(5_000, allow_lower=True)

        (known,) = desk.ledger.state(ORG).actions
        own = kind is kinds[desk.served.target.kind]
        assert known.timeout_ms == (5_000 if own else 9_000)


def test_an_unreadable_state_of_the_lock_is_not_the_end_of_the_record(desk: Desk) -> None:
    """A reading without a lock is refused and recorded, like any other guard."""
    read = desk.served.target.read

    class Lockless:
        """The same target, whose platform names no lock."""

        kind, container_id = desk.served.target.kind, desk.served.target.container_id
        step_ms = desk.served.target.step_ms
        write, differences = desk.served.target.write, desk.served.target.differences
        restore, is_unchanged = desk.served.target.restore, desk.served.target.is_unchanged
        fingerprint = desk.served.target.fingerprint

        def read(self, action_id: str) -> TargetState:
            """Without a lock."""
            return replace(read(action_id), lock="")

    desk.served = replace(desk.served, target=Lockless())

    with pytest.raises(RefusedError) as caught:
        desk.set(6_000)

    assert caught.value.guard == "lock"
    assert desk.events() == ["refused"]


LostAnswer = Callable[..., None]


@pytest.fixture
def lost_answer(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> LostAnswer:
    """Lets the answer to a write get lost; something may happen before anybody looks."""
    write = desk.served.target.write

    def lose(after: Callable[[], None] = lambda: None, *, carried_out: bool = False) -> None:
        def lost(
            reading: TargetState, timeout_ms: int, *, pre_send_check: PreSendCheck | None = None
        ) -> None:
            if carried_out:
                write(reading, timeout_ms, pre_send_check=pre_send_check)
            after()
            raise AmbiguousWriteError("no answer", "Read it.")

        monkeypatch.setattr(desk.served.target, "write", lost)

    return lose


def test_a_lost_write_before_somebody_elses_can_not_arrive(
    desk: Desk, lost_answer: LostAnswer
) -> None:
    """Its lock is over: that is a conflict, and final."""
    lost_answer(desk.served.edit)

    with pytest.raises(ConflictError, match="somebody else wrote meanwhile"):
        desk.set(6_000)

    assert (desk.served.timeout_ms(), desk.events()[-1]) == (5_000, "conflict")


def test_where_somebody_else_saved_meanwhile_is_in_the_trail(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The result says it, and so does the record."""
    write = desk.served.target.write

    def written(
        reading: TargetState, timeout_ms: int, *, pre_send_check: PreSendCheck | None = None
    ) -> Written:
        done = write(reading, timeout_ms, pre_send_check=pre_send_check)
        desk.served.edit()
        return done

    monkeypatch.setattr(desk.served.target, "write", written)

    result = desk.set(6_000)

    (kept, *_) = desk.ledger.journal.audit.newest(ORG, 1)
    assert result.also_changed
    assert f"it differs at {result.also_changed[0]}" in kept.detail


def test_a_state_that_fails_in_the_last_look_is_no_refusal_of_the_platform(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing was sent: it is put off, and stops nobody."""
    journal = type(desk.ledger.journal)
    last_look = journal.last_look

    def failing(*_: object) -> None:
        monkeypatch.setattr(journal, "last_look", last_look)
        raise LedgerError("the state can't be used")

    monkeypatch.setattr(journal, "last_look", failing)

    with pytest.raises(LedgerError):
        desk.set(6_000)

    assert (desk.served.writes(), desk.events()[-1]) == (0, "abandoned")


def test_a_pause_while_a_rate_limit_is_waited_out_counts(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The guards are asked again after every wait."""
    stamina.set_testing(testing=False)
    monkeypatch.setattr("monitor.genesys.client.retry.FIRST_PAUSE_SECONDS", 0.01)
    write = desk.served.target.write

    def limited(*_: object, **__: object) -> NoReturn:
        monkeypatch.setattr(desk.served.target, "write", write)
        desk.pause()
        raise RateLimitedError("too many", "Wait.", status=429, retry_after_seconds=0.01)

    monkeypatch.setattr(desk.served.target, "write", limited)

    with pytest.raises(RefusedError, match="paused by bob@desk"):
        desk.set(6_000)

    assert desk.served.writes() == 0
    assert "abandoned" in desk.events()


def test_a_default_that_is_written_down_is_done_though_its_answer_was_lost(
    desk: Desk, lost_answer: LostAnswer
) -> None:
    """Its value is the one before; that it is set now tells that it was carried out."""
    if desk.served.target.kind != "flow":
        return  # an integration action always shows its timeout
    document = desk.served.stored()
    for one in entries(document):
        if one["id"] == desk.served.action_id:
            del one["data"]["timeout"]
    desk.served.wire.org.flows.place(FLOW_ID, json.dumps(document).encode())
    default_ms = desk.served.target.read(desk.served.action_id).timeout_ms
    lost_answer(carried_out=True)

    result = desk.set(default_ms, allow_lower=True)

    assert (result.outcome, desk.events()[-1]) == (SetResult.CHANGED, "kept")
