"""Bytes in, a value or an error of the tree out: whatever a far side may send, to every decoder."""

from __future__ import annotations

import importlib
import inspect
import json
import pkgutil
import re
import threading
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import monitor.genesys.api
import monitor.sources
from monitor.contract import Contract
from monitor.errors import TimeoutMonitorError
from monitor.genesys import Client, EndpointBackoff
from monitor.genesys.api.actions import (
    function_timeout_ms,
    get_action,
    get_action_document,
    get_template,
    is_authentication_action,
    list_actions,
    list_integrations,
)
from monitor.genesys.api.analytics import (
    ActionAggregateJob,
    action_job,
    action_job_page,
    submit_action_job,
)
from monitor.genesys.api.audits import action_audits
from monitor.genesys.api.authorization import is_granted
from monitor.genesys.api.dependencies import consuming_flows, tracking_is_built
from monitor.genesys.api.flows import get_flow
from monitor.genesys.api.org_limits import data_action_limits
from monitor.genesys.api.organization import whoami
from monitor.genesys.api.pagination import paginate
from monitor.genesys.client.api_stats import ApiCounters
from monitor.genesys.client.auth import ClientCredentials, TokenCache
from monitor.genesys.client.budget import Deadline
from monitor.genesys.client.rate_limiter import RateLimiter, TokenBucket
from monitor.genesys.client.transport import Request, Response
from monitor.sources import ActionsSource, ConversationsSource, FlowErrorsSource, timeout_edits
from monitor.time_ranges import TimeRange
from tests.clocks import NOON, ManualClock
from tests.filled_ledger import CLASSIFIER
from tests.genesys.client.thing_api import WRITE, Change
from tests.sources.test_conversations import KnowsNothing

PERIOD = TimeRange(NOON, NOON + 3_600)

HERE = Path(__file__).parent
CORPUS = sorted(HERE.glob("corpus/*.json"))
"""Bodies that were found to matter; whatever a run finds goes there."""

KEYS = (
    "access_token", "actions", "action", "conversationEnd", "conversationId",
    "conversationStart", "conversations", "config", "count", "cursor", "data", "date",
    "deleted", "entities", "entity", "errorCode", "errorMessage", "errorType", "eventDate",
    "exitReason", "expires_in", "flow", "flowId", "flowName", "function", "group", "id",
    "integrationId", "integrationType", "interval", "jobId", "key", "max", "message", "metric",
    "metrics", "min", "name", "newValues", "oldValues", "pageCount", "participants",
    "properties", "property", "propertyChanges", "purpose", "responseStatus", "results",
    "segmentEnd", "segmentStart", "segments", "sessions", "state", "stats", "status", "sum",
    "timeout", "timeoutSeconds", "totalHits", "type", "user", "value", "version", "views",
    "actionId", "actionName", "code", "error", "url", "method",
)  # fmt: skip
"""What the decoders look for, so that what is drawn gets past their first door."""

TEXTS = st.sampled_from(
    [
        "", "NONE", "data", "FULFILLED", "PENDING", "tTotalExecution", "nFlow", "FLOW_ERROR_EXIT",
        "below_250", "OPERATIONAL", "inboundflow", "actions.concurrent.executions.max", "config",
        "2026-11-23T12:00:00.000Z", "2026-11-23T12:00:00.000Z/2026-11-23T12:05:00.000Z",
        "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "2026-11-23T12:00:00",
        "1e400", "9" * 50, "-1", "3.0", "NaN", "\0", "..", "\ud83c", "\u202e", "a" * 400,
        '{"timeoutSeconds": 1e999}', "[" * 3_000,
    ]
)  # fmt: skip
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-5, 100)
    | st.sampled_from([10**30, -(10**30), 2**63, 2**64, 1e308, -1e308, 1e-320, 0.5])
    | TEXTS
    | st.text(max_size=4)
)
DOCUMENTS = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=6)
    ),
    max_leaves=25,
)
DEEP = "[" * 5_000 + "]" * 5_000


def _encoded(document: object) -> bytes:
    text = json.dumps(document, ensure_ascii=False, allow_nan=True)
    return text.encode("utf-8", "surrogatepass")


BODIES = st.one_of(
    DOCUMENTS.map(_encoded),
    # A field that nobody asked for, nested for ever.
    st.dictionaries(st.sampled_from(KEYS), DOCUMENTS, max_size=4).map(
        lambda document: (
            _encoded(document)[:-1] + b', "x": ' + DEEP.encode() + b"}"
            if document
            else b'{"x": ' + DEEP.encode() + b"}"
        )
    ),
    st.binary(max_size=40),
    st.tuples(DOCUMENTS.map(_encoded), st.integers(0, 200)).map(lambda cut: cut[0][: cut[1]]),
)
HEADERS = st.fixed_dictionaries(
    {},
    optional={
        "Location": st.sampled_from(
            ["http://[", "//[::1", "http://\udcff/", "x", "http://h:99999/"]
        ),
        "Retry-After": st.sampled_from(["nan", "inf", "-1", "1e400", "Thu, 99 Foo", "9" * 400, ""]),
        "Date": st.sampled_from(["", "x", "Thu, 01 Jan 0001 00:00:00 +9999", "9" * 99]) | st.text(),
        "ETag": st.text(max_size=5),
        "Content-Type": st.text(max_size=5),
        "inin-ratelimit-count": st.sampled_from(["nan", "-1", "1e400", "x"]),
        "inin-ratelimit-allowed": st.sampled_from(["0", "300", "inf"]),
        "inin-ratelimit-reset": st.sampled_from(["0", "60", "1e400", "nan"]),
        "ININ-Correlation-Id": st.text(max_size=5),
    },
)
ANSWERS = st.builds(
    Response,
    st.sampled_from([200] * 9 + [201, 204, 299, 300, 302, 304, 400, 401, 403, 404, 408, 409, 410,
                     412, 413, 418, 429, 500, 503, 504, 999]),
    HEADERS,
    BODIES,
    st.booleans(),
)  # fmt: skip


class Drawn:
    """A transport that brings back what was drawn, and then nothing more."""

    def __init__(self, answers: list[Response]) -> None:
        """Bring these back in turn."""
        self._answers = answers

    def send(self, request: Request) -> Response:  # noqa: ARG002 - whatever is asked
        """Return the next one."""
        return self._answers.pop(0) if self._answers else Response(200, {}, b"{}", is_whole=True)

    def close(self) -> None:
        """Nothing is open."""


class Always:
    """A token that is always there."""

    def token(self, deadline: Deadline) -> str:  # noqa: ARG002 - none is needed
        """Return it."""
        return "t"

    def invalidate(self, token: str) -> None:
        """It stays."""


def client_of(answers: list[Response]) -> tuple[Client, TokenCache]:
    """A client that gets these answers, and a login that does."""
    clock, counters, backoff = ManualClock(), ApiCounters(), EndpointBackoff()
    bucket = TokenBucket(per_second=1e9, burst=10**9)
    rate_limiter = RateLimiter(
        bucket=bucket, backoff=backoff, counters=counters, clock=clock, stop=threading.Event()
    )
    transport = Drawn(answers)
    client = Client(
        "http://h",
        tokens=Always(),
        transport=transport,
        rate_limiter=rate_limiter,
        counters=counters,
        clock=clock,
        stop=threading.Event(),
        deadline_seconds=0.02,
        first_pause_seconds=0.0001,
    )
    grant = ClientCredentials("id", "secret-of-the-fuzz", "http://h/oauth/token")
    return client, TokenCache(grant, transport, rate_limiter=rate_limiter, clock=clock)


def _conversations(client: Client) -> None:
    source = ConversationsSource(client, CLASSIFIER, KnowsNothing())
    source.read(PERIOD, 300, deep=True)
    source.flow_exits(PERIOD)


def _flow_errors(client: Client) -> None:
    conversations = ConversationsSource(client, CLASSIFIER, KnowsNothing())
    source = FlowErrorsSource(
        client, conversations, ManualClock(), org="o", contract=Contract.PLATFORM
    )
    source.read(PERIOD, 300, deep=True)


DECODERS: Mapping[str, Callable[[Client], object]] = {
    "action aggregates": lambda client: ActionsSource(client).read(PERIOD, 300, deep=True),
    "conversations": _conversations,
    "flow aggregates": _flow_errors,
    "actions": list_actions,
    "action": partial(get_action_document, action_id="a"),
    "template": partial(get_template, action_id="a", file_name="f"),
    "one action": partial(get_action, action_id="a"),
    "authentication": partial(is_authentication_action, action_id="a"),
    "permissions": partial(is_granted, permission="analytics:actionAggregate:view"),
    "integrations": list_integrations,
    "function": partial(function_timeout_ms, action_id="a"),
    "limits": data_action_limits,
    "consumers": partial(consuming_flows, action_id="a"),
    "tracking": tracking_is_built,
    "audits": lambda client: timeout_edits(action_audits(client, PERIOD).entries),
    "flow": partial(get_flow, flow_id="f"),
    "flow without the bad": partial(get_flow, flow_id="f", leave_out_bad=True),
    "organization": lambda client: whoami(client, ManualClock()),
    "new job": lambda client: submit_action_job(client, ActionAggregateJob("x")),
    "job": partial(action_job, job_id="j"),
    "job results": partial(action_job_page, job_id="j"),
    "write": lambda client: client.fetch(WRITE, path={"thingId": "a"}, body=Change("b")),
}


def outcome(what: str, answers: list[Response]) -> str:
    """Return what is said of these answers; empty where they are a value."""
    client, _ = client_of(answers)
    try:
        DECODERS[what](client)
    except TimeoutMonitorError as error:
        return error.message
    return ""


def decoders() -> set[str]:
    """Return every function that asks a client and gives a value."""
    api = monitor.genesys.api
    modules = [
        importlib.import_module(one.name)
        for one in pkgutil.walk_packages(api.__path__, f"{api.__name__}.")
    ]
    return {
        name
        for module in modules
        for name, function in inspect.getmembers(module, inspect.isfunction)
        if not name.startswith("_") and function.__module__ == module.__name__
        if "client" in inspect.signature(function).parameters and name != paginate.__name__
    }


def test_every_decoder_is_drawn_for() -> None:
    """By its name above, or by the sources that are read above."""
    files = [Path(__file__), *Path(monitor.sources.__path__[0]).glob("*.py")]
    words = {word for file in files for word in re.findall(r"\w+", file.read_text("utf-8"))}
    assert len(decoders()) > 15
    assert decoders() <= words


@pytest.mark.parametrize("path", CORPUS, ids=lambda one: one.name)
def test_every_answer_of_the_corpus(path: Path) -> None:
    """To every decoder, and to a login."""
    body = path.read_bytes()
    for what in DECODERS:
        said = outcome(what, [Response(200, {}, body, is_whole=True)] * 3)
        assert len(said) < 2_000, what
        assert "was raised at" not in said, what
    login_with([Response(200, {}, body, is_whole=True)])


@pytest.mark.parametrize("what", DECODERS)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(answers=st.lists(ANSWERS, min_size=1, max_size=3))
def test_an_answer_is_a_value_or_an_error_of_the_tree(what: str, answers: list[Response]) -> None:
    """Nothing else is raised, nor caught by the last resort, so nothing is a traceback."""
    message = outcome(what, answers)
    assert len(message) < 2_000
    assert "was raised at" not in message


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(answers=st.lists(ANSWERS, min_size=1, max_size=2))
def test_a_login_is_a_token_or_an_error_of_the_tree(answers: list[Response]) -> None:
    """And a token that was given can stand in a header."""
    login_with(answers)


def login_with(answers: list[Response]) -> None:
    """Log in, and look at the token where there is one."""
    _, tokens = client_of(answers)
    try:
        token = tokens.token(Deadline.after(1))
    except TimeoutMonitorError:
        return
    assert token.isascii()
    assert token.isprintable()
