"""docs/metrics.md tells of every metric and label there is, and of no other; Prometheus's own linter agrees."""

import re
from pathlib import Path

import pytest

from clusterstate.cli.node import BEHIND
from clusterstate.handlers.recording import RunResult
from clusterstate.observing import Answer, Operation
from tests.support.exposition import exposed, families
from tests.support.promtool import run_promtool

PAGE = (Path(__file__).parents[2] / "docs" / "metrics.md").read_text()
ROW = re.compile(r"^\| `(clusterstate_\w+)` \| (\w+) \| ([^|]*)\|", re.MULTILINE)


def test_the_page_has_every_metric_with_its_labels() -> None:
    told = {name: (kind, frozenset(re.findall(r"\w+", labels))) for name, kind, labels in ROW.findall(PAGE)}
    found = {
        f"{each.name}_total" if each.type == "counter" else each.name: (
            each.type,
            frozenset(label for sample in each.samples for label in sample.labels) - {"le"},
        )
        for each in families()
        if not each.name.startswith("process_")
    }
    assert told == found


def test_the_page_has_the_metric_of_the_node_agent() -> None:
    assert f"`{BEHIND}`" in PAGE


@pytest.mark.parametrize(("label", "words"), [("result", RunResult), ("operation", Operation), ("status", Answer)])
def test_the_page_has_every_word_of_a_label(label: str, words: type[RunResult | Operation | Answer]) -> None:
    (row,) = re.findall(rf"^\| `{label}` \| (.*) \|$", PAGE, re.MULTILINE)
    assert set(re.findall(r"`(\w+)`", row)) == {each.value for each in words}


@pytest.mark.timeout(900)  # the first test that asks for promtool has it built
def test_names_and_texts_keep_the_conventions_of_prometheus() -> None:
    assert run_promtool("check", "metrics", stdin=exposed()) == ""
