"""The merge table speaks of fields that kops has, and of lists alone."""

from collections.abc import Mapping
from typing import Any

import pytest

from clusterstate.plan.merge_table import CLUSTER, INSTANCE_GROUP, Keyed, MergeSet
from tests.plan.specs import SCHEMA, TYPES


def type_at(kind: str, path: str) -> Any:
    of: Any = SCHEMA[f"{kind}.spec"]
    for step in path.replace("[]", ".[]").split("."):
        if step == "[]":
            of = of["list"]
        elif step == "*":
            of = of["map"]
        else:
            of = TYPES[of["object"]][step]["type"]
    return of


@pytest.mark.parametrize(("kind", "table"), [("Cluster", CLUSTER), ("InstanceGroup", INSTANCE_GROUP)])
def test_every_path_is_a_list_of_the_right_sort(kind: str, table: Mapping[str, Keyed | MergeSet]) -> None:
    for path, rule in table.items():
        element = type_at(kind, path)["list"]
        if isinstance(rule, MergeSet):
            assert element == "string", path
        else:
            fields = TYPES[element["object"]]
            assert all(fields[name]["type"] == "string" for names in rule.alternatives for name in names), path
