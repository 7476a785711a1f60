"""A secret that somebody has put into a name: no reader of the state is given it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from monitor.journal import AuditEntry, Switch
from monitor.ledger import Ledger, Reading
from monitor.model import Action
from monitor.redaction import MASK, SECRETS, Redactor
from monitor.remediation import AuditFile
from tests.evidence import ORG, SOURCE, T0, incident, reading, tally

TOKEN = "tok-6c1f3b9a27"  # noqa: S105 - it opens nothing
NAMED = f"Look up {TOKEN}"
MASKED = f"Look up {MASK}"


def fill(ledger: Ledger) -> None:
    """Keep everything that an org's people may name, and what has failed under such a word."""
    ledger.save_catalogue(ORG, [Action("a1", NAMED, "i1", NAMED, NAMED)], T0)
    ledger.save_flow_use(ORG, "a1", {"f1": NAMED}, T0)
    ledger.record(ORG, SOURCE, failed())
    ledger.journal.audit.note(
        [AuditEntry(T0, ORG, "refused", "ann", action_id="a1", action_name=NAMED)]
    )
    ledger.journal.pause(ORG, Switch(T0, "ann", NAMED))


def failed() -> Reading:
    """Three executions that failed under a word with the token in it, and one call that was hit."""
    return reading(
        tally(3, error_type=NAMED),
        incidents=[incident("c1", error_type=NAMED, flow_name=NAMED)],
    )


def shown(ledger: Ledger) -> str:
    """All that the state gives to whoever shows it."""
    journal = ledger.journal
    return repr(
        (ledger.state(ORG), journal.audit.newest(ORG, 10), journal.remediation_state(ORG, T0))
    )


@pytest.fixture(autouse=True)
def secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Know nothing of other tests' secrets, and let these be forgotten."""
    for name, fresh in vars(Redactor()).items():
        monkeypatch.setattr(SECRETS, name, fresh)


def test_no_name_brings_a_secret_into_the_state(ledger: Ledger) -> None:
    """Known before it came: what is kept has no trace of it."""
    SECRETS.keep_for_now(TOKEN)
    fill(ledger)
    for name, fresh in vars(Redactor()).items():
        setattr(SECRETS, name, fresh)

    assert TOKEN not in shown(ledger)
    assert MASKED in shown(ledger)


def test_what_an_older_program_kept_is_masked_when_it_is_read(ledger: Ledger) -> None:
    """Known only since it was kept: whoever reads is given the masked text."""
    fill(ledger)
    assert TOKEN in shown(ledger)
    SECRETS.keep(TOKEN)

    assert TOKEN not in shown(ledger)
    assert MASKED in shown(ledger)


DIGITS = "33333333"
"""A password that stands in the decimals of a third."""


def third(ledger: Ledger) -> None:
    """Add a line to the trail whose evidence has a third, and a name with both secrets in it."""
    evidence = {
        "timeout_share": 1 / 3,
        "guards": [{"guard": "step", "detail": f"{NAMED} {DIGITS}"}],
    }
    ledger.journal.audit.note([AuditEntry(T0, ORG, "dry_run", "ann", "a1", evidence=evidence)])


@pytest.mark.parametrize("known", ["before", "after"])
def test_a_secret_of_digits_leaves_the_trail_readable(ledger: Ledger, known: str) -> None:
    """It is masked in texts; a number that it happens to stand in is no secret."""
    if known == "before":
        SECRETS.keep(DIGITS)
        SECRETS.keep(TOKEN)
    third(ledger)
    SECRETS.keep(DIGITS)
    SECRETS.keep(TOKEN)

    (entry,) = ledger.journal.audit.newest(ORG, 10)

    assert entry.evidence == {
        "timeout_share": 1 / 3,
        "guards": [{"guard": "step", "detail": f"{MASKED} {MASK}"}],
    }


def test_a_line_that_an_older_program_broke_hides_no_other(tmp_path: Path) -> None:
    """Its evidence is lost; what else it says is not, nor what came before it."""
    path = tmp_path / "state.db"
    with Ledger.open(f"sqlite:///{path}") as ledger:
        third(ledger)
        with closing(sqlite3.connect(path)) as older:
            older.execute(
                "INSERT INTO audit SELECT id + 1, org_id, at, event, actor, action_id, "
                "action_name, change_id, from_ms, to_ms, reason, detail, lock_before, lock_after, "
                "'{\"timeout_share\":0.***}' FROM audit"
            )
            older.commit()
        AuditFile(tmp_path / "audit.jsonl", ledger.journal).catch_up()

        newest, oldest = ledger.journal.audit.newest(ORG, 10)

    assert (newest.event, newest.evidence) == ("dry_run", {})
    assert oldest.evidence["timeout_share"] == 1 / 3
    assert len((tmp_path / "audit.jsonl").read_text().splitlines()) == 2


def test_what_was_counted_under_such_a_word_is_not_counted_again(ledger: Ledger) -> None:
    """The same window, read again since the secret is known, finds its count."""
    ledger.record(ORG, SOURCE, failed())
    SECRETS.keep(TOKEN)

    assert ledger.record(ORG, SOURCE, failed()).executions_added == 0
