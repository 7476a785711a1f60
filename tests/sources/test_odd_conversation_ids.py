"""Whatever a conversation's id is: what the ledger keeps of it is fit to be kept, and once."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack

from hypothesis import example, given, settings
from hypothesis import strategies as st

from monitor.ledger import Ledger, Reading
from monitor.sanitize import LONGEST_ID, sanitize_id
from monitor.sources import ConversationsSource
from monitor.time_ranges import TimeRange
from tests.clocks import NOON
from tests.filled_ledger import CLASSIFIER
from tests.genesys.far_side import listening
from tests.poller.watched_org import client_of
from tests.simulated_org import SECRET
from tests.sources.analytics_answers import DETAILS, conversation, page, segment
from tests.sources.test_conversations import KnowsNothing

PERIOD = TimeRange(NOON, NOON + 900)
STARTS = (NOON + 1, NOON + 20)

ODD = (
    "c\0",
    "c\x1b",
    "c\ufffd",
    "c\ud83c",
    "c\u202e",
    "c\n",
    "c ",
    f"c {SECRET}",
    "c" * LONGEST_ID,
    "c" * (LONGEST_ID + 1),
    "c" * (LONGEST_ID - 1) + "…",
    "🍕" * 3_000,
)
"""Some of them are the same once they are fit to be kept."""

IDS = st.lists(st.sampled_from(ODD) | st.text(min_size=1, max_size=8), min_size=1, max_size=20)


@given(IDS)
@example([*ODD, *ODD])
@settings(deadline=None, max_examples=25)
def test_each_timeout_is_kept_once_under_an_id_that_is_fit(ids: list[str]) -> None:
    """Read twice, from two pages that repeat each other: the ledger has each one, once."""
    answer = page(*(conversation(one, *map(segment, STARTS)) for one in ids), total=150)
    with ExitStack() as stack:
        far_side = stack.enter_context(listening())
        client = client_of(far_side.url)
        stack.callback(client.close)
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        ledger = stack.enter_context(Ledger.open(f"sqlite:///{folder}/ledger.db"))
        far_side.on(DETAILS, answer)
        source = ConversationsSource(client, CLASSIFIER, KnowsNothing())
        added = []
        for _ in range(2):
            found = source.read(PERIOD, 300, deep=False).incidents
            reading = Reading(PERIOD, 300, PERIOD.end, incidents=found)
            added.append(ledger.record("acme", "conversations", reading).incidents_added)
        kept = ledger.impact.incidents("acme", PERIOD)
    expected = {(sanitize_id(one), start * 1_000) for one in ids for start in STARTS}
    assert {(one.conversation_id, one.segment_start_ms) for one in kept} == expected
    assert (len(kept), added) == (len(expected), [len(expected), 0])
