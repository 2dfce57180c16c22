"""A document gets another content, and a group goes, only where a cluster can live on with that."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clusterstate.errors import SpecInvalid
from clusterstate.plan.changes import Action
from clusterstate.plan.editing import is_empty, read_edited, show_document, with_header, without_header
from clusterstate.plan.replacing import Content, delete_group, replace_content
from clusterstate.plan.values import as_map
from clusterstate.state.canonical import canonical
from clusterstate.state.codec import decode_document, encode_document
from clusterstate.state.layout import CONFIG
from clusterstate.state.objects import JsonObject
from tests.plan.specs import specs
from tests.plan.states import cluster, golden, group, observe

STATE = golden("minimal.example.com")
CONTROL, NODES = "control-plane-us-east-1a", "nodes-us-east-1a"
assert STATE.cluster is not None
CLUSTER = STATE.cluster
SPEC = canonical("Cluster", CLUSTER.spec).spec


def test_another_content_is_one_change_told_by_field() -> None:
    labels: dict[str, JsonObject] = {"labels": {"team": "web"}}
    (change,) = replace_content(observe(STATE), CONFIG, Content({**SPEC, "channel": "alpha"}, labels)).changes
    assert [(each.pointer, each.action) for each in change.fields] == [
        ("/metadata/labels/team", Action.CREATE),
        ("/spec/channel", Action.UPDATE),
    ]
    assert change.document is not None
    assert (change.document.metadata["generation"], change.document.metadata["labels"]) == (1, {"team": "web"})
    assert change.expect == observe(STATE).versions[CONFIG]


def test_the_same_content_is_no_change() -> None:
    assert replace_content(observe(STATE), CONFIG, Content(SPEC, {})).changes == ()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"authorization": None}, "lets everybody do everything"),
        ({"kubernetesVersion": None}, "kops refuses a file without it"),
        ({"etcdClusters": SPEC["etcdClusters"][:1]}, "can't lose an etcd cluster"),  # type: ignore[index] # a list
        ({"kubernetesVersion": "newest"}, "which kops can't read as a version"),
        ({"newer": 1}, "/spec/newer is no field that kops 1.35 knows"),
        ({"channel": 1}, "/spec/channel is a number, where kops reads text"),
    ],
)
def test_what_a_cluster_cannot_live_with_is_refused(change: dict[str, object], words: str) -> None:
    spec = {name: each for name, each in {**SPEC, **change}.items() if each is not None}
    with pytest.raises(SpecInvalid, match=words):
        replace_content(observe(STATE), CONFIG, Content(spec, {}))  # type: ignore[arg-type] # it is JSON


def test_what_was_wrong_before_keeps_nobody_from_changing_something_else() -> None:
    odd = replace(STATE, cluster=cluster({**SPEC, "kubernetesVersion": "newest", "newer": 1}))
    assert odd.cluster is not None
    done = replace_content(observe(odd), CONFIG, Content({**odd.cluster.spec, "channel": "alpha"}, {}))
    assert [each.pointer for each in done.changes[0].fields] == ["/spec/channel"]


def test_a_group_goes_unless_the_cluster_hangs_on_it() -> None:
    (change,) = delete_group(observe(STATE), NODES).changes
    assert (change.key, change.action) == (f"instancegroup/{NODES}", Action.DELETE)
    with pytest.raises(SpecInvalid, match="is the only control plane"):
        delete_group(observe(STATE), CONTROL)
    second = group("second", {**STATE.instance_groups[CONTROL].spec})
    two = replace(STATE, instance_groups={**STATE.instance_groups, "second": second})
    with pytest.raises(SpecInvalid, match=r"Members of etcd are in .*main, events"):
        delete_group(observe(two), CONTROL)
    assert delete_group(observe(two), "second").changes[0].key == "instancegroup/second"


@given(text=st.text().filter(lambda text: not text.startswith("#")), flaws=st.lists(st.text(max_size=300)))
def test_comments_on_top_come_and_go(text: str, flaws: list[str]) -> None:
    assert without_header(with_header(text, flaws)) == text


@given(spec=specs("Cluster"))
def test_what_is_shown_reads_back_as_the_same(spec: dict[str, object]) -> None:
    document = cluster(canonical("Cluster", spec).spec)  # type: ignore[arg-type] # it is JSON
    shown = show_document(document)
    content, flaws = read_edited(document, CONFIG, shown)
    assert flaws == []
    assert encode_document(decode_document(shown.encode(), CONFIG)).decode() == shown
    assert canonical("Cluster", content.spec).problems == canonical("Cluster", document.spec).problems


def test_what_may_not_be_edited_is_a_flaw() -> None:
    shown = show_document(CLUSTER)
    edited = shown.replace("name: minimal", "name: maximal", 1).replace(
        "metadata:\n", "status: {}\nmetadata:\n  labels:\n    a: 1\n"
    )
    _, flaws = read_edited(CLUSTER, CONFIG, edited)
    assert flaws == [
        "/metadata/name can't be changed",
        "/metadata/labels isn't a map of texts",
        "/status is no field of it",
    ]
    assert as_map(CLUSTER.metadata)["name"] == "minimal.example.com"


@pytest.mark.parametrize(("text", "empty"), [("", True), ("# a\n\n  # b\n", True), ("a: 1 # b\n", False)])
def test_comments_alone_are_nothing(text: str, empty: bool) -> None:  # noqa: FBT001 - a column
    assert is_empty(text) is empty
