"""What the filters of a conversation details query can ask about, read from a rendered record.

The names are those of the SDK's ``SegmentDetailQueryPredicate`` and
``ConversationDetailQueryPredicate``; one that no record of ours carries simply does not exist.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator

Json = dict[str, Any]


def _words(text: str) -> frozenset[str]:
    """Return the words of a paragraph."""
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


class Facts(Protocol):
    """What is known of one segment, or of one conversation, as text by name.

    It is looked up when a filter asks for it: most of a record is never asked for.
    """

    def values(self, kind: str, name: str) -> list[str]:
        """Return every value of that name; empty where there is none.

        Args:
            kind: ``dimension``, ``property`` or ``metric``.
            name: The platform's name of it.
        """
        ...


@dataclass(frozen=True, slots=True)
class ConversationFacts:
    """What conversation filters see; metrics are summed over its sessions."""

    conversation: Json

    def values(self, kind: str, name: str) -> list[str]:
        """Return every value of that name; empty where there is none."""
        if kind == "dimension":
            if name == "divisionId":
                return list(self.conversation["divisionIds"])
            return _plain(name, self.conversation)
        return self._metric(name) if kind == "metric" else []

    def _metric(self, name: str) -> list[str]:
        if name == "tConversationDuration":
            return _duration(self.conversation, "conversationStart", "conversationEnd")
        values = [
            metric["value"]
            for participant in self.conversation["participants"]
            for session in participant["sessions"]
            for metric in session["metrics"]
            if metric["name"] == name
        ]
        return [str(sum(values))] if values else []


@dataclass(frozen=True, slots=True)
class SegmentFacts:
    """What segment filters see: a segment's own, its flow's, its session's and its participant's.

    Attributes:
        segment: The segment.
        around: What it is in, the nearest first.
    """

    segment: Json
    around: tuple[Json, ...]

    def values(self, kind: str, name: str) -> list[str]:
        """Return every value of that name; empty where there is none."""
        if kind == "dimension":
            return _plain(name, self.segment, *self.around)
        if kind == "property":
            entries = self.segment.get("properties", ())
            return [entry["value"] for entry in entries if entry["property"] == name]
        if name == "tSegmentDuration":
            return _duration(self.segment, "segmentStart", "segmentEnd")
        return []


def of_segments(conversation: Json) -> Iterator[SegmentFacts]:
    """Yield the facts of each segment."""
    for participant in conversation["participants"]:
        for session in participant["sessions"]:
            around = (session.get("flow", {}), session, participant)
            yield from (SegmentFacts(segment, around) for segment in session["segments"])


def _plain(name: str, *places: Json) -> list[str]:
    """Return the first plain value of a name, as text."""
    for place in places:
        value = place.get(name, ())
        if not isinstance(value, (list, dict, tuple)):
            return [str(value).lower() if isinstance(value, bool) else str(value)]
    return []


def _duration(values: Json, begin: str, end: str) -> list[str]:
    return [str(_milliseconds(values[begin], values[end]))] if end in values else []


def _milliseconds(start: str, end: str) -> float:
    """From one moment to another."""
    taken = datetime.fromisoformat(end) - datetime.fromisoformat(start)
    return taken.total_seconds() * 1_000
