"""The catalogue of an org: its actions, their timeouts, the flows that use them, its limits."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest

from monitor.errors import PermissionDeniedError, ServerFaultError
from monitor.genesys import Client, list_integrations
from monitor.ledger import Ledger, Reading
from monitor.model import Action, ActionKind, Incident
from monitor.simulator import ALL_PERMISSIONS, Scenario, World, scaled
from monitor.simulator.scenarios import (
    BRANCH_FINDER,
    GET_CUSTOMER,
    PARTNER_TOKEN,
    PAYMENT_LINE,
    PRICE_QUOTE,
    SEND_CONFIRMATION,
    TAKE_PAYMENT,
)
from monitor.time_ranges import TimeRange
from tests.clocks import DAY, HOUR, NOON, ManualClock
from tests.poller.conftest import Watch
from tests.poller.watched_org import SMALL, WatchedOrg, raise_timeout
from tests.simulated_org import ORG, request_counts

LOOKUP = "GET /api/v2/architect/dependencytracking/consumingresources"
LOOKUPS = "/api/v2/architect/dependencytracking"
INTEGRATIONS = "/api/v2/integrations"
ACTIONS = "/api/v2/integrations/actions"
LIMITS = "/api/v2/organizations/limits"


def known(watched: WatchedOrg) -> dict[str, Action]:
    """The actions in the ledger by id."""
    return {action.action_id: action for action in watched.ledger.state(ORG).actions}


def looked_up(watched: WatchedOrg) -> set[str]:
    """Actions whose flows are known."""
    return {action_id for action_id, _ in watched.ledger.state(ORG).flow_use}


def seen_to_time_out(watched: WatchedOrg, action_ids: Iterable[str]) -> None:
    """Let the ledger hold one timeout of each of these actions."""
    incidents = [
        Incident(f"c-{action_id}", NOON * 1_000, NOON + 1.0, action_id, "", "", "", "TIMED_OUT")
        for action_id in action_ids
    ]
    reading = Reading(TimeRange(NOON, NOON + 300), 300, NOON + 300.0, incidents=incidents)
    watched.ledger.record(ORG, "conversations", reading)


def refuse(watched: WatchedOrg, *permissions: str) -> None:
    """Take permissions away from the client."""
    watched.org.grant(set(ALL_PERMISSIONS) - set(permissions))


def warnings(logged: list[dict[str, Any]], event: str) -> list[str]:
    """What was warned of, under the name of an event."""
    return [line["what"] for line in logged if line["event"] == event]


class TestActions:
    """Kinds, timeouts and names."""

    @pytest.mark.parametrize(
        ("action_id", "kind", "configured_ms", "in_force_ms"),
        [
            pytest.param(GET_CUSTOMER.action_id, "custom", 10_000, 10_000, id="custom"),
            pytest.param(SEND_CONFIRMATION.action_id, "custom", None, 60_000, id="unset"),
            pytest.param(PRICE_QUOTE.action_id, "function", None, 15_000, id="function"),
            pytest.param(BRANCH_FINDER.action_id, "static", None, None, id="static"),
            pytest.param(PARTNER_TOKEN.action_id, "authentication", None, None, id="custom-auth"),
        ],
    )
    def test_the_kind_decides_the_timeout_in_force(
        self,
        watch: Watch,
        action_id: str,
        kind: str,
        configured_ms: int | None,
        in_force_ms: int | None,
    ) -> None:
        """As set; else 60 s, 15 s for a function, and unknown where there is none to set."""
        watched = watch()
        assert watched.catalogue.refresh() == 14
        action = known(watched)[action_id]
        assert action.kind is ActionKind(kind)
        assert (action.configured_timeout_ms, action.timeout_ms) == (configured_ms, in_force_ms)

    def test_an_action_carries_its_names(self, watch: Watch) -> None:
        """Name, integration and category are those of the platform."""
        watched = watch()
        watched.catalogue.refresh()
        assert known(watched)[GET_CUSTOMER.action_id] == Action(
            action_id=GET_CUSTOMER.action_id,
            name="Get Customer",
            integration_id=GET_CUSTOMER.integration.integration_id,
            integration_name="CRM",
            category="Salesforce Data Actions",
            kind=ActionKind.CUSTOM,
            configured_timeout_ms=10_000,
        )

    def test_a_timeout_that_was_changed_is_seen_at_the_next_refresh(
        self, watch: Watch, clock: ManualClock
    ) -> None:
        """The ledger keeps both, with the moment of the change."""
        watched = watch(SMALL)
        watched.catalogue.refresh()
        body = b'{"version": 1, "config": {"timeoutSeconds": 20}}'
        watched.org.actions.update(TAKE_PAYMENT.action_id, body)
        clock.at += 600
        watched.catalogue.refresh()
        changes = [
            (since, timeout_ms)
            for action_id, since, timeout_ms in watched.ledger.timeouts_in_force(ORG)
            if action_id == TAKE_PAYMENT.action_id
        ]
        assert changes == [(NOON, 15_000), (NOON + 600, 20_000)]

    def test_actions_that_may_not_be_listed_are_an_error(self, watch: Watch) -> None:
        """Without the list there is no catalogue; the caller is told why."""
        watched = watch(SMALL)
        refuse(watched, "integrations:action:view", "bridge:actions:view")
        with pytest.raises(PermissionDeniedError, match="integrations/actions"):
            watched.catalogue.refresh()

    def test_a_list_that_breaks_off_changes_nothing(self, watch: Watch) -> None:
        """Half a list must not make the other half look gone."""
        watched = watch(scaled(150), deadline_seconds=3.0)
        watched.catalogue.refresh()
        watched.fault("server_error", ACTIONS, skip=1)
        with pytest.raises(ServerFaultError):
            watched.catalogue.refresh()
        assert watched.ledger.state(ORG).gone == frozenset()


class TestIntegrationNames:
    """Names of integrations: wanted, not needed."""

    def test_names_that_are_refused_stay_empty(
        self, watch: Watch, logged: list[dict[str, Any]]
    ) -> None:
        """The actions are listed without them, and one warning names the permission."""
        watched = watch(SMALL)
        refuse(watched, "integrations:integration:view")
        assert watched.catalogue.refresh() == 4
        watched.catalogue.refresh()
        assert {action.integration_name for action in known(watched).values()} == {""}
        assert warnings(logged, "catalogue_without") == ["integration names"]
        line = next(line for line in logged if line["event"] == "catalogue_without")
        assert "integrations:integration:view" in line["why"] + line["hint"]

    def test_names_that_were_known_outlive_a_failure(self, watch: Watch) -> None:
        """One bad answer must not rename every integration for ten minutes."""
        watched = watch(SMALL, deadline_seconds=1.5)
        watched.catalogue.refresh()
        watched.fault("server_error", f"{INTEGRATIONS}", skip=1)
        watched.catalogue.refresh()
        assert known(watched)[TAKE_PAYMENT.action_id].integration_name == "Payments Gateway"

    def test_a_refusal_after_an_answer_is_warned_of_again(
        self, watch: Watch, logged: list[dict[str, Any]]
    ) -> None:
        """A permission that was granted and taken away is news."""
        watched = watch(SMALL)
        for _ in range(2):
            refuse(watched, "integrations:integration:view")
            watched.catalogue.refresh()
            watched.org.grant(ALL_PERMISSIONS)
            watched.catalogue.refresh()
            watched.clock.at += HOUR
        assert warnings(logged, "catalogue_without") == ["integration names"] * 2

    def test_they_are_asked_for_once_an_hour_or_when_one_is_not_known(self, watch: Watch) -> None:
        """They hardly change, and no action may stay without the name of its integration."""
        watched = watch(SMALL)
        for _ in range(3):
            watched.catalogue.refresh()
            watched.clock.at += 600
        assert watched.requests()["GET /api/v2/integrations"] == 1
        watched.clock.at += HOUR
        watched.catalogue.refresh()
        assert watched.requests()["GET /api/v2/integrations"] == 1


class TestLimits:
    """The org's own limits."""

    @pytest.mark.parametrize(
        ("shown", "limits"),
        [
            (
                "all",
                {
                    "concurrent_executions": 50,
                    "executions_per_minute": 2_500,
                    "function_concurrent_executions": 25,
                },
            ),
            ("concurrency", {"concurrent_executions": 50}),
            ("none", {}),
        ],
    )
    def test_what_the_platform_does_not_show_is_not_guessed(
        self, watch: Watch, url: str, shown: str, limits: dict[str, int]
    ) -> None:
        """Each limit that it shows is known, after a restart too; the others are not."""
        watched = watch(SMALL, world=World(limits=shown))
        watched.catalogue.refresh()
        with Ledger.open(url) as reopened:
            assert reopened.state(ORG).limits == limits
            assert reopened.state(ORG).concurrency_limit == limits.get("concurrent_executions")

    def test_a_limit_that_is_shown_no_more_is_known_no_more(self, watch: Watch) -> None:
        """An old number would be a guess."""
        watched = watch(SMALL)
        watched.catalogue.refresh()
        watched.ledger.save_limits(ORG, {"executions_per_minute": 100})
        assert watched.ledger.state(ORG).limits == {"executions_per_minute": 100}

    def test_the_limit_is_the_orgs_own(self, watch: Watch) -> None:
        """Read from the platform; before the first refresh nobody knows it."""
        watched = watch(SMALL)
        assert watched.catalogue.concurrency_limit is None
        watched.catalogue.refresh()
        assert watched.catalogue.concurrency_limit == 50

    def test_an_org_without_a_limit_of_its_own_has_the_default(self, watch: Watch) -> None:
        """The platform's default counts where the org has none."""
        watched = watch(replace(SMALL, limits=()))
        watched.catalogue.refresh()
        assert watched.catalogue.concurrency_limit == 30

    def test_limits_that_fail_keep_the_last_one(
        self, watch: Watch, logged: list[dict[str, Any]]
    ) -> None:
        """What was known stays known, with one warning."""
        watched = watch(SMALL, deadline_seconds=1.5)
        watched.catalogue.refresh()
        watched.fault("server_error", LIMITS)
        watched.clock.at += HOUR
        watched.catalogue.refresh()
        watched.catalogue.refresh()
        assert watched.catalogue.concurrency_limit == 50
        assert warnings(logged, "catalogue_without") == ["limits"]


class TestFlowUse:
    """Which flows use an action: asked little by little."""

    @staticmethod
    def sixty() -> Scenario:
        """More actions than two refreshes ask about."""
        return scaled(60)

    def test_a_refresh_asks_about_25_actions(self, watch: Watch) -> None:
        """Three refreshes know them all; the fourth asks nothing."""
        watched = watch(self.sixty())
        asked = []
        for _ in range(4):
            watched.catalogue.refresh()
            asked.append(watched.requests()[LOOKUP])
        assert asked == [25, 25, 10, 0]
        assert len(looked_up(watched)) == 60

    def test_a_restart_goes_on_where_it_stopped(self, watch: Watch) -> None:
        """What was asked lately is not asked again by the next process, such as a next poll."""
        watched = watch(self.sixty())
        watched.catalogue.refresh()
        watched.requests()
        watched.restart()
        watched.catalogue.refresh()
        assert watched.requests()[LOOKUP] == 25
        assert len(looked_up(watched)) == 50

    def test_actions_that_time_out_come_first(self, watch: Watch) -> None:
        """Who is looked at is known first."""
        watched = watch(self.sixty())
        last = {action.action_id for action in self.sixty().actions[-5:]}
        seen_to_time_out(watched, last)
        watched.catalogue.refresh()
        assert last <= looked_up(watched)

    def test_after_a_day_an_action_is_asked_about_again(
        self, watch: Watch, clock: ManualClock
    ) -> None:
        """Flows change: what is known lasts a day. A secure action is looked for twice.

        What is known already is looked up anew by so many at a time as make all of them a day.
        """
        watched = watch(SMALL)
        watched.catalogue.refresh()
        clock.at += DAY - 1
        watched.catalogue.refresh()
        assert watched.requests()[LOOKUP] == 5
        clock.at += 1
        asked = []
        for _ in SMALL.actions:
            watched.catalogue.refresh()
            asked.append(watched.requests()[LOOKUP])
        assert sorted(asked) == [1, 1, 1, 2]

    def test_flows_are_known_by_name(self, watch: Watch) -> None:
        """The ledger holds who uses what, and how the flows are called."""
        watched = watch(SMALL)
        watched.catalogue.refresh()
        state = watched.ledger.state(ORG)
        assert (TAKE_PAYMENT.action_id, PAYMENT_LINE.flow_id) in state.flow_use
        assert state.flow_names[PAYMENT_LINE.flow_id] == "Payment Line"

    def test_lookups_that_are_refused_are_one_request_and_one_warning(
        self, watch: Watch, logged: list[dict[str, Any]]
    ) -> None:
        """Nothing is gained by asking 24 times more."""
        watched = watch(self.sixty())
        refuse(watched, "architect:dependencyTracking:view")
        watched.catalogue.refresh()
        watched.catalogue.refresh()
        assert watched.requests()[LOOKUP] == 2
        assert warnings(logged, "catalogue_without") == ["flow use"]

    def test_one_action_that_can_not_be_looked_up_keeps_no_other_waiting(
        self, watch: Watch
    ) -> None:
        """The next refresh begins with the others."""
        watched = watch(self.sixty())
        bad = self.sixty().actions[40].action_id
        seen_to_time_out(watched, [bad])
        watched.fault("bad_request", LOOKUPS, count=1)
        watched.catalogue.refresh()
        assert looked_up(watched) == set()
        watched.catalogue.refresh()
        assert len(looked_up(watched)) == 25
        assert bad not in looked_up(watched)
        for _ in range(2):
            watched.catalogue.refresh()
        assert bad in looked_up(watched)


class TestAttribution:
    """Which action a timeout belongs to when its record does not say."""

    def test_a_name_leads_to_its_only_action(self, watch: Watch) -> None:
        """An unknown name leads nowhere."""
        watched = watch(SMALL)
        watched.catalogue.refresh()
        assert watched.catalogue.action_named("Take Payment") == TAKE_PAYMENT.action_id
        assert watched.catalogue.action_named("Give Payment") is None

    def test_a_name_of_two_actions_leads_nowhere(self, watch: Watch) -> None:
        """Better unknown than wrong."""
        twin = replace(GET_CUSTOMER, name="Take Payment")
        watched = watch(replace(SMALL, actions=(*SMALL.actions, twin)))
        watched.catalogue.refresh()
        assert watched.catalogue.action_named("Take Payment") is None

    def test_a_name_that_an_action_took_over_leads_to_it(self, watch: Watch) -> None:
        """One that was deleted and made anew under its old name has two ids, and one is gone."""
        watched = watch(SMALL)
        old = Action("custom_-_old", "Take Payment")
        watched.ledger.save_catalogue(ORG, [old], NOON - DAY)
        watched.catalogue.refresh()
        assert watched.catalogue.action_named("Take Payment") == TAKE_PAYMENT.action_id

    def test_no_flow_leads_to_an_action(self, watch: Watch) -> None:
        """Not even to its only one: what a record does not name may be any back end's, or none."""
        watched = watch(SMALL)
        watched.catalogue.refresh()
        assert watched.catalogue.sole_action(PAYMENT_LINE.flow_id) is None

    def test_what_the_ledger_knows_is_known_after_a_restart(self, watch: Watch) -> None:
        """Names are there before the first refresh."""
        watched = watch(SMALL)
        watched.catalogue.refresh()
        watched.restart()
        assert watched.catalogue.action_named("Take Payment") == TAKE_PAYMENT.action_id


def test_the_simulator_counts_what_the_catalogue_asks(watch: Watch) -> None:
    """The counts that these tests compare are those of the far side."""
    watched = watch(SMALL)
    watched.catalogue.refresh()
    counts = request_counts(watched.simulator.url)
    assert counts[LOOKUP] == 5


class TestAuthenticationActions:
    """Custom authentication actions: what only a list that includes them has."""

    def test_they_stay_known_while_the_platform_does_not_list_them(
        self, watch: Watch, logged: list[dict[str, Any]], clock: ManualClock
    ) -> None:
        """A list that fails must not make them look gone, nor editable."""
        watched = watch(deadline_seconds=1.5)
        watched.catalogue.refresh()
        clock.at += 7 * 3600
        # Actions, then names, then actions again.
        watched.fault("server_error", INTEGRATIONS, skip=2)
        watched.catalogue.refresh()

        assert known(watched)[PARTNER_TOKEN.action_id].kind is ActionKind.AUTHENTICATION
        assert PARTNER_TOKEN.action_id not in watched.ledger.state(ORG).gone
        assert "authentication actions" in warnings(logged, "catalogue_without")

    def test_they_are_looked_for_a_few_times_a_day(self, watch: Watch, clock: ManualClock) -> None:
        """In between the list is read once, and they stay what they are."""
        watched = watch(SMALL)
        watched.catalogue.refresh()
        assert watched.requests()["GET /api/v2/integrations/actions"] == 2
        clock.at += 600
        watched.catalogue.refresh()

        assert watched.requests()["GET /api/v2/integrations/actions"] == 1


def test_a_listing_does_not_undo_a_raise_that_was_made_while_it_was_read(
    watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The list of actions is there, and the rest is still being read."""
    watched = watch()
    watched.catalogue.refresh()
    before = known(watched)[TAKE_PAYMENT.action_id].configured_timeout_ms
    assert before is not None

    def raised_meanwhile(client: Client) -> object:
        watched.clock.at += 5
        raise_timeout(watched, TAKE_PAYMENT.action_id, "", before, before + 1_000)
        return list_integrations(client)

    watched.clock.at += HOUR
    monkeypatch.setattr("monitor.poller.catalogue.list_integrations", raised_meanwhile)
    watched.catalogue.refresh()
    assert known(watched)[TAKE_PAYMENT.action_id].configured_timeout_ms == before + 1_000

    monkeypatch.undo()
    watched.clock.at += 600
    watched.catalogue.refresh()
    assert known(watched)[TAKE_PAYMENT.action_id].configured_timeout_ms == before
