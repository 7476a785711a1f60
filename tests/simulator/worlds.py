"""Worlds for tests that are about something else than how answers are written."""

from __future__ import annotations

from dataclasses import replace

from monitor.simulator import World


def readable(world: World | None = None) -> World:
    """Return a world, the default one where None, whose answers are as the models have them.

    Every other field stays as it is; in the default world timeouts also last exactly as long as
    they were given.
    """
    return replace(
        world or World(timeout_duration="at_limit"),
        counts="integers",
        large_answers="served",
        bad_records="none",
        expires_in="number",
        too_many_requests="retry_after",
        rate_headers="shown",
    )
