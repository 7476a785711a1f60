"""A diagnosis as people are told of it: ``5 s -> 9 s``, what clamped it, and what to do."""

from __future__ import annotations

from monitor.diagnosis.editable import HOW_TO_CHANGE, Editable
from monitor.diagnosis.model import Diagnosis, Recommendation, Verdict
from monitor.formats import count_of, percent, seconds

GUARD_TEXTS: dict[str, str] = {
    "reach": "nothing is claimed beyond twice the largest timeout observed",
    "cap": "no timeout is set above the cap",
    "in_force": "a timeout is never lowered",
    "above_cap": "a timeout above the cap is never raised",
}
"""What each guard of a recommendation says."""


NO_STEP = (
    "`apply` can't set it: the smallest step is beyond `max_step`, or beyond the largest timeout "
    "allowed; it takes a change by hand"
)
"""Why a raise that is advised would not be carried out."""


def advised_raise(diagnosis: Diagnosis) -> tuple[float, float] | None:
    """Return the timeout in force and the one to raise it to, in seconds.

    None where no raise is advised. A tail that the cap cuts off has a value too, but a raise to
    the cap is not what it needs; nor is one what an action needs that meets the target by now.
    """
    advice = diagnosis.recommendation
    if advice is None or diagnosis.verdict is not Verdict.SLOW_TAIL or advice.capped_ms is None:
        return None
    if not diagnosis.misses_target:
        return None
    if advice.capped_ms <= advice.timeout_ms:
        return None
    return advice.timeout_ms / 1000, advice.capped_ms / 1000


def format_raise(diagnosis: Diagnosis) -> str:
    """Return the raise that is advised, such as ``5 s -> 9 s``; empty where none is."""
    step = advised_raise(diagnosis)
    return "" if step is None else " -> ".join(f"{value:g} s" for value in step)


def explanation(diagnosis: Diagnosis) -> str:
    """Return why, what to do, what it would bring, and what spoke against more, in sentences."""
    sentences = [diagnosis.why]
    advice = diagnosis.recommendation
    if advised_raise(diagnosis) is not None and advice is not None:
        sentences += [_benefit(advice), *_next_step(diagnosis, advice), *_clamped(advice)]
    elif diagnosis.verdict is Verdict.AT_CAP and advice is not None:
        sentences += [_required(advice), diagnosis.advice]
    elif diagnosis.verdict not in {Verdict.HEALTHY, Verdict.INSUFFICIENT}:
        sentences.append(diagnosis.advice)
    if advised_raise(diagnosis) is not None and diagnosis.editable is not Editable.YES:
        sentences.append(HOW_TO_CHANGE[diagnosis.editable])
    if diagnosis.drift is not None and diagnosis.drift.drifting:
        sentences.append(_drift(diagnosis.drift.ratio))
    return " ".join(f"{sentence.rstrip('.')}." for sentence in sentences)


def _required(advice: Recommendation) -> str:
    more = " or more" if "reach" in advice.guards else ""
    return f"It would take an estimated {seconds(advice.raw_ms)}{more}"


def _benefit(advice: Recommendation) -> str:
    capped_ms = advice.capped_ms or advice.timeout_ms
    return (
        f"At {seconds(capped_ms)} an estimated {advice.avoided_per_day:,.0f} of "
        f"{count_of(advice.timeouts_per_day, 'timeout')} a day would succeed "
        f"({advice.avoided_low_per_day:,.0f} to {advice.avoided_high_per_day:,.0f} by what was "
        f"seen; {percent(advice.expected_success_share)} of the calls would answer in time), and "
        f"callers would wait about {advice.extra_caller_seconds_per_day:,.0f} s a day longer in all"
    )


def _next_step(diagnosis: Diagnosis, advice: Recommendation) -> list[str]:
    """Return what would be set now where that is not all of it, or that nothing would."""
    if advice.next_ms is None:
        # What others have to change knows no steps of ours.
        return [NO_STEP] if diagnosis.editable is Editable.YES else []
    if diagnosis.curve is None or advice.next_ms == advice.capped_ms:
        return []
    step = diagnosis.curve.at(advice.next_ms)
    if step is None:
        return []
    bounds = f"{step.rescued_low_per_day:,.0f} to {step.rescued_high_per_day:,.0f}"
    told = f"The next step, to {seconds(step.timeout_ms)}, would rescue an estimated "
    return [f"{told}{step.rescued_per_day:,.0f} of them ({bounds})"]


def _clamped(advice: Recommendation) -> list[str]:
    if not advice.guards:
        return []
    said = " and ".join(GUARD_TEXTS.get(guard, guard) for guard in advice.guards)
    more = " or more" if "reach" in advice.guards else ""
    return [f"The data ask for {seconds(advice.raw_ms)}{more}: {said}"]


def _drift(ratio: float) -> str:
    word = "slower" if ratio > 1 else "faster"
    times = ratio if ratio > 1 else 1 / ratio
    return f"In the last 24 hours its median was {times:.1f} times {word} than in the week before"
