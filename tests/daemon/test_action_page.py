"""The page of an action in a daemon: from its state, and waiting for nothing."""

from __future__ import annotations

from urllib.parse import quote

import requests

from tests.daemon.conftest import MakeDaemon
from tests.daemon.place import Place, eventually


def test_an_action_is_drawn_from_the_state(place: Place, make_daemon: MakeDaemon) -> None:
    """As soon as something was read; a reload goes on showing it."""
    daemon = make_daemon(place)
    daemon.start()
    eventually(lambda: daemon.holder.current.orgs[0].day.actions, "a poll")
    [action] = [
        one
        for one in daemon.holder.current.orgs[0].day.actions
        if one.action_name == "Take Payment"
    ]
    url = f"{daemon.address}/actions/acme/{quote(action.action_id, safe='')}?since=6h"
    page = requests.get(url, timeout=10)
    assert page.status_code == 200
    assert "Take Payment" in page.text
    assert 'id="outcomes"' in page.text
    assert "timed out" in page.text

    daemon.reload()
    assert requests.get(url, timeout=10).status_code == 200
