"""A secret that somebody has put into a name: no reader of the state is given it."""

from __future__ import annotations

import pytest

from monitor.journal import AuditEntry, Switch
from monitor.ledger import Ledger, Reading
from monitor.model import Action
from monitor.redaction import MASK, SECRETS, Redactor
from tests.ledger.readings import ORG, SOURCE, T0, incident, reading, tally

TOKEN = "tok-6c1f3b9a27"  # noqa: S105 - it opens nothing
NAMED = f"Look up {TOKEN}"
MASKED = f"Look up {MASK}"


def fill(ledger: Ledger) -> None:
    """Keep everything that an org's people may name, and what has failed under such a word."""
    ledger.save_catalogue(ORG, [Action("a1", NAMED, "i1", NAMED, NAMED)], T0)
    ledger.save_flow_use(ORG, "a1", {"f1": NAMED}, T0)
    ledger.record(ORG, SOURCE, failed())
    ledger.journal.note([AuditEntry(T0, ORG, "refused", "ann", action_id="a1", action_name=NAMED)])
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
    return repr((ledger.state(ORG), journal.audit(ORG, 10), journal.remediation_state(ORG, T0)))


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


def test_what_was_counted_under_such_a_word_is_not_counted_again(ledger: Ledger) -> None:
    """The same window, read again since the secret is known, finds its count."""
    ledger.record(ORG, SOURCE, failed())
    SECRETS.keep(TOKEN)

    assert ledger.record(ORG, SOURCE, failed()).executions_added == 0
