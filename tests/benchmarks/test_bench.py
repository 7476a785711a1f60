"""The table of all benchmarks: each gives rows, and none hides that it failed."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import bench
from benchmarks.apart import INTERRUPTED, FailedError, rows_apart, rows_of
from benchmarks.bench import APART, MODULES, Finding, replace_output, table
from benchmarks.rows import Row

HOLDS = Row("a thing", "2 ms", "another: 1 ms", "at most 3 x", holds=True, ratio=2.0)
MISSES = Row("a thing", "2 MB", "", "at most 1 MB", holds=False)


@pytest.mark.parametrize("module", [*MODULES, *APART])
def test_results_are_those_of_the_rivals(module: str) -> None:
    """On small data, for what was measured of different results would mean nothing."""
    found = [*rows_of(module, quick=True)]

    assert found
    assert all(row.what and row.measured and row.aim for row in found)


def test_every_module_with_rows_is_in_the_table() -> None:
    """A benchmark that ``make bench`` forgot would never be run."""
    folder = Path(bench.__file__).parent
    made = {
        path.stem
        for path in folder.glob("*.py")
        if "def rows(*, quick: bool)" in path.read_text() and path.stem != "bench"
    }

    assert made == {*MODULES, *APART}
    assert not {*MODULES} & {*APART}


def test_each_row_says_whether_it_holds() -> None:
    """In one line with its figure and its rival; one that failed is a line, too."""
    lines = table([Finding("one", [HOLDS, MISSES]), Finding("two", problem="ValueError: no")])

    assert lines.splitlines()[2:] == [
        "| a thing | 2 ms | another: 1 ms | 2.00 | at most 3 x | yes |",
        "| a thing | 2 MB |  |  | at most 1 MB | **no** |",
        "| `two` | failed | ValueError: no |  |  | **no** |",
    ]


class Bench:
    """Benchmarks of a test's own, in the place of those that there are.

    Attributes:
        page: Where the table is written.
    """

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Look for benchmarks in a folder, and have none yet."""
        self.page = folder / "performance.md"
        self.page.write_text(f"before\n{bench.BEGIN}old\n{bench.END}after\n", encoding="utf-8")
        self._folder = folder
        self._monkeypatch = monkeypatch
        monkeypatch.setattr(bench, "PAGE", self.page)
        monkeypatch.setattr(bench, "MODULES", ())
        # The folder has no __init__.py: Python finds those here beside the others.
        (folder / "benchmarks").mkdir()
        monkeypatch.setenv("PYTHONPATH", f"{folder}:{Path(bench.__file__).parents[1]}")

    def add(self, module: str, *lines: str) -> None:
        """Add a benchmark whose rows are made so."""
        body = "\n    ".join(lines)
        text = (
            "import os, signal, time\nfrom benchmarks.rows import Row\n"
            f"def rows(*, quick: bool):\n    {body}\n"
        )
        (self._folder / "benchmarks" / f"{module}.py").write_text(text, encoding="utf-8")
        self._monkeypatch.setattr(bench, "MODULES", (*bench.MODULES, module))


HOLDING = "yield Row('a thing', '2 ms', '', 'at most 3 ms', True)"
MISSING = "yield Row('another', '9 ms', '', 'at most 3 ms', False)"


@pytest.fixture(name="made")
def made_benchmarks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """No benchmark yet, and a page of its own."""
    return Bench(tmp_path, monkeypatch)


def test_a_row_is_told_before_the_next_one_is_measured(made: Bench) -> None:
    """Whoever waits for the last sees the first."""
    made.add("slow", HOLDING, "time.sleep(600)", MISSING)
    found = rows_apart("slow", quick=True)

    assert next(found).what == "a thing"
    # And its process is not left behind.
    found.close()  # type: ignore[attr-defined]


def test_what_is_written_by_the_way_is_no_row(
    made: Bench, capfd: pytest.CaptureFixture[str]
) -> None:
    """A log, or what a program says that the benchmark starts."""
    made.add("noisy", "print('polled')", "os.system('echo started')", HOLDING)

    assert [row.what for row in rows_apart("noisy", quick=True)] == ["a thing"]
    assert capfd.readouterr().out == ""


def test_what_fails_or_is_killed_costs_no_other_its_figures(
    made: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each is told in its place in the table, after the rows that it had."""
    made.add("differing", HOLDING, "raise ValueError('1 is not 2')")
    made.add("killed", MISSING, "os.kill(os.getpid(), signal.SIGKILL)")
    made.add("good", HOLDING)

    assert bench.main(["--write"]) == 1

    rows = [line for line in made.page.read_text("utf-8").splitlines() if line.startswith("|")]
    assert rows[2:] == [
        "| a thing | 2 ms |  |  | at most 3 ms | yes |",
        "| `differing` | failed | ValueError: 1 is not 2 |  |  | **no** |",
        "| another | 9 ms |  |  | at most 3 ms | **no** |",
        "| `killed` | failed | its process ended: by signal 9 |  |  | **no** |",
        "| a thing | 2 ms |  |  | at most 3 ms | yes |",
    ]
    told = capsys.readouterr().out
    assert "2 of 3 rows hold" in told
    assert "Not measured: differing, killed." in told


def test_one_that_is_not_there_is_told() -> None:
    """It is the simplest that fails."""
    with pytest.raises(FailedError, match="ModuleNotFoundError"):
        next(rows_apart("never_written", quick=True))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_what_was_measured_outlasts_an_interrupt(made: Bench, number: signal.Signals) -> None:
    """It is printed and written, and what is missing is named; the benchmark may clean up."""
    made.add("good", HOLDING)
    made.add(
        "slow",
        "try:",
        f"    {MISSING}",
        "    time.sleep(600)",
        f"finally: open({str(made.page.with_name('cleaned'))!r}, 'w').close()",
    )
    made.add("later", HOLDING)
    start = (
        "import pathlib, signal; from benchmarks import bench\n"
        # As at a terminal, whatever started the tests.
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        f"bench.PAGE = pathlib.Path({str(made.page)!r}); bench.MODULES = {bench.MODULES!r}\n"
        "bench.run(['--write'])"
    )
    process = subprocess.Popen([sys.executable, "-c", start], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    lines = list[str]()
    while "another" not in "".join(lines):
        lines.append(process.stdout.readline())
        assert lines[-1], "it ended before it was interrupted"
    process.send_signal(number)
    lines += process.communicate()[0].splitlines()

    assert process.returncode == INTERRUPTED
    assert made.page.with_name("cleaned").exists()
    for text in ("\n".join(lines), made.page.read_text("utf-8")):
        assert "1 of 2 rows hold" in text
        assert "Not measured: slow, later." in text
    assert "| another | 9 ms |" in made.page.read_text("utf-8")


def test_the_exit_code_tells_a_missed_aim_when_asked(made: Bench) -> None:
    """A missed aim is a figure, and no fault."""
    made.add("missing", MISSING)

    assert (bench.main([]), bench.main(["--check"])) == (0, 1)
    assert "old" in made.page.read_text("utf-8")


def test_an_unknown_benchmark_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """With the names that there are."""
    with pytest.raises(SystemExit, match="2"):
        bench.main(["pagse"])
    assert "there is no benchmark pagse" in capsys.readouterr().err


def test_the_page_gets_the_newest_output() -> None:
    """In the place of the one before, and nothing else is touched."""
    page = f"before\n{bench.BEGIN}old\n{bench.END}\nafter\n"

    assert replace_output(page, "new") == f"before\n{bench.BEGIN}\nnew\n\n{bench.END}\nafter\n"
    assert replace_output(replace_output(page, "x"), "new") == replace_output(page, "new")
    assert bench.BEGIN in bench.PAGE.read_text(encoding="utf-8")
    with pytest.raises(ValueError, match="no place"):
        replace_output("nothing", "new")
