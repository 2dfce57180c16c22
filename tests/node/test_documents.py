"""The page about the agent names every field, and its examples are configurations."""

import re
from pathlib import Path

import msgspec
import pytest
import yaml

from clusterstate.node.config import Configuration, FileSet, NodeFile, load_configuration

PAGE = (Path(__file__).parents[2] / "docs" / "node-agent.md").read_text()
BLOCKS = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
EXAMPLES = [block for block in BLOCKS if "sets" in yaml.safe_load(block)]


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_is_a_configuration(example: str) -> None:
    assert load_configuration(example.encode(), "docs/node-agent.md").sets


def test_there_are_examples() -> None:
    assert len(EXAMPLES) >= 4


@pytest.mark.parametrize("type_", [Configuration, FileSet, NodeFile])
def test_every_field_is_explained(type_: type[msgspec.Struct]) -> None:
    words = set(re.findall(r"[A-Za-z]+", PAGE))
    assert {field.encode_name for field in msgspec.structs.fields(type_)} <= words
