"""Whether a Dask cluster is there to make the verdicts."""

from __future__ import annotations

from monitor.checkup.findings import Finding, Level
from monitor.diagnosis import DaskCluster
from monitor.errors import ConfigurationError
from monitor.formats import count_of

_SUBJECT = "scheduler"
_MEANWHILE = "Until then the daemon makes all verdicts by itself."


def scheduler_finding(address: str) -> Finding:
    """Return whether the scheduler at an address answers, and has workers."""
    try:
        with DaskCluster(address) as cluster:
            workers = cluster.workers()
    except ConfigurationError as error:
        return Finding(_SUBJECT, Level.FAILED, error.message, error.hint, error.exit_code)
    except Exception as error:  # noqa: BLE001 - whatever its library raises, it can't be used
        why = f"{address} does not answer as a Dask scheduler ({type(error).__name__})"
        hint = f"Start one there, or mend [diagnosis] scheduler. {_MEANWHILE}"
        return Finding(_SUBJECT, Level.WARNING, why, hint)
    if not workers:
        why = f"The scheduler at {address} has no worker"
        return Finding(_SUBJECT, Level.WARNING, why, f"Start one: dask worker. {_MEANWHILE}")
    return Finding(_SUBJECT, Level.OK, f"{count_of(workers, 'worker')} at {address}")
