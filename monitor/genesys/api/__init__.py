"""What the platform can be asked: actions, flows, audits, limits, and analytics."""

from __future__ import annotations

from monitor.genesys.api.actions import (
    GET_TEMPLATE,
    REQUEST_TEMPLATE,
    SUCCESS_TEMPLATE,
    IntegrationAction,
    ListedIntegration,
    WholeAction,
    function_timeout_ms,
    get_action,
    get_action_document,
    get_template,
    is_authentication_action,
    list_actions,
    list_integrations,
)
from monitor.genesys.api.audits import (
    REACHES_BACK_SECONDS,
    AuditLogMessage,
    PropertyChange,
    RealtimeAuditQuery,
    action_audits,
)
from monitor.genesys.api.authorization import (
    OWN_ROLES,
    is_granted,
)
from monitor.genesys.api.dependencies import (
    OBJECT_TYPES,
    consuming_flows,
    tracking_is_built,
)
from monitor.genesys.api.flows import (
    FLOW_DEFAULT_TIMEOUT_MS,
    UNCOMPRESSED,
    FlowDataAction,
    FlowDocument,
    bare_etag,
    get_flow,
    is_same_etag,
)
from monitor.genesys.api.org_limits import (
    data_action_limits,
)
from monitor.genesys.api.organization import (
    ORGANIZATION,
    REGIONS,
    is_known_region,
    whoami,
)
from monitor.genesys.api.pagination import (
    MOST_BARREN_PAGES,
)

__all__ = [
    "FLOW_DEFAULT_TIMEOUT_MS",
    "GET_TEMPLATE",
    "MOST_BARREN_PAGES",
    "OBJECT_TYPES",
    "ORGANIZATION",
    "OWN_ROLES",
    "REACHES_BACK_SECONDS",
    "REGIONS",
    "REQUEST_TEMPLATE",
    "SUCCESS_TEMPLATE",
    "UNCOMPRESSED",
    "AuditLogMessage",
    "FlowDataAction",
    "FlowDocument",
    "IntegrationAction",
    "ListedIntegration",
    "PropertyChange",
    "RealtimeAuditQuery",
    "WholeAction",
    "action_audits",
    "bare_etag",
    "consuming_flows",
    "data_action_limits",
    "function_timeout_ms",
    "get_action",
    "get_action_document",
    "get_flow",
    "get_template",
    "is_authentication_action",
    "is_granted",
    "is_known_region",
    "is_same_etag",
    "list_actions",
    "list_integrations",
    "tracking_is_built",
    "whoami",
]
