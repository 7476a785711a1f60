"""A diagnosis that goes on from an earlier one says what one of everything says."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.config import OrgSettings, Settings
from monitor.counts import Tally
from monitor.diagnosis import org as org_module
from monitor.diagnosis.carried import CarriedOver, completed
from monitor.diagnosis.model import OrgDiagnosis, Verdict
from monitor.diagnosis.org import diagnose_org, update_diagnosis
from monitor.diagnosis.told import ToldVerdict, all_told_after
from monitor.ledger import Ledger
from monitor.model import BAND_EDGES_MS, COARSE_BANDS, Action
from monitor.time_ranges import TimeRange
from tests.diagnosis.synthetic_evidence import lognormal
from tests.diagnosis.test_org import called
from tests.evidence import ORG, T0, TIMED_OUT, WINDOW_SECONDS, executions, tally
from tests.filled_ledger import DAY_SECONDS, FilledLedger

ACME = OrgSettings.model_validate({"name": ORG, "client_id": "x", "client_secret": "y"})
SETTLE_SECONDS = 600
DAYS = 8
ACTIONS = ("slow", "calm", "rare")
LOW_FLOOR = {"min_executions": 20, "min_timeouts": 3, "min_windows": 2, "min_span": "10m"}


@dataclass
class Watched:
    """An org that is diagnosed again and again.

    Attributes:
        org: What was read of it.
        settings: What is asked for.
        now: The time.
        carried: What the last diagnosis left.
        found: The last diagnosis.
        told: What was told of each action.
        judged: How many actions that had judged.
    """

    org: FilledLedger
    settings: Settings
    now: int = T0 + DAY_SECONDS + SETTLE_SECONDS
    carried: CarriedOver | None = None
    found: OrgDiagnosis | None = None
    told: dict[str, ToldVerdict] = field(default_factory=dict)
    judged: int = 0

    def read(self, *tallies: Tally) -> None:
        """Read windows."""
        begin = self.now // WINDOW_SECONDS * WINDOW_SECONDS
        covered = TimeRange(T0, max(begin, *(one.window_start + WINDOW_SECONDS for one in tallies)))
        self.org.read_actions(*tallies, covered=covered)

    def diagnose(self) -> OrgDiagnosis:
        """Go on from the last diagnosis."""
        update = update_diagnosis(
            self.org.ledger, ACME, self.settings, self.now, carried=self.carried, told=self.told
        )
        self.judged = len(update.rest.diagnoses)
        self.found = completed(update, self.found)
        self.carried = update.carried
        self.told = all_told_after(self.told, self.found)
        return self.found

    def is_whole(self) -> bool:
        """Whether that is what a diagnosis of everything says."""
        told = dict(self.told)
        whole = diagnose_org(self.org.ledger, ACME, self.settings, self.now, told=told)
        return self.diagnose() == whole


def a_day(start: int = T0) -> list[Tally]:
    """A day of a slow action and of a calm one."""
    return [
        *called("slow", lognormal(900, 2_600, 0.7), 5_000, start=start),
        *called("calm", lognormal(900, 700, 0.3), 5_000, start=start),
    ]


def half_an_hour_of_timeouts() -> list[Tally]:
    """An outage of the calm action, after that day."""
    return [
        executions(
            "calm",
            [5_003.0] * 12,
            error_type=TIMED_OUT,
            window_start=T0 + DAY_SECONDS + window * WINDOW_SECONDS,
        )
        for window in range(6)
    ]


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    """An org with a day behind it, diagnosed once."""
    with Ledger.open(f"sqlite:///{tmp_path / 'state.db'}") as ledger:
        org = FilledLedger(ledger)
        org.catalogue(*(Action(one, one, configured_timeout_ms=5_000) for one in ACTIONS))
        found = Watched(org, Settings.model_validate({"recommend": LOW_FLOOR}))
        found.read(*a_day())
        found.diagnose()
        yield found


def test_what_has_not_changed_is_not_judged_again(watched: Watched) -> None:
    """Time that passes changes nothing; an action that was called is judged alone."""
    watched.now += WINDOW_SECONDS
    assert watched.is_whole()
    assert watched.judged == 0

    watched.read(executions("calm", [300.0], window_start=T0 + DAY_SECONDS + WINDOW_SECONDS))
    watched.now += 2 * WINDOW_SECONDS
    assert watched.is_whole()
    assert watched.judged == 1


def test_a_settled_window_that_grows_is_seen(watched: Watched) -> None:
    """However old it is, and whether executions came late or their bands alone."""
    at = T0 + 40 * WINDOW_SECONDS
    watched.read(executions("rare", [900.0] * 30, window_start=at, in_bands=False))
    watched.now += WINDOW_SECONDS
    assert watched.is_whole()
    assert watched.judged == 1
    watched.read(executions("rare", [900.0] * 30, window_start=at))
    watched.now += WINDOW_SECONDS
    assert watched.is_whole()
    assert watched.judged == 1


def test_a_settled_window_that_is_told_more_finely_is_seen(watched: Watched) -> None:
    """As many executions in other bands: below some edge are more than was known."""
    band = next(one for one in COARSE_BANDS if len(one) > 1)
    shown = [0] * (len(BAND_EDGES_MS) + 1)
    for at in (band[-1], band[0]):
        shown[at] = 30
        watched.read(tally(30, window=40, action_id="rare", in_bands=tuple(shown)))
        shown[at] = 0
        watched.now += WINDOW_SECONDS
        assert watched.is_whole()
        assert watched.judged == 1


def test_a_timeout_that_was_changed_is_seen(watched: Watched) -> None:
    """So is an action that is not listed any more."""
    watched.org.catalogue(
        *(Action(one, one, configured_timeout_ms=9_000) for one in ACTIONS[:2]), at=watched.now
    )
    watched.now += WINDOW_SECONDS
    assert watched.is_whole()
    assert watched.found is not None
    assert "rare" not in watched.found.diagnoses


def test_other_settings_are_another_question(watched: Watched) -> None:
    """All is judged anew."""
    watched.settings = Settings.model_validate({"recommend": {**LOW_FLOOR, "target_success": 0.9}})
    assert watched.is_whole()
    assert watched.judged == len(ACTIONS)


def test_an_outage_ends_though_nothing_is_called_any_more(watched: Watched) -> None:
    """It goes on while its last window is new, and that is a matter of time."""
    watched.now += 8 * WINDOW_SECONDS
    watched.read(*half_an_hour_of_timeouts())
    assert watched.is_whole()
    assert watched.found is not None
    assert any(one.is_ongoing for one in watched.found.diagnoses["calm"].incidents)
    for _ in range(9):
        watched.now += WINDOW_SECONDS
        assert watched.is_whole()
    assert not any(one.is_ongoing for one in watched.found.diagnoses["calm"].incidents)


def test_an_outage_that_is_told_of_is_not_judged_again_for_that(watched: Watched) -> None:
    """It is told of for most of a day: only when that is over time alone changes anything."""
    answered = executions("calm", [300.0] * 9, window_start=T0 + DAY_SECONDS + 8 * WINDOW_SECONDS)
    watched.now += 12 * WINDOW_SECONDS
    watched.read(*half_an_hour_of_timeouts(), answered)
    assert watched.is_whole()
    assert watched.found is not None
    assert watched.found.diagnoses["calm"].verdict is Verdict.OUTAGE
    judged = []
    for _ in range(3 * 12):
        watched.now += WINDOW_SECONDS
        watched.diagnose()
        judged.append(watched.judged)
    # All of them at full hours, and it alone once it is over.
    assert set(judged) <= {0, 1, len(ACTIONS)}
    assert judged.count(len(ACTIONS)) <= 3 + 1
    assert judged.count(1) <= 1
    watched.now += 20 * 12 * WINDOW_SECONDS
    assert watched.is_whole()
    assert watched.found.diagnoses["calm"].verdict is not Verdict.OUTAGE


def test_windows_leave_at_full_hours(watched: Watched) -> None:
    """Then all is judged anew, and what is too old is gone."""
    watched.now = T0 + DAYS * DAY_SECONDS + SETTLE_SECONDS
    watched.diagnose()
    for _ in range(13):
        watched.now += WINDOW_SECONDS
        assert watched.is_whole()
        assert watched.judged in {0, len(ACTIONS)}


STEPS = st.one_of(
    st.tuples(st.just("pass"), st.integers(1, 15)),
    st.tuples(st.just("call"), st.sampled_from(ACTIONS), st.integers(-3, 2), st.integers(1, 9)),
    st.tuples(st.just("late"), st.sampled_from(ACTIONS), st.integers(-280, -3), st.integers(1, 9)),
    st.tuples(st.just("band"), st.sampled_from(ACTIONS), st.integers(-280, -3), st.integers(1, 9)),
    st.tuples(st.just("time out"), st.sampled_from(ACTIONS), st.integers(-9, 2), st.integers(1, 9)),
    st.tuples(st.just("set"), st.sampled_from(ACTIONS), st.sampled_from((3_000, 5_000, 8_000))),
    st.tuples(st.just("want"), st.sampled_from((0.9, 0.99))),
)


@settings(max_examples=3)
@given(steps=st.lists(STEPS, min_size=1, max_size=8), is_coarse=st.booleans())
def test_whatever_happens_it_says_what_all_of_it_says(
    steps: list[tuple[object, ...]],
    is_coarse: bool,  # noqa: FBT001 - hypothesis names it
) -> None:
    """To the digit, by the window and by the hour."""
    single, org_module.MAX_SINGLE_WINDOWS = (
        org_module.MAX_SINGLE_WINDOWS,
        0 if is_coarse else org_module.MAX_SINGLE_WINDOWS,
    )
    try:
        with (
            tempfile.TemporaryDirectory() as folder,
            Ledger.open(f"sqlite:///{Path(folder) / 'state.db'}") as ledger,
        ):
            org = FilledLedger(ledger)
            org.catalogue(*(Action(one, one, configured_timeout_ms=5_000) for one in ACTIONS))
            one = Watched(org, Settings.model_validate({"recommend": LOW_FLOOR}))
            one.read(*a_day())
            for step in steps:
                take(one, step)
                assert one.is_whole(), step
    finally:
        org_module.MAX_SINGLE_WINDOWS = single


def take(one: Watched, step: tuple[object, ...]) -> None:
    """Let something happen."""
    match step:
        case ("pass", int(windows)):
            one.now += windows * WINDOW_SECONDS
        case ("call" | "late" | "band" | "time out" as what, str(action), int(at), int(calls)):
            start = one.now // WINDOW_SECONDS * WINDOW_SECONDS + at * WINDOW_SECONDS
            late = what == "time out"
            shown = executions(
                action,
                [5_003.0 if late else 400.0 + 37 * at % 90] * calls,
                error_type=TIMED_OUT if late else "NONE",
                response_status="" if late else "200",
                window_start=max(start, T0),
                in_bands=what != "late",
            )
            one.read(shown)
        case ("set", str(action), int(timeout_ms)):
            one.org.catalogue(
                *(
                    replace(
                        Action(name, name, configured_timeout_ms=5_000),
                        configured_timeout_ms=timeout_ms if name == action else 5_000,
                    )
                    for name in ACTIONS
                ),
                at=one.now,
            )
        case ("want", float(share)):
            one.settings = Settings.model_validate(
                {"recommend": {**LOW_FLOOR, "target_success": share}}
            )
