"""The tables of changes: since version 2 of the schema."""

from __future__ import annotations

from sqlalchemy import (
    DDL,
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    event,
)

from monitor.store.redacted_json import RedactedJson
from monitor.store.schema import RedactedText, metadata

changes = Table(
    "changes",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("org_id", Integer, ForeignKey("orgs.id"), nullable=False),
    Column("action_id", String, nullable=False),
    Column("action_name", RedactedText, nullable=False),
    Column("target", String, nullable=False),
    Column("container_id", String, nullable=False),
    Column("from_ms", Integer, nullable=False),
    Column("to_ms", Integer, nullable=False),
    Column("state", String, nullable=False),
    Column("actor", RedactedText, nullable=False),
    Column("began_at", Double, nullable=False),
    Column("sent_at", Double, nullable=True),
    Column("applied_at", Double, nullable=True),
    Column("ended_at", Double, nullable=True),
    Column("touched_at", Double, nullable=False),
    Column("lock_before", String, nullable=False),
    Column("lock_after", String, nullable=False),
    Column("note", RedactedText, nullable=False),
    Column("measured", Boolean, nullable=False),
    Column("reason", String, nullable=False, server_default=""),
    Column("damage", RedactedText, nullable=False, server_default=""),
    Column("trial_seconds", Double, nullable=False, server_default="0"),
    Column("alike_since", Double, nullable=False, server_default="0"),
    Column("effect", String, nullable=False, server_default=""),
    Column("effect_note", RedactedText, nullable=False, server_default=""),
    Index("changes_by_action", "org_id", "action_id", "id"),
    Index("changes_by_state", "org_id", "state"),
)
"""Every change that was ever intended, with how far it has come. They are never pruned.

What decides about later writes stands in ``state``, ``reason`` and ``damage`` (since version 4),
``trial_seconds`` (since version 5), ``alike_since`` and ``effect`` (since version 6); the notes
are for people."""

audit = Table(
    "audit",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("org_id", Integer, ForeignKey("orgs.id"), nullable=False),
    Column("at", Double, nullable=False),
    Column("event", String, nullable=False),
    Column("actor", RedactedText, nullable=False),
    Column("action_id", String, nullable=False),
    Column("action_name", RedactedText, nullable=False),
    Column("change_id", Integer, nullable=True),
    Column("from_ms", Integer, nullable=True),
    Column("to_ms", Integer, nullable=True),
    Column("reason", RedactedText, nullable=False),
    Column("detail", RedactedText, nullable=False),
    Column("lock_before", String, nullable=False),
    Column("lock_after", String, nullable=False),
    Column("evidence", RedactedJson, nullable=False),
    Index("audit_by_org", "org_id", "id"),
)
"""What happened, line by line; ``evidence`` is JSON. The database itself refuses to change one."""

refusals = Table(
    "refusals",
    metadata,
    Column("org_id", Integer, ForeignKey("orgs.id"), primary_key=True),
    Column("action_id", String, primary_key=True),
    Column("reason", RedactedText, nullable=False),
    Column("from_ms", Integer, nullable=True),
    Column("to_ms", Integer, nullable=True),
)
"""What was last refused of each action, so that the same refusal is not written at every poll."""

switches = Table(
    "switches",
    metadata,
    Column("org_id", Integer, ForeignKey("orgs.id"), primary_key=True),
    Column("name", String, primary_key=True),
    Column("since", Double, nullable=False),
    Column("actor", RedactedText, nullable=False),
    Column("reason", RedactedText, nullable=False),
)
"""``paused`` and ``tripped`` where they are set, and when it was ``resumed`` last."""

quarantines = Table(
    "quarantines",
    metadata,
    Column("org_id", Integer, ForeignKey("orgs.id"), primary_key=True),
    Column("action_id", String, primary_key=True),
    Column("reason", RedactedText, nullable=False),
    Column("since", Double, nullable=False),
    Column("until", Double, nullable=False),
    Column("change_id", Integer, nullable=False),
)

leases = Table(
    "leases",
    metadata,
    Column("org_id", Integer, ForeignKey("orgs.id"), primary_key=True),
    Column("holder", String, nullable=False),
    Column("token", BigInteger, nullable=False),
    Column("until", Double, nullable=False),
)
"""Who may change timeouts of an org, and until when; the token grows with each new holder."""

VERSION_2: tuple[Table, ...] = (changes, audit, refusals, switches, quarantines, leases)
"""What version 1 lacks."""

_APPEND_ONLY: tuple[tuple[str, str], ...] = (
    (
        "sqlite",
        (
            "CREATE TRIGGER audit_is_never_changed BEFORE UPDATE ON audit "
            "BEGIN SELECT RAISE(ABORT, 'the audit trail can only grow'); END"
        ),
    ),
    (
        "sqlite",
        (
            "CREATE TRIGGER audit_is_never_deleted BEFORE DELETE ON audit "
            "BEGIN SELECT RAISE(ABORT, 'the audit trail can only grow'); END"
        ),
    ),
    (
        "postgresql",
        (
            "CREATE OR REPLACE FUNCTION audit_only_grows() RETURNS trigger LANGUAGE plpgsql AS $$ "
            "BEGIN RAISE EXCEPTION 'the audit trail can only grow'; END $$"
        ),
    ),
    (
        "postgresql",
        (
            "CREATE TRIGGER audit_only_grows BEFORE UPDATE OR DELETE ON audit "
            "FOR EACH ROW EXECUTE FUNCTION audit_only_grows()"
        ),
    ),
)
"""What makes the database refuse, by its kind."""

for _dialect, _statement in _APPEND_ONLY:
    _rule = DDL(_statement)  # type: ignore[no-untyped-call]  # SQLAlchemy leaves it untyped
    event.listen(audit, "after_create", _rule.execute_if(dialect=_dialect))
