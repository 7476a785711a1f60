"""Which permission opens which door; any one of a tuple is enough."""

from __future__ import annotations

from typing import Final

VIEW_ACTIONS: Final = ("integrations:action:view", "bridge:actions:view")
EDIT_ACTIONS: Final = ("integrations:action:edit",)
VIEW_FUNCTIONS: Final = ("integrations:actionFunction:view",)
VIEW_INTEGRATIONS: Final = ("integrations:integration:view",)
VIEW_DETAILS: Final = ("analytics:conversationDetail:view", "analytics:detail:view")
VIEW_FLOW_AGGREGATES: Final = ("analytics:flowAggregate:view",)
VIEW_DEPENDENCIES: Final = ("architect:dependencyTracking:view",)
VIEW_AUDITS: Final = ("audits:audit:view",)
READ_FLOWS: Final = ("flow:flow:read", "architect:flow:view")
WRITE_FLOWS: Final = ("flow:flow:write", "architect:flow:edit")

ALL_PERMISSIONS: Final = (
    *VIEW_ACTIONS,
    *EDIT_ACTIONS,
    *VIEW_FUNCTIONS,
    *VIEW_INTEGRATIONS,
    *VIEW_DETAILS,
    *VIEW_FLOW_AGGREGATES,
    *VIEW_DEPENDENCIES,
    *VIEW_AUDITS,
    *READ_FLOWS,
    *WRITE_FLOWS,
)
