"""Declarations up to the documented sizes work; what is above them gets its reason."""

import pytest
import yaml

from tests.support.operating import conditions
from tests.support.world import COMPLEX, World, manifest

pytestmark = [pytest.mark.apiserver, pytest.mark.objectstore]

KIB = 1024


def structured(size: int) -> list[dict[str, object]]:
    """Give instance groups with many small fields, `size` bytes of JSON in all."""
    labels = {f"example.com/label-{number:03}": f"value-{number:04}" for number in range(60)}
    group = {"spec": {"role": "Node", "maxSize": 3, "nodeLabels": labels, "cloudLabels": labels}}
    each = len(str(group)) + 20
    return [{"name": f"group-{number}", **group} for number in range(size // each)]


def test_a_structured_declaration_of_500_kib(world: World) -> None:
    world.load_store()
    groups = structured(490 * KIB)
    world.apply(manifest(url=world.url, instanceGroups=groups, sync={"timeout": "5m"}))
    with world.running():
        world.until(lambda: world._settled("state", "Ready", {"status": "True"}), world.log_tail, patience=90)
    assert len([key for key in world.files() if "/instancegroup/group-" in key]) == len(groups)


def test_file_content_of_900_kib(world: World) -> None:
    world.load_store()
    content = "".join(f"line {number} of a file\n" for number in range(40_000))[: 890 * KIB]
    world.apply(
        manifest(url=world.url, cluster={"fileAssets": [{"name": "big", "path": "/etc/big", "content": content}]})
    )
    with world.running():
        world.settled()
    assert yaml.safe_load(world.read(f"{COMPLEX}/config"))["spec"]["fileAssets"][0]["content"] == content


def test_more_is_refused_with_its_reason(world: World) -> None:
    world.load_store()
    before = world.files()
    world.apply(manifest(url=world.url, instanceGroups=structured(560 * KIB)))
    with world.running():
        body = world.settled(status="False", reason="SpecTooLarge")
    assert conditions(body)["Stalled"]["reason"] == "SpecTooLarge"
    assert world.files() == before
