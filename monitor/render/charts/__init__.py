"""Pictures, drawn on the server as SVG: pure functions from frozen values to safe markup.

Drawn by our own few elements. Libraries were weighed first, by one picture of 168 hours and four
outcomes: pygal 3.1 writes 220 kB with a style sheet and two scripts inside, one of them from a CDN;
matplotlib 3 needs 170 MB and 1.4 s to load, 0.7 s a picture, and writes 140 kB with 700 ``style``
attributes; plotly draws in the browser, with a script of some megabytes and styles that it injects.
None of them fits a Content-Security-Policy without ``unsafe-inline``, dark and light from one file,
or an e-mail of several pictures. These are 5 to 20 kB each, follow the page's colours, and their
text is text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from monitor.lazy_face import load_when_asked

if TYPE_CHECKING:
    from monitor.render.charts.curve import CurveMarks, curve_picture
    from monitor.render.charts.latency import Latency, latency_picture
    from monitor.render.charts.outcomes import (
        OutcomeBar,
        Outcomes,
        outcomes_picture,
    )
    from monitor.render.charts.picture import Picture
    from monitor.render.charts.verdicts import ToldPiece, VerdictsOverTime, verdicts_picture

__all__ = [
    "CurveMarks",
    "Latency",
    "OutcomeBar",
    "Outcomes",
    "Picture",
    "ToldPiece",
    "VerdictsOverTime",
    "curve_picture",
    "latency_picture",
    "outcomes_picture",
    "verdicts_picture",
]

_LAZY = {
    "curve": ("CurveMarks", "curve_picture"),
    "latency": ("Latency", "latency_picture"),
    "outcomes": ("OutcomeBar", "Outcomes", "outcomes_picture"),
    "picture": ("Picture",),
    "verdicts": ("ToldPiece", "VerdictsOverTime", "verdicts_picture"),
}
"""Names by the module that each is loaded from when it is first asked for."""

__getattr__ = load_when_asked(__name__, _LAZY)
