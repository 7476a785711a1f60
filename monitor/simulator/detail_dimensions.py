"""What the filters of a conversation details query can ask about, read from a rendered record.

The names are those of the SDK's ``SegmentDetailQueryPredicate`` and
``ConversationDetailQueryPredicate``; one that no record of ours carries simply does not exist.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Json = dict[str, Any]


def _words(text: str) -> frozenset[str]:
    """The words of a paragraph."""
    return frozenset(text.split())


CONVERSATION_DIMENSIONS: Final = _words(
    """accessAttribute conversationEnd conversationId conversationInitiator conversationStart
    customerParticipation divisionId externalTag mediaStatsMinConversationMos
    originatingDirection originatingSocialMediaPublic"""
)
SEGMENT_DIMENSIONS: Final = _words(
    """addressFrom addressTo agentAssistantId agentOwned ani authenticated bargedParticipantId
    callbackNumber callbackScheduledTime canonicalExternalContactId cleared coachedParticipantId
    conference deliveryPushed deliveryStatus destinationAddress destinationConversationId
    detectedSpeechEnd detectedSpeechStart direction disconnectType dnis edgeId engagementSource
    errorCode exitReason extendedDeliveryStatus externalContactId externalOrganizationId
    flaggedReason flowId flowName flowOutType flowOutcome flowOutcomeId flowOutcomeValue
    flowVersion groupId journeyActionId journeyActionMapId journeyCustomerId
    journeyCustomerIdType journeyCustomerSessionId mediaCount mediaType messageType
    monitoredParticipantId outboundCampaignId outboundContactId outboundContactListId
    participantName protocolCallId provider purpose queueId recording remote
    remoteNameDisplayable requestedLanguageId requestedRouting requestedRoutingSkillId
    scoredAgentId screenMonitoredUserId screenRecording scriptId segmentEnd segmentType
    sessionDnis sipResponseCode skillExpressionId snippetRecording subject teamId
    transferTargetAddress transferTargetName transferType usedRouting userId wrapUpCode
    wrapUpNote"""
)


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of one segment, or of one conversation, as text by name."""

    dimensions: Mapping[str, list[str]]
    properties: Mapping[str, list[str]]
    metrics: Mapping[str, list[str]]

    def values(self, kind: str, name: str) -> list[str]:
        """Every value of that name; empty where there is none."""
        found = {"dimension": self.dimensions, "property": self.properties}
        return found.get(kind, self.metrics).get(name, [])


def of_conversation(conversation: Json) -> Facts:
    """The facts that conversation filters see; metrics are summed over its sessions."""
    scalars = _scalars(conversation)
    scalars["divisionId"] = list(conversation["divisionIds"])
    metrics: dict[str, float] = {}
    for participant in conversation["participants"]:
        for session in participant["sessions"]:
            for metric in session["metrics"]:
                metrics[metric["name"]] = metrics.get(metric["name"], 0) + metric["value"]
    if "conversationEnd" in conversation:
        metrics["tConversationDuration"] = _milliseconds(
            conversation["conversationStart"], conversation["conversationEnd"]
        )
    return Facts(scalars, {}, {name: [str(value)] for name, value in metrics.items()})


def of_segments(conversation: Json) -> Iterator[Facts]:
    """The facts that segment filters see: a segment's own, its session's and its participant's."""
    for participant in conversation["participants"]:
        outer = _scalars(participant)
        for session in participant["sessions"]:
            around = {**outer, **_scalars(session), **_scalars(session.get("flow", {}))}
            for segment in session["segments"]:
                properties: dict[str, list[str]] = {}
                for entry in segment.get("properties", ()):
                    properties.setdefault(entry["property"], []).append(entry["value"])
                metrics: dict[str, list[str]] = {}
                if "segmentEnd" in segment:
                    took = _milliseconds(segment["segmentStart"], segment["segmentEnd"])
                    metrics["tSegmentDuration"] = [str(took)]
                yield Facts({**around, **_scalars(segment)}, properties, metrics)


def _scalars(values: Json) -> dict[str, list[str]]:
    """The plain fields of an object, as text."""
    return {
        name: [str(value).lower() if isinstance(value, bool) else str(value)]
        for name, value in values.items()
        if not isinstance(value, (list, dict))
    }


def _milliseconds(start: str, end: str) -> float:
    """From one moment to another."""
    taken = datetime.fromisoformat(end) - datetime.fromisoformat(start)
    return taken.total_seconds() * 1_000
