"""Where it is all kept: one database, opened and upgraded, with the tables of the rooms above it.

``ledger`` and ``journal`` read and write by these names, each its own tables; whoever looks after a
state from outside (checks, copies or repairs it) takes ``StateMaintenance``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from monitor.lazy_face import load_when_asked
from monitor.store.database import Database
from monitor.store.engines import (
    DEFAULT_BUSY_TIMEOUT_SECONDS,
    execute_rows,
    insert_if_absent,
    insert_into,
    parsed_url,
    server_name,
    upsert,
    upsert_rows,
)
from monitor.store.journal_schema import audit, changes, leases, quarantines, refusals, switches
from monitor.store.opening import open_database, read_only_database
from monitor.store.org_facts import (
    backfilled,
    edits_read_until,
    find_org,
    flow_error_basis,
    forget_backfilled,
    known_limits,
    listed_at,
    lock_every_org,
    lock_org,
    pruned_before,
    reconciled_at,
    remember_backfilled,
    remember_edits_read_until,
    remember_flow_error_basis,
    remember_limits,
    remember_listed_at,
    remember_pruned_before,
    remember_reconciled_at,
)
from monitor.store.processes import has_ended, process_identity, running_program, this_place
from monitor.store.quick_check import QUICK_CHECK_SECONDS, refuse_damage
from monitor.store.reading_leases import (
    LEASE_SECONDS,
    RENEWALS,
    Reader,
    ReadingLease,
    end_leases,
    hand_out_lease,
    not_leased,
    read_leases,
    renew_leases,
)
from monitor.store.schema import (
    BAND_COLUMNS,
    DAY_SECONDS,
    LONGEST_SUM_MS,
    SCHEMA_VERSION,
    SERIES_PER_PACK,
    action_diagnoses,
    actions,
    coverage,
    diagnoses,
    error_types,
    flow_error_totals,
    flow_errors,
    flow_lookups,
    flow_use,
    flows,
    incident_totals,
    incidents,
    lateness,
    metadata,
    near_looks,
    orgs,
    packed_days,
    series,
    sources,
    tallies,
    timeout_edits,
    timeouts,
    verdict_history,
)
from monitor.store.state_clock import ServerClock, StateClock, seconds_since_boot
from monitor.store.state_file import StateFile

if TYPE_CHECKING:
    from monitor.store.maintenance.integrity import IntegrityFault
    from monitor.store.maintenance.state_maintenance import StateMaintenance
    from monitor.store.packing import (
        DamagedPackError,
        pack,
        pack_sums,
        sums_of,
        unpack,
        unpack_counts,
        unpack_sums,
    )
    from monitor.store.window_columns import WindowColumns, columns_of, joined, no_windows

__all__ = [
    "BAND_COLUMNS",
    "DAY_SECONDS",
    "DEFAULT_BUSY_TIMEOUT_SECONDS",
    "LEASE_SECONDS",
    "LONGEST_SUM_MS",
    "QUICK_CHECK_SECONDS",
    "RENEWALS",
    "SCHEMA_VERSION",
    "SERIES_PER_PACK",
    "DamagedPackError",
    "Database",
    "IntegrityFault",
    "Reader",
    "ReadingLease",
    "ServerClock",
    "StateClock",
    "StateFile",
    "StateMaintenance",
    "WindowColumns",
    "action_diagnoses",
    "actions",
    "audit",
    "backfilled",
    "changes",
    "columns_of",
    "coverage",
    "diagnoses",
    "edits_read_until",
    "end_leases",
    "error_types",
    "execute_rows",
    "find_org",
    "flow_error_basis",
    "flow_error_totals",
    "flow_errors",
    "flow_lookups",
    "flow_use",
    "flows",
    "forget_backfilled",
    "hand_out_lease",
    "has_ended",
    "incident_totals",
    "incidents",
    "insert_if_absent",
    "insert_into",
    "joined",
    "known_limits",
    "lateness",
    "leases",
    "listed_at",
    "lock_every_org",
    "lock_org",
    "metadata",
    "near_looks",
    "no_windows",
    "not_leased",
    "open_database",
    "orgs",
    "pack",
    "pack_sums",
    "packed_days",
    "parsed_url",
    "process_identity",
    "pruned_before",
    "quarantines",
    "read_leases",
    "read_only_database",
    "reconciled_at",
    "refusals",
    "refuse_damage",
    "remember_backfilled",
    "remember_edits_read_until",
    "remember_flow_error_basis",
    "remember_limits",
    "remember_listed_at",
    "remember_pruned_before",
    "remember_reconciled_at",
    "renew_leases",
    "running_program",
    "seconds_since_boot",
    "series",
    "server_name",
    "sources",
    "sums_of",
    "switches",
    "tallies",
    "this_place",
    "timeout_edits",
    "timeouts",
    "unpack",
    "unpack_counts",
    "unpack_sums",
    "upsert",
    "upsert_rows",
    "verdict_history",
]

_LAZY = {
    "maintenance.integrity": ("IntegrityFault",),
    "maintenance.state_maintenance": ("StateMaintenance",),
    "packing": (
        "DamagedPackError",
        "pack",
        "pack_sums",
        "sums_of",
        "unpack",
        "unpack_counts",
        "unpack_sums",
    ),
    "window_columns": ("WindowColumns", "columns_of", "joined", "no_windows"),
}
"""Names by the module that each is loaded from when it is first asked for."""

__getattr__ = load_when_asked(__name__, _LAZY)
