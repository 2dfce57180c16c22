"""Fields are set by their paths, typed by kops's schema; what can't be set is refused in words."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clusterstate.errors import CommandInvalid
from clusterstate.plan.field_names import RENAMED
from clusterstate.plan.setting import Setting, parse_setting, set_fields
from clusterstate.state.canonical import canonical
from clusterstate.state.schema import Kind, List, Map, Object, Type, load_schema
from tests.plan.specs import KINDS, specs
from tests.plan.states import golden

CLUSTER = canonical("Cluster", golden("minimal.example.com").cluster.spec).spec  # type: ignore[union-attr] # it has one


def after(*said: str, kind: Kind = "Cluster", spec: dict[str, Any] = CLUSTER) -> dict[str, Any]:
    """Set what is said as PATH=VALUE, and unset the rest."""
    return set_fields(kind, spec, [parse_setting(each) if "=" in each else Setting(each, None) for each in said])


def leaves(kind: Type, value: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Give the path of every scalar."""
    if isinstance(kind, str):
        yield path, value
    for inner, each, step in below(kind, value):
        yield from leaves(inner, each, path + step)


def below(kind: Type, value: Any) -> list[tuple[Type, Any, str]]:
    """Give what is one step down: its type, its value, and the step."""
    match kind:
        case Object(name):
            return [(load_schema().types[name][key].type, each, f".{key}") for key, each in value.items()]
        case List(inner):
            return [(inner, each, f"[{place}]") for place, each in enumerate(value or [])]
        case Map(inner):
            return [(inner, each, f"[{key}]") for key, each in (value or {}).items()]
        case str():
            return []


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
def test_setting_what_is_there_changes_nothing_and_unsetting_it_takes_it_away(kind: Kind, data: st.DataObject) -> None:
    spec = canonical(kind, data.draw(specs(kind))).spec
    found = list(leaves(Object(load_schema().specs[kind]), spec, "spec"))
    if not found:
        return
    path, value = data.draw(st.sampled_from(found))
    text = str(value).lower() if isinstance(value, bool) else str(value)
    kept = repr(spec)
    assert set_fields(kind, spec, [Setting(path, text)]) == spec
    less = set_fields(kind, spec, [Setting(path, None)])
    assert less != spec
    assert repr(spec) == kept
    if not path.endswith("]"):
        assert set_fields(kind, less, [Setting(path, text)]) == spec


@pytest.mark.parametrize("kind", KINDS)
@given(path=st.text("spec.ab[]*/=0-é \n\x00") | st.text(), value=st.none() | st.text())
def test_any_words_are_a_field_or_are_refused(kind: Kind, path: str, value: str | None) -> None:
    try:
        set_fields(kind, {}, [Setting(path, value), Setting(f"spec.{path}", value)])
    except CommandInvalid as error:
        assert error.message  # noqa: PT017 - whatever else comes is a bug


@pytest.mark.parametrize("kind", KINDS)
def test_every_other_name_leads_to_a_field_and_is_none_itself(kind: Kind) -> None:
    for old, new in RENAMED[kind].items():
        assert find_type(kind, new.path) is not None, new
        assert find_type(kind, old) is None or "".join(old).lower() == "".join(new.path).lower(), old


def find_type(kind: Kind, path: tuple[str, ...]) -> Type | None:
    found: Type | None = Object(load_schema().specs[kind])
    for step in path:
        match found:
            case Object(name):
                field = load_schema().types[name].get(step)
                found = field.type if field else None
            case List(inner) if step == "[]":
                found = inner
            case _:
                return None
    return found


@pytest.mark.parametrize(
    ("said", "field", "value"),
    [
        ("spec.kubelet.maxPods=60", "kubelet", {"anonymousAuth": False, "maxPods": 60}),
        ("spec.sshAccess=10.0.0.0/8,fd00::/8", "sshAccess", ["0.0.0.0/0", "::/0", "10.0.0.0/8", "fd00::/8"]),
        ("spec.sshAccess[0]", "sshAccess", ["::/0"]),
        ("spec.sshAccess[2]=x", "sshAccess", ["0.0.0.0/0", "::/0", "x"]),
        ("spec.cloudLabels=a=b=c", "cloudLabels", {"a": "b=c"}),
        ("spec.cloudLabels[a.b/c]=", "cloudLabels", {"a.b/c": ""}),
        ("spec.cloudLabels.team=web", "cloudLabels", {"team": "web"}),
        ("spec.externalPolicies=node=a,b", "externalPolicies", {"node": ["a", "b"]}),
        ("spec.authorization.alwaysAllow=", "authorization", {"rbac": {}, "alwaysAllow": {}}),
        ("spec.kubeAPIServer=", "kubeAPIServer", {}),
        ("spec.networking.cilium.masquerade=false", "networking", {
            "cilium": {"enableNodePort": True, "ipam": "eni", "disableMasquerade": True}
        }),
        ("spec.networking.tagSubnets=false", "DisableSubnetTags", True),
        ("spec.hooks[0].enabled=t", "hooks", [{"disabled": False}]),
        ("spec.networking.topology.dns=Private", "topology", {"dns": {"type": "Private"}}),
    ],
)  # fmt: skip
def test_a_value_is_read_as_its_type_has_it(said: str, field: str, value: Any) -> None:
    assert after(said)[field] == value
    assert {name: each for name, each in after(said).items() if name != field} == {
        name: each for name, each in CLUSTER.items() if name != field
    }


def test_items_are_found_by_place_by_field_or_all_of_them() -> None:
    by_name = after("spec.etcdClusters[name=events].version=3.5.21")["etcdClusters"]
    assert [each.get("version") for each in by_name] == [None, "3.5.21"]
    assert after("spec.etcdClusters[1].version=3.5.21")["etcdClusters"] == by_name
    every = after("cluster.spec.etcdClusters[*].version=3.5.21")["etcdClusters"]
    assert [each["version"] for each in every] == ["3.5.21", "3.5.21"]


@pytest.mark.parametrize("said", ["spec.kubelet.maxPods", "spec.cloudLabels", "spec.kubeAPIServer.featureGates"])
def test_unsetting_what_is_not_there_changes_nothing(said: str) -> None:
    assert after(said) == CLUSTER


def test_what_a_newer_kops_knows_can_go_and_cannot_be_set() -> None:
    spec = {**CLUSTER, "newer": {"a": 1}}
    assert after("spec.newer", spec=spec) == CLUSTER
    with pytest.raises(CommandInvalid, match="no field newer"):
        after("spec.newer=1", spec=spec)


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("spec.kubelet.maxPod=1", "spec.kubelet has no field maxPod; the nearest is maxPods"),
        ("spec.authorization.xyz=1", "it has alwaysAllow, rbac"),
        ("spec.kubelet.maxPods=many", "is text, where kops reads a whole number"),
        ("spec.kubelet.maxPods=2147483648", "where kops reads a whole number"),
        ("spec.kubelet.anonymousAuth=maybe", "is text, where kops reads true or false"),
        ("spec.kubeControllerManager.nodeMonitorGracePeriod=60", "is not a duration such as 1h30m"),
        ("spec.etcdClusters[0].cpuRequest=lots", "is not a quantity such as 100m"),
        ("spec.etcdClusters[name=man].version=1", r"it has name main, events"),
        ("spec.etcdClusters[9].version=1", r"it has 2, which begin at \[0\]"),
        ("spec.hooks[*].name=a", "it has none"),
        ("spec.etcdClusters.version=1", r"say which item, such as spec.etcdClusters\[0\]"),
        ("spec.kubelet[0]=1", "spec.kubelet is no list"),
        ("spec.subnets=a", "is a list of maps"),
        ("spec.kubelet=a", "is a map: set a field of it"),
        ("spec.kubernetesVersion.major=1", "spec.kubernetesVersion has no fields"),
        ("spec.topology.masters=public", "kops reads spec.topology.masters and never writes it"),
        ("=a", "The path of the field is empty"),
        ("metadata.name=a", "is no path below spec"),
        ("spec=a", "is no path below spec"),
        ("instancegroup.spec.role=Node", "is no path below spec"),
        ("spec.kubelet..maxPods=1", "is no path below spec"),
    ],
)
def test_what_cannot_be_set_is_refused_in_words(said: str, words: str) -> None:
    with pytest.raises(CommandInvalid, match=words):
        after(said)


@pytest.mark.parametrize("text", ["spec.kubernetesVersion", "", "spec.etcdClusters[name=main"])
def test_what_sets_nothing_is_refused(text: str) -> None:
    with pytest.raises(CommandInvalid, match="PATH=VALUE"):
        parse_setting(text)


def test_an_equals_sign_in_brackets_belongs_to_the_path() -> None:
    assert parse_setting("spec.a[name=b].c=d=e") == Setting("spec.a[name=b].c", "d=e")
