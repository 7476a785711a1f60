"""A state looked after from outside: checked, copied, and repaired when it is damaged."""

from __future__ import annotations

from monitor.store.maintenance.integrity import IntegrityFault
from monitor.store.maintenance.state_maintenance import StateMaintenance

__all__ = ["IntegrityFault", "StateMaintenance"]
