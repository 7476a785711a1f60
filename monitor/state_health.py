"""Whether the state can be used, as jobs of a daemon find out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import structlog

from monitor.errors import ConfigurationError, LedgerError, StateLostError, UnforeseenError

log = structlog.get_logger()


class StateHealth:
    """How the newest use of the state went, by whichever job.

    Attributes:
        is_writable: Whether it went well.
        problem: Why the state is lost, in words; empty where it is not.
    """

    def __init__(self, name: str) -> None:
        """Begin with a state that was just opened.

        Args:
            name: What the state is called.
        """
        self._name = name
        self.is_writable = True
        self.problem = ""

    @contextmanager
    def noting(self, org: str) -> Iterator[None]:
        """Note and log how a block went that uses the state for an org; what it raises ends here.

        What nothing foresees is raised.
        """
        try:
            yield
        except StateLostError as error:
            self.is_writable, self.problem = False, error.message
            log.error("state_lost", org=org, why=error.message, hint=error.hint)
        except LedgerError as error:
            self.is_writable = False
            log.error("state_failed", org=org, why=error.message, hint=error.hint)
        except (ConfigurationError, UnforeseenError) as error:
            # An address that can't be asked, which SIGHUP may mend, or a fault of our own: the
            # poller has told, and counted it.
            log.debug("not_polled", org=org, why=error.message)
        else:
            if self.problem:
                log.info("state_is_back", state=self._name)
            self.is_writable, self.problem = True, ""
