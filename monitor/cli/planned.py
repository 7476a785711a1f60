"""What ``plan`` and ``apply`` share: the orgs, their diagnoses and the decisions about them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from monitor.cli.context import refuse_no_data

if TYPE_CHECKING:
    from monitor.config import OrgSettings, Settings
    from monitor.diagnosis import OrgDiagnosis
    from monitor.ledger import Ledger
    from monitor.remediation import Decision, OrgRemediation


@dataclass(frozen=True, slots=True)
class Planned:
    """One org, and what was decided about its actions for whoever asks.

    Attributes:
        remediation: What changes its timeouts.
        diagnosis: What the decisions rest on.
        decisions: One for each action, the most worthwhile first.
    """

    remediation: OrgRemediation
    diagnosis: OrgDiagnosis
    decisions: list[Decision]


@contextmanager
def opened_remediations(
    settings: Settings, ledger: Ledger, orgs: Sequence[OrgSettings]
) -> Iterator[list[OrgRemediation]]:
    """What changes the timeouts of each org, closed afterwards; nothing is asked yet."""
    from monitor.clock import SystemClock
    from monitor.remediation import OrgRemediation, person

    with ExitStack() as stack:
        opened = []
        for org in orgs:
            one = OrgRemediation(org, settings, ledger, ledger.clock(SystemClock()), actor=person())
            stack.callback(one.close)
            opened.append(one)
        yield opened


def planned(
    settings: Settings, ledger: Ledger, remediations: Sequence[OrgRemediation]
) -> list[Planned]:
    """Decide about every action of these orgs.

    Raises:
        StaleDataError: Nothing was ever collected.
        LedgerError: The state can't be read.
    """
    from monitor.clock import SystemClock
    from monitor.diagnosis import latest_diagnosis
    from monitor.remediation import Initiator

    refuse_no_data(ledger, [one.name for one in remediations])
    found = []
    by_name = {org.name: org for org in settings.org}
    for one in remediations:
        diagnosis = latest_diagnosis(
            ledger, by_name[one.name], settings, ledger.clock(SystemClock()).now()
        )
        decisions = one.reconciler.decide_all(one.inputs(diagnosis), Initiator.HUMAN)
        found.append(Planned(one, diagnosis, decisions))
    return found


def decisions_worst_first(plans: Sequence[Planned]) -> list[Decision]:
    """Every decision about every org, in the order of what matters."""
    from monitor.render import worst_first

    ends = {one.remediation.name: one.diagnosis.time_range.end for one in plans}
    return worst_first((decision for one in plans for decision in one.decisions), ends)


def resolve_actions(
    words: Sequence[str], ledger: Ledger, plans: Sequence[Planned]
) -> dict[str, frozenset[str]]:
    """The actions that a user names by id or name, by org.

    Raises:
        ConfigurationError: One is unknown, or more than one is meant.
    """
    from monitor.investigation import find_action, known_actions

    among = known_actions([ledger.state(one.remediation.name) for one in plans])
    found: dict[str, set[str]] = {}
    for word in words:
        chosen = find_action(word, among)
        found.setdefault(chosen.org, set()).add(chosen.action.action_id)
    return {org: frozenset(action_ids) for org, action_ids in found.items()}
