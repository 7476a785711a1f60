"""``export openmetrics``: what Prometheus makes of it, and how the command ends."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from monitor.ledger import Ledger
from monitor.model import NO_ERROR
from monitor.time_ranges import TimeRange
from tests.cli.conftest import Command
from tests.daemon.place import Place

LINE = re.compile(r"(?P<name>\w+)\{(?P<labels>.*)\} (?P<value>\S+) (?P<at>\d+)")


def last_samples(text: str, name: str) -> dict[str, float]:
    """The last sample of each series of a metric, by its labels."""
    found = (LINE.fullmatch(line) for line in text.splitlines())
    return {one["labels"]: float(one["value"]) for one in found if one and one["name"] == name}


def ledger_counts(place: Place) -> dict[str, int]:
    """Successes in the windows that had ended when they were read, by action."""
    with Ledger.open(f"sqlite:///{place.state}") as ledger:
        covered = ledger.coverage("acme", "actions")[0]
        whole = TimeRange(covered.start, covered.end // 300 * 300)
        return {
            one.key.action_id: one.counts.count
            for one in ledger.tallies.sums("acme", whole)
            if one.key.error_type == NO_ERROR
        }


def test_the_export_holds_what_the_ledger_holds(place: Place, command: Command) -> None:
    """After one poll the last sample of each counter is the ledger's sum of whole windows."""
    place.run("poll")

    finished = command("export", "openmetrics")

    assert finished.code == 0
    assert finished.err == ""
    executions = last_samples(finished.out, "genesys_data_action_executions_total")
    counted = ledger_counts(place)
    assert len(counted) == 3
    for action_id, count in counted.items():
        labels = f'org="acme",action_id="{action_id}",outcome="success"'
        assert executions[labels] == count


def test_promtool_makes_blocks_of_it(
    place: Place, command: Command, require_tool: Callable[[str], str]
) -> None:
    """Without a remark, and every series of the file is in them."""
    promtool = require_tool("promtool")
    place.run("poll")
    file, blocks = place.folder / "history.om", place.folder / "data"
    finished = command("export", "openmetrics", "--output", str(file))
    assert re.fullmatch(rf"acme: \S+ \S+ to \S+ \S+ UTC, in {file}\n", finished.err)

    made = subprocess.run(
        [promtool, "tsdb", "create-blocks-from", "openmetrics", file, blocks],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert (made.returncode, made.stderr) == (0, "")
    series = {line.split(" ")[0] for line in file.read_text().splitlines() if line[0] != "#"}
    listed = [int(line.split()[5]) for line in made.stdout.splitlines()[1:]]
    assert max(listed) >= len({one.partition("{")[0] for one in series})


def test_the_flow_contract(flow_place: Place, command: Command) -> None:
    """Timeouts alone are written."""
    flow_place.run("poll")

    text = command("export", "openmetrics").out

    executions = last_samples(text, "genesys_data_action_executions_total")
    assert sum(executions.values()) > 0
    assert all(labels.endswith('outcome="timeout"') for labels in executions)
    assert "_bucket" not in text


def test_one_org_of_several(place: Place, command: Command) -> None:
    """The other one is not written; one that there is not is refused."""
    place.configure("acme", "globex")
    place.run("poll")

    text = command("export", "openmetrics", "--org", "globex").out
    refused = command("export", "openmetrics", "--org", "initech")

    assert 'org="globex"' in text
    assert 'org="acme"' not in text
    assert refused.code == 2
    assert refused.said[1] == "Configured are acme, globex."


def test_labels_that_scrapes_add(place: Place, command: Command) -> None:
    """Every series has them."""
    place.run("poll")

    text = command("export", "openmetrics", "--label", "job=monitor", "--label", "instance=a:1").out

    series = [line for line in text.splitlines() if line[0] != "#"]
    assert series
    assert all(',job="monitor",instance="a:1"} ' in line for line in series)


def test_nothing_collected(place: Place, command: Command) -> None:
    """It is said, and no file is left."""
    place.make_state()
    file = place.folder / "history.om"

    finished = command("export", "openmetrics", "-o", str(file))

    assert finished.code == 6
    assert finished.said[0] == "Nothing was collected in this period."
    assert not file.exists()


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--label", "job"), "--label: job can't be added to every series: it is no NAME=VALUE"),
        (
            ("--label", "org=x"),
            "--label: org=x can't be added to every series: series have a label org already.",
        ),
        (("--label", "1=x"), "--label: 1=x can't be added to every series: it is no NAME=VALUE"),
        (("--label", "le=x"), "series have a label le already."),
        (("--label", "__name__=x"), "names that begin with __, such as __name__, are Prometheus'"),
        (("--label", "__a=x"), "names that begin with __, such as __a, are Prometheus'"),
        (("--label", "job=x", "--label", "job=y"), "job is given twice."),
        (("--label", "job="), "job is empty"),
        (("--label", "job=\udcff"), "job is empty, which is no label, or holds what no line"),
        (("--from", "2026-01-02", "--to", "2026-01-01"), "--to must be later than --from."),
        (
            ("--to", (datetime.now(UTC) + timedelta(days=2)).strftime("%Y-%m-%d")),
            "--to lies in the future.",
        ),
    ],
)
def test_options_that_make_no_export(
    place: Place, command: Command, options: tuple[str, ...], sentence: str
) -> None:
    """They are refused before anything is read."""
    finished = command("export", "openmetrics", *options)

    assert finished.code == 2
    assert sentence in finished.said[0]
    assert not place.state.exists()


def test_a_file_that_cannot_be_written(place: Place, command: Command) -> None:
    """A sentence and a hint; what was begun is taken away."""
    place.run("poll")
    folder = place.folder / "taken"
    folder.mkdir()

    finished = command("export", "openmetrics", "-o", str(folder))
    nowhere = command("export", "openmetrics", "-o", str(Path("no", "such", "folder")))

    assert finished.code == nowhere.code == 2
    assert finished.said[0].startswith(f"The export can't be written to {folder}: ")
    assert not list(place.folder.glob(".timeout-monitor-*"))
