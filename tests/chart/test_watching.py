"""Alerts go off when they should, by the real promtool, and no query of the chart asks for what the operator hasn't."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from clusterstate.cli.node import BEHIND
from tests.support.exposition import labels_by_series
from tests.support.helm import Manifest
from tests.support.promtool import run_promtool

pytestmark = pytest.mark.timeout(900)  # the first test that asks for a program has it built

Render = Callable[[str], list[Manifest]]
CASES = Path(__file__).with_name("alerts.yaml")
OTHERS = {"up": {"namespace", "pod"}, BEHIND: set[str]()}
"""What Prometheus itself has, and node agents."""
TARGET = {"job", "instance", "namespace", "pod"}
"""Labels that a series gets from where it was read."""


def rules(render: Render) -> Any:
    (found,) = (each for each in render("watched, with agents") if each["kind"] == "PrometheusRule")
    return found["spec"]


def dashboard(render: Render) -> Any:
    made = render("watched, with agents")
    (found,) = (each for each in made if each["metadata"]["name"] == "prod-operator-dashboard")
    assert found["metadata"]["labels"]["grafana_dashboard"] == "1"
    return json.loads(found["data"]["clusterstate.json"])


def queries(render: Render) -> list[str]:
    """Give what the dashboard's panels ask, as Prometheus gets it."""
    asked = [target["expr"] for panel in dashboard(render)["panels"] for target in panel.get("targets", ())]
    return [each.replace("$__rate_interval", "5m").replace("$namespace", ".*") for each in asked]


def test_each_alert_goes_off_when_it_should_and_only_then(render: Render, tmp_path: Path) -> None:
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump(rules(render)))
    cases = yaml.safe_load(CASES.read_text()) | {"rule_files": ["rules.yaml"]}
    (tmp_path / "cases.yaml").write_text(yaml.safe_dump(cases))
    run_promtool("check", "rules", "--lint-fatal", str(tmp_path / "rules.yaml"))
    run_promtool("test", "rules", str(tmp_path / "cases.yaml"))
    alerts = {rule["alert"] for group in rules(render)["groups"] for rule in group["rules"]}
    quiet, *loud = cases["tests"]
    assert {each["alertname"] for each in quiet["alert_rule_test"]} == alerts
    assert {each["alertname"] for case in loud for each in case["alert_rule_test"] if "exp_alerts" in each} == alerts


def test_every_query_of_the_dashboard_can_be_asked(render: Render) -> None:
    recorded = [{"record": f"panel:{number}", "expr": expr} for number, expr in enumerate(queries(render))]
    assert len(recorded) > 20
    run_promtool("check", "rules", stdin=json.dumps({"groups": [{"name": "panels", "rules": recorded}]}))


def test_no_query_names_a_metric_or_a_label_that_there_is_not(render: Render) -> None:
    known = {**labels_by_series(), **OTHERS}
    alerts = [rule["expr"] for group in rules(render)["groups"] for rule in group["rules"]]
    variable = dashboard(render)["templating"]["list"][1]["query"]
    for query in (*alerts, *queries(render), variable):
        names = set(re.findall(r"\b(?:clusterstate|process)_\w+|\bup\b", query))
        assert names
        assert names <= known.keys(), query
        assert set(labels_of(query)) <= TARGET | {label for name in names for label in known[name]}, query


def labels_of(query: str) -> Iterator[str]:
    """Give the labels that a query selects or groups by."""
    for words in re.findall(r"\b(?:by|on|group_left) \(([^)]*)\)", query):
        yield from re.findall(r"\w+", words)
    for words in re.findall(r"\{([^}]*)\}", query):
        yield from re.findall(r"(\w+)=", words)


def test_legends_name_labels_that_the_query_leaves(render: Render) -> None:
    for panel in dashboard(render)["panels"]:
        for target in panel.get("targets", ()):
            assert set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"])) <= set(labels_of(target["expr"]))


def test_panels_do_not_overlap(render: Render) -> None:
    taken: set[tuple[int, int]] = set()
    for panel in dashboard(render)["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert max(x for x, _ in cells) < 24
        assert not taken & cells, panel["title"]
        taken |= cells
