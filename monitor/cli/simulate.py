"""``simulate``: only the simulated org, for any client to talk to."""

from typing import Annotated

import typer

from monitor.contract import Contract
from monitor.signals import ShutdownSignal

MOST_SEED = 2**32 - 1
"""What every generator of random numbers takes."""


def simulate(
    port: Annotated[
        int, typer.Option(help="Port to listen on; 0 for any.", min=0, max=65535)
    ] = 9841,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    scenario: Annotated[str, typer.Option(help="Which org to play.")] = "default",
    seed: Annotated[
        int, typer.Option(help="The same seed gives the same traffic.", min=0, max=MOST_SEED)
    ] = 1,
    contract: Annotated[
        Contract, typer.Option(help="Which half of the wire it speaks.")
    ] = Contract.PLATFORM,
    world: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=VALUE",
            help="How the platform behaves where nobody could ask it; repeatable.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Serve a simulated org until Ctrl-C. Any client may talk to it."""
    shutdown = ShutdownSignal()
    from monitor.clock import SystemClock
    from monitor.simulator import SimulatedOrg, World, serve
    from monitor.simulator import scenario as named

    org = SimulatedOrg(
        named(scenario, seed=seed),
        SystemClock(),
        contract=contract.value,
        world=World().with_choices(world or ()),
    )
    with serve(org, host=host, port=port) as running:
        typer.echo(f"A simulated org listens at {running.url}; Ctrl-C ends it. To watch it:")
        typer.echo("")
        for name, value in (
            ("GENESYS_ORG_ID", "simulated"),
            ("GENESYS_API_URL", running.url),
            ("GENESYS_CLIENT_ID", org.client_id),
            ("GENESYS_CLIENT_SECRET", org.client_secret),
        ):
            typer.echo(f"  export {name}={value}")
        if contract is Contract.FLOW:
            typer.echo("  export GENESYS_CONTRACT=flow")
        typer.echo("  timeout-monitor run")
        shutdown.wait()
