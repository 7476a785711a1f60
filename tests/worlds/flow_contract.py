"""What has to hold of an org that speaks only flow documents and detail records."""

from __future__ import annotations

from typing import Any

from monitor.model import Outcome
from monitor.simulator.scenarios import TAKE_PAYMENT
from tests.worlds.conftest import WatchedWorld
from tests.worlds.small_org import FLOWS, truth_of

RAISED_MS = 20_000


def timeouts_are_counted_where_records_show_them(watched: WatchedWorld) -> None:
    """None is where they don't, for no telephony error may pass for one."""
    truth = truth_of(watched.simulator).outcomes
    found = sum(one["timeouts"] for one in watched.report()["actions"])
    hidden = watched.world.detail_errors == "hidden"
    assert found == (0 if hidden else sum(by[Outcome.TIMEOUT] for by in truth.values()))


def callers_lost_are_counted_from_the_records(watched: WatchedWorld) -> None:
    """By flow and exit reason, beside the timeouts."""
    found = {
        (one.flow_id, one.exit_reason): one.callers for one in watched.state().flow_error_totals
    }
    assert found == truth_of(watched.simulator).callers_lost


def one_number_of_a_document_changes(watched: WatchedWorld) -> None:
    """Whatever a gateway makes of ETags."""
    flow = next(one for one in FLOWS if one.name == "Payment Line")
    store = watched.simulator.org.flows
    before = store.get(flow.flow_id).body
    watched.run("flow", "set-timeout", flow.flow_id, "Take Payment", str(RAISED_MS))
    after = store.get(flow.flow_id).body
    assert _with_timeout(before, TAKE_PAYMENT.action_id) == _authored(after)


def _with_timeout(document: Any, action_id: str) -> Any:  # noqa: ANN401 - a JSON value
    """Return a flow document with one timeout changed, and without what a server manages."""
    if isinstance(document, list):
        return [_with_timeout(one, action_id) for one in document]
    if not isinstance(document, dict):
        return document
    changed = {key: _with_timeout(value, action_id) for key, value in document.items()}
    if document.get("id") == action_id and "data" in document:
        changed["data"] = {**changed["data"], "timeout": RAISED_MS}
    return _authored(changed)


def _authored(document: dict[str, Any]) -> dict[str, Any]:
    managed = ("version", "dateModified", "modifiedBy")
    return {key: value for key, value in document.items() if key not in managed}


CHECKS = (
    timeouts_are_counted_where_records_show_them,
    callers_lost_are_counted_from_the_records,
    one_number_of_a_document_changes,
)
