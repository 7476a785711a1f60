"""Conversation detail records: what the platform keeps of a call, and how it left its flow.

A record is worked out from a conversation's executions. Beside those that end by a flow error stand
calls that telephony alone failed, in the numbers that the world names.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

import numpy as np

from monitor.simulator.endings import ENDINGS
from monitor.simulator.ids import chance, conversation_id, part_id
from monitor.simulator.traffic import NOBODY

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from monitor.simulator.executions import ExecutionColumns
    from monitor.simulator.scenario_types import Scenario, SimulatedFlow
    from monitor.simulator.world import World

LONGEST_LEAD_MS = 4 * 3_600_000
"""A caller may have spent this long in the call before its first data action."""
LONGEST_TAIL_MS = 180_000
"""A call ends at most this long after its last data action."""
_LONG_LEAD_SHARE = 0.01
_LAST_WORDS_MS = 200
"""What an error prompt takes before the flow disconnects."""

FLOW_ERRORS: Final = ("FLOW_ERROR_DISCONNECT", "FLOW_ERROR_EXIT")
"""How a flow ends that lost its caller to an error of its own."""

_ERROR_EXIT_SHARE = 0.12
"""Flows that handle a failure badly, where a failure does not end the call anyway."""
_EXPIRED_SHARE = 0.01
_TRANSFER_SHARE = 0.35

_TELEPHONY_FOR_EACH: Final = {"many": 10, "some": 1, "none": 0}
"""Calls that telephony failed, for each flow error, by the reading of ``telephony_errors``."""

_TELEPHONY_CODES: Final = (
    "error.ininedgecontrol.connection.timeout",
    "error.ininedgecontrol.session.inactive",
    "error.ininedgecontrol.connection.protocol",
)
"""The media tier's own words, as public records show them."""

Trouble = Literal["dialled", "agent", "flow"]
"""Where telephony failed: at a number that was dialled, at an agent, or in a session of a flow."""


@dataclass(frozen=True, slots=True)
class Call:
    """One data action inside a conversation; epoch milliseconds."""

    action: int
    start_ms: int
    end_ms: int
    ending: int
    visible_ms: int


@dataclass(frozen=True, slots=True)
class TelephonyError:
    """An error of the media tier, and where it stands."""

    where: Trouble
    code: str


@dataclass(frozen=True, slots=True, eq=False)
class ConversationRecord:
    """A conversation; epoch milliseconds.

    Attributes:
        conversation_id: Its id.
        flow: Position in the org's flows; ``NOBODY`` where it ran none.
        start_ms: When it began, and with it its flow.
        flow_end_ms: When it left its flow.
        end_ms: When it ended.
        visible_ms: When the record is whole.
        calls: The data actions that it tells of, in the order they become visible.
        exit_reason: How it left its flow; empty where it ran none.
        telephony: What the media tier failed with; None where it did not.
    """

    conversation_id: str
    flow: int
    start_ms: int
    flow_end_ms: int
    end_ms: int
    visible_ms: int
    calls: tuple[Call, ...] = ()
    exit_reason: str = ""
    telephony: TelephonyError | None = None

    @property
    def is_flow_error(self) -> bool:
        """Whether its flow lost the caller."""
        return self.exit_reason in FLOW_ERRORS

    def visible_calls(self, now_ms: int) -> int:
        """How many of its calls, in the order they become visible, the platform shows by now."""
        return sum(call.visible_ms <= now_ms for call in self.calls)


def records_of(
    rows: ExecutionColumns, scenario: Scenario, world: World
) -> list[ConversationRecord]:
    """Return the records that executions leave; conversations never span two cells."""
    kept = rows.take(rows.record_ms >= 0)
    order = np.argsort(kept.conversation, kind="stable")
    calls: dict[int, list[Call]] = {}
    flows: dict[int, int] = {}
    columns = (
        kept.conversation,
        kept.flow,
        kept.action,
        kept.arrival_ms,
        kept.duration_ms,
        kept.ending,
        kept.record_ms,
    )
    for row in zip(*(column[order].tolist() for column in columns), strict=True):
        conversation, flow, action, arrival_ms, duration_ms, ending, record_ms = row
        call = Call(action, arrival_ms, arrival_ms + duration_ms, ending, record_ms)
        calls.setdefault(conversation, []).append(call)
        flows[conversation] = flow
    found: list[ConversationRecord] = []
    for serial, mine in calls.items():
        name = conversation_id(scenario.seed, serial)
        record = _record(name, scenario.flows[flows[serial]], flows[serial], mine)
        found.append(record)
        if record.is_flow_error:
            found += _failed_by_telephony(record, len(scenario.flows), world)
    return found


def _record(
    name: str, flow: SimulatedFlow, number: int, calls: Sequence[Call]
) -> ConversationRecord:
    """Put a beginning and an end around the calls."""
    lead_ms = 5_000 + int(chance(name, "lead") * 85_000)
    if chance(name, "long lead") < _LONG_LEAD_SHARE:
        lead_ms = int(chance(name, "lead") * LONGEST_LEAD_MS)
    last_ms = max(call.end_ms for call in calls)
    failed = any(ENDINGS[call.ending].segment_code for call in calls)
    tail_ms = 5_000 + int(chance(name, "tail") * (LONGEST_TAIL_MS - 5_000))
    exit_reason = _exit_reason(name, flow, failed=failed)
    if exit_reason in FLOW_ERRORS:
        tail_ms = _LAST_WORDS_MS
    end_ms = last_ms + tail_ms
    return ConversationRecord(
        conversation_id=name,
        flow=number,
        start_ms=min(call.start_ms for call in calls) - lead_ms,
        # Somebody who is put through talks on after the flow.
        flow_end_ms=last_ms + tail_ms // 4 if exit_reason == "TRANSFER" else end_ms,
        end_ms=end_ms,
        visible_ms=max(end_ms, *(call.visible_ms for call in calls)),
        calls=tuple(sorted(calls, key=lambda call: (call.visible_ms, call.start_ms))),
        exit_reason=exit_reason,
    )


def _exit_reason(name: str, flow: SimulatedFlow, *, failed: bool) -> str:
    """Return how a conversation leaves its flow."""
    if failed and flow.disconnects:
        return "FLOW_ERROR_DISCONNECT"
    if failed and chance(name, "error exit") < _ERROR_EXIT_SHARE:
        return "FLOW_ERROR_EXIT"
    if chance(name, "expired") < _EXPIRED_SHARE:
        return "SESSION_EXPIRE_DISCONNECT"
    return "TRANSFER" if chance(name, "transfer") < _TRANSFER_SHARE else "DISCONNECT"


def _failed_by_telephony(
    beside: ConversationRecord, flows: int, world: World
) -> Iterator[ConversationRecord]:
    """Calls of about the same time that telephony failed: some in a flow, most in none."""
    for number in range(_TELEPHONY_FOR_EACH[world.telephony_errors]):
        name = part_id(beside.conversation_id, f"telephony {number}")
        share = chance(name, "where")
        where: Trouble = "dialled" if share < 0.4 else "agent" if share < 0.6 else "flow"  # noqa: PLR2004
        ran_flow = where == "flow"
        start_ms = beside.start_ms + int(chance(name, "start") * 60_000)
        flow_end_ms = start_ms + 4_000 + int(chance(name, "flow end") * 26_000)
        end_ms = flow_end_ms + int(chance(name, "end") * 30_000)
        left = "TRANSFER" if chance(name, "transfer") < _TRANSFER_SHARE else "DISCONNECT"
        yield ConversationRecord(
            conversation_id=name,
            flow=int(chance(name, "flow") * flows) if ran_flow else NOBODY,
            start_ms=start_ms,
            flow_end_ms=flow_end_ms,
            end_ms=end_ms,
            visible_ms=end_ms,
            exit_reason=left if ran_flow else "",
            telephony=TelephonyError(
                where, _TELEPHONY_CODES[int(chance(name, "code") * len(_TELEPHONY_CODES))]
            ),
        )
