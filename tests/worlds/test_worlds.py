"""Every world, end to end: what can be known there is right, and nothing else is claimed.

One drive a world and contract, for reading an org takes most of the time: it is polled in the
middle of its day and at its end, and then each check looks at what the commands say.
"""

from __future__ import annotations

import pytest

from monitor.model import ActionKind
from monitor.simulator import World
from monitor.simulator.scenarios import PARTNER_TOKEN, PRICE_QUOTE
from tests.worlds import flow_contract, platform_contract
from tests.worlds.conftest import Watch
from tests.worlds.pairwise_worlds import name_of, pairwise
from tests.worlds.small_org import ACTIONS

pytestmark = pytest.mark.timeout(300)

WORLDS = pytest.mark.parametrize("world", pairwise(), ids=name_of)


@WORLDS
def test_the_platform_is_read_and_written_rightly(watch: Watch, world: World) -> None:
    """Counts, names, kinds, timeouts, verdicts, callers, and a raise that changes one number."""
    watched = watch(world)
    watched.read_all()

    for check in platform_contract.CHECKS:
        check(watched)


@WORLDS
def test_flow_documents_are_read_and_written_rightly(watch: Watch, world: World) -> None:
    """Timeouts that records show, what they don't, and one number changed in a document."""
    watched = watch(world, "flow")
    watched.read_all()

    for check in flow_contract.CHECKS:
        check(watched)


def test_the_org_shows_every_kind_of_action() -> None:
    """So that each world has something to be wrong about."""
    kinds = {action.kind for action in ACTIONS}

    assert kinds >= {ActionKind.CUSTOM, ActionKind.STATIC, ActionKind.FUNCTION}
    assert PARTNER_TOKEN.authentication
    assert PRICE_QUOTE.timeout_seconds is None
