"""Pages of a daemon that come from its state, not from its last poll."""

from __future__ import annotations

from tests.daemon.daemon_process import RunningDaemon
from tests.daemon.place import Place, eventually


def test_a_pause_is_on_the_page_of_changes_at_once(place: Place) -> None:
    """With who, why, and what ends it: no poll has to come first."""
    place.configure(interval="1h")
    with RunningDaemon(place) as daemon:
        eventually(lambda: daemon.get("/readyz").status_code == 200, "the first poll")
        assert "Nothing stops changes." in daemon.get("/changes").text
        place.run("pause", "--reason", "A release of the flows")
        page = daemon.get("/changes").text

    assert "A release of the flows" in page
    assert "timeout-monitor resume --org" in page
    assert "All changes paused" in page
