"""How good the advice is on latencies that were really measured.

    .venv/bin/python -m benchmarks.real_latencies --laws FILE                 all that is asked
    .venv/bin/python -m benchmarks.real_latencies --laws FILE --draws 400     the same, rougher

``FILE`` is JSON, and anyone can bring their own; none comes with the program::

    {"laws": [{"family": "web", "name": "web-001", "quantiles_ms": [81.0, 95.0, ..., null]}]}

Each law is one back end: what it is called, the family it belongs to (families weigh the same,
however many laws they have), and quantiles of its response times in milliseconds, ascending, at
equal steps of level from 0 (the fastest answer) to 1 (the slowest). null is a quantile that is
only known to lie beyond 20 s. Other keys are not read.

What is drawn: each law stretched by 1, 4 and 16; timeouts T of 1, 2, 3, 5, 8, 10, 15 and 20 s that
cut off 1 to 30 % of it; 2,000 and 10,000 executions in a week shaped by days; 0, 2 and 10 % of the
calls made to hang. Between quantiles a law is log-linear. What lies beyond a null is unknown beyond
20 s times the stretch: there such a draw is judged only inside it, a value that lies beyond at its
edge. Within reach of a raise is up to the smaller of 2 T and 30 s.

A third of the draws have times in which answers are slower than the law says, never faster. Half of
these are ``drifting``: the log of the slowness of each window is a first-order autoregression with
a standard deviation of 0.3 to 0.7 and a memory of 1 to 6 hours, and its positive part counts. The
other half has ``spells``: one to four of one to six hours, 2 to 4 times slower, of a law and a
timeout such that 1 to 30 % of all calls are cut off and most of these in a spell. What is true is
the law of all calls together, for that is what a timeout works on.

Each action was looked at closely (``monitor.near_edges``) all week; without, the bands of the fixed
edges are the same ones.

A *slow tail* is a draw in which a raise within reach would rescue half of the timeouts, hangs
included. A raise is *vain* that rescues less at the value that is recommended. The *interval* holds
the smallest timeout with which 99 % of all calls succeed; where none in reach does, it holds when
its upper end is the reach, which says "at least". The bounds of a verdict are on what the longest
raise within reach would rescue.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

from benchmarks import narrow_laws
from benchmarks.measured_laws import cases, read_laws
from benchmarks.real_outcome import Told, judge
from benchmarks.real_report import report

PROCESSES = 2


def main(arguments: Sequence[str]) -> int:
    """Draw, judge and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--laws", type=Path, required=True, help="file of laws, see the docstring")
    parser.add_argument("--draws", type=int, default=1_200, help="how many actions to draw")
    parser.add_argument("--seed", type=int, default=20_261_202, help="decides every draw")
    parser.add_argument("--families", default="", help="of the file, parted by commas; all if none")
    parser.add_argument("--narrow", type=int, default=500, help="draws of narrow laws with hangs")
    parser.add_argument(
        "--no-closer-look", action="store_true", help="the bands of the fixed edges alone"
    )
    parser.add_argument("--each", type=Path, help="write each draw here, as lines of JSON")
    options = parser.parse_args(arguments)
    laws = read_laws(options.laws)
    if options.families:
        laws = [law for law in laws if law.family in options.families.split(",")]
    with ProcessPoolExecutor(PROCESSES) as workers:
        closer_look = not options.no_closer_look
        judged = partial(judge, closer_look=closer_look)
        told = list(workers.map(judged, cases(laws, options.draws, options.seed), chunksize=20))
        narrow = narrow_laws.judge_all(
            workers, options.narrow, options.seed, closer_look=closer_look
        )
    report(told, narrow)
    if options.each:
        options.each.write_text("".join(json.dumps(_line(one)) + "\n" for one in told), "utf-8")
    return 0


def _line(one: Told) -> dict[str, object]:
    names = (name for name in Told.__slots__)
    return {name: getattr(one, name) for name in names}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
