"""Who changed a timeout: entries of the platform's audit log, as the ledger keeps them; pure.

==================================  ==========================================================
an entry                            is kept
==================================  ==========================================================
that failed, or is no save          not at all
that names the timeout              with the values before and after, unless they are the same
with the whole configuration        the same
with other properties alone         not at all: the timeout was left as it was
without any property                as who saved the action, and when
==================================  ==========================================================

Which property holds the timeout, and whether entries name any, is not documented.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

from monitor.genesys import AuditLogMessage, PropertyChange
from monitor.model import PLATFORM_DEFAULT_TIMEOUT_MS, TimeoutEdit
from monitor.sanitize import sanitize, sanitize_id

_NO_SAVES = {"create", "delete", "view", "execute", "test"}
_TIMEOUT = re.compile(r"(?i)timeout")
_CONFIG = re.compile(r"(?i)^config(uration)?$")
_LONGEST_SECONDS = 86_400
_UNSET = {"", "0", "null", "none"}


def timeout_edits(entries: Iterable[AuditLogMessage]) -> list[TimeoutEdit]:
    """Return what some entries say about timeouts."""
    found = (_edit(entry) for entry in entries)
    return [edit for edit in found if edit is not None]


def _edit(entry: AuditLogMessage) -> TimeoutEdit | None:
    action_id = entry.entity.id if entry.entity else None
    is_save = (entry.action or "").lower() not in _NO_SAVES
    if not action_id or not is_save or (entry.status or "").upper() == "FAILURE":
        return None
    from_ms = to_ms = None
    properties = entry.property_changes or ()
    if properties:
        values = _values(properties)
        if values is not None and values[0] == values[1]:
            return None
        if values is None and not any(_is_of_timeout(one) for one in properties):
            return None
        from_ms, to_ms = values or (None, None)
    user, client = entry.user, entry.client
    return TimeoutEdit(
        edit_id=entry.id,
        at=entry.event_date.timestamp(),
        action_id=sanitize_id(action_id),
        user_id=sanitize_id((user.id if user else None) or ""),
        user_name=sanitize((user.name if user else None) or ""),
        client_id=sanitize_id((client.id if client else None) or ""),
        from_ms=from_ms,
        to_ms=to_ms,
    )


def _is_of_timeout(change: PropertyChange) -> bool:
    name = change.property or ""
    return bool(_TIMEOUT.search(name) or _CONFIG.search(name))


def _values(properties: Iterable[PropertyChange]) -> tuple[int, int] | None:
    """Return the timeout in force before and after; None where no property says both."""
    for change in properties:
        name = change.property or ""
        if _TIMEOUT.search(name):
            before, after = _seconds(change.old_values), _seconds(change.new_values)
        elif _CONFIG.search(name):
            before, after = _seconds_in(change.old_values), _seconds_in(change.new_values)
        else:
            continue
        if before is not None and after is not None:
            return before, after
    return None


def _seconds(values: tuple[str, ...] | None) -> int | None:
    """A timeout in milliseconds from a number of seconds; unset is the platform's default."""
    text = values[0].strip() if values else ""
    if text.lower() in _UNSET:
        return PLATFORM_DEFAULT_TIMEOUT_MS
    try:
        seconds = float(text)
    except ValueError:
        return None
    return round(seconds * 1000) if 0 < seconds <= _LONGEST_SECONDS else None


def _seconds_in(values: tuple[str, ...] | None) -> int | None:
    """Return the same from a whole configuration as JSON."""
    try:
        config = json.loads(values[0]) if values else {}
    except (ValueError, RecursionError):
        return None
    if not isinstance(config, dict):
        return None
    seconds = config.get("timeoutSeconds", "")
    return _seconds((str("" if seconds is None else seconds),))
