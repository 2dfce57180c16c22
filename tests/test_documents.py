"""The documents name what there is: every room, every reason, every field."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from clusterstate.errors import Reason

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "clusterstate.md").read_text()
CRD = yaml.safe_load(next((ROOT / "crds").glob("*.yaml")).read_text())
SCHEMA = CRD["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]
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


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_is_explained(reason: Reason) -> None:
    assert f"`{reason}`" in PAGE


@pytest.mark.parametrize("part", ["spec", "status"])
def test_every_field_is_explained(part: str) -> None:
    words = set(re.findall(r"[A-Za-z0-9]+", PAGE))
    assert {*fields(SCHEMA[part])} - words - UNSAID == set()
