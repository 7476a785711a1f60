"""Conversation detail records: what the platform keeps of a call in which an action failed.

A record is worked out from a conversation's executions; the JSON has the fields of the SDK's
``AnalyticsConversationWithoutAttributes``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from monitor.simulator.endings import ENDINGS
from monitor.simulator.moments import iso
from monitor.simulator.naming import chance, conversation_id, part_id

if TYPE_CHECKING:
    from collections.abc import Sequence

    from monitor.simulator.executions import Executions
    from monitor.simulator.scenario import Scenario, SimulatedFlow

Json = dict[str, object]

LONGEST_LEAD_MS = 4 * 3_600_000
"""A caller may have spent this long in the call before its first data action."""
LONGEST_TAIL_MS = 180_000
"""A call ends at most this long after its last data action."""
_LONG_LEAD_SHARE = 0.01
_LAST_WORDS_MS = 200
"""What an error prompt takes before the flow disconnects."""


@dataclass(frozen=True, slots=True)
class Call:
    """One data action inside a conversation; epoch milliseconds."""

    action: int
    start_ms: int
    end_ms: int
    ending: int
    visible_ms: int


@dataclass(frozen=True, slots=True, eq=False)
class ConversationRecord:
    """A conversation with the data actions that its record tells of; epoch milliseconds."""

    conversation_id: str
    flow: int
    start_ms: int
    end_ms: int
    calls: tuple[Call, ...]

    def visible_calls(self, now_ms: int) -> int:
        """How many of its calls, in the order they become visible, the platform shows by now."""
        return sum(call.visible_ms <= now_ms for call in self.calls)


def records_of(rows: Executions, scenario: Scenario) -> list[ConversationRecord]:
    """The records that executions leave; conversations never span two cells."""
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
    return [
        _record(scenario, serial, scenario.flows[flows[serial]], flows[serial], mine)
        for serial, mine in calls.items()
    ]


def _record(
    scenario: Scenario, serial: int, flow: SimulatedFlow, number: int, calls: Sequence[Call]
) -> ConversationRecord:
    """Put a beginning and an end around the calls."""
    name = conversation_id(scenario.seed, serial)
    lead_ms = 5_000 + int(chance(name, "lead") * 85_000)
    if chance(name, "long lead") < _LONG_LEAD_SHARE:
        lead_ms = int(chance(name, "lead") * LONGEST_LEAD_MS)
    last_ms = max(call.end_ms for call in calls)
    failed = any(ENDINGS[call.ending].segment_code for call in calls)
    tail_ms = 5_000 + int(chance(name, "tail") * (LONGEST_TAIL_MS - 5_000))
    return ConversationRecord(
        conversation_id=name,
        flow=number,
        start_ms=min(call.start_ms for call in calls) - lead_ms,
        end_ms=last_ms + (_LAST_WORDS_MS if flow.disconnects and failed else tail_ms),
        calls=tuple(sorted(calls, key=lambda call: (call.visible_ms, call.start_ms))),
    )


def render(record: ConversationRecord, shown: int, scenario: Scenario, *, ended: bool) -> Json:
    """A record as JSON, with its first ``shown`` calls and, once ended, how it ended."""
    flow = scenario.flows[record.flow]
    name = record.conversation_id
    calls = sorted(record.calls[:shown], key=lambda call: call.start_ms)
    failed = any(ENDINGS[call.ending].segment_code for call in calls)
    thrown_out = flow.disconnects and failed
    conversation: Json = {
        "conversationId": name,
        "conversationStart": iso(record.start_ms),
        "conversationInitiator": "customer",
        "customerParticipation": True,
        "divisionIds": [part_id(name, "division")],
        "mediaStatsMinConversationMos": 4.5 + round(chance(name, "mos") * 0.4, 3),
        "originatingDirection": "inbound",
        "participants": [
            _customer(record, ended=ended, thrown_out=thrown_out),
            _ivr(record, calls, scenario, ended=ended, thrown_out=thrown_out),
        ],
    }
    if ended:
        conversation["conversationEnd"] = iso(record.end_ms)
    return conversation


def _customer(record: ConversationRecord, *, ended: bool, thrown_out: bool) -> Json:
    """The caller's side."""
    name = record.conversation_id
    segment: Json = {
        "segmentStart": iso(record.start_ms),
        "segmentType": "interact",
        "conference": False,
    }
    if ended:
        segment["segmentEnd"] = iso(record.end_ms)
        segment["disconnectType"] = "system" if thrown_out else "client"
    digits = int(chance(name, "ani") * 10**7)
    session: Json = {
        "sessionId": part_id(name, "customer session"),
        "mediaType": "voice",
        "direction": "inbound",
        "provider": "Edge",
        "ani": f"tel:+4420{digits:08d}",
        "dnis": "tel:+442079460000",
        "segments": [segment],
        "metrics": [{"name": "nConnected", "value": 1, "emitDate": iso(record.start_ms)}],
    }
    return {
        "participantId": part_id(name, "customer"),
        "participantName": "Caller",
        "purpose": "customer",
        "sessions": [session],
    }


def _ivr(
    record: ConversationRecord,
    calls: Sequence[Call],
    scenario: Scenario,
    *,
    ended: bool,
    thrown_out: bool,
) -> Json:
    """The flow's side: where the data actions stand."""
    name = record.conversation_id
    flow = scenario.flows[record.flow]
    segments = [_segment(call, flow, scenario) for call in calls]
    if ended:
        last: Json = {
            "segmentStart": iso(max(call.end_ms for call in record.calls)),
            "segmentEnd": iso(record.end_ms),
            "segmentType": "ivr",
            "conference": False,
            "disconnectType": "error" if thrown_out else "peer",
        }
        segments.append(last)
    run: Json = {
        "flowId": flow.flow_id,
        "flowName": flow.name,
        "flowType": flow.flow_type,
        "flowVersion": "1.0",
        "entryType": "dnis",
        "entryReason": "tel:+442079460000",
        "startingLanguage": "en-gb",
    }
    if ended:
        run["exitReason"] = "FLOW_ERROR_DISCONNECT" if thrown_out else "DISCONNECT"
    session: Json = {
        "sessionId": part_id(name, "ivr session"),
        "peerId": part_id(name, "customer session"),
        "mediaType": "voice",
        "direction": "inbound",
        "provider": "Edge",
        "flow": run,
        "segments": segments,
        "metrics": [{"name": "nFlow", "value": 1, "emitDate": iso(record.start_ms)}],
    }
    return {
        "participantId": part_id(name, "ivr"),
        "participantName": flow.name,
        "purpose": "ivr",
        "sessions": [session],
    }


def _segment(call: Call, flow: SimulatedFlow, scenario: Scenario) -> Json:
    """One data action; it names the action unless the flow's records don't."""
    segment: Json = {
        "segmentStart": iso(call.start_ms),
        "segmentEnd": iso(call.end_ms),
        "segmentType": "ivr",
        "conference": False,
    }
    code = ENDINGS[call.ending].segment_code
    if code is not None:
        segment["errorCode"] = code
    if flow.names_action:
        action = scenario.actions[call.action]
        segment["properties"] = [
            {"propertyType": "string", "property": "actionId", "value": action.action_id},
            {"propertyType": "string", "property": "actionName", "value": action.name},
        ]
    return segment
