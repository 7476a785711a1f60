"""Whether an action's timeout can be changed, and where: a fact beside its verdict."""

from __future__ import annotations

from enum import StrEnum

from monitor.model import ActionKind


class Editable(StrEnum):
    """Whether its timeout can be changed."""

    YES = "yes"
    STATIC = "static"
    FUNCTION = "function"
    CUSTOM_AUTH = "custom_auth"
    TERRAFORM = "terraform"
    ABOVE_CAP = "above_cap"
    UNKNOWN = "unknown"


HOW_TO_CHANGE: dict[Editable, str] = {
    Editable.YES: "Set timeoutSeconds in the action's configuration, or its timeout in the flow",
    Editable.STATIC: "Nobody can edit a static action; use a custom action in its place",
    Editable.FUNCTION: "Set timeoutSeconds of the function's draft (15 s at most) and publish it",
    Editable.CUSTOM_AUTH: "A custom authentication action has no timeout to set",
    Editable.TERRAFORM: "Change config_timeout_seconds where Terraform keeps it, then apply",
    Editable.ABOVE_CAP: "Its timeout is at the cap or above, or unset (60 s): it is never raised",
    Editable.UNKNOWN: (
        "Where its timeout is can't be told: the catalogue does not list it, or does not show the "
        "type of its integration (integrations:integration:view), which tells functions"
    ),
}
"""Where and how to change it by hand."""


def editability(
    kind: ActionKind,
    timeout_ms: float | None,
    cap_ms: float,
    *,
    terraform: bool = False,
) -> Editable:
    """Return whether the timeout of an action can be raised.

    Args:
        kind: Where its timeout lives.
        timeout_ms: The timeout in force; None where unknown.
        cap_ms: The largest that may be set.
        terraform: Whether Terraform owns its configuration.
    """
    by_kind = {
        ActionKind.STATIC: Editable.STATIC,
        ActionKind.FUNCTION: Editable.FUNCTION,
        ActionKind.AUTHENTICATION: Editable.CUSTOM_AUTH,
        ActionKind.UNDETERMINED: Editable.UNKNOWN,
        ActionKind.UNKNOWN: Editable.UNKNOWN,
    }
    if kind in by_kind:
        return by_kind[kind]
    if timeout_ms is not None and timeout_ms >= cap_ms:
        return Editable.ABOVE_CAP
    return Editable.TERRAFORM if terraform else Editable.YES
