"""The diagnosis of one org as a task for another process: values in, values out.

No credential is part of a task. A process reads the state at the URL that it was started with
(``use_state``), or that its own environment names, and refuses one that is not the daemon's.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

import structlog

from monitor import __version__
from monitor.config import (
    ClassifySettings,
    CollectSettings,
    RecommendSettings,
    RemediationSettings,
)
from monitor.contract import Contract
from monitor.diagnosis.carried import CarriedOver, DiagnosisUpdate
from monitor.diagnosis.diagnosed import DiagnosedOrg, DiagnosisSections
from monitor.diagnosis.told import NOTHING_TOLD, ToldVerdict
from monitor.errors import ConfigurationError, LedgerError, TimeoutMonitorError, UnforeseenError
from monitor.ledger import Ledger

STATE_VARIABLE = "TIMEOUT_MONITOR__STATE__URL"
"""Names the state to a process that was not started by a daemon."""

_started_with: list[str] = []

Line = tuple[str, str, dict[str, object]]
"""A line of a log: its level, its event, and the rest."""

_lines: deque[Line] = deque(maxlen=1_000)


def use_state(url: str) -> None:
    """Let tasks of this process read the state at a URL, whatever its environment says.

    What they log is told by whoever gave them out.
    """
    _started_with[:] = [url]
    structlog.configure(processors=[_keep])


def _keep(
    _logger: object, level: str, line: structlog.typing.EventDict
) -> structlog.typing.ProcessorReturnValue:
    told = {key: value for key, value in line.items() if key != "event"}
    _lines.append((level, str(line.get("event", "")), told))
    raise structlog.DropEvent


def _logged() -> tuple[Line, ...]:
    lines = tuple(_lines)
    _lines.clear()
    return lines


@dataclass(frozen=True, slots=True)
class DiagnosisTask:
    """One org to diagnose; it is an org and its settings to ``update_diagnosis``.

    Attributes:
        name: The org's configured name.
        contract: How it is spoken to.
        collect: Which windows have settled.
        classify: How the platform's words are read.
        recommend: The target, and the least evidence.
        remediation: How far and by which steps a timeout may be raised.
        now: The time; epoch seconds.
        state_id: Which state is meant.
        carried: What an earlier diagnosis of the org left; None to judge all of it.
        told: By action id, what was told before.
        version: Of the program that asks.
    """

    name: str
    contract: Contract
    collect: CollectSettings
    classify: ClassifySettings
    recommend: RecommendSettings
    remediation: RemediationSettings
    now: float
    state_id: str
    carried: CarriedOver | None = None
    told: Mapping[str, ToldVerdict] = field(default_factory=dict)
    version: str = __version__

    @classmethod
    def of(  # noqa: PLR0913, PLR0917 - of what, by what and when, and since when
        cls,
        org: DiagnosedOrg,
        settings: DiagnosisSections,
        now: float,
        state_id: str,
        carried: CarriedOver | None = None,
        told: Mapping[str, ToldVerdict] = NOTHING_TOLD,
    ) -> Self:
        """Return the task of diagnosing an org now."""
        return cls(
            name=org.name,
            contract=org.contract,
            collect=settings.collect,
            classify=settings.classify,
            recommend=settings.recommend,
            remediation=settings.remediation,
            now=now,
            state_id=state_id,
            carried=carried,
            told=told,
        )


@dataclass(frozen=True, slots=True)
class Failure:
    """An error as two sentences, which any process can read.

    Attributes:
        message: What is wrong.
        hint: What to do about it.
    """

    message: str
    hint: str


@dataclass(frozen=True, slots=True)
class TaskOutcome:
    """What became of a task.

    Attributes:
        update: The verdicts that are new; None where there are none.
        failure: Why there are none; None where there are.
        failed_actions: Actions that the method failed on, by id.
        lines: What was logged, in a process of the daemon's own.
    """

    update: DiagnosisUpdate | None
    failure: Failure | None = None
    failed_actions: tuple[tuple[str, Failure], ...] = ()
    lines: tuple[Line, ...] = ()


def run_task(task: DiagnosisTask) -> TaskOutcome:
    """Diagnose an org, in whatever process this is; nothing is raised."""
    # Whoever makes a task needs none of what it takes to do it.
    from monitor.diagnosis.org import update_diagnosis  # noqa: PLC0415

    failed: list[tuple[str, Failure]] = []

    def note(action_id: str, error: TimeoutMonitorError) -> None:
        failed.append((action_id, Failure(error.message, error.hint)))

    try:
        _refuse_another_version(task.version)
        with Ledger.open(_state_url(), may_create=False) as ledger:
            _refuse_another_state(ledger, task.state_id)
            found = update_diagnosis(
                ledger,
                task,
                task,
                task.now,
                carried=task.carried,
                told=task.told,
                note_failure=note,
            )
    except (ConfigurationError, LedgerError) as error:
        return TaskOutcome(None, Failure(error.message, error.hint), lines=_logged())
    except Exception as error:  # noqa: BLE001 - whoever asked is told, whatever it is
        unforeseen = UnforeseenError.of(error)
        return TaskOutcome(None, Failure(unforeseen.message, unforeseen.hint))
    return TaskOutcome(found, failed_actions=tuple(failed), lines=_logged())


def _state_url() -> str:
    url = _started_with[0] if _started_with else os.environ.get(STATE_VARIABLE, "")
    if not url:
        raise ConfigurationError(
            "a worker does not know where the state is",
            f"Start it with {STATE_VARIABLE} set to the URL of the daemon's state.",
        )
    return url


def _refuse_another_version(version: str) -> None:
    if version != __version__:
        raise ConfigurationError(
            f"a worker runs version {__version__}, and the daemon {version}",
            "Install the daemon's version on every worker.",
        )


def _refuse_another_state(ledger: Ledger, state_id: str) -> None:
    if ledger.state_id != state_id:
        raise ConfigurationError(
            f"a worker reads {ledger.name}, which is not the daemon's state",
            f"Set its {STATE_VARIABLE} to the URL of the daemon's state.",
        )
