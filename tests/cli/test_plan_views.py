"""A plan as people see it."""

from __future__ import annotations

import io
import re
from dataclasses import replace

from rich.console import Console

from monitor.cli.plan_views import plan_table, raise_summary
from monitor.diagnosis import Verdict
from monitor.remediation.decide import decide
from monitor.remediation.decision import Decision, Initiator
from tests.remediation.guard_inputs import (
    AUTO,
    NOW,
    candidate,
    data,
    measured_candidate,
    remediation_state,
)


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


def raised() -> Decision:
    """A raise that nothing stands against: the data ask for twice the timeout."""
    return decide(
        measured_candidate(),
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
    assert "hangs: A longer timeout would rescue" in text
    assert "They don't answer" not in text


def test_what_is_unclear_is_told_with_its_bounds_and_what_settles_it() -> None:
    """Nothing is done, and the next step is a person's."""
    text = shown(planned(Verdict.UNCLEAR, "Between 5 % and 80 % of them", "Repeat such a call"))

    assert "unclear: Whether a longer timeout would help is not known" in text
    assert "Between 5 % and 80 % of them. Repeat such a call." in text


def test_a_raise_is_told_with_what_it_brings_now_and_in_the_end() -> None:
    """Rescued a day with bounds, the longer wait and the slots: of the next step, of all of it."""
    decision = raised()
    text = " ".join(shown(decision).split())

    assert "5 s -> 7 s" in text
    assert re.search(r"At 7 s an estimated [\d,]+ \([\d,]+ to [\d,]+\) more calls a day", text)
    assert re.search(r"The data ask for more in the end: at 1\d s an estimated", text)
    assert text.count("more a day in all") >= 3
    assert "would run at a time instead of" in text


def test_the_question_says_what_it_asks_about() -> None:
    """Name, step, and what it would bring and cost."""
    asked = raise_summary(raised())

    assert asked.startswith("Look Up Customer, 5 s -> 7 s: At 7 s an estimated")
    assert re.search(r"would run at a time instead of 0\.\d\d\.$", asked)
