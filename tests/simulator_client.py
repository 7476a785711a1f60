"""A client of the simulator that hides nothing."""

from __future__ import annotations

import datetime as dt
from types import TracebackType
from typing import Any, Self

import requests

from monitor.simulator import RunningSimulator
from monitor.time_ranges import TimeRange
from tests.simulated_org import order_fault

AGGREGATES = "/api/v2/analytics/actions/aggregates"
DETAILS = "/api/v2/analytics/conversations/details"
ACTIONS = "/api/v2/integrations/actions"
GROUPS = ("actionId", "errorType", "responseStatus")


class SimulatorClient:
    """Plain HTTP to a simulator, signed in."""

    def __init__(self, simulator: RunningSimulator) -> None:
        """Sign in with the client's secret."""
        self.simulator = simulator
        self.base = simulator.url
        self.org = simulator.org
        self.session = requests.Session()
        self.sign_in()

    def __enter__(self) -> Self:
        """Stay connected inside the block."""
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Hang up."""
        self.session.close()

    def sign_in(self) -> None:
        """Take a fresh token."""
        answer = self.token(self.org.client_id, self.org.client_secret)
        self.session.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"

    def token(self, client_id: str, secret: str) -> requests.Response:
        """Ask for a token with a secret."""
        return requests.post(
            f"{self.base}/oauth/token",
            auth=(client_id, secret),
            data={"grant_type": "client_credentials"},
            timeout=10,
        )

    def assert_signed(self, assertion: str) -> requests.Response:
        """Ask for a token with an assertion."""
        grant = "urn:ietf:params:oauth:grant-type:jwt-bearer"
        form = {"grant_type": grant, "assertion": assertion}
        return requests.post(f"{self.base}/oauth/token", data=form, timeout=10)

    def call(self, method: str, path: str, **more: Any) -> requests.Response:  # noqa: ANN401
        """Any request, as ``requests`` takes it."""
        return self.session.request(method, self.base + path, timeout=30, **more)

    def get(self, path: str, **params: object) -> requests.Response:
        """GET with query parameters."""
        return self.call("GET", path, params={name: str(value) for name, value in params.items()})

    def aggregates(self, time_range: TimeRange, **more: object) -> requests.Response:
        """The aggregates query."""
        body = {"interval": interval(time_range), "metrics": ["tTotalExecution"], **more}
        return self.call("POST", f"{AGGREGATES}/query", json=body)

    def details(self, time_range: TimeRange, **more: object) -> requests.Response:
        """The conversation details query."""
        body = {"interval": interval(time_range), **more}
        return self.call("POST", f"{DETAILS}/query", json=body)

    def all_details(self, time_range: TimeRange, **more: object) -> list[dict[str, Any]]:
        """Every page of the conversation details query."""
        found: list[dict[str, Any]] = []
        for page in range(1, 1_000):
            paging = {"pageSize": 100, "pageNumber": page}
            entries = (
                self.details(time_range, paging=paging, **more).json().get("conversations", [])
            )
            found += entries
            if not entries:
                break
        return found

    def truth(self, time_range: TimeRange) -> dict[str, Any]:
        """What really happened."""
        answer: dict[str, Any] = self.call(
            "GET", "/simulator/truth", params={"from": time_range.start, "to": time_range.end}
        ).json()
        return answer

    def fault(self, kind: str, **more: object) -> None:
        """Order a fault."""
        order_fault(self.base, kind, **more)


def interval(time_range: TimeRange) -> str:
    """A period as the platform writes it."""
    return f"{moment(time_range.start)}/{moment(time_range.end)}"


def moment(at: int) -> str:
    """A moment as the platform writes it."""
    return dt.datetime.fromtimestamp(at, dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def counts(answer: requests.Response) -> dict[tuple[str, str, str], int]:
    """Executions per action, errorType and responseStatus of an aggregates answer."""
    found: dict[tuple[str, str, str], int] = {}
    for result in answer.json().get("results", []):
        group = result["group"]
        key = (group["actionId"], group["errorType"], group.get("responseStatus", ""))
        for bucket in result["data"]:
            found[key] = found.get(key, 0) + bucket["metrics"][0]["stats"]["count"]
    return found
