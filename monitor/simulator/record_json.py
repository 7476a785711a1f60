"""Conversation detail records as JSON, with the fields of the SDK's models.

The model is ``AnalyticsConversationWithoutAttributes``. Whether a segment says that a data action
failed, and whether it names the action, is a choice of the world.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from monitor.simulator.endings import ENDINGS
from monitor.simulator.ids import chance, part_id
from monitor.simulator.timestamps import iso
from monitor.simulator.traffic import NOBODY

if TYPE_CHECKING:
    from collections.abc import Sequence

    from monitor.simulator.records import Call, ConversationRecord
    from monitor.simulator.scenario_types import Scenario, SimulatedFlow
    from monitor.simulator.world import World

Json = dict[str, object]

_DIALLED: Final = "tel:+442079460000"


def render(
    record: ConversationRecord, shown: int, scenario: Scenario, world: World, *, ended: bool
) -> Json:
    """Return a record with its first ``shown`` calls and, once ended, how it ended."""
    name = record.conversation_id
    calls = sorted(record.calls[:shown], key=lambda call: call.start_ms)
    participants = [_customer(record, ended=ended)]
    if record.flow != NOBODY:
        participants.append(_ivr(record, calls, scenario, world, ended=ended))
    if ended and _reached_an_agent(record):
        participants.append(_agent(record))
    conversation: Json = {
        "conversationId": name,
        "conversationStart": iso(record.start_ms),
        "conversationInitiator": "agent" if _is_outbound(record) else "customer",
        "customerParticipation": True,
        "divisionIds": [part_id(name, "division")],
        "mediaStatsMinConversationMos": 4.5 + round(chance(name, "mos") * 0.4, 3),
        "originatingDirection": "outbound" if _is_outbound(record) else "inbound",
        "participants": participants,
    }
    if ended:
        conversation["conversationEnd"] = iso(record.end_ms)
    return conversation


def _is_outbound(record: ConversationRecord) -> bool:
    return record.telephony is not None and record.telephony.where == "dialled"


def _reached_an_agent(record: ConversationRecord) -> bool:
    return record.exit_reason == "TRANSFER" or record.flow == NOBODY


def _customer(record: ConversationRecord, *, ended: bool) -> Json:
    """Return the caller's side; a number that was dialled may not answer."""
    name = record.conversation_id
    outbound = _is_outbound(record)
    segment: Json = {
        "segmentStart": iso(record.start_ms),
        "segmentType": "contacting" if outbound else "interact",
        "conference": False,
    }
    if ended:
        segment["segmentEnd"] = iso(record.end_ms)
        segment["disconnectType"] = "system" if record.is_flow_error else "client"
        if outbound and record.telephony is not None:
            segment["disconnectType"] = "error"
            segment["errorCode"] = record.telephony.code
    digits = int(chance(name, "ani") * 10**7)
    session: Json = {
        "sessionId": part_id(name, "customer session"),
        "mediaType": "voice",
        "direction": "outbound" if outbound else "inbound",
        "provider": "Edge",
        "ani": f"tel:+4420{digits:08d}",
        "dnis": _DIALLED,
        "segments": [segment],
        "metrics": [{"name": "nConnected", "value": 1, "emitDate": iso(record.start_ms)}],
    }
    return {
        "participantId": part_id(name, "customer"),
        "participantName": "Caller",
        "purpose": "customer",
        "sessions": [session],
    }


def _agent(record: ConversationRecord) -> Json:
    """Whoever was put through, or called; a station may not answer."""
    name = record.conversation_id
    began_ms = record.start_ms if record.flow == NOBODY else record.flow_end_ms
    segment: Json = {
        "segmentStart": iso(began_ms),
        "segmentEnd": iso(record.end_ms),
        "segmentType": "interact" if record.telephony is None else "alert",
        "conference": False,
        "disconnectType": "peer",
    }
    if record.telephony is not None:
        segment["disconnectType"] = "error"
        segment["errorCode"] = record.telephony.code
    session: Json = {
        "sessionId": part_id(name, "agent session"),
        "peerId": part_id(name, "customer session"),
        "mediaType": "voice",
        "direction": "outbound" if _is_outbound(record) else "inbound",
        "provider": "Edge",
        "segments": [segment],
        "metrics": [{"name": "tAlert", "value": 4_000, "emitDate": iso(began_ms)}],
    }
    return {
        "participantId": part_id(name, "agent"),
        "participantName": "Agent",
        "userId": part_id(name, "user"),
        "purpose": "agent",
        "sessions": [session],
    }


def _ivr(
    record: ConversationRecord,
    calls: Sequence[Call],
    scenario: Scenario,
    world: World,
    *,
    ended: bool,
) -> Json:
    """Return the flow's side: where the data actions stand."""
    name = record.conversation_id
    flow = scenario.flows[record.flow]
    segments = [_segment(call, flow, scenario, world) for call in calls]
    if ended:
        segments.append(_last_segment(record))
    elif not segments:
        segments.append({"segmentStart": iso(record.start_ms), "segmentType": "ivr"})
    run: Json = {
        "flowId": flow.flow_id,
        "flowName": flow.name,
        "flowType": flow.flow_type,
        "flowVersion": "1.0",
        "entryType": "dnis",
        "entryReason": _DIALLED,
        "startingLanguage": "en-gb",
    }
    if ended:
        run["exitReason"] = record.exit_reason
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


def _last_segment(record: ConversationRecord) -> Json:
    """Return how the session of the flow ended, by an error of telephony in some."""
    began_ms = max((call.end_ms for call in record.calls), default=record.start_ms)
    segment: Json = {
        "segmentStart": iso(began_ms),
        "segmentEnd": iso(record.flow_end_ms),
        "segmentType": "ivr",
        "conference": False,
        "disconnectType": "error" if record.is_flow_error else "peer",
    }
    if record.exit_reason == "TRANSFER":
        segment["disconnectType"] = "transfer"
    if record.telephony is not None:
        segment["disconnectType"] = "error"
        segment["errorCode"] = record.telephony.code
    return segment


def _segment(call: Call, flow: SimulatedFlow, scenario: Scenario, world: World) -> Json:
    """One data action, as much of it as the world shows."""
    segment: Json = {
        "segmentStart": iso(call.start_ms),
        "segmentEnd": iso(call.end_ms),
        "segmentType": "ivr",
        "conference": False,
    }
    code = ENDINGS[call.ending].segment_code
    if code is not None and world.detail_errors != "hidden":
        segment["errorCode"] = code
    if flow.names_action and world.detail_errors == "named":
        action = scenario.actions[call.action]
        segment["properties"] = [
            {"propertyType": "string", "property": "actionId", "value": action.action_id},
            {"propertyType": "string", "property": "actionName", "value": action.name},
        ]
    return segment
