"""Specs drawn from kops's own schema, few values from small pools, so that the three sides of a merge often meet."""

import json
from importlib.resources import files
from typing import Any

from hypothesis import strategies as st

from clusterstate.plan.merge_table import Keyed, MergeSet, Rules, rules_of
from clusterstate.state.schema import Kind

SCHEMA: dict[str, Any] = json.loads(files("clusterstate.state").joinpath("schema.json").read_text())
TYPES: dict[str, Any] = SCHEMA["types"]
KINDS: tuple[Kind, ...] = ("Cluster", "InstanceGroup")
WORDS = ("a", "b", "x.y/z~1", "été")
POOLS: dict[str, tuple[Any, ...]] = {
    "bool": (True, False),
    "int": (0, 1, 2),
    "uint": (1, 2),
    "float": (0.5, 2),
    "string": WORDS,
    "bytes": ("YQ==", "Yg=="),
    "any": ("a", "b"),
    "duration": ("1m0s", "30s"),
    "quantity": ("100m", "1Gi"),
    "intOrString": (1, "a"),
    "time": ("2017-01-01T00:00:00Z", "2018-01-01T00:00:00Z"),
}
VERSIONS = ("1.31.0", "v1.32.1")
"""Of Kubernetes, which kops reads."""
# Fields by which most draws go, so that lists of every sort and maps with odd keys take part.
OFTEN = {
    "ClusterSpec": (
        "subnets", "etcdClusters", "api", "iam", "hooks", "fileAssets", "externalPolicies", "packages", "sshAccess",
        "cloudLabels", "additionalPolicies", "networking", "kubelet", "authentication", "kubernetesVersion",
    ),
    "InstanceGroupSpec": (
        "taints", "volumes", "externalLoadBalancers", "additionalUserData", "nodeLabels", "subnets", "minSize",
        "suspendProcesses", "kubelet", "hooks",
    ),
    "NetworkingSpec": ("cni", "cilium"),
    "IAMSpec": ("serviceAccountExternalPermissions", "legacy"),
}  # fmt: skip

# kops takes `networking` with nothing but Canal, which it supports no more, for empty, whoever wrote it.
NEVER = {"NetworkingSpec": {"canal"}}


def specs(kind: Kind) -> st.SearchStrategy[dict[str, Any]]:
    return _values(SCHEMA[f"{kind}.spec"], rules_of(kind), 4)


def narrow(kind: Kind, *fields: str) -> st.SearchStrategy[dict[str, Any]]:
    """Specs of these fields alone, so that two of them nearly always meet."""
    types, rules = TYPES[SCHEMA[f"{kind}.spec"]["object"]], rules_of(kind)
    values = {field: _field(types, field, rules, 3) for field in fields}
    return st.fixed_dictionaries({}, optional=values)


def _values(of: Any, rules: Rules, depth: int) -> st.SearchStrategy[Any]:
    if isinstance(of, str):
        return st.sampled_from(POOLS[of.strip("0123456789")])
    if "object" in of:
        return _objects(of["object"], rules, depth)
    if "map" in of:
        keys = st.sampled_from(WORDS)
        return st.dictionaries(keys, _values(of["map"], rules.below("any"), depth - 1), min_size=1, max_size=3)
    return _lists(of["list"], rules, depth)


@st.composite
def _objects(draw: st.DrawFn, name: str, rules: Rules, depth: int) -> dict[str, Any]:
    fields = sorted(TYPES[name].keys() - NEVER.get(name, set()))
    if not fields:
        return {}
    usual = st.sampled_from(OFTEN.get(name, fields) or fields)
    chosen = draw(st.lists(st.one_of(usual, usual, st.sampled_from(fields)), max_size=max(depth, 0) + 1, unique=True))
    return {field: draw(_field(TYPES[name], field, rules, depth - 1)) for field in chosen}


def _field(types: dict[str, Any], name: str, rules: Rules, depth: int) -> st.SearchStrategy[Any]:
    if name == "kubernetesVersion":
        return st.sampled_from(VERSIONS)
    return _values(types[name]["type"], rules.below(name), depth)


def _lists(of: Any, rules: Rules, depth: int) -> st.SearchStrategy[list[Any]]:
    if isinstance(rules.items, Keyed):
        return _keyed(rules.items, of["object"], rules.each, depth)
    unique = isinstance(rules.items, MergeSet)
    if isinstance(of, str):
        return st.lists(st.sampled_from(POOLS[of.strip("0123456789")]), min_size=1, max_size=3, unique=unique)
    return st.lists(_values(of, rules.each, depth - 1), min_size=1, max_size=2)


@st.composite
def _keyed(draw: st.DrawFn, how: Keyed, name: str, rules: Rules, depth: int) -> list[dict[str, Any]]:
    items: dict[str, dict[str, Any]] = {}
    # An item has more than its key, wherever its type does: kops knows no use of a subnet that is a name.
    others = [field for field in sorted(TYPES[name]) if not any(field in keys for keys in how.alternatives)][:1]
    for _ in range(draw(st.integers(1, 3))):
        keys = draw(st.sampled_from(how.alternatives))
        item = draw(_objects(name, rules, depth - 1)) or {}
        item = {field: value for field, value in item.items() if not any(field in each for each in how.alternatives)}
        item |= {field: draw(_values(TYPES[name][field]["type"], rules.below(field), depth - 1)) for field in others}
        item |= {key: draw(st.sampled_from(WORDS)) for key in keys}
        items.setdefault(str(how.key_of(item)), item)
    found = list(items.values())
    return [*found, _odd(draw, how, found)] if draw(st.integers(0, 5)) == 0 else found


def _odd(draw: st.DrawFn, how: Keyed, items: list[dict[str, Any]]) -> dict[str, Any]:
    """One more item, without a key or with that of another: with either the list is one value."""
    item, keys = draw(st.sampled_from(items)), {key for keys in how.alternatives for key in keys}
    if draw(st.booleans()):
        return {field: value for field, value in item.items() if field not in keys}
    return {field: value for field, value in item.items() if field in keys}


def shuffled(draw: st.DrawFn, value: Any) -> Any:
    """The same value with the keys of every map in another order."""
    if isinstance(value, dict):
        return {key: shuffled(draw, value[key]) for key in draw(st.permutations(sorted(value)))}
    return [shuffled(draw, item) for item in value] if isinstance(value, list) else value
