"""What the example has kube-state-metrics look at is what the resource has."""

from collections.abc import Sequence
from functools import cache
from typing import Any

import yaml

from clusterstate.api.annotations import GROUP
from clusterstate.api.types import PLURAL, VERSION
from tests.support.kubestatemetrics import EXAMPLE, paths, resource
from tests.support.operating import CRD

METADATA = {"name", "namespace", "generation", "creationTimestamp"}


@cache
def crd_schema() -> Any:
    (version,) = yaml.load(CRD.read_text(), yaml.CSafeLoader)["spec"]["versions"]
    return version["schema"]["openAPIV3Schema"]


def type_at(schema: Any, path: Sequence[str]) -> str:
    while schema["type"] == "array":
        schema = schema["items"]
    return type_at(schema["properties"][path[0]], path[1:]) if path else str(schema["type"])


def test_each_path_leads_to_one_plain_field() -> None:
    schema = crd_schema()
    for metric, path in set(paths()):
        if path[0] == "metadata":
            assert path[1] in METADATA, metric
        else:
            assert type_at(schema, path) in {"string", "integer", "boolean"}, metric


def test_it_is_about_our_resource_and_may_look_at_it() -> None:
    _, role = yaml.safe_load_all(EXAMPLE.read_text())
    kind = resource()["groupVersionKind"]
    assert kind == {"group": GROUP, "version": VERSION, "kind": "ClusterState"}
    assert {"apiGroups": [GROUP], "resources": [PLURAL], "verbs": ["list", "watch"]} in role["rules"]


def test_a_state_set_has_every_phase() -> None:
    (metric,) = (each for each in resource()["metrics"] if each["each"]["type"] == "StateSet")
    keysets = crd_schema()["properties"]["status"]["properties"]["keysets"]
    phases = keysets["items"]["properties"]["phase"]["enum"]
    assert set(metric["each"]["stateSet"]["list"]) == set(phases)
