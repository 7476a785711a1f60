"""Recording rules: ``level:metric:operation``, each counted over the windows that alerts need."""

from __future__ import annotations

from typing import Any

from dashboards.source.objectives import Objectives, Seconds
from dashboards.source.promql import ACTION, EXECUTIONS, INFO, NAMES, WATERMARK, grown

NAMES_OF_ACTIONS = "action:genesys_data_action:info"


def timeouts(window: Seconds) -> str:
    """The rule that counts an action's timeouts."""
    return f"action:genesys_data_action_timeouts:increase{window}"


def executions(window: Seconds) -> str:
    """The rule that counts an action's executions, where all of them are known."""
    return f"action:genesys_data_action_executions:increase{window}"


def share(window: Seconds) -> str:
    """The rule that divides the two."""
    return f"action:genesys_data_action_timeouts:ratio{window}"


def throttled(window: Seconds) -> str:
    """The rule that counts what the platform refused to run."""
    return f"action:genesys_data_action_throttled:increase{window}"


def read_on(window: Seconds) -> str:
    """The rule that tells how much data time came in."""
    return f"org:timeout_monitor_watermark:delta{window}"


def recording_rules(aims: Objectives) -> list[dict[str, Any]]:
    """Every recording rule."""
    windows = sorted(
        {
            one.value
            for one in (
                aims.fast.long,
                aims.slow.long,
                aims.spike,
                aims.count,
                aims.hour,
            )
        }
    )
    shares = sorted(
        {one.value for burn in (aims.fast, aims.slow) for one in (burn.long, burn.short)}
    )
    rules = [
        _rule(
            NAMES_OF_ACTIONS,
            f"topk by ({ACTION}) (1, max by ({ACTION}, {NAMES}) ({INFO}))",
        )
    ]
    for window in map(Seconds, windows):
        rules += [
            _rule(timeouts(window), _timeouts(window)),
            _rule(executions(window), _executions(window)),
        ]
    # No rule stands on another one, so that promtool can reckon them all for the past in one go.
    rules += [
        _rule(share(window), f"{_timeouts(window)}\n/\n({_executions(window)}\n> 0)")
        for window in map(Seconds, shares)
    ]
    return [
        *rules,
        _rule(
            throttled(aims.spike),
            grown(f'{EXECUTIONS}{{outcome="throttled"}}', aims.spike, ACTION),
        ),
        *(_rule(read_on(window), _read_on(window)) for window in (aims.spike, aims.count)),
    ]


def _timeouts(window: Seconds) -> str:
    return grown(f'{EXECUTIONS}{{outcome="timeout"}}', window, ACTION)


def _executions(window: Seconds) -> str:
    # With contract flow only timeouts are known: without this, all of them would time out.
    known = f'group by ({ACTION}) ({EXECUTIONS}{{outcome="success"}})'
    return f"({grown(EXECUTIONS, window, ACTION)}\nand on ({ACTION}) {known})"


def _read_on(window: Seconds) -> str:
    # Another daemon may show it now than did then.
    now = f"max by (org, source) ({WATERMARK})"
    return f"max by (org) ({now} - max by (org, source) ({WATERMARK} offset {window}))"


def _rule(name: str, expression: str) -> dict[str, Any]:
    return {"record": name, "expr": expression}
