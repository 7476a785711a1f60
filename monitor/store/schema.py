"""The tables of the ledger, version 6; changing one means a new version and a step towards it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    UniqueConstraint,
)
from sqlalchemy.types import TypeDecorator

from monitor.model import BAND_EDGES_MS
from monitor.redaction import SECRETS

if TYPE_CHECKING:
    from sqlalchemy import Dialect

APPLICATION = "timeout-monitor"
"""What ``meta`` says of whose file it is."""

SCHEMA_VERSION = 6

BAND_COLUMNS: tuple[str, ...] = tuple(f"b{index:02}" for index in range(len(BAND_EDGES_MS) + 1))
"""One column a latency band, so that SQL sums them; ``b00`` is the fastest."""

LONGEST_SUM_MS = 1e15
"""Thirty thousand years: what is longer, or no number, would make every later sum infinite."""

metadata = MetaData()


class RedactedText(TypeDecorator[str]):
    """A text that others have written: a name, an error type, a note.

    No secret comes into the state by it, or leaves it. What is written is masked as far as the
    secrets are known then. A state of an older program, or from before a secret was known, may hold
    one all the same; every reader of such a column is given the masked text, and compares with it,
    so that what is counted stays under one name.
    """

    impl = String
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Return what is to be kept, with every secret masked that this process knows."""
        return self.process_result_value(value, dialect)

    def process_result_value(self, value: str | None, dialect: Dialect) -> str | None:
        """Return what was kept, with every secret masked that this process knows."""
        del dialect
        return None if value is None else SECRETS.redact_name(value)


def _org() -> Column[int]:
    return Column("org_id", Integer, ForeignKey("orgs.id"), primary_key=True)


def _bands() -> list[Column[int]]:
    return [Column(name, BigInteger, nullable=False) for name in BAND_COLUMNS]


meta = Table(
    "meta",
    metadata,
    Column("key", String, primary_key=True),
    Column("value", String, nullable=False),
)
"""Whose file this is, its version, and the few facts that need no table of their own."""

orgs = Table(
    "orgs",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String, nullable=False, unique=True),
)
"""One row an org; its lock is what writers of one org queue for where rows are locked."""

series = Table(
    "series",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("org_id", Integer, ForeignKey("orgs.id"), nullable=False),
    Column("action_id", String, nullable=False),
    Column("error_type", RedactedText, nullable=False),
    Column("response_status", RedactedText, nullable=False),
    Column("count", BigInteger, nullable=False, default=0),
    Column("duration_ms", Double, nullable=False, default=0.0),
    *(Column(name, BigInteger, nullable=False, default=0) for name in BAND_COLUMNS),
    UniqueConstraint("org_id", "action_id", "error_type", "response_status"),
)
"""Running totals: one row for each way that an action ended. They are never pruned."""

tallies = Table(
    "tallies",
    metadata,
    _org(),
    Column("window_start", BigInteger, primary_key=True),
    Column("series_id", Integer, ForeignKey("series.id"), primary_key=True),
    Column("count", BigInteger, nullable=False),
    Column("duration_ms", Double, nullable=False),
    Column("min_ms", Double, nullable=False),
    Column("max_ms", Double, nullable=False),
    *_bands(),
    # Kept in the order of the key: a poll, a report and a prune each touch one period of one
    # org, which then lies together on disk, and a new window is written at the end.
    sqlite_with_rowid=False,
)
"""The largest count seen of each series in each window, as long as it may still grow."""

SERIES_PER_PACK = 32
"""Series whose windows of a day lie together: few enough to read one action, enough that reading a
whole org is no matter of thousands of pieces."""

DAY_SECONDS = 86_400
"""Packs are cut at UTC's midnight."""

packed_days = Table(
    "packed_days",
    metadata,
    _org(),
    Column("series_group", Integer, primary_key=True),
    Column("day_start", BigInteger, primary_key=True),
    Column("first_window", BigInteger, nullable=False),
    Column("last_window", BigInteger, nullable=False),
    Column("sums", LargeBinary, nullable=False),
    Column("windows", LargeBinary, nullable=False),
)
"""The same of windows that have settled, many in one value (``packing.pack``): those of a day, and
of the ``SERIES_PER_PACK`` series of a group. A window is either here or in ``tallies``, never in
both. ``sums`` has one row a series, dated by the day."""

coverage = Table(
    "coverage",
    metadata,
    _org(),
    Column("source", String, primary_key=True),
    Column("skipped", Boolean, primary_key=True),
    Column("range_start", BigInteger, primary_key=True),
    Column("range_end", BigInteger, nullable=False),
)
"""What was asked of a source, and apart from it what was given up; each merged and disjoint."""

sources = Table(
    "sources",
    metadata,
    _org(),
    Column("source", String, primary_key=True),
    Column("last_success_at", Double, nullable=False),
    Column("newest_data_at", Double, nullable=False),
    Column("restatements", BigInteger, nullable=False),
    Column("skipped_windows", BigInteger, nullable=False),
    Column("complete_until", BigInteger, nullable=False),
    Column("window_seconds", Integer, nullable=False),
)
"""How far each source was read, and in which windows: those of two lengths can't be compared."""

lateness = Table(
    "lateness",
    metadata,
    _org(),
    Column("source", String, primary_key=True),
    Column("band", Integer, primary_key=True),
    Column("executions", BigInteger, nullable=False),
    Column("seconds_sum", Double, nullable=False),
)

error_types = Table(
    "error_types",
    metadata,
    _org(),
    Column("error_type", RedactedText, primary_key=True),
    Column("first_seen_at", Double, nullable=False),
)

actions = Table(
    "actions",
    metadata,
    _org(),
    Column("action_id", String, primary_key=True),
    Column("name", RedactedText, nullable=False),
    Column("integration_id", String, nullable=False),
    Column("integration_name", RedactedText, nullable=False),
    Column("category", RedactedText, nullable=False),
    Column("kind", String, nullable=False),
    Column("configured_timeout_ms", Integer, nullable=True),
    Column("listed", Boolean, nullable=False),
)
"""Every action ever known; ``listed`` is whether the newest catalogue has it."""

timeouts = Table(
    "timeouts",
    metadata,
    _org(),
    Column("action_id", String, primary_key=True),
    Column("since", Double, primary_key=True),
    Column("timeout_ms", Integer, nullable=True),
)
"""The timeout in force over time: a row when it is first seen, and one for each change."""

flows = Table(
    "flows",
    metadata,
    _org(),
    Column("flow_id", String, primary_key=True),
    Column("name", RedactedText, nullable=False),
    Column("named_at", Double, nullable=False),
)

flow_lookups = Table(
    "flow_lookups",
    metadata,
    _org(),
    Column("action_id", String, primary_key=True),
    Column("looked_up_at", Double, nullable=False),
)
"""When dependency tracking was asked about each action, whether or not a flow uses it."""

flow_use = Table(
    "flow_use",
    metadata,
    _org(),
    Column("action_id", String, primary_key=True),
    Column("flow_id", String, primary_key=True),
)
"""Which flows use an action, as dependency tracking says; incidents say it in their totals."""

incidents = Table(
    "incidents",
    metadata,
    _org(),
    Column("conversation_id", String, primary_key=True),
    Column("segment_start_ms", BigInteger, primary_key=True),
    Column("at", Double, nullable=False),
    Column("action_id", String, nullable=False),
    Column("flow_id", String, nullable=False),
    Column("error_type", RedactedText, nullable=False),
    Column("attributed", String, nullable=False, server_default=""),
    Index("incidents_by_time", "org_id", "at"),
)

incident_totals = Table(
    "incident_totals",
    metadata,
    _org(),
    Column("flow_id", String, primary_key=True),
    Column("action_id", String, primary_key=True),
    Column("incidents", BigInteger, nullable=False),
    Column("conversations", BigInteger, nullable=False),
)
"""Running totals of incidents. They are never pruned."""

timeout_edits = Table(
    "timeout_edits",
    metadata,
    _org(),
    Column("edit_id", String, primary_key=True),
    Column("at", Double, nullable=False),
    Column("action_id", String, nullable=False),
    Column("user_id", String, nullable=False),
    Column("user_name", RedactedText, nullable=False),
    Column("client_id", String, nullable=False),
    Column("from_ms", Integer, nullable=True),
    Column("to_ms", Integer, nullable=True),
    Column("change_id", Integer, nullable=True),
    Index("timeout_edits_by_action", "org_id", "action_id", "at"),
)
"""Who saved an action and when, by the platform's audit log; ``change_id`` where that was us."""

flow_errors = Table(
    "flow_errors",
    metadata,
    _org(),
    Column("window_start", BigInteger, primary_key=True),
    Column("flow_id", String, primary_key=True),
    Column("exit_reason", RedactedText, primary_key=True),
    Column("callers", BigInteger, nullable=False),
)
"""The most callers seen that a flow lost one way in a window."""

flow_error_totals = Table(
    "flow_error_totals",
    metadata,
    _org(),
    Column("flow_id", String, primary_key=True),
    Column("exit_reason", RedactedText, primary_key=True),
    Column("callers", BigInteger, nullable=False),
)
"""Running totals of callers lost in flows. They are never pruned."""

reading_leases = Table(
    "reading_leases",
    metadata,
    _org(),
    Column("holder", String, nullable=False),
    Column("place", String, nullable=False),
    Column("process", String, nullable=False),
    Column("token", BigInteger, nullable=False),
    Column("until", Double, nullable=False),
)
"""Which running program reads an org, and until when; the token grows with each new holder."""

diagnoses = Table(
    "diagnoses",
    metadata,
    _org(),
    Column("stamp", String, nullable=False),
    Column("program", String, nullable=False),
    Column("taken_at", Double, nullable=False),
    Column("content", LargeBinary, nullable=False),
)
"""The last diagnosis of an org without those of its actions, and what the next one needs to know of
it. ``stamp`` is another one each time that it is written; ``program`` is the version that alone can
read ``content``."""

action_diagnoses = Table(
    "action_diagnoses",
    metadata,
    _org(),
    Column("action_id", String, primary_key=True),
    Column("taken_at", Double, nullable=False),
    Column("content", LargeBinary, nullable=False),
)
"""The last diagnosis of each action, by the same program."""

verdict_history = Table(
    "verdict_history",
    metadata,
    _org(),
    Column("action_id", String, primary_key=True),
    Column("told_from", Double, primary_key=True),
    Column("told_until", Double, nullable=True),
    Column("verdict", String, nullable=False),
    Column("since", Double, nullable=False),
    Column("until", Double, nullable=True),
    Column("advised_ms", Double, nullable=True),
    Index("verdict_history_by_end", "org_id", "told_until"),
)
"""What was told of each action, from when to when, and of which period: ``told_until`` is null for
what is told still, ``until`` while what it speaks of goes on. What is told no more is not written
again."""

near_looks = Table(
    "near_looks",
    metadata,
    _org(),
    Column("action_id", String, primary_key=True),
    Column("timeout_ms", Integer, primary_key=True),
    Column("range_start", BigInteger, primary_key=True),
    Column("range_end", BigInteger, nullable=False),
    Column("edges_ms", String, nullable=False),
    Column("counts", String, nullable=False),
)
"""Successes by near band (``monitor.near_edges``) of an action under a timeout, where a verdict
hung on them: those of a range of time, parted by commas. What was empty is kept too."""

VERSION_4: tuple[Table, ...] = (timeout_edits, flow_errors, flow_error_totals, reading_leases)
"""What version 3 lacks."""

VERSION_5: tuple[Table, ...] = (
    packed_days,
    diagnoses,
    action_diagnoses,
    verdict_history,
    near_looks,
)
"""What version 4 lacks."""
