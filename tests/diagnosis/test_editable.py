"""Whether a timeout can be changed."""

from __future__ import annotations

import pytest

from monitor.diagnosis.editable import HOW_TO_CHANGE, Editable, editability
from monitor.model import ActionKind


@pytest.mark.parametrize(
    ("kind", "timeout_ms", "flags", "wanted"),
    [
        (ActionKind.CUSTOM, 5_000, {}, Editable.YES),
        (ActionKind.FLOW, 3_000, {}, Editable.YES),
        (ActionKind.CUSTOM, 5_000, {"terraform": True}, Editable.TERRAFORM),
        (ActionKind.CUSTOM, 60_000, {}, Editable.ABOVE_CAP),
        (ActionKind.AUTHENTICATION, None, {}, Editable.CUSTOM_AUTH),
        (ActionKind.STATIC, None, {}, Editable.STATIC),
        (ActionKind.FUNCTION, 15_000, {}, Editable.FUNCTION),
        (ActionKind.UNKNOWN, None, {}, Editable.UNKNOWN),
    ],
)
def test_the_kind_and_the_owner_decide(
    kind: ActionKind, timeout_ms: float | None, flags: dict[str, bool], wanted: Editable
) -> None:
    """Each kind has its own place, and each place its own words."""
    found = editability(kind, timeout_ms, 30_000, **flags)
    assert found is wanted
    assert HOW_TO_CHANGE[found]
