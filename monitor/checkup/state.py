"""Whether the daemon could begin with the state that is there, or make one."""

from __future__ import annotations

from monitor.checkup.findings import Finding, Level, failed
from monitor.config import Settings
from monitor.errors import LedgerError
from monitor.ledger import StateCondition, inspect_state

_SUBJECT = "state"


class StateProbe:
    """Looks at the state once, and changes nothing."""

    def __init__(self, settings: Settings) -> None:
        """Look.

        Args:
            settings: Where it is, and of which orgs.
        """
        self._error: LedgerError | None = None
        self._condition: StateCondition | None = None
        try:
            self._condition = inspect_state(settings.state.url, [org.name for org in settings.org])
        except LedgerError as error:
            self._error = error

    def known_flows(self, org: str) -> tuple[str, ...]:
        """Return the ids of the flows of an org that the state knows, sorted."""
        state = self._condition.states.get(org) if self._condition else None
        return tuple(sorted(state.flow_names)) if state else ()

    def finding(self) -> Finding:
        """Return what was found."""
        if self._error is not None:
            return failed(_SUBJECT, self._error)
        assert self._condition is not None  # noqa: S101 - one of the two is there
        return _finding(self._condition)


def _finding(found: StateCondition) -> Finding:
    if found.why_not_writable:
        error = LedgerError(
            f"the state {found.name} can't be written: {found.why_not_writable}",
            "Give this user write permission on the file and on its directory, or on the tables; "
            "where there is no room, make some.",
        )
        return failed(_SUBJECT, error)
    if found.version is None:
        return Finding(_SUBJECT, Level.OK, f"There is none yet: run makes one at {found.name}")
    if not found.is_newest:
        return Finding(
            _SUBJECT,
            Level.WARNING,
            f"The state {found.name} is of schema {found.version}, which run upgrades when it "
            "starts; an older program can't read it then",
            "Keep a copy of it first: timeout-monitor state backup makes one.",
        )
    part = "" if found.is_whole else "; it is too large to be looked through at every start"
    return Finding(_SUBJECT, Level.OK, f"The state {found.name} can be read and written{part}")
