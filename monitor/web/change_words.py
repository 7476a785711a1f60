"""Changes of timeouts in words: what came of each, who made it, what stops them now. Pure."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING
from urllib.parse import quote

from monitor.formats import UNKNOWN, count_of, exact_seconds, utc_minute
from monitor.journal import GONE, HELPED, NOTHING_SHOWN, ChangeState
from monitor.web.change_rows import (
    ChangeRow,
    ChangeStep,
    Guard,
    NotMadeGroup,
    Stop,
    SwitchRow,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from monitor.journal import AuditEntry, Change, OutsideChange, Switch, Trail
    from monitor.snapshot import RemediationSnapshot

_OUTCOMES: Mapping[ChangeState, tuple[str, str]] = {
    ChangeState.PLANNED: ("info", "Decided, not sent yet"),
    ChangeState.WRITING: ("warning", "Sent; whether it arrived is not known yet"),
    ChangeState.APPLIED: ("info", "Carried out, not read back yet"),
    ChangeState.WATCHING: ("info", "In force; its effect is being measured"),
    ChangeState.VERIFIED: ("good", "In force; it helped"),
    ChangeState.KEPT: ("good", "In force; its effect is not measured"),
    ChangeState.UNHELPFUL: ("critical", "Did not help; it is to be undone"),
    ChangeState.UNDOING: ("warning", "Being undone"),
    ChangeState.ROLLED_BACK: ("unknown", "Undone"),
    ChangeState.FAILED: ("critical", "Refused by the platform; nothing was changed"),
    ChangeState.CONFLICT: ("warning", "Not made: somebody else wrote first"),
    ChangeState.SUPERSEDED: ("unknown", "Somebody else has set another timeout since"),
    ChangeState.ABANDONED: ("unknown", "It never reached the platform"),
}
"""How much each state matters, and what it means to people."""

_OUTCOMES_OF_TRIALS: Mapping[ChangeState, str] = {
    ChangeState.WATCHING: "In force until {until} to find out whether it helps",
    ChangeState.VERIFIED: "In force; the trial helped",
    ChangeState.UNHELPFUL: "The trial did not help; it is to be set back",
    ChangeState.UNDOING: "The trial is being set back",
    ChangeState.ROLLED_BACK: "Tried, and set back",
}
"""The same of a trial, where it is another."""

_UNSHOWN = "The trial showed nothing; it is to be set back"
"""The same of one whose time was over before it had shown whether it helps."""

_STILL_TO_BE_UNDONE = ("warning", "To be undone, as somebody has asked for")
"""The same of one that helped, where the undoing did not come about yet."""

_DELETED = ("unknown", "The action was deleted since")
"""The same where nothing is left of what was changed."""

_STEPS: Mapping[str, str] = {
    "planned": "decided",
    "writing": "about to be sent",
    "applied": "carried out",
    "watching": "read back, from now on measured",
    "verified": "it helped",
    "kept": "kept, not measured",
    "unhelpful": "it did not help",
    "undoing": "to be undone",
    "rolled_back": "undone",
    "failed": "refused by the platform",
    "conflict": "somebody else wrote first",
    "superseded": "somebody else has set another",
    "abandoned": "never sent",
    "quarantined": "left alone from now on",
}
_SPECIAL_STEPS: Mapping[str, str] = {
    GONE: "deleted since",
    NOTHING_SHOWN: "it showed nothing",
}
"""What a step was where its reason says more than the state that it led to."""

_NOT_MADE: Mapping[str, tuple[str, str]] = {
    "refused": ("Refused", "refused"),
    "dry_run": ("Tried without writing", "tried without writing"),
    "recommended": ("Recommended", "recommended"),
}
_SWITCHED: Mapping[str, tuple[str, str]] = {
    "paused": ("warning", "All changes paused"),
    "tripped": ("critical", "All changes stopped after failures"),
    "resumed": ("good", "Changes may go on"),
    "released": ("good", "Left alone no more"),
    "quarantined": ("warning", "Left alone for a while"),
}
_MODES: Mapping[str, str] = {
    "off": "Nothing is ever written: the mode is off.",
    "recommend": "Nothing is changed by itself: the mode is recommend.",
    "auto": "The daemon raises what allow names: the mode is auto.",
}


def action_url(org: str, action_id: str) -> str:
    """Return where the page of an action is."""
    return f"/actions/{quote(org, safe='')}/{quote(action_id, safe='')}"


def change_row(change: Change, lines: Sequence[AuditEntry] = ()) -> ChangeRow:
    """Return a change of this program in words."""
    severity, outcome = _outcome(change)
    by, by_what = _who(change.actor)
    decided = lines[0].evidence if lines else {}
    return ChangeRow(
        key=f"change/{change.change_id}",
        at=change.began_at,
        org=change.org,
        action=change.action_name or change.action_id,
        url=action_url(change.org, change.action_id),
        before=exact_seconds(change.from_ms),
        after=exact_seconds(change.to_ms),
        severity=severity,
        outcome=outcome,
        note=change.explanation,
        damage=change.damage,
        by=by,
        by_what=by_what,
        number=change.change_id,
        steps=tuple(
            ChangeStep(
                one.at,
                _SPECIAL_STEPS.get(one.reason) or _STEPS.get(one.event, one.event),
                one.detail,
                "" if one.actor == change.actor else _by(one.actor),
            )
            for one in lines
        ),
        why=_text(decided.get("why")),
        guards=_guards(decided),
        can_undo=change.state
        in {ChangeState.WATCHING, ChangeState.VERIFIED, ChangeState.KEPT, ChangeState.UNHELPFUL},
    )


def _outcome(change: Change) -> tuple[str, str]:
    """Return how much what came of a change matters, and what it means."""
    severity, outcome = _DELETED if change.reason == GONE else _OUTCOMES[change.state]
    if change.state is ChangeState.UNHELPFUL and change.effect == HELPED:
        severity, outcome = _STILL_TO_BE_UNDONE
    ends_at = change.trial_ends_at
    if ends_at is None:
        return severity, outcome
    if change.state is ChangeState.UNHELPFUL:
        # That it does not help is what it was to find out.
        severity = "warning"
    told = _OUTCOMES_OF_TRIALS.get(change.state, outcome)
    if change.state is ChangeState.UNHELPFUL and change.effect == NOTHING_SHOWN:
        told = _UNSHOWN
    return severity, told.format(until=f"{utc_minute(ends_at)} UTC")


def outside_row(change: OutsideChange) -> ChangeRow:
    """Return a change of somebody else in words."""
    by = change.set_by
    told = "the platform's audit log says so"
    seen = "seen when the catalogue was read"
    return ChangeRow(
        key=f"outside/{change.org}/{change.action_id}/{change.at:.3f}",
        at=change.at,
        org=change.org,
        action=change.action_name or change.action_id,
        url=action_url(change.org, change.action_id),
        before=_timeout(change.from_ms),
        after=_timeout(change.to_ms),
        severity="info",
        outcome="Made outside this program",
        note="",
        by="Somebody, not known who" if by.who == "unknown" else by.who,
        by_what=seen if by.at is None else told,
    )


def not_made_group(entries: Sequence[AuditEntry], *, is_cut: bool) -> NotMadeGroup:
    """Return what was decided in a row and not made.

    Args:
        entries: The newest first.
        is_cut: Whether older ones of it may stand on the next page: there is one such on a page,
            and its oldest one is another with each new one.
    """
    counted = Counter(one.event for one in entries)
    parts = [f"{count:,} {_NOT_MADE[event][1]}" for event, count in counted.most_common()]
    return NotMadeGroup(
        key="not-made/cut" if is_cut else f"not-made/{entries[-1].entry_id}",
        at=entries[0].at,
        since=entries[-1].at,
        words=f"{count_of(len(entries), 'change')} not made: {', '.join(parts)}",
        rows=tuple(map(_not_made, entries)),
    )


def switch_row(entry: AuditEntry) -> SwitchRow:
    """Return a switch that was set in words."""
    severity, words = _SWITCHED.get(entry.event, ("info", entry.event.replace("_", " ")))
    by, by_what = _who(entry.actor)
    return SwitchRow(
        key=f"entry/{entry.entry_id}",
        at=entry.at,
        org=entry.org,
        severity=severity,
        words=words,
        detail=entry.detail,
        by=by,
        by_what=by_what,
        action=entry.action_name or entry.action_id,
        url=action_url(entry.org, entry.action_id) if entry.action_id else "",
    )


def stop(org: str, known: RemediationSnapshot, read: Trail | None) -> Stop:
    """Return whether changes are made in an org.

    Args:
        org: The org's configured name.
        known: What the snapshot shows; what stops changes may have been set or lifted since.
        read: What the state says; None where it could not be asked, and the snapshot has to do.
    """
    paused = read.paused.get(org) if read else None
    tripped = read.tripped.get(org) if read else None
    is_paused = known.paused if read is None else paused is not None
    is_tripped = known.tripped if read is None else tripped is not None
    mode = _MODES.get(known.mode, f"The mode is {known.mode}.")
    command = f"timeout-monitor resume --org {_quoted(org)}"
    if is_tripped:
        return _stopped(org, mode, "critical", "Stopped after failures in a row", tripped, command)
    if is_paused:
        return _stopped(org, mode, "warning", "Paused", paused, command)
    if known.mode == "off":
        return Stop(org, mode, "unknown", "Changes are off.")
    return Stop(org, mode, "good", "Nothing stops changes.")


def _stopped(  # noqa: PLR0913, PLR0917 - what a stop is made of
    org: str, mode: str, severity: str, words: str, switch: Switch | None, command: str
) -> Stop:
    if switch is None:
        return Stop(org, mode, severity, words, command=command)
    by = _by(switch.actor)
    told = f"{by}: {switch.reason}" if switch.reason else by
    return Stop(org, mode, severity, words, switch.since, told, command)


def _not_made(entry: AuditEntry) -> ChangeRow:
    outcome, _ = _NOT_MADE[entry.event]
    by, by_what = _who(entry.actor)
    guard = entry.reason if entry.event != "dry_run" or entry.reason else ""
    return ChangeRow(
        key=f"entry/{entry.entry_id}",
        at=entry.at,
        org=entry.org,
        action=entry.action_name or entry.action_id or UNKNOWN,
        url=action_url(entry.org, entry.action_id) if entry.action_id else "",
        before=_timeout(entry.from_ms),
        after=_timeout(entry.to_ms),
        severity="unknown",
        outcome=f"{outcome} by the guard {guard}" if guard and outcome == "Refused" else outcome,
        note=entry.detail,
        by=by,
        by_what=by_what,
        why=_text(entry.evidence.get("why")),
        guards=_guards(entry.evidence),
    )


def _guards(evidence: Mapping[str, object]) -> tuple[Guard, ...]:
    """Return what every guard said; nothing where an older program has kept something else."""
    said = evidence.get("guards")
    found: Iterable[object] = said if isinstance(said, list) else ()
    return tuple(
        Guard(_text(one.get("name")), one.get("passed") is True, _text(one.get("detail")))
        for one in found
        if isinstance(one, dict)
    )


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _who(actor: str) -> tuple[str, str]:
    """Return who it was, and where: the daemon by itself, or a person on a machine."""
    name, _, host = actor.partition("@")
    where = f"on {host}" if host else ""
    return ("The daemon" if name == "auto" else name), where


def _by(actor: str) -> str:
    """Return the same within a sentence."""
    name, where = _who(actor)
    return " ".join((name.replace("The daemon", "the daemon"), where)).strip()


def _timeout(value_ms: int | None) -> str:
    return UNKNOWN if value_ms is None else exact_seconds(value_ms)


def _quoted(org: str) -> str:
    """Return a name as a shell takes it."""
    plain = org.replace("-", "").replace("_", "").replace(".", "").isalnum()
    return org if plain and not org.startswith("-") else "'" + org.replace("'", "'\\''") + "'"
