"""A Dask cluster as an executor: connected when it is first needed, and again after it was lost."""

from __future__ import annotations

import importlib.util
import logging
import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future
from contextlib import suppress
from typing import Any, ParamSpec, TypeVar, cast

from monitor.errors import ConfigurationError

CONNECT_SECONDS = 5
"""How long a scheduler may take to answer; it is near, or of no use."""

P = ParamSpec("P")
T = TypeVar("T")


def refuse_without_dask() -> None:
    """Make sure that the packages are there which talk to a cluster.

    Raises:
        ConfigurationError: They are not installed.
    """
    if importlib.util.find_spec("distributed") is None:
        raise ConfigurationError(
            "[diagnosis] scheduler needs Dask, which is not installed",
            'Install it: pip install "genesys-timeout-monitor[dask]", or take the setting out.',
        )


class DaskCluster(Executor):
    """The executor of a Dask cluster. Safe to use from several threads."""

    def __init__(self, scheduler: str) -> None:
        """Connect to nothing yet.

        Args:
            scheduler: The address of its scheduler, such as ``tcp://dask.example.com:8786``.
        """
        self._scheduler = scheduler
        self._lock = threading.Lock()
        self._client: Any = None

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Call a function on some worker.

        Raises:
            ConfigurationError: What talks to it is not installed.
            OSError: The scheduler does not answer.
        """
        with self._lock:
            if self._client is None:
                self._client = _connect(self._scheduler)
            executor = self._client.get_executor(pure=False)
        return cast("Future[T]", executor.submit(fn, *args, **kwargs))

    def workers(self) -> int:
        """Return how many workers the cluster has.

        Raises:
            ConfigurationError: What talks to it is not installed.
            OSError: The scheduler does not answer.
        """
        with self._lock:
            if self._client is None:
                self._client = _connect(self._scheduler)
            return len(self._client.scheduler_info(n_workers=-1)["workers"])

    def disconnect(self) -> None:
        """Let go of the connection; the next task connects anew."""
        with self._lock:
            client, self._client = self._client, None
        if client is not None:
            # Whatever is wrong with it, nobody needs it any more.
            with suppress(Exception):
                client.close(timeout=1)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: FBT001, FBT002, ARG002 - as the base class has it
        """Let go of the connection."""
        self.disconnect()


def _connect(scheduler: str) -> Any:  # noqa: ANN401 - Dask has no types
    refuse_without_dask()
    from distributed import Client  # noqa: PLC0415 - an extra, and a second to import

    # What matters of it we say ourselves, in our own form.
    for name in ("distributed", "tornado.application"):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.setLevel(logging.CRITICAL)
    return Client(scheduler, timeout=CONNECT_SECONDS, set_as_default=False, name="timeout-monitor")
