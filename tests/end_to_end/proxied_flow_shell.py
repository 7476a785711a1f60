"""A shell with five variables, whose every request goes through a proxy that writes it down."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

import jwt

from monitor.clock import SystemClock
from monitor.simulator import PUNCTUAL, Scenario, serve
from monitor.simulator.scenarios import (
    ADDRESS_LOOKUP,
    DELIVERY_SLOTS,
    GET_CUSTOMER,
    ORDER_ENQUIRIES,
    ORDER_STATUS,
    SHIPMENT_TRACKING,
)
from tests.daemon.place import Finished
from tests.end_to_end.flow_shell import ACTION_ID, CLIENT_ID, FLOW_ID, Shell, pair_of_keys
from tests.end_to_end.recording_proxy import RecordingProxy, recording
from tests.simulated_org import simulated_org
from tests.simulator_client import SimulatorClient

HOST = "api.mypurecloud.com:443"
CONTRACT = {
    "POST /oauth/token",
    "GET /api/v2/flows/{flowId}",
    "PUT /api/v2/flows/{flowId}",
    "POST /api/v2/analytics/conversations/details/query",
}
"""All that a gateway of this contract knows."""

SMALL = Scenario(
    "desk",
    1,
    (ORDER_STATUS, SHIPMENT_TRACKING, DELIVERY_SLOTS, ADDRESS_LOOKUP, GET_CUSTOMER),
    (ORDER_ENQUIRIES,),
    PUNCTUAL,
    contract="flow",
)
"""A day of it is read in no time."""

_ASSERTION = re.compile(r"assertion=([\w.%-]+?)(?=(?:GET|POST|PUT) /|[&\s]|$)")
"""Another request may follow it on its connection without a line end between them."""


@dataclass
class Desk:
    """A shell whose requests all go through the proxy."""

    shell: Shell
    proxy: RecordingProxy

    def run(self, *arguments: str) -> Finished:
        """Run the program; whatever it ends with, it ends without a traceback."""
        done = self.shell.run(*arguments)
        assert "Traceback" not in done.err, done.err
        return done

    def routes(self) -> set[str]:
        """What was asked so far, by method and route."""
        return set(self.shell.wire.get("/simulator/requests").json())

    def audiences(self) -> set[str]:
        """Whom the signed logins were for."""
        sent = b"\n".join(bytes(one) for one in self.proxy.sent).decode("latin-1")
        claims = [
            jwt.decode(unquote(found), options={"verify_signature": False})
            for found in _ASSERTION.findall(sent)
        ]
        return {claim["aud"] for claim in claims}


@contextmanager
def desk_in(folder: Path) -> Iterator[Desk]:
    """A directory with nothing in it, and five variables beside those that lead to the proxy."""
    private, public = pair_of_keys()
    org = simulated_org(SMALL, SystemClock())
    org.register_public_key(CLIENT_ID, public)
    work = folder / "work"
    work.mkdir()
    with (
        serve(org, scheme="https") as simulator,
        SimulatorClient(simulator) as wire,
        recording(folder / "proxy", (simulator.host, simulator.port)) as proxy,
    ):
        yield Desk(
            Shell(
                work,
                wire,
                {
                    "GENESYS_ORG_ID": "acme",
                    "GENESYS_CLIENT_ID": CLIENT_ID,
                    "GENESYS_PRIVATE_KEY": private.replace("\n", "\\n"),
                    "FLOW_ID": FLOW_ID,
                    "ACTION_ID": ACTION_ID,
                    "HTTPS_PROXY": f"http://127.0.0.1:{proxy.port}",
                    "REQUESTS_CA_BUNDLE": str(proxy.authority.file),
                },
            ),
            proxy,
        )
