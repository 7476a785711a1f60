"""The commands by name, the options they share, and how errors leave the program."""

import io
import os
import sys
import traceback
from pathlib import Path
from typing import Annotated

import typer

from monitor.cli.backfill import backfill
from monitor.cli.changes import history, pause, resume, rollback
from monitor.cli.check import check
from monitor.cli.context import Context
from monitor.cli.demo import demo
from monitor.cli.examples import add_examples
from monitor.cli.export import export
from monitor.cli.flow import flow
from monitor.cli.investigate import investigate
from monitor.cli.plan import apply, plan
from monitor.cli.poll import poll
from monitor.cli.reconcile import reconcile
from monitor.cli.report import report
from monitor.cli.run import run as run_daemon
from monitor.cli.simulate import simulate
from monitor.cli.state import state
from monitor.cli.terminal import print_error, tame_streams
from monitor.cli.trial import trial
from monitor.errors import TimeoutMonitorError, UnforeseenError
from monitor.redaction import SECRETS, redact_crashes

app = typer.Typer(
    name="timeout-monitor",
    help="Which Genesys Cloud data actions time out, counted exactly once.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # boxes around the help would double the time it takes to appear
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(wanted: bool) -> None:  # noqa: FBT001 - typer's signature
    if wanted:
        from monitor import __version__

        typer.echo(f"timeout-monitor {__version__}")
        raise typer.Exit


@app.callback()
def shared(
    ctx: typer.Context,
    config: Annotated[
        Path | None,
        typer.Option("--config", "-c", help="Configuration file.", envvar="TIMEOUT_MONITOR_CONFIG"),
    ] = None,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Log debugging lines too.")
    ] = False,
    version: Annotated[  # noqa: ARG001 - its callback does it all
        bool,
        typer.Option("--version", help="Show the version.", is_eager=True, callback=_show_version),
    ] = False,
) -> None:
    """Which Genesys Cloud data actions time out, counted exactly once."""
    ctx.obj = Context(config_file=config, verbose=verbose)


for command in (
    demo,
    run_daemon,
    poll,
    backfill,
    reconcile,
    report,
    investigate,
    plan,
    apply,
    trial,
    rollback,
    history,
    pause,
    resume,
    export,
    check,
    simulate,
):
    app.command(command.__name__)(command)
app.add_typer(flow, name="flow")
app.add_typer(state, name="state")
add_examples(app)


def run() -> None:
    """Run the command that was asked for; errors become a sentence, a hint and an exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A name that this terminal can't show must not cost the whole report.
            stream.reconfigure(errors="backslashreplace")
    redact_crashes()
    with tame_streams():
        _run()


def _run() -> None:
    """Run the command; what it raises leaves as an exit code."""
    try:
        try:
            app()
        finally:
            sys.stdout.flush()  # here, where its failure can still be told
    except TimeoutMonitorError as error:
        print_error(error.message, error.hint)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        # Whoever read our output has seen enough.
        _forget_output()
        sys.exit(1)
    except OSError as error:
        print_error(
            f"{error.filename or 'The output'} can't be used: {error.strerror or error}",
            "Check that it exists, that this user may use it, and that the disk has room.",
        )
        _forget_output()
        sys.exit(1)
    except Exception as error:  # noqa: BLE001 - the last resort: no traceback at a user
        if "-v" in sys.argv or "--verbose" in sys.argv:
            # Printed here: Typer's own hook, which comes before ours, would show secrets.
            sys.stderr.write(SECRETS.redact(traceback.format_exc()))
            sys.exit(1)
        print_error(
            f"Something went wrong inside timeout-monitor: {UnforeseenError.of(error).message}",
            "Run it again with --verbose before the command, and report what it prints.",
        )
        sys.exit(1)


def _forget_output() -> None:
    """What is still buffered goes nowhere: writing it at exit would only fail once more."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
