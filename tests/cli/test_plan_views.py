"""A plan as people see it."""

from __future__ import annotations

import io
from dataclasses import replace

from rich.console import Console

from monitor.cli.plan_views import plan_table
from monitor.diagnosis import Verdict
from monitor.remediation.decide import decide
from monitor.remediation.decision import Decision, Initiator
from tests.remediation.guard_inputs import AUTO, NOW, candidate, data, remediation_state


def planned(verdict: Verdict, why: str = "", advice: str = "") -> Decision:
    """What is decided of an action with this verdict, of which no value is recommended."""
    one = candidate()
    told = replace(one.diagnosis, verdict=verdict, why=why, advice=advice, recommendation=None)
    return decide(
        replace(one, diagnosis=told),
        data(),
        remediation_state(),
        AUTO,
        initiator=Initiator.AUTO,
        now=NOW,
    )


def shown(decision: Decision) -> str:
    """The table and what stands below it."""
    console = Console(width=200, file=io.StringIO(), record=True)
    console.print(plan_table([decision]))
    return console.export_text()


def test_what_is_kept_for_its_verdict_says_which() -> None:
    """No action of which more time was not shown to help is raised, and the table tells why."""
    text = shown(planned(Verdict.HANGS, "They don't answer", "Fix it"))

    assert "keep" in text
    assert "verdict: hangs" in text
    assert "They don't answer" not in text


def test_what_is_unclear_is_told_with_its_bounds_and_what_settles_it() -> None:
    """Nothing is done, and the next step is a person's."""
    text = shown(planned(Verdict.UNCLEAR, "Between 5 % and 80 % of them", "Repeat such a call"))

    assert "verdict: unclear" in text
    assert "Between 5 % and 80 % of them. Repeat such a call." in text
