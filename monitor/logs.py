"""Logs: pretty on a terminal, one JSON object a line otherwise; never a secret."""

from __future__ import annotations

import json
import logging
import sys
from typing import Any, TextIO

import structlog

from monitor.redaction import SECRETS


def configure(*, verbose: bool = False, quiet: bool = False, stream: TextIO | None = None) -> None:
    """Send structlog and the libraries' own logging to one stream, in one form.

    Args:
        verbose: Show debugging lines too.
        quiet: Show errors only.
        stream: Where to; stderr by default, so that stdout stays for results.
    """
    out = sys.stderr if stream is None else stream
    level = logging.DEBUG if verbose else logging.ERROR if quiet else logging.INFO
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    last: list[structlog.typing.Processor]
    if out.isatty():
        # A pretty traceback would show local variables, and a token among them.
        plain = structlog.dev.plain_traceback
        last = [
            structlog.dev.ConsoleRenderer(colors=True, exception_formatter=plain),
            _without_secrets,
        ]
    else:
        last = [
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
            _object_without_secrets,
        ]
    structlog.configure(
        processors=[*shared, *last],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        # A line and its end in one write: what another thread logs can't come between them.
        logger_factory=structlog.WriteLoggerFactory(out),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(out)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level if verbose else max(level, logging.WARNING))
    # It warns of every run that waits for the one before; the poll's own line tells how long.
    logging.getLogger("apscheduler").setLevel(logging.ERROR)
    # It writes a traceback, with the far side's words, of headers that it takes all the same.
    logging.getLogger("urllib3").setLevel(level if verbose else logging.ERROR)


def _without_secrets(_logger: object, _method: str, line: Any) -> str:  # noqa: ANN401 - structlog's
    """Return the finished line without any secret: what it was made of no longer matters."""
    return SECRETS.redact(str(line))


def _object_without_secrets(logger: object, method: str, line: Any) -> str:  # noqa: ANN401 - the same
    """Return the same of a line that is one JSON object, which it stays.

    A secret of digits may stand in a number: what is left of that is no JSON. So the texts alone
    are masked in such a line.
    """
    masked = _without_secrets(logger, method, line)
    if masked == line:
        return masked
    try:
        json.loads(masked)
    except ValueError:
        return json.dumps(_masked(json.loads(line)))
    return masked


def _masked(value: object) -> object:
    if isinstance(value, str):
        return SECRETS.redact(value)
    if isinstance(value, dict):
        return {SECRETS.redact(str(key)): _masked(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_masked(each) for each in value]
    return value
