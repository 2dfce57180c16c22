"""Manifests come into a store by one command, which shows, asks, and writes what it has shown."""

from typing import Any

import pytest
import yaml

from tests.kops.samples import CLUSTER, GROUPS, NEW, manifests
from tests.support.keypairs import ssh_line
from tests.support.shelf import Shelf
from tests.support.world import MINIMAL, manifest

pytestmark = pytest.mark.objectstore
VERSION = "kops.k8s.io/v1alpha2"
PART = {
    "apiVersion": VERSION,
    "kind": "Cluster",
    "metadata": {"name": MINIMAL},
    "spec": {"kubernetesVersion": "v1.33.1"},
}


def group(name: str = "batch", **labels: str) -> dict[str, Any]:
    spec = {"role": "Node", "minSize": 0, "maxSize": 2, "subnets": ["us-east-1a"]}
    return {"apiVersion": VERSION, "kind": "InstanceGroup", "metadata": {"name": name, "labels": labels}, "spec": spec}


def declaration(shelf: Shelf, **spec: Any) -> dict[str, Any]:
    """Give a ClusterState that names its store, and no credentials: they are those of who applies it."""
    body = manifest(url=shelf.url, **{"clusterName": MINIMAL, **spec})
    del body["spec"]["store"]["credentialsSecretRef"]
    return body


def test_a_person_sees_what_changes_and_agrees(shelf: Shelf) -> None:
    shelf.load_store(MINIMAL)
    path = shelf.write("part.yaml", PART, group(**{"kops.k8s.io/cluster": MINIMAL}))
    refused = shelf.run("apply", "-f", path, typed="n\n")
    assert (refused.returncode, "config" in refused.stdout) == (1, True)
    assert shelf.document(f"{MINIMAL}/config")["spec"]["kubernetesVersion"] == "v1.32.0"

    done = shelf.run("apply", "-f", path, typed="y\n")
    assert done.returncode == 0
    assert done.stdout.splitlines()[:3] == [
        "~ config",
        '    ~ /spec/kubernetesVersion: "v1.32.0" -> "v1.33.1"',
        "+ instancegroup/batch",
    ]
    assert f"Write this to {shelf.url}/{MINIMAL}? [y/N]" in done.stderr
    config = shelf.document(f"{MINIMAL}/config")
    assert (config["spec"]["kubernetesVersion"], config["metadata"]["generation"]) == ("v1.33.1", 1)
    assert config["spec"]["channel"] == "stable"
    assert shelf.document(f"{MINIMAL}/instancegroup/batch")["spec"]["maxSize"] == 2

    again = shelf.run("apply", "-f", path)
    assert (again.returncode, again.stdout) == (0, f"In sync with {shelf.url}/{MINIMAL}.\n")


def test_a_pipeline_shows_first_and_says_yes_then(shelf: Shelf) -> None:
    shelf.load_store(MINIMAL)
    before, text = shelf.files(), yaml.safe_dump(PART)
    shown = shelf.run("apply", "-f", "-", "--dry-run", piped=text)
    assert (shown.returncode, shown.stderr) == (0, "")
    unasked = shelf.run("apply", "-f", "-", piped=text)
    assert (unasked.returncode, "Say --yes" in unasked.stderr) == (1, True)
    assert shelf.files() == before
    assert shelf.run("apply", "-f", "-", "--yes", piped=text).returncode == 0
    assert [key for key, data in shelf.files().items() if before[key] != data] == [f"{MINIMAL}/config"]


@pytest.mark.parametrize(
    ("second", "more", "code", "told"),
    [
        (group(), (), 1, "document 2: InstanceGroup batch lacks the label kops.k8s.io/cluster"),
        ({"apiVersion": "v1", "kind": "Secret"}, (), 1, "document 2: kind Secret of apiVersion v1 is none of kops's"),
        (group(**{"kops.k8s.io/cluster": MINIMAL}), ("--replace",), 1, "InstanceGroup batch isn't in"),
        (group(**{"kops.k8s.io/cluster": MINIMAL}), ("--force",), 2, "--force goes with --replace"),
    ],
    ids=["no label", "foreign", "nothing to replace", "force alone"],
)
def test_one_bad_document_keeps_all_from_being_written(
    shelf: Shelf, second: dict[str, Any], more: tuple[str, ...], code: int, told: str
) -> None:
    shelf.load_store(MINIMAL)
    before = shelf.files()
    done = shelf.run("apply", "-f", shelf.write("many.yaml", PART, second), "--yes", *more)
    assert (done.returncode, told in done.stderr) == (code, True), done.stderr
    assert shelf.files() == before


def test_a_declaration_goes_into_its_own_store_unless_another_is_said(shelf: Shelf) -> None:
    line, name = ssh_line(), "etcd-peers-ca-main"
    body = declaration(
        shelf,
        clusterName=NEW,
        cluster=CLUSTER,
        instanceGroups=GROUPS,
        clusterMetadata={"labels": {"team": "a"}},
        sshPublicKeys=[{"value": line}],
        files=[{"path": "manifests/a.yaml", "content": "kind: A\n"}],
        keysets=[{"name": name, "generate": {}}],
    )
    path = shelf.write("state.yaml", body)
    done = shelf.run("apply", "-f", path, "--yes", KOPS_STATE_STORE="s3://nowhere")
    assert done.returncode == 0, done.stderr
    files = shelf.files()
    assert files[f"{NEW}/manifests/a.yaml"] == b"kind: A\n"
    assert line.encode() in files.values()
    assert len(shelf.document(f"{NEW}/pki/private/{name}/keyset.yaml")["spec"]["keys"]) == 1
    assert shelf.document(f"{NEW}/config")["spec"]["configBase"] == f"{shelf.url}/{NEW}"

    again = shelf.run("apply", "-f", path)
    assert (again.returncode, again.stdout) == (0, f"In sync with {shelf.url}/{NEW}.\n")
    assert shelf.files() == files
    folder = shelf.home / "review"
    body["spec"]["secrets"] = [{"name": "a", "valueFrom": {"secretKeyRef": {"name": "values", "key": "k"}}}]
    path = shelf.write("state.yaml", body)
    done = shelf.run("apply", "-f", path, "--yes", "--state", f"file://{folder}")
    assert (done.returncode, "left out of a copy for review" in done.stderr) == (0, True), done.stderr
    assert (folder / NEW / "manifests" / "a.yaml").read_bytes() == b"kind: A\n"


def test_what_lies_elsewhere_from_now_on_is_written_by_the_same_command_again(shelf: Shelf) -> None:
    shelf.load_store(MINIMAL)
    moved = f"{shelf.url}/moved/{MINIMAL}"
    files = [{"path": "manifests/a.yaml", "content": "kind: A\n"}]
    path = shelf.write("state.yaml", declaration(shelf, cluster={"configBase": moved}, files=files))
    key = f"moved/{MINIMAL}/manifests/a.yaml"
    first = shelf.run("apply", "-f", path, "--yes")
    assert (first.returncode, "Run the command again: config places files" in first.stderr) == (0, True), first.stderr
    assert key not in shelf.files()
    second = shelf.run("apply", "-f", path, "--yes")
    assert (second.returncode, shelf.files().get(key)) == (0, b"kind: A\n"), second.stderr
    assert "Run the command again" not in second.stderr


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        (
            {"secrets": [{"name": "a", "valueFrom": {"secretKeyRef": {"name": "values", "key": "k"}}}]},
            "refers to Secret values, which only a Kubernetes cluster can tell",
        ),
        ({"sync": {"dryRun": True}}, "spec.sync.dryRun is set, so nothing of it is written"),
        ({"cluster": {"nonsense": 1}}, "/spec/nonsense: kops knows no such field"),
    ],
)
def test_what_a_declaration_can_t_do_here_is_said(shelf: Shelf, spec: dict[str, Any], told: str) -> None:
    shelf.load_store(MINIMAL)
    done = shelf.run("apply", "-f", shelf.write("state.yaml", declaration(shelf, **spec)), "--yes")
    assert (done.returncode, told in done.stderr) == (1, True), done.stderr


def test_two_manifests_about_one_state_are_refused(shelf: Shelf) -> None:
    shelf.load_store(MINIMAL)
    done = shelf.run("apply", "-f", shelf.write("both.yaml", PART, declaration(shelf)), "--yes")
    assert (done.returncode, "Two manifests are about the same state" in done.stderr) == (1, True), done.stderr


def test_many_clusters_are_one_question(shelf: Shelf) -> None:
    cluster, *groups = manifests(NEW, shelf.url, CLUSTER, GROUPS)
    shelf.load_store(MINIMAL)
    done = shelf.run("apply", "-f", shelf.write("many.yaml", PART, *groups, cluster), typed="y\n")
    assert (done.returncode, done.stderr.count("Write this to 2 states?")) == (0, 1), done.stderr
    assert f"{NEW}/instancegroup/nodes" in shelf.files()
