"""The example for kube-state-metrics, and where its paths lead in an object."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml

EXAMPLE = Path(__file__).parents[2] / "examples" / "monitoring" / "kube-state-metrics.yaml"
FIELDS = {"Gauge": "gauge", "Info": "info", "StateSet": "stateSet"}
Steps = tuple[str, ...]


def resource() -> Any:
    config, _ = yaml.safe_load_all(EXAMPLE.read_text())
    parsed = yaml.safe_load(config["data"]["config.yaml"])
    assert parsed["kind"] == "CustomResourceStateMetrics"
    (found,) = parsed["spec"]["resources"]
    return found


def paths() -> Iterator[tuple[str, Steps]]:
    """Give every path, from the object on, beside the metric's name."""
    of_all = resource()["labelsFromPath"].values()
    for metric in resource()["metrics"]:
        rule = metric["each"][FIELDS[metric["each"]["type"]]]
        start = tuple(rule.get("path", ()))
        below = [*rule.get("labelsFromPath", {}).values(), rule.get("valueFrom", ())]
        yield from ((metric["name"], tuple(each)) for each in of_all)
        yield from ((metric["name"], (*start, *each)) for each in below if start or each)


def look_up(value: Any, path: Sequence[str]) -> list[Any]:
    """Give what is at a path: of each item where there are many."""
    if isinstance(value, list):
        return [found for each in value for found in look_up(each, path)]
    if not path:
        return [value]
    return look_up(value[path[0]], path[1:]) if isinstance(value, dict) and path[0] in value else []
