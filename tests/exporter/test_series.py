"""Series of one org as text: what is drawn again is what has changed."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

from monitor.config import HistogramDetail
from monitor.counts import Counts, SeriesKey
from monitor.exporter.actions import add_actions
from monitor.exporter.catalogue import ACTION_METRICS
from monitor.exporter.contact_centre_metrics import EXECUTIONS
from monitor.exporter.series import OrgSeries
from monitor.ledger import OrgState
from monitor.model import NO_BANDS, Action, ActionKind
from monitor.snapshot import OrgSnapshot
from tests.exporter.snapshots import ORG, org_snapshot
from tests.filled_ledger import CLASSIFIER

ACTION = Action("a-1", "Take Payment", "i-1", "Payments", "Web", ActionKind.CUSTOM, 3_000)


STRANGE = Action('100 % "sure" %d', "Für 50 %", configured_timeout_ms=4_000)


def drawn(
    series: OrgSeries, shown: OrgSnapshot, histogram: HistogramDetail = HistogramDetail.COARSE
) -> dict[str, bytes]:
    """One draw."""
    series.begin()
    add_actions(series, shown, CLASSIFIER, histogram)
    return dict(series.finished())


def test_each_draw_is_what_a_first_one_would_be() -> None:
    """Whatever has changed since the last: a name, a timeout, a flow, a count, all or nothing."""
    first = OrgState(
        ORG,
        actions=(ACTION,),
        totals={SeriesKey("a-1", "NONE", "200"): Counts(3, 900.0)},
        flow_use=frozenset({("a-1", "flow")}),
        flow_names={"flow": "Main"},
    )
    counted = {SeriesKey("a-1", "TIMED_OUT", "504"): Counts(1, 3_000.0)}
    states = [
        first,
        first,
        replace(first, actions=(replace(ACTION, name="Pay"),)),
        replace(first, actions=(replace(ACTION, configured_timeout_ms=None),)),
        replace(first, gone=frozenset({"a-1"})),
        replace(first, flow_names={"flow": "Other"}),
        replace(first, totals={**first.totals, **counted}),
        replace(first, actions=(ACTION, Action("a-2", "Late"))),
        OrgState(ORG),
        first,
    ]
    kept = OrgSeries(ACTION_METRICS)
    for state in states:
        shown = org_snapshot(state)
        assert drawn(kept, shown) == drawn(OrgSeries(ACTION_METRICS), shown)


def test_each_draw_is_what_a_first_one_would_be_of_any_actions_in_any_form() -> None:
    """Whatever stands in ids, in whatever order they come, and whatever a reload shows of them."""
    totals = {
        SeriesKey(one.action_id, *ending): Counts(count, 1_234.5 * count, bands=bands)
        for count, one in enumerate((ACTION, STRANGE), 3)
        for ending in (("NONE", "200"), ("TIMED_OUT", "504"))
        for bands in [tuple(range(count, count + len(NO_BANDS)))]
    }
    both = (ACTION, STRANGE)
    orders = (both, both[::-1], (STRANGE,), both)
    kept = OrgSeries(ACTION_METRICS)
    for actions, detail, contract in product(orders, HistogramDetail, ("platform", "flow")):
        shown = org_snapshot(OrgState(ORG, actions=actions, totals=totals), contract=contract)
        lines = drawn(kept, shown, detail)
        assert lines == drawn(OrgSeries(ACTION_METRICS), shown, detail)
        text = b"".join(lines.values()).decode()
        for one in (r"100 % \"sure\" %d", "a-1"):
            times = f'{EXECUTIONS.name}{{org="{ORG}",action_id="{one}",outcome="timeout"}} '
            assert text.count(times) == 1


def test_the_same_part_is_the_very_same_text() -> None:
    """It is drawn once for each thing that it is drawn of."""
    series = OrgSeries(ACTION_METRICS)
    calls = []
    for basis in (1, 1, 2):
        series.begin()
        series.add_part("part", ACTION_METRICS[:1], basis, lambda: calls.append(1))
        series.finished()
    assert len(calls) == 2
