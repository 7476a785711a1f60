"""The table of all benchmarks: each gives rows, and none hides that it failed."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import bench
from benchmarks.bench import MODULES, Finding, replace_output, run, run_apart, table
from benchmarks.rows import Row

HOLDS = Row("a thing", "2 ms", "another: 1 ms", "at most 3 x", holds=True, ratio=2.0)
MISSES = Row("a thing", "2 MB", "", "at most 1 MB", holds=False)


@pytest.mark.parametrize("module", MODULES)
def test_results_are_those_of_the_rivals(module: str) -> None:
    """On small data, for what was measured of different results would mean nothing."""
    found = run(module, quick=True)

    assert not found.problem
    assert found.rows
    assert all(row.what and row.measured and row.aim for row in found.rows)


def test_every_module_with_rows_is_in_the_table() -> None:
    """A benchmark that ``make bench`` forgot would never be run."""
    folder = Path(bench.__file__).parent
    made = {
        path.stem
        for path in folder.glob("*.py")
        if "def rows(*, quick: bool)" in path.read_text() and path.stem != "bench"
    }

    assert made == set(MODULES)


def test_each_row_says_whether_it_holds() -> None:
    """In one line with its figure and its rival; one that failed is a line, too."""
    lines = table([Finding("one", (HOLDS, MISSES)), Finding("two", problem="ValueError: no")])

    assert lines.splitlines()[2:] == [
        "| a thing | 2 ms | another: 1 ms | 2.00 | at most 3 x | yes |",
        "| a thing | 2 MB |  |  | at most 1 MB | **no** |",
        "| `two` | failed | ValueError: no |  |  | **no** |",
    ]


def test_what_fails_is_told_and_the_others_are_measured() -> None:
    """One that is not there is the simplest that fails."""
    found = run_apart("never_written", quick=True)

    assert found.problem.startswith("ModuleNotFoundError")


def test_one_that_is_killed_costs_no_other_its_figures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is told in its place in the table."""
    killed = "import os, sys\nif any('spawn_main' in one for one in sys.orig_argv): os._exit(9)\n"
    (tmp_path / "sitecustomize.py").write_text(killed, encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    assert run_apart("pages", quick=True).problem.startswith("its process ended: ")


def test_the_exit_code_tells_a_failure_always_and_a_missed_aim_when_asked(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A missed aim is a figure; a result that differs is a fault."""
    found = {"pages": Finding("pages", (MISSES,))}
    monkeypatch.setattr(bench, "run_apart", lambda module, *, quick: found[module])  # noqa: ARG005
    monkeypatch.setattr(bench, "MODULES", ("pages",))
    assert (bench.main([]), bench.main(["--check"])) == (0, 1)

    found["pages"] = Finding("pages", problem="DisagreementError: 1 is not 2")
    assert bench.main([]) == 1
    assert "DisagreementError: 1 is not 2" in capsys.readouterr().out


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
