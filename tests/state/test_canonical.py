import json
import time
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from clusterstate.state import codec, yaml
from clusterstate.state.canonical import canonical
from clusterstate.state.complete import complete
from clusterstate.state.layout import FileKind, kind_of
from clusterstate.state.quantities import canonical_duration, canonical_quantity
from clusterstate.state.schema import Kind, List, Map, Object, Type, load_schema
from tests.state.files import DATA, FILES

REWRITES = json.loads((DATA / "state" / "rewrites.json").read_bytes())
"""Specs, and what kops 1.35.2 makes of each when it reads and writes it."""
SPELLINGS = json.loads((DATA / "state" / "spellings.json").read_bytes())
"""Texts of durations and quantities, and how kops 1.35.2 spells them; null where it refuses them."""
SCHEMA = load_schema()
KINDS: tuple[Kind, ...] = ("Cluster", "InstanceGroup")


@pytest.mark.parametrize("case", REWRITES, ids=lambda case: json.dumps(case["spec"])[:60])
def test_a_spec_becomes_what_kops_makes_of_it(case: dict[str, Any]) -> None:
    found = canonical(case["kind"], case["spec"])
    if "refused" in case:
        assert found.problems
    else:
        assert found.problems == ()
        assert yaml.dump(complete(case["kind"], found.spec)) == yaml.dump(case["written"])


@pytest.mark.parametrize(("text", "expected"), SPELLINGS["durations"].items())
def test_durations_are_spelled_as_go_does(text: str, expected: str | None) -> None:
    assert _or_none(canonical_duration, text) == expected


@pytest.mark.parametrize(("text", "expected"), SPELLINGS["quantities"].items())
def test_quantities_are_spelled_as_kubernetes_does(text: str, expected: str | None) -> None:
    assert _or_none(canonical_quantity, text) == expected


def _or_none(spell: Any, text: str) -> str | None:
    try:
        return str(spell(text))
    except ValueError:
        return None


def _values(kind: Type, depth: int) -> st.SearchStrategy[Any]:
    match kind:
        case Object(name):
            fields = SCHEMA.types[name] if depth else {}
            return st.fixed_dictionaries(
                {}, optional={key: _values(each.type, depth - 1) for key, each in fields.items()}
            )
        case List(inner):
            return st.lists(_values(inner, depth), max_size=2)
        case Map(inner):
            return st.dictionaries(st.sampled_from(["a/b", "control-plane", "x"]), _values(inner, depth), max_size=2)
        case _:
            return SCALARS.get(kind, st.integers(0, 100))


SCALARS = {
    "bool": st.booleans(),
    "string": st.sampled_from(["", "ControlPlane", "none", "x=y"]),
    "duration": st.sampled_from([*(text for text, spelled in SPELLINGS["durations"].items() if spelled)]),
    "quantity": st.sampled_from([1, 0.5, *(text for text, spelled in SPELLINGS["quantities"].items() if spelled)]),
    "intOrString": st.sampled_from([0, 1, "25%"]),
}
specs = st.one_of(*(st.tuples(st.just(kind), _values(Object(SCHEMA.specs[kind]), 2)) for kind in KINDS))


@given(given_spec=specs)
def test_what_is_canonical_stays_as_it_is(given_spec: tuple[Kind, Any]) -> None:
    kind, spec = given_spec
    once = canonical(kind, spec)
    claims = [problem for problem in once.problems if problem.pointer.endswith("/oidcRequiredClaim")]
    assume(not claims)  # any text is drawn for them, and most texts are no claim
    assert once.problems == once.unknown == ()
    assert canonical(kind, once.spec).spec == once.spec
    whole = complete(kind, once.spec)
    assert complete(kind, whole) == whole


anything: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=9),
    lambda children: st.lists(children, max_size=2) | st.dictionaries(st.text(max_size=5), children, max_size=2),
    max_leaves=4,
)


@given(data=st.data(), kind=st.sampled_from(KINDS), partial=st.booleans())
def test_no_value_of_any_field_breaks_it(data: st.DataObject, kind: Kind, *, partial: bool) -> None:
    fields = SCHEMA.types[SCHEMA.specs[kind]]
    spec = data.draw(st.fixed_dictionaries({}, optional=dict.fromkeys(fields, anything)))
    found = canonical(kind, spec, partial=partial)
    if not found.problems:
        yaml.dump(complete(kind, canonical(kind, found.spec).spec))


@given(given_spec=specs)
def test_a_partial_spec_becomes_the_canonical_one_when_it_is_written(given_spec: tuple[Kind, Any]) -> None:
    kind, spec = given_spec
    assert canonical(kind, canonical(kind, spec, partial=True).spec).spec == canonical(kind, spec).spec


@pytest.mark.parametrize(
    ("state", "key"), [each for each in FILES if kind_of(each[1]).kind in (FileKind.CONFIG, FileKind.INSTANCE_GROUP)]
)
def test_what_kops_wrote_is_canonical_and_complete(state: Any, key: str) -> None:
    document = codec.decode_document((state / key).read_bytes(), key)
    kind: Kind = "Cluster" if document.kind == "Cluster" else "InstanceGroup"
    found = canonical(kind, document.spec)
    assert found.spec == document.spec == complete(kind, document.spec)
    assert found.problems == found.unknown == found.dropped == ()


def test_zero_values_that_kops_omits_are_remembered_in_a_declaration() -> None:
    spec = {"networking": {"cilium": {"enableNodePort": False}}, "kubeProxy": {"enabled": False}, "dnsZone": ""}
    assert canonical("Cluster", spec).spec == {"networking": {"cilium": {}}, "kubeProxy": {"enabled": False}}
    assert canonical("Cluster", spec, partial=True).spec == {
        "networking": {"cilium": {"enableNodePort": None}},
        "kubeProxy": {"enabled": False},
        "dnsZone": None,
    }


def test_unknown_fields_stay_and_are_told() -> None:
    found = canonical("Cluster", {"kubelet": {"new/er": {"x": "60s"}}, "newest": None})
    assert found.spec == {"kubelet": {"new/er": {"x": "60s"}}, "newest": None}
    assert found.unknown == ("/spec/kubelet/new~1er", "/spec/newest")


def test_fields_that_kops_forgets_go_and_are_told() -> None:
    found = canonical("Cluster", {"topology": {"masters": "private", "dns": {"type": "None"}}})
    assert found.spec == {"topology": {"dns": {"type": "None"}}}
    assert found.dropped == ("/spec/topology/masters",)


@pytest.mark.parametrize(
    ("kind", "spec", "pointer", "message"),
    [
        ("InstanceGroup", {"maxSize": "canary"}, "/spec/maxSize", "is text, where kops reads a whole number"),
        ("InstanceGroup", {"image": 12}, "/spec/image", "is a number, where kops reads text. Put it in quotes"),
        ("InstanceGroup", {"taints": ["a", 1]}, "/spec/taints/1", "is a number, where kops reads text"),
        ("Cluster", {"subnets": {"canary": 1}}, "/spec/subnets", "is a map, where kops reads a list"),
        ("Cluster", {"kubelet": ["canary"]}, "/spec/kubelet", "is a list, where kops reads a map"),
        (
            "Cluster",
            {"kubelet": {"featureGates": {"a/b": True}}},
            "/spec/kubelet/featureGates/a~1b",
            "is true or false",
        ),
        ("Cluster", {"etcdClusters": [{"cpuRequest": "canary"}]}, "/spec/etcdClusters/0/cpuRequest", "not a quantity"),
        (
            "Cluster",
            {"kubeAPIServer": {"oidcRequiredClaim": ["a=1", "canary"]}},
            "/spec/kubeAPIServer/oidcRequiredClaim",
            "no claim=value",
        ),
        ("Cluster", {"etcdClusters": [{"heartbeatInterval": 5}]}, "/spec/etcdClusters/0/heartbeatInterval", "duration"),
    ],
)
def test_a_problem_names_path_and_type_but_no_value(kind: Kind, spec: Any, pointer: str, message: str) -> None:
    found = canonical(kind, spec)
    [problem] = found.problems
    assert problem.pointer == pointer
    assert message in problem.message
    assert "canary" not in problem.message
    assert found.spec == spec


def test_a_spec_of_500_kib_takes_a_moment() -> None:
    spec = {
        "subnets": [{"name": f"subnet-{n}", "cidr": "10.0.0.0/8", "zone": "a", "type": "Public"} for n in range(7000)]
    }
    assert len(json.dumps(spec)) > 500 * 1024
    start = time.monotonic()
    assert canonical("Cluster", spec).spec == spec
    assert time.monotonic() - start < 5
