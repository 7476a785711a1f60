"""A whole org diagnosed from its ledger."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import pytest
import structlog

from monitor.config import DIAGNOSED_SECONDS, OrgSettings, Settings
from monitor.contract import Contract
from monitor.counts import Tally
from monitor.diagnosis import action as action_module
from monitor.diagnosis import org as org_module
from monitor.diagnosis.action import JudgedAction
from monitor.diagnosis.diagnosed import DiagnosisCancelledError, diagnosed_range
from monitor.diagnosis.editable import Editable
from monitor.diagnosis.evidence import ActionEvidence, Floats
from monitor.diagnosis.model import Diagnosis, OrgDiagnosis, Verdict
from monitor.diagnosis.org import diagnose_action, diagnose_org
from monitor.ledger import Ledger
from monitor.model import Action, ActionKind
from monitor.render import diagnosis_document
from monitor.time_ranges import TimeRange
from tests.answers import as_json
from tests.diagnosis.synthetic_evidence import lognormal, with_hangs
from tests.evidence import ORG, T0, THROTTLED, TIMED_OUT, WINDOW_SECONDS, executions, timed_out
from tests.filled_ledger import DAY_SECONDS, FilledLedger

NOW = T0 + DAY_SECONDS + 600
"""The day from T0 on is settled."""

DAY = TimeRange(T0, T0 + DAY_SECONDS)
ACME = OrgSettings.model_validate({"name": ORG, "client_id": "x", "client_secret": "y"})
FLOW = ACME.model_copy(update={"contract": Contract.FLOW})
SLOW = Action("slow", "Order Status", configured_timeout_ms=5_000)


def called(  # noqa: PLR0913 - each is one thing that a test is about
    action_id: str,
    durations_ms: Sequence[float] | Floats,
    timeout_ms: float,
    *,
    start: int = T0,
    windows: int = DAY_SECONDS // WINDOW_SECONDS,
    status: str = "",
) -> list[Tally]:
    """Calls that would take so long, dealt over the windows of a day and cut at the timeout."""
    found: list[Tally] = []
    for window in range(windows):
        at = start + window * WINDOW_SECONDS
        own = [float(one) for one in durations_ms[window::windows]]
        answered = [one for one in own if one < timeout_ms]
        late = [timeout_ms + 3.0] * (len(own) - len(answered))
        if answered:
            found.append(executions(action_id, answered, response_status="200", window_start=at))
        if late:
            found.append(
                executions(
                    action_id,
                    late,
                    error_type=TIMED_OUT,
                    response_status=status,
                    window_start=at,
                )
            )
    return found


def settings(**recommend: object) -> Settings:
    """Settings with other keys in ``[recommend]``."""
    return Settings.model_validate({"recommend": recommend})


def diagnosed(
    ledger: Ledger, wanted: Settings | None = None, org: OrgSettings = ACME, now: float = NOW
) -> OrgDiagnosis:
    """The diagnosis of the org."""
    return diagnose_org(ledger, org, wanted or Settings(), now)


@pytest.fixture
def slow_org(ledger: Ledger) -> FilledLedger:
    """An org with one action whose tail runs into its timeout."""
    org = FilledLedger(ledger)
    org.catalogue(SLOW)
    org.read_actions(*called("slow", lognormal(6_000, 1_800, 0.7), 5_000), covered=DAY)
    return org


def test_every_action_gets_its_verdict(slow_org: FilledLedger) -> None:
    """Those that are called, and those that never are."""
    slow_org.catalogue(SLOW, Action("idle", "Idle"))
    found = diagnosed(slow_org.ledger)

    assert {key: one.verdict for key, one in found.diagnoses.items()} == {
        "slow": Verdict.SLOW_TAIL,
        "idle": Verdict.INSUFFICIENT,
    }
    slow = found.diagnoses["slow"]
    assert slow.timeout_ms == 5_000
    assert slow.recommendation
    assert slow.recommendation.capped_ms
    assert slow.recommendation.capped_ms % 1_000 == 0


def test_the_last_eight_settled_days_are_looked_at() -> None:
    """Up to the last window that is settled."""
    time_range = diagnosed_range(Settings(), NOW + 299, 300)

    assert time_range == TimeRange(T0 + DAY_SECONDS - DIAGNOSED_SECONDS, T0 + DAY_SECONDS)


def test_windows_that_are_not_settled_are_left_out(slow_org: FilledLedger) -> None:
    """Late data would make them look better than they are."""
    late = called("slow", [100.0] * 300, 5_000, start=T0 + DAY_SECONDS, windows=2)
    slow_org.read_actions(*late, covered=TimeRange(DAY.end, DAY.end + 600))
    found = diagnosed(slow_org.ledger).diagnoses["slow"]

    assert found.executions == 6_000


def test_what_was_not_read_is_told(slow_org: FilledLedger) -> None:
    """A hole is; what lies before the ledger began is not."""
    later = TimeRange(DAY.end + 3_600, DAY.end + 7_200)
    slow_org.read_actions(covered=later)

    assert diagnosed(slow_org.ledger).complete
    found = diagnosed(slow_org.ledger, now=later.end + 600)
    assert (found.complete, found.missing_seconds) == (False, 3_600)


def test_an_org_with_contract_flow_is_insufficient_and_says_why(ledger: Ledger) -> None:
    """Without successes there is nothing to hold the timeouts against."""
    org = FilledLedger(ledger, contract="flow")
    org.catalogue(Action("crm", "CRM", kind=ActionKind.FLOW, configured_timeout_ms=3_000))
    hits = [timed_out(f"c{number}", at=T0 + 60.0 * number) for number in range(300)]
    org.read_details(*hits, covered=DAY)
    found = diagnosed(ledger, org=FLOW)

    assert found.diagnoses["crm"].verdict is Verdict.INSUFFICIENT
    assert found.diagnoses["crm"].missing == ("success counts, which this contract does not show",)
    assert found.diagnoses["crm"].timeouts == 300
    assert found.concurrency is None


def test_the_words_are_read_when_it_is_asked(slow_org: FilledLedger) -> None:
    """A better pattern mends the past too."""
    blind = Settings.model_validate(
        {"classify": {"timeout_error_types": ["never"], "timeout_statuses": []}}
    )

    assert diagnosed(slow_org.ledger).diagnoses["slow"].timeouts > 300
    found = diagnosed(slow_org.ledger, blind).diagnoses["slow"]
    assert (found.timeouts, found.verdict) == (0, Verdict.HEALTHY)


@pytest.mark.parametrize(
    ("action", "told"),
    [
        (SLOW, Editable.YES),
        (replace(SLOW, name="CX Order Status"), Editable.TERRAFORM),
        (replace(SLOW, kind=ActionKind.STATIC, configured_timeout_ms=None), Editable.STATIC),
        (replace(SLOW, kind=ActionKind.FUNCTION), Editable.FUNCTION),
        (replace(SLOW, kind=ActionKind.UNDETERMINED), Editable.UNKNOWN),
        (replace(SLOW, kind=ActionKind.AUTHENTICATION), Editable.CUSTOM_AUTH),
        (replace(SLOW, configured_timeout_ms=None), Editable.ABOVE_CAP),
    ],
)
def test_whether_it_can_be_changed_is_told_beside_it(
    ledger: Ledger, action: Action, told: Editable
) -> None:
    """From what the catalogue lists, and from what Terraform keeps."""
    FilledLedger(ledger).catalogue(action)

    assert (
        diagnosed(ledger, settings(terraform_actions=["CX *"])).diagnoses["slow"].editable is told
    )


@pytest.mark.parametrize("pattern", ["slow", "Order [beta]", "Main *", "flow-1"])
def test_what_terraform_keeps_is_told_by_the_rule_that_holds_before_a_write(
    ledger: Ledger, pattern: str
) -> None:
    """By the name and the id of an action, letter by letter too, and by those of its flow."""
    in_flow = replace(SLOW, name="Order [beta]", kind=ActionKind.FLOW)
    FilledLedger(ledger).catalogue(in_flow)
    ledger.save_flow_use(ORG, "slow", {"flow-1": "Main Menu"}, T0)

    found = diagnosed(ledger, settings(terraform_actions=[pattern])).diagnoses["slow"]

    assert found.editable is Editable.TERRAFORM


def test_a_flow_that_terraform_keeps_keeps_no_action_outside_it(ledger: Ledger) -> None:
    """An integration action has its timeout for itself, whatever flows use it."""
    FilledLedger(ledger).catalogue(SLOW)
    ledger.save_flow_use(ORG, "slow", {"flow-1": "Main Menu"}, T0)

    found = diagnosed(ledger, settings(terraform_actions=["Main *"])).diagnoses["slow"]

    assert found.editable is Editable.YES


def test_the_floor_is_that_of_the_settings(slow_org: FilledLedger) -> None:
    """Below it nothing is recommended, and what is missing is told."""
    found = diagnosed(slow_org.ledger, settings(min_executions=10_000)).diagnoses["slow"]

    assert found.verdict is Verdict.INSUFFICIENT
    assert found.missing == ("6000 of 10000 executions",)
    assert found.recommendation is None


def test_a_lower_cap_of_remediation_caps_what_is_recommended(slow_org: FilledLedger) -> None:
    """What may not be set is not asked for."""
    low = Settings.model_validate({"remediation": {"max_timeout": "6s"}})
    advice = diagnosed(slow_org.ledger, low).diagnoses["slow"].recommendation

    assert advice is None or (advice.capped_ms or 0) <= 6_000


def test_a_raise_in_the_middle_narrows_the_estimate(ledger: Ledger) -> None:
    """Two timeouts show more of the tail than one: the interval is narrower."""
    law = lognormal(6_000, 1_800, 0.7)
    org = FilledLedger(ledger)
    org.catalogue(replace(SLOW, configured_timeout_ms=6_000), at=T0 - DAY_SECONDS)
    org.read_actions(*called("slow", law, 6_000), covered=DAY)
    before = diagnosed(ledger).diagnoses["slow"].recommendation
    raised = TimeRange(DAY.end, DAY.end + DAY_SECONDS)
    org.catalogue(replace(SLOW, configured_timeout_ms=8_000), at=float(DAY.end))
    org.read_actions(
        *called("slow", lognormal(6_000, 1_800, 0.7, seed=2), 8_000, start=DAY.end), covered=raised
    )
    found = diagnosed(ledger, now=raised.end + 600).diagnoses["slow"]

    assert before
    assert found.recommendation
    assert found.timeout_ms == 8_000
    narrow = found.recommendation.high_ms - found.recommendation.low_ms
    assert narrow < before.high_ms - before.low_ms


def test_nothing_is_recommended_from_before_a_change_that_is_not_settled(
    slow_org: FilledLedger,
) -> None:
    """A value that was raised a minute ago must not be raised again for what was before."""
    slow_org.catalogue(replace(SLOW, configured_timeout_ms=9_000), at=NOW - 60.0)
    found = diagnosed(slow_org.ledger).diagnoses["slow"]

    assert found.verdict is Verdict.SLOW_TAIL
    assert found.recommendation is None
    assert any("9 s" in note and "settled" in note for note in found.notes)


def test_a_diagnosis_that_fails_leaves_the_others_alone(
    slow_org: FilledLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is insufficient, with the reason, and the log has the rest."""
    slow_org.catalogue(SLOW, Action("odd", "Odd"))
    honest: Callable[..., JudgedAction] = vars(action_module)["judge"]

    def breaks(evidence: ActionEvidence, *rest: object) -> JudgedAction:
        if evidence.executions:
            raise ZeroDivisionError
        return honest(evidence, *rest)

    monkeypatch.setattr(action_module, "judge", breaks)
    with structlog.testing.capture_logs() as logs:
        found = diagnosed(slow_org.ledger)

    assert found.diagnoses["slow"].verdict is Verdict.INSUFFICIENT
    assert "could not be judged" in found.diagnoses["slow"].why
    assert found.diagnoses["odd"].verdict is Verdict.INSUFFICIENT
    assert [line["action_id"] for line in logs if line["event"] == "diagnosis_failed"] == ["slow"]


def test_nobody_waits_for_a_diagnosis_that_was_given_up(slow_org: FilledLedger) -> None:
    """A daemon that stops does not finish it first."""
    cancelled = threading.Event()
    cancelled.set()

    with pytest.raises(DiagnosisCancelledError):
        diagnose_org(slow_org.ledger, ACME, Settings(), NOW, cancelled)


def test_one_action_is_diagnosed_as_it_is_among_all(slow_org: FilledLedger) -> None:
    """Whoever looks closely sees what the report says."""
    slow_org.read_actions(*called("other", [100.0] * 500, 5_000), covered=DAY)
    one, time_range = diagnose_action(slow_org.ledger, ACME, Settings(), NOW, "slow")
    among = diagnosed(slow_org.ledger)

    assert one == among.diagnoses["slow"]
    assert time_range == among.time_range == DAY


def test_concurrency_is_that_of_little_s_law(ledger: Ledger) -> None:
    """Durations per second of what was read, throttled and timed-out ones too."""
    org = FilledLedger(ledger)
    org.catalogue(SLOW)
    busy = executions("slow", [4_000.0] * 300, window_start=T0)
    refused = executions("slow", [0.0], error_type=THROTTLED, window_start=T0)
    org.read_actions(busy, refused, covered=TimeRange(T0, T0 + 2 * WINDOW_SECONDS))
    ledger.save_limits(ORG, {"concurrent_executions": 30})
    found = diagnosed(ledger, now=T0 + 2 * WINDOW_SECONDS + 600).concurrency

    assert found
    assert found.mean == pytest.approx(2.0)
    assert found.busiest == pytest.approx(4.0)
    assert (found.busiest_seconds, found.limit, found.recommended) == (300, 30, 0)


def test_before_anything_was_read_there_is_no_concurrency(ledger: Ledger) -> None:
    """A mean over nothing is none."""
    FilledLedger(ledger).catalogue(SLOW)

    assert diagnosed(ledger).concurrency is None


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_summed_by_the_hour_it_is_the_same(
    slow_org: FilledLedger, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """A large org is read in less detail, and told the same."""
    quick = lognormal(3_000, 420, 0.45, seed=seed)
    hanging = with_hangs(lognormal(6_000, 900, 0.3, seed=seed), 0.03)
    slow_org.catalogue(
        SLOW,
        Action("quick", "Quick", configured_timeout_ms=10_000),
        Action("hangs", "Hangs", configured_timeout_ms=8_000),
    )
    slow_org.read_actions(
        *called("quick", quick, 10_000), *called("hangs", hanging, 8_000), covered=DAY
    )
    by_window = diagnosed(slow_org.ledger)
    monkeypatch.setattr(org_module, "MAX_SINGLE_WINDOWS", 0)
    by_hour = diagnosed(slow_org.ledger)

    assert by_hour.concurrency
    assert by_hour.concurrency.busiest_seconds == 3_600
    for action_id, told in by_window.diagnoses.items():
        assert nearly(by_hour.diagnoses[action_id]) == nearly(told)


def nearly(diagnosis: Diagnosis) -> dict[str, object]:
    """A diagnosis whose numbers are rounded: sums of fractions depend on their order."""

    def rounded(value: object) -> object:
        if isinstance(value, float):
            return pytest.approx(value, rel=1e-6, abs=1e-9)
        return [rounded(one) for one in value] if isinstance(value, (list, tuple)) else value

    plain = as_json(diagnosis_document(diagnosis, DAY))
    return {key: rounded(value) for key, value in flat(plain)}


def flat(document: dict[str, object], before: str = "") -> Iterator[tuple[str, object]]:
    """Every value of a document by its path."""
    for key, value in document.items():
        if isinstance(value, dict):
            yield from flat(value, f"{before}{key}.")
        else:
            yield f"{before}{key}", value
