"""The documents name what there is: every room, every reason, every field."""

import re
import tomllib
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest
import yaml

from clusterstate.api.pages import PARTS, render_fields
from clusterstate.api.rules import RULES
from clusterstate.errors import ClusterStateError
from clusterstate.policy import load_policy
from clusterstate.reasons import Nature, Reason
from tests.apiserver.tricks import TRICKS
from tests.support.drawing import PICTURE, draw

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "clusterstate.md").read_text()
TROUBLE = (ROOT / "docs" / "troubleshooting.md").read_text()
FIELDS = ROOT / "docs" / "fields"
CRD = yaml.safe_load(next((ROOT / "crds").glob("*.yaml")).read_text())
SCHEMA = CRD["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]
SECURITY = (ROOT / "docs" / "security.md").read_text()
UNSAID = {"type", "status", "reason", "message", "lastTransitionTime", "name", "key", "kind"}
"""Names that mean the same everywhere."""


def fields(schema: Any) -> Iterator[str]:
    for name, each in schema.get("properties", {}).items():
        yield name
        yield from fields(each)
    if "items" in schema:
        yield from fields(schema["items"])


def test_every_room_has_a_row_and_a_contract() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    layers = next(each["layers"] for each in contracts if each["type"] == "layers")
    rooms = {room for layer in layers for room in layer.split(" | ")} - {"__main__"}
    page = (ROOT / "docs" / "development.md").read_text().partition("## Rooms and layers")[2].partition("##")[0]
    told = {room for row in re.findall(r"^\| (`.*?) \|", page, re.MULTILINE) for room in re.findall(r"`(\w+)`", row)}
    assert told == rooms


def natures(base: type[ClusterStateError] = ClusterStateError) -> Iterator[tuple[Reason, Nature]]:
    yield base.reason, base.nature
    for each in base.__subclasses__():
        yield from natures(each)


def test_every_reason_has_an_entry_and_no_other_has() -> None:
    entries, _, well = TROUBLE.partition("\n## All is well\n")
    told = [*re.findall(r"^### (\w+)$", entries, re.MULTILINE), *re.findall(r"`(\w+)`", well.replace("`Ready`", ""))]
    assert {*told} == {*Reason} | {"StoreReachable", "expiryWarning"}
    whole = re.findall(
        r"^### (\w+)\n\n\*.*\*\n\n- Seen: (?:.|\n  )+\n- Why: (?:.|\n  )+\n- Do: (?:.|\n  )+\n", entries, re.MULTILINE
    )
    assert whole == re.findall(r"^### (\w+)$", entries, re.MULTILINE)


@pytest.mark.parametrize(
    ("reason", "nature"), sorted(row for row in {*natures()} if row[0] is not Reason.INTERNAL_ERROR)
)
def test_an_entry_tells_whether_it_is_tried_again(reason: Reason, nature: Nature) -> None:
    word = "Stalled" if nature is Nature.STALLED else "Retried"
    assert f"### {reason}\n\n*{word}.*\n" in TROUBLE


def test_every_field_and_rule_is_on_a_page() -> None:
    pages = render_fields()
    told = "".join(pages.values())
    assert told.count("\nRule: ") == len(RULES)
    assert all(f"Rule: {rule.message}\n\n```\n{rule.cel}\n```" in told for rule in RULES)
    assert {name for name in pages if "/" in name} == {
        f"{part}/{field}.md" for part in PARTS for field in SCHEMA[part]["properties"]
    }
    limit = pages["spec/sync.md"].partition("\n## spec.sync.revisionHistoryLimit\n")[2]
    assert (
        limit.partition("\n\n| | |\n| --- | --- |\n")[2]
        == "| Type | integer |\n| Default | `10` |\n| Value | 1 to 100 |\n"
    )
    assert "[`spec.sync.revisionHistoryLimit`](#specsyncrevisionhistorylimit) | integer |" in pages["spec/sync.md"]
    assert {str(file.relative_to(FIELDS)) for file in FIELDS.rglob("*.md")} == pages.keys(), "a page of no field"


def test_the_drawing_is_of_these_layers() -> None:
    assert PICTURE.read_text() == draw(), "make pages"


@pytest.mark.parametrize("part", ["spec", "status"])
def test_every_field_is_explained(part: str) -> None:
    words = set(re.findall(r"[A-Za-z0-9]+", PAGE))
    assert {*fields(SCHEMA[part])} - words - UNSAID == set()


def threats() -> list[list[str]]:
    """Give the rows of the table of threats, by their cells."""
    lines = SECURITY.partition("## Threats and answers")[2].splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]
    return rows[2:]


def test_every_threat_has_an_answer_and_tests_that_there_are() -> None:
    tricks = set()
    for threat, answer, _, kept in threats():
        named = re.findall(r"`(.+?)`", kept)
        assert answer, threat
        assert named, threat
        for each in named:
            path, _, test = each.partition("::")
            found = fnmatching(each) if not test else {each for _ in re.finditer(rf"def {test}\(", read(path))}
            assert found, each
            tricks |= found
    assert set(TRICKS) <= tricks, "each trick is a row's"


def fnmatching(glob: str) -> set[str]:
    return {name for name in TRICKS if fnmatchcase(name, glob)}


def read(path: str) -> str:
    return (ROOT / path).read_text()


def test_policies_of_the_page_are_some() -> None:
    policies = [block for block in re.findall(r"```yaml\n(.*?)```", SECURITY, re.DOTALL) if "rules:" in block]
    assert len(policies) == 2
    for each in policies:
        assert load_policy(each.encode(), "policy.yaml").rules
