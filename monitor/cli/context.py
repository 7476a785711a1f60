"""What the commands share: options, the settings, the ledger and the pollers made from them."""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import typer

from monitor.cli.completion import complete_org
from monitor.errors import ConfigurationError, LedgerError, StaleDataError

if TYPE_CHECKING:
    from monitor.config import Settings
    from monitor.ledger import Ledger
    from monitor.poller import OrgPoller
    from monitor.time_ranges import Moment


class OutputFormat(StrEnum):
    """How the result of a command is written."""

    TABLE = "table"
    JSON = "json"


FormatOption = Annotated[OutputFormat, typer.Option("--format", help="How to write it.")]
OrgOption = Annotated[
    str | None,
    typer.Option(
        "--org",
        help="The only org to look at.",
        show_default=False,
        autocompletion=complete_org,
    ),
]


SINCE = "Since when: 90m, 24h, 7d, yesterday, 2026-11-23 14:30."
"""Help of ``--since``; ``monitor.time_ranges`` has all forms."""

TIMES = "24h, yesterday, 2026-11-23 or 2026-11-23 14:30, UTC"
"""Help of ``--from`` and ``--to``."""


OneOrgOption = Annotated[
    str | None,
    typer.Option(
        "--org",
        help="Which org, where several are.",
        show_default=False,
        autocompletion=complete_org,
    ),
]


@dataclass(frozen=True, slots=True)
class Context:
    """The options that stand before the command.

    Attributes:
        config_file: The configuration file; None for the usual places.
        verbose: Whether to log debugging lines.
    """

    config_file: Path | None = None
    verbose: bool = False

    def load(self) -> Settings:
        """Read the settings.

        Raises:
            ConfigurationError: They can't be used.
        """
        from monitor.config import load

        return load(self.config_file)

    def load_with_orgs(self) -> Settings:
        """Read the settings, which must name an org.

        Raises:
            ConfigurationError: They can't be used, or name no org.
        """
        settings = self.load()
        if not settings.org:
            raise ConfigurationError(
                "No org is configured",
                "Add an [[org]] to timeout-monitor.toml, or set GENESYS_CLIENT_ID and "
                "GENESYS_CLIENT_SECRET; timeout-monitor demo needs neither.",
            )
        return settings

    def configure_logs(self, *, quiet: bool = False) -> None:
        """Log to stderr; only errors where quiet."""
        from monitor.logs import configure

        configure(verbose=self.verbose, quiet=quiet)


@contextmanager
def opened_ledger(
    settings: Settings, *, may_create: bool = False, changes: bool = False
) -> Iterator[Ledger]:
    """The settings' ledger, closed afterwards.

    Args:
        settings: Where it is.
        may_create: Whether to make one where there is none, and say where. Only what reads the
            platform into it, or is about to write to the platform, may.
        changes: Whether it is to say something to the daemon that uses it: then it must not be a
            copy of the one that is used.

    Raises:
        NoStateError: There is none, and none is to be made.
        LedgerError: It can't be opened.
    """
    from monitor.ledger import Ledger

    with Ledger.open(settings.state.url, may_create=may_create) as ledger:
        if ledger.was_created:
            import structlog

            structlog.get_logger().info("state_created", state=ledger.name)
        if may_create:
            ledger.settle()
        elif changes:
            ledger.refuse_copy()
        yield ledger


@contextmanager
def opened_or_passing_ledger(settings: Settings) -> Iterator[Ledger]:
    """The settings' ledger, or where there is none one that is thrown away afterwards.

    For what only shows what it would do, and can do so without a past.

    Raises:
        LedgerError: It can't be opened.
    """
    from monitor.errors import NoStateError
    from monitor.ledger import Ledger

    with ExitStack() as stack:
        try:
            ledger = Ledger.open(settings.state.url, may_create=False)
        except NoStateError:
            folder = stack.enter_context(TemporaryDirectory(prefix="timeout-monitor-"))
            ledger = Ledger.open(f"sqlite:///{folder}/state.db")
        yield stack.enter_context(ledger)


@contextmanager
def opened_pollers(
    settings: Settings, ledger: Ledger, *, pace_share: float = 1.0
) -> Iterator[tuple[OrgPoller, ...]]:
    """Yield a poller for each org, closed afterwards; their polls take the lease of reading.

    Args:
        settings: The orgs, and how to read them.
        ledger: Where counts are kept.
        pace_share: Of the pace that each may keep on the wire.

    Raises:
        ConfigurationError: A credential can't be used.
        LedgerError: The state can't be read.
    """
    from monitor.clock import SystemClock
    from monitor.jobs import keep_leases
    from monitor.poller import open_pollers

    leases = ledger.reading_leases(SystemClock())
    clock = ledger.clock(SystemClock())
    stop = threading.Event()
    pollers = open_pollers(
        settings,
        ledger=ledger,
        clock=clock,
        stop=stop,
        leases=leases,
        backoff={},
        pace_share=pace_share,
    )
    threading.Thread(target=keep_leases, args=(leases, stop), name="leases", daemon=True).start()
    try:
        yield pollers
    finally:
        stop.set()
        with suppress(LedgerError):  # then they end by themselves
            leases.give_back()
        for poller in pollers:
            poller.close()


@contextmanager
def upkeep_afterwards(
    settings: Settings, ledger: Ledger
) -> Iterator[Callable[[Iterable[OrgPoller]], None]]:
    """Yield what is told of the pollers that have read; then their state is kept small.

    What goes wrong with that is logged: what was read is in the state.

    Args:
        settings: How long to keep what was counted, and how far polls look back.
        ledger: Where counts are kept.
    """
    from monitor.clock import SystemClock
    from monitor.clock_watch import ClockWatch
    from monitor.upkeep import Upkeep

    clock = ledger.clock(SystemClock())
    # Watched from the beginning: a clock that is set meanwhile is none to forget by.
    upkeep = Upkeep(
        ledger,
        clock,
        leases=ledger.reading_leases(SystemClock()),
        clock_watch=ClockWatch(clock, lambda: None),
        stop=threading.Event(),
    )
    read: list[OrgPoller] = []
    yield read.extend
    if read:
        upkeep.take_share(settings, [poller.snapshot for poller in read])


@contextmanager
def collecting_rarely() -> Iterator[None]:
    """Let the garbage collector look seldom at what a command makes, which ends soon after.

    It is hundreds of thousands of values, of which next to none is garbage.
    """
    before = gc.get_threshold()
    gc.set_threshold(_MOST_UNSEEN, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)


_MOST_UNSEEN = 50_000
"""Values that are made before the collector looks at them; 700 where nobody says."""


def refuse_no_data(ledger: Ledger, orgs: Iterable[str]) -> None:
    """Make sure that something was collected of at least one of these orgs.

    Raises:
        StaleDataError: Nothing ever was.
    """
    if not any(ledger.source_states(org) for org in orgs):
        raise StaleDataError(
            "Nothing has been collected yet",
            "Run timeout-monitor poll once, or leave timeout-monitor run at work.",
        )


def seconds_of(option: str, text: str, example: str) -> float:
    """Return the duration that an option was given, in seconds.

    Raises:
        ConfigurationError: It is none.
    """
    from monitor.time_ranges import parse_duration

    try:
        return float(parse_duration(text))
    except ValueError as error:
        raise ConfigurationError(
            f"{option}: {error}", f"For example {option} {example}."
        ) from error


def moment_of(option: str, text: str, now: float) -> Moment:
    """Return the moment that an option was given.

    Raises:
        ConfigurationError: It is none, or lies in the future.
    """
    from monitor.time_ranges import parse_moment

    try:
        moment = parse_moment(text, now)
    except ValueError as error:
        raise ConfigurationError(f"{option}: {error}", f"For example {option} 24h.") from error
    if moment.at > now:
        raise ConfigurationError(f"{option} lies in the future", "Choose a time that has passed.")
    return moment
