"""The exact commands about one action, ready to be pasted into a shell."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from dataclasses import dataclass

from monitor.contract import Contract
from monitor.diagnosis import HOW_TO_CHANGE, NO_STEP, Diagnosis, Editable, Verdict, advised_raise
from monitor.journal import IN_FORCE_STATES, Change

_PROGRAM = "timeout-monitor"


@dataclass(frozen=True, slots=True)
class ActionCommand:
    """One command.

    Attributes:
        purpose: What it is for.
        line: The command, quoted for a shell; empty where none does it.
        remark: What a reader must know of it.
    """

    purpose: str
    line: str
    remark: str = ""


def commands_about(  # noqa: PLR0913 - whose, what is wrong with it and what was done
    *,
    org: str,
    action_id: str,
    contract: Contract,
    diagnosis: Diagnosis | None,
    flow_ids: Iterable[str] = (),
    changes: Iterable[Change] = (),
) -> tuple[ActionCommand, ...]:
    """Return the commands that make sense for an action, the most useful first.

    Args:
        org: The org's configured name.
        action_id: The action.
        contract: Where its timeout lives.
        diagnosis: The verdict on it; None before the first.
        flow_ids: Flows that use it; with contract ``flow`` its timeout is in one of them.
        changes: What this program changed about it, the newest first.
    """
    found = []
    step = None if diagnosis is None else advised_raise(diagnosis)
    if diagnosis is not None and step is not None:
        found.append(_raise(org, action_id, diagnosis, step))
    if diagnosis is not None and diagnosis.verdict is Verdict.UNCLEAR and diagnosis.misses_target:
        found.extend(_trial(org, action_id, diagnosis))
    if not contract.knows_successes:
        found.extend(_in_flows(org, action_id, flow_ids))
    found.append(
        ActionCommand(
            "See its single executions and correlation ids",
            _command("investigate", "--org", org, "--since", "1h", "--", action_id),
            "It asks the platform for them: correlation ids are kept nowhere.",
        )
    )
    if diagnosis is not None:
        found.append(
            ActionCommand(
                "See what would be changed, and what every guard says",
                _command("plan", "--org", org),
                "It changes nothing.",
            )
        )
    in_force = next((one for one in changes if one.state in IN_FORCE_STATES), None)
    if in_force is not None:
        found.append(
            ActionCommand(
                f"Undo change {in_force.change_id}",
                _command("rollback", str(in_force.change_id)),
                "It asks first, and does it only where the value is still in force.",
            )
        )
    return tuple(found)


def _raise(
    org: str, action_id: str, diagnosis: Diagnosis, step: tuple[float, float]
) -> ActionCommand:
    advice = diagnosis.recommendation
    next_ms = None if advice is None else advice.next_ms
    purpose = f"Raise it from {step[0]:g} s to {step[1]:g} s"
    if next_ms is not None and next_ms < step[1] * 1_000:
        purpose = f"Raise it from {step[0]:g} s to {next_ms / 1_000:g} s, a step to {step[1]:g} s"
    if diagnosis.editable is not Editable.YES:
        return ActionCommand(purpose, "", f"{HOW_TO_CHANGE[diagnosis.editable]}.")
    if next_ms is None:
        return ActionCommand(purpose, "", f"{NO_STEP}.")
    return ActionCommand(
        purpose,
        _command("apply", "--org", org, "--", action_id),
        "It shows each step and its guards, asks first, and its effect is measured.",
    )


def _trial(org: str, action_id: str, diagnosis: Diagnosis) -> Iterable[ActionCommand]:
    if diagnosis.editable is Editable.YES:
        yield ActionCommand(
            "Find out whether more time helps: one step up for a while",
            _command("trial", "--org", org, "--", action_id),
            "It shows every guard and asks first; at its end it is kept if it helped, and else set "
            "back.",
        )


def _in_flows(org: str, action_id: str, flow_ids: Iterable[str]) -> Iterable[ActionCommand]:
    for flow_id in flow_ids:
        yield ActionCommand(
            "Try another timeout in its flow",
            _command(
                "flow", "set-timeout", "--dry-run", "--org", org, "--", flow_id, action_id, "5000"
            ),
            "It shows what would be sent, 5000 ms here, and sends nothing.",
        )


def _command(*words: str) -> str:
    plain = [word for word in words if word != "--" or _needs_end_of_options(words)]
    return shlex.join((_PROGRAM, *plain))


def _needs_end_of_options(words: tuple[str, ...]) -> bool:
    """Return whether what comes after ``--`` could be read as an option."""
    return any(word.startswith("-") for word in words[words.index("--") + 1 :])
