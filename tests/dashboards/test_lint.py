"""What dashboards, rules and alerts must be without anybody running them.

After the rules of Grafana's dashboard-linter and Cloudflare's pint.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.main import get_command

from dashboards.source.alerts import alerts
from dashboards.source.files import generated
from dashboards.source.objectives import OBJECTIVES, Burn, Seconds
from monitor.cli.app import app
from monitor.config import CollectSettings
from monitor.exporter import METRICS, Kind
from tests.dashboards.panels import load, panels
from tests.dashboards.promql import bare_counters, divisors, metrics
from tests.dashboards.variables import seconds

ROOT = Path(__file__).parents[2]
SHIPPED = ROOT / "dashboards"
NAMES = ("overview", "action")
UNITS = {"short", "locale", "percentunit", "s", "cpm", "none"}
"""Grafana's names of the units in use."""
PROMETHEUS_S_OWN = {"ALERTS", "up"}
SUFFIXES = {Kind.HISTOGRAM: ("_bucket", "_sum", "_count"), Kind.SUMMARY: ("_sum", "_count")}


def read(name: str) -> dict[str, Any]:
    """A shipped YAML file."""
    document: dict[str, Any] = yaml.safe_load((SHIPPED / name).read_text(encoding="utf-8"))
    return document


def rules(name: str) -> list[dict[str, Any]]:
    """The rules of a shipped file."""
    return [rule for group in read(f"prometheus/{name}.yml")["groups"] for rule in group["rules"]]


def all_panels() -> list[Any]:
    """Every panel of every dashboard, each with the dashboard's name."""
    return [
        pytest.param(name, panel, id=f"{name}: {panel['title']} ({panel['id']})")
        for name in NAMES
        for panel in panels(name)
    ]


def panel_expressions() -> Iterator[str]:
    """Every query of every panel and every annotation."""
    for name in NAMES:
        for panel in panels(name):
            yield from (target["expr"] for target in panel["targets"])
        yield from (mark["expr"] for mark in load(name)["annotations"]["list"])


def rule_expressions() -> Iterator[str]:
    """The expression of every rule."""
    yield from (rule["expr"] for name in ("rules", "alerts") for rule in rules(name))


def exported() -> set[str]:
    """Every series' name that a scrape can show."""
    return {spec.name + suffix for spec in METRICS for suffix in ("", *SUFFIXES.get(spec.kind, ()))}


def counters() -> set[str]:
    """Names of series that only grow."""
    return {spec.name for spec in METRICS if spec.kind is Kind.COUNTER} | {
        spec.name + suffix for spec in METRICS for suffix in SUFFIXES.get(spec.kind, ())
    }


def headings() -> dict[str, str]:
    """The runbook's sections by their heading."""
    text = (SHIPPED / "runbook.md").read_text(encoding="utf-8")
    _, *rest = re.split(r"^## (.+)\n", text, flags=re.MULTILINE)
    return dict(zip(rest[::2], rest[1::2], strict=True))


def test_what_is_committed_is_what_is_generated() -> None:
    """``make dashboards`` changes nothing, and there is no test of an alert that is gone."""
    written = generated()
    for name, text in written.items():
        assert (SHIPPED / name).read_text(encoding="utf-8") == text, f"{name}: run make dashboards"
    tests = {f"prometheus/tests/{path.name}" for path in (SHIPPED / "prometheus/tests").iterdir()}
    assert tests == {name for name in written if "/tests/" in name}


def test_every_alert_has_its_tests() -> None:
    """A file of promtool's for each."""
    tests = {path.stem for path in (SHIPPED / "prometheus" / "tests").iterdir()}
    assert tests == {rule["alert"] for rule in rules("alerts")}


@pytest.mark.parametrize(
    "expression", [*panel_expressions(), *rule_expressions()], ids=lambda one: one[:60]
)
def test_every_metric_is_exported_or_recorded(expression: str) -> None:
    """No name is misspelt, and none is gone."""
    recorded = {rule["record"] for rule in rules("rules")}
    assert metrics(expression) <= exported() | recorded | PROMETHEUS_S_OWN


def test_dashboards_show_what_is_scraped() -> None:
    """No panel needs a recorded series: imported history has none, and some have no rules."""
    recorded = {rule["record"] for rule in rules("rules")}
    for expression in panel_expressions():
        assert not metrics(expression) & recorded, expression


@pytest.mark.parametrize(
    "expression", [*panel_expressions(), *rule_expressions()], ids=lambda one: one[:60]
)
def test_counters_are_only_asked_how_they_grow(expression: str) -> None:
    """Or whether they are there; their value means nothing."""
    assert bare_counters(expression, counters()) == set()


@pytest.mark.parametrize(
    "expression", [*panel_expressions(), *rule_expressions()], ids=lambda one: one[:60]
)
def test_nothing_is_divided_by_zero(expression: str) -> None:
    """Every divisor is more than zero, and every quantile is one of something."""
    for divisor in divisors(expression):
        assert divisor.rstrip().endswith("> 0"), divisor
    if "histogram_quantile" in expression:
        assert re.search(r"and on \(.*\) \(sum.*> 0\)", expression)


def test_the_rules_of_this_file_can_be_broken() -> None:
    """A bare counter, a bare divisor and an unknown name are found."""
    assert bare_counters("sum(x_total)", {"x_total"}) == {"x_total"}
    assert not bare_counters("sum(rate(x_total{a='b'}[5m])) and count(x_total)", {"x_total"})
    assert list(divisors("a / b * c")) == ["b"]
    assert list(divisors("a / (sum(b) > 0)")) == ["sum(b) > 0"]
    assert metrics('sum by (a) (rate(x_total{b="c"}[5m])) > 2 * y offset 1h') == {"x_total", "y"}


def test_recording_rules_are_named_by_level_metric_and_operation() -> None:
    """As Prometheus recommends."""
    for rule in rules("rules"):
        assert re.fullmatch(r"(action|flow|org):[a-z_]+:[a-z]+[0-9a-z]*", rule["record"])


def test_every_recorded_series_is_used() -> None:
    """By an alert; a rule that nobody needs costs everybody."""
    used = {name for rule in rules("alerts") for name in metrics(rule["expr"])}
    assert {rule["record"] for rule in rules("rules")} <= used


def test_windows_are_longer_than_data_is_late() -> None:
    """Whatever is counted over a window is counted over more than lateness plus a poll."""
    least = OBJECTIVES.late.value + OBJECTIVES.poll.value
    burns = [OBJECTIVES.fast, OBJECTIVES.slow]
    windows = [window for burn in burns for window in (burn.long, burn.short)]
    windows += [OBJECTIVES.spike, OBJECTIVES.count, OBJECTIVES.failing, OBJECTIVES.hour]
    assert all(window.value > least for window in windows)


def test_a_faster_clock_shortens_every_window_and_nothing_else() -> None:
    """Thresholds stay; lengths of time are divided."""
    faster = OBJECTIVES.faster(60)
    assert str(faster.spike) == "30s"
    assert (faster.fast.factor, str(faster.fast.long)) == (OBJECTIVES.fast.factor, "1m")
    assert faster.timeout_share == OBJECTIVES.timeout_share
    for name in ("fast", "slow"):
        assert isinstance(getattr(faster, name), Burn)
    assert str(Seconds(84_600)) == "23h30m"


@pytest.mark.parametrize("rule", rules("alerts"), ids=lambda rule: rule["alert"])
def test_every_alert_says_what_whoever_wakes_needs(rule: dict[str, Any]) -> None:
    """How urgent it is, what is known, what to do; and nothing in its labels that changes."""
    assert rule["labels"] == {"severity": rule["labels"]["severity"]}
    assert rule["labels"]["severity"] in {"critical", "warning"}
    said = rule["annotations"]
    assert list(said) == ["summary", "description", "runbook_url", "dashboard_url"]
    assert len(said["summary"]) < 120
    assert said["description"].endswith(".")
    for text in said.values():
        # A bare number has ten digits after its point.
        assert not re.search(r"\$value *\}\}", text), text
    if "absent" in rule["expr"]:
        assert rule["for"]


@pytest.mark.parametrize("rule", rules("alerts"), ids=lambda rule: rule["alert"])
def test_links_of_alerts_lead_somewhere(rule: dict[str, Any]) -> None:
    """To a section of the runbook, and to a dashboard that has the variables they set."""
    said = rule["annotations"]
    assert said["runbook_url"].endswith(f"/runbook.md#{rule['alert'].lower()}")
    path = said["dashboard_url"].removeprefix("http://localhost:3000/d/")
    uid, _, variables = path.partition("?")
    [name] = [name for name in NAMES if load(name)["uid"] == uid]
    known = {one["name"] for one in load(name)["templating"]["list"]}
    assert set(re.findall(r"var-(\w+)=", variables)) <= known


def test_every_alert_has_its_section_in_the_runbook() -> None:
    """In the order of the rules, and there is no other."""
    assert list(headings()) == [alert.name for alert in alerts(OBJECTIVES)]


@pytest.mark.parametrize(("name", "text"), headings().items(), ids=lambda one: one[:50])
def test_sections_of_the_runbook_have_what_one_needs_at_night(name: str, text: str) -> None:
    """What callers meet, three commands that there are, and how to tell that it is over."""
    severity = next(one.severity for one in alerts(OBJECTIVES) if one.name == name)
    assert text.lstrip().startswith(f"{severity}. ")
    assert "**Callers**" in text
    assert "\n**Over** " in text
    [block] = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    lines = block.strip().splitlines()
    assert len(lines) == 3
    known: dict[str, object] = get_command(app).commands  # type: ignore[attr-defined]
    for line in lines:
        if line.startswith("timeout-monitor "):
            assert line.split()[1] in known


@pytest.mark.parametrize("page", ["README.md", "runbook.md"])
def test_links_of_the_pages_lead_somewhere(page: str) -> None:
    """Every file, and every heading."""
    text = (SHIPPED / page).read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)]+)\)", text):
        if target.startswith("http"):
            continue
        file, _, anchor = target.partition("#")
        linked = SHIPPED / file if file else SHIPPED / page
        assert linked.exists(), target
        if anchor:
            titles = re.findall(r"^#+ (.+)$", linked.read_text(encoding="utf-8"), re.MULTILINE)
            slugs = {
                re.sub(r"[^\w -]", "", title).strip().lower().replace(" ", "-") for title in titles
            }
            assert anchor in slugs, target


def slug(title: str) -> str:
    """The anchor that a heading gets."""
    return re.sub(r"[^\w -]", "", title).strip().lower().replace(" ", "-")


@pytest.mark.parametrize(("name", "panel"), all_panels())
def test_every_panel_explains_itself(name: str, panel: dict[str, Any]) -> None:
    """Title, what to do about it, unit, thresholds, and a word where there is nothing."""
    defaults = panel["fieldConfig"]["defaults"]
    assert name
    assert panel["title"]
    assert len(panel["description"]) >= 25
    assert panel["description"].endswith(".")
    assert defaults["unit"] in UNITS
    assert defaults["thresholds"]["steps"][0]["value"] is None
    assert defaults["noValue"]
    if "No data: with contract flow" in defaults["noValue"]:
        assert "contract flow" in panel["description"]


@pytest.mark.parametrize(("name", "panel"), all_panels())
def test_every_query_keeps_to_what_was_chosen(name: str, panel: dict[str, Any]) -> None:
    """The data source of the variable, the org of the variable, and only variables there are."""
    known = {one["name"] for one in load(name)["templating"]["list"]}
    assert panel["datasource"]["uid"] == "${datasource}"
    for target in panel["targets"]:
        assert target["datasource"]["uid"] == "${datasource}"
        assert 'org="$org"' in target["expr"]
        used = set(re.findall(r"\$\{?(\w+)", target["expr"]))
        assert used <= known | {"__rate_interval", "__range", "__interval"}
        if "[$__rate_interval]" in target["expr"]:
            assert target["interval"] == "5m"


@pytest.mark.parametrize("name", NAMES)
def test_marks_keep_to_what_was_chosen(name: str) -> None:
    """The org of the variable, and a period that holds two samples however far one looks."""
    for mark in load(name)["annotations"]["list"]:
        assert mark["datasource"]["uid"] == "${datasource}"
        assert 'org="$org"' in mark["expr"]
        assert re.findall(r"\[(.*?)\]", mark["expr"]) == ["$__rate_interval"]
        # Four of the least step are longer than two windows of imported history.
        assert 4 * seconds(mark["step"]) > 2 * CollectSettings().window
        assert mark["titleFormat"]
        assert mark["textFormat"].endswith(".")


@pytest.mark.parametrize("name", NAMES)
def test_dashboards_can_be_imported_as_they_are(name: str) -> None:
    """Nothing of one Grafana is in them, and no two panels lie on each other."""
    document = load(name)
    assert "id" not in document
    assert "__inputs" not in document
    ids = [panel["id"] for panel in document["panels"]]
    assert len(set(ids)) == len(ids)
    for one, other in combinations((panel["gridPos"] for panel in document["panels"]), 2):
        apart = (
            one["x"] + one["w"] <= other["x"]
            or other["x"] + other["w"] <= one["x"]
            or one["y"] + one["h"] <= other["y"]
            or other["y"] + other["h"] <= one["y"]
        )
        assert apart
        assert one["x"] + one["w"] <= 24


@pytest.mark.parametrize("name", NAMES)
def test_links_between_dashboards_keep_time_and_variables(name: str) -> None:
    """Those at the top, and those of series and rows, which name the action."""
    document = load(name)
    [link] = document["links"]
    assert link["keepTime"]
    assert link["includeVars"]
    assert set(link["tags"]) <= set(document["tags"])
    for panel in panels(name):
        for one in panel["fieldConfig"]["defaults"].get("links", []):
            assert one["url"].startswith(f"/d/{load('action')['uid']}?${{__url_time_range}}&")
            for kept in ("datasource", "org", "integration"):
                assert f"${{{kept}:queryparam}}" in one["url"]
            assert "&var-action=${" in one["url"]


@pytest.mark.parametrize("name", NAMES)
def test_variables_come_from_the_data(name: str) -> None:
    """The data source first, then org, integration and action from the names of actions."""
    first, *others = load(name)["templating"]["list"]
    assert first["type"] == "datasource"
    assert [one["name"] for one in others][:2] == ["org", "integration"]
    for one in others:
        assert one["datasource"]["uid"] == "${datasource}"
        assert "genesys_data_action_info" in one["query"]["query"]


def test_alertmanager_knows_the_alerts_that_it_names() -> None:
    """One page a back end; every name and receiver of its configuration is one that there is."""
    config = read("alertmanager/alertmanager.yml")
    assert config["route"]["group_by"] == ["org", "integration_id", "integration_name"]
    receivers = {one["name"] for one in config["receivers"]}
    used = {config["route"]["receiver"], *(one["receiver"] for one in config["route"]["routes"])}
    assert used == receivers
    text = (SHIPPED / "alertmanager" / "alertmanager.yml").read_text(encoding="utf-8")
    names = set(re.findall(r"\b(?:GenesysData|TimeoutMonitor)\w+\b(?!\.)", text))
    known = {alert.name for alert in alerts(OBJECTIVES)}
    assert {name for name in names if name != "GenesysDataAction"} <= known


def test_the_composition_is_wired_and_pinned() -> None:
    """Every image has a version, every file it mounts is there, and every host is a service."""
    services = read("compose.yaml")["services"] | {}
    for service in services.values():
        if "image" in service:
            assert re.fullmatch(r"[\w./-]+:v?\d+\.\d+\.\d+", service["image"])
        for mount in service.get("volumes", []):
            source = mount.split(":")[0]
            if source.startswith("."):
                assert (SHIPPED / source).exists(), source
        for port in service["ports"]:
            assert port.startswith("127.0.0.1:")
    assert read("compose.real.yaml")["services"].keys() <= services.keys()
    prometheus = read("prometheus/prometheus.yml")
    hosts = [
        target.split(":")[0]
        for part in (
            *prometheus["scrape_configs"],
            *prometheus["alerting"]["alertmanagers"],
        )
        for static in part["static_configs"]
        for target in static["targets"]
    ]
    [source] = read("grafana/provisioning/datasources/prometheus.yaml")["datasources"]
    hosts.append(source["url"].removeprefix("http://").split(":")[0])
    assert set(hosts) <= services.keys()
    interval = prometheus["global"]["scrape_interval"]
    assert source["jsonData"]["timeInterval"] == interval
