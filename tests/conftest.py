"""What every test stands on: a clean environment, one set of Hypothesis rules, Debian's tools."""

from __future__ import annotations

import gc
import os
import shutil
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

import coverage
import hypothesis
import pytest
from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

from monitor.ledger import Ledger


def in_ci() -> bool:
    """Whether these tests run in CI, where nothing may be left out."""
    return os.environ.get("CI", "").lower() in {"1", "true"}


# No deadline: a shared machine is slow at times, and a test of ours must not fail for that.
hypothesis.settings.register_profile("laptop", deadline=None)
# CI draws the same examples for the same test: a change is held up by what it breaks alone. New
# ones are drawn on laptops.
hypothesis.settings.register_profile(
    "ci", deadline=None, print_blob=True, max_examples=200, derandomize=True
)
hypothesis.settings.load_profile("ci" if in_ci() else "laptop")

OURS = ("GENESYS_", "TIMEOUT_MONITOR")
"""Beginnings of the variables that the program reads."""

FOREIGN = (
    "FLOW_ID",  # stands in for an argument of `flow set-timeout`, as does the next
    "ACTION_ID",
    # Loopback must not go through a proxy.
    *("ALL_PROXY", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"),
    *("all_proxy", "http_proxy", "https_proxy", "no_proxy"),
    # These colour or fold what the commands print.
    *("COLUMNS", "FORCE_COLOR", "GITHUB_ACTIONS", "NO_COLOR", "PY_COLORS", "TTY_COMPATIBLE"),
)
"""Variables of other programs that would change what ours does."""


TOGETHER = (
    "tests/dashboards/test_living.py",
    "tests/kills/test_kills.py",
    "tests/web/browser/test_watched_org.py",
)
"""Files whose tests ask the same costly thing: one worker runs all of each."""


class Scheduling(LoadScopeScheduling):  # type: ignore[misc]  # it has no types
    """Every test for itself, but for the files whose tests stay together.

    Marks of pytest-xdist would say the same, were they heard: 3.8 writes them into ids of tests
    that pytest has kept elsewhere since 9.2.
    """

    def _split_scope(self, nodeid: str) -> str:
        path = nodeid.partition("::")[0]
        return path if path in TOGETHER else nodeid


SEARCH_SECONDS = 900
"""Bound of a test that draws hundreds of examples: how long that takes is the machine's affair, and
the bound of all tests is for those that hang."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give what Hypothesis draws for a bound of its own, where it has none."""
    for item in items:
        is_drawn = getattr(getattr(item, "obj", None), "is_hypothesis_test", False)
        if is_drawn and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(SEARCH_SECONDS))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> Scheduling:
    """Share the tests out among workers."""
    return Scheduling(config, log)


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """Let pytest-cov alone measure a worker: what measures already would go on beneath.

    A worker inherits what measures each process that tests start, and pytest-cov 7.1 begins twice
    in it. Each makes all tests slower, and measures on while the controller below pauses.
    """
    if hasattr(session.config, "workerinput"):
        while (running := coverage.Coverage.current()) is not None:
            running.stop()


def pytest_collection_finish() -> None:
    """Leave thousands of collected tests out of every garbage collection: it halves the run."""
    gc.collect()
    gc.freeze()


UNMEASURED = (
    "tests/benchmarks/",
    "tests/daemon/test_fifty_orgs.py",
    "tests/daemon/test_leases.py",
    "tests/dashboards/",
    "tests/diagnosis/test_odd_ledgers.py",
    "tests/end_to_end/",
    "tests/exporter/test_history.py",
    "tests/kills/",
    "tests/poller/test_failing_sources.py",
    "tests/poller/test_reading_worlds.py",
    "tests/remediation/test_machine.py",
    "tests/store/test_maintenance.py",
    "tests/worlds/",
)
"""Where whole days are lived or much is read, which takes up to twice as long while coverage is
measured; tests nearer to the code reach the same lines."""

PROCESSES_MEASURED = (
    "tests/cli/test_first_process.py",
    "tests/daemon/test_database_cut.py",
    "tests/daemon/test_process.py::test_ctrl_c",
    "tests/daemon/test_process.py::test_one_line",
    "tests/daemon/test_process.py::test_sighup_brings",
    "tests/daemon/test_process.py::test_the_transaction",
)
"""Where processes reach what nothing else does. Elsewhere they start in half the time without."""


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Measure coverage where it tells something that other tests do not."""
    controller = getattr(item.config.pluginmanager.getplugin("_cov"), "cov_controller", None)
    if controller is None or item.nodeid.startswith(PROCESSES_MEASURED):
        return (yield)
    is_unmeasured = item.nodeid.startswith(UNMEASURED)
    asked = os.environ.pop("COVERAGE_PROCESS_CONFIG", None)
    if is_unmeasured:
        controller.pause()
    try:
        return (yield)
    finally:
        if is_unmeasured:
            controller.resume()
        if asked is not None:
            os.environ["COVERAGE_PROCESS_CONFIG"] = asked


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Let a skipped test fail in CI: a check that CI leaves out is no check."""
    report = yield
    if in_ci() and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped, and CI leaves nothing out: {report.longrepr}"
    return report


@pytest.fixture(scope="session", autouse=True)
def clean_environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No setting of the person who runs the tests gets in, and no test writes into the checkout.

    Tests and the processes they start run in an empty directory: a `timeout-monitor.toml` with
    real credentials in the checkout would be read otherwise.
    """
    with pytest.MonkeyPatch.context() as patch:
        for name in [*os.environ]:
            if name.startswith(OURS) or name in FOREIGN:
                patch.delenv(name)
        patch.chdir(tmp_path_factory.mktemp("working_directory"))
        yield


@pytest.fixture
def no_old_garbage() -> None:
    """Collect what other tests left, for a test that judges what is said of its own garbage."""
    gc.collect()


@pytest.fixture(scope="session")
def leave_out() -> Callable[[str], None]:
    """Leave a test out for a reason: on a laptop it is skipped, in CI it fails."""

    def leave_out(reason: str) -> None:
        if in_ci():
            pytest.fail(f"{reason}, and CI must have it: see .ci/run", pytrace=False)
        pytest.skip(reason)

    return leave_out


@pytest.fixture(scope="session")
def require_tool(leave_out: Callable[[str], None]) -> Callable[[str], str]:
    """Find a program of the operating system by its name, and return its path.

    Where it is missing the test is skipped on a laptop and fails in CI, which installs it: a
    check that CI quietly skips is no check.
    """

    def path_of(tool: str) -> str:
        path = shutil.which(tool)
        if path is None:
            leave_out(f"{tool} is not installed")
        return path or ""

    return path_of


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """A fresh ledger in a SQLite file; rooms that need another have their own."""
    with Ledger.open(f"sqlite:///{tmp_path / 'ledger.db'}") as opened:
        yield opened
