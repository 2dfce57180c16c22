"""People see what differs between stores, directories, revisions and declarations before anything is written."""

import json
import os
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from clusterstate.sandbox.s3server import S3Server
from tests.support.cli import clusterstate
from tests.support.world import COMPLEX, DATA, MINIMAL, World, manifest

STORE = DATA / "kops-store"
"""What the real kops wrote."""
DOCUMENTS = f"""
apiVersion: kops.k8s.io/v1alpha2
kind: Cluster
metadata: {{name: {COMPLEX}}}
spec: {{kubernetesVersion: v1.33.1}}
---
apiVersion: kops.k8s.io/v1alpha2
kind: InstanceGroup
metadata: {{name: batch, labels: {{kops.k8s.io/cluster: {COMPLEX}}}}}
spec: {{role: Node, machineType: m6i.large, minSize: 0, maxSize: 3, subnets: [us-east-1a]}}
"""


class Desk:
    """A folder to work in, with a copy of the store, and a bucket with another."""

    def __init__(self, home: Path, server: S3Server, bucket: str) -> None:
        self.home = home
        self.server = server
        self.bucket = bucket
        self.copy("state")

    def copy(self, name: str) -> Path:
        for path in self.sources():
            target = self.home / name / path.relative_to(STORE)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(self.placed(path.read_bytes()))
        return self.home / name

    def sources(self) -> list[Path]:
        return [path for path in sorted(STORE.rglob("*")) if path.is_file()]

    def placed(self, data: bytes) -> bytes:
        return data.replace(b"s3://state/", f"s3://{self.bucket}/".encode())

    def upload(self) -> str:
        s3 = self.server.client()
        for path in self.sources():
            key = str(path.relative_to(STORE))
            s3.put_object(Bucket=self.bucket, Key=key, Body=self.placed(path.read_bytes()))
        return f"s3://{self.bucket}"

    def edit(self, path: str, change: Callable[[str], str]) -> None:
        file = self.home / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(change(file.read_text() if file.exists() else ""))

    def run(self, *arguments: str, **environ: str) -> tuple[int, str, str]:
        done = clusterstate(*arguments, home=self.home, folder=self.home, **self.server.variables, **environ)
        return done.returncode, done.stdout, done.stderr

    def git(self, *arguments: str) -> None:
        names = ("-c", "user.name=n", "-c", "user.email=n@example.com")
        subprocess.run(["git", *names, *arguments], cwd=self.home, check=True, capture_output=True)


@pytest.fixture
def desk(tmp_path: Path, s3_server: S3Server, bucket: str) -> Desk:
    return Desk(tmp_path, s3_server, bucket)


@pytest.mark.objectstore
def test_a_store_and_a_directory_are_compared_cluster_by_cluster(desk: Desk) -> None:
    url = desk.upload()
    desk.edit(f"state/{COMPLEX}/config", lambda text: text.replace("v1.32.9", "v1.33.1"))
    desk.edit(f"state/{COMPLEX}/secrets/dockerconfig", lambda _: '{"Data":"Y2FuYXJ5"}')
    desk.edit(f"state/{COMPLEX}/addons/a.yaml", lambda _: "a: 1\n")
    (desk.home / f"state/{COMPLEX}/instancegroup/nodes-us-east-1c").unlink()
    code, shown, said = desk.run("diff", url, "state", "--name", COMPLEX)
    assert (code, said) == (1, "")
    lines = shown.splitlines()
    assert lines[:2] == [f"--- {url}/{COMPLEX}", f"+++ file://{desk.home}/state/{COMPLEX}"]
    assert [line for line in lines if not line.startswith(" ")][2:] == [
        "+ addons/a.yaml",
        "~ config",
        "- instancegroup/nodes-us-east-1c",
        "~ secrets/dockerconfig",
        "4 of 15 files differ: 1 added, 2 changed, 1 removed.",
    ]
    assert '    ~ /spec/kubernetesVersion: "v1.32.9" -> "v1.33.1"' in lines
    assert "    +a: 1" in lines
    assert "\x1b" not in shown
    assert "Y2FuYXJ5" not in shown
    assert "canary" not in shown
    code, shown, _ = desk.run("plan", url, f"file://{desk.home}/state", "--name", COMPLEX, "-o", "json")
    plan = json.loads(shown)["clusters"][0]
    assert (code, plan["url"]) == (1, f"{url}/{COMPLEX}")
    assert {change["path"]: change["action"] for change in plan["changes"]} == {
        "addons/a.yaml": "create",
        "config": "update",
        "instancegroup/nodes-us-east-1c": "delete",
        "secrets/dockerconfig": "update",
    }
    code, shown, _ = desk.run("diff", f"{url}/{MINIMAL}", "state", "-o", "yaml", "--without-secrets")
    assert (code, "different: false" in shown, "secrets/" in shown) == (0, True, False)


def test_a_revision_of_git_and_the_work_tree_are_compared(desk: Desk) -> None:
    desk.git("init", "-q", "-b", "main")
    (desk.home / "state/link").symlink_to("/etc")
    desk.git("add", "-A")
    desk.git("commit", "-q", "-m", "first")
    assert desk.run("diff", "git:main:./state", "state")[0] == 0
    desk.edit(f"state/{COMPLEX}/config", lambda text: text.replace("v1.32.9", "v1.33.1"))
    code, shown, _ = desk.run("diff", "git:main:state", "./state", "-o", "markdown")
    assert code == 1
    assert shown.splitlines()[0] == "**1 of 21 files differ: 1 changed.**"
    assert '+ /spec/kubernetesVersion: "v1.33.1"' in shown
    code, shown, _ = desk.run("plan", f"git:HEAD:state/{COMPLEX}", f"state/{COMPLEX}")
    assert (code, shown.splitlines()[-1]) == (1, f"1 to change in git:HEAD:state/{COMPLEX}.")


def test_a_directory_under_review_leads_to_no_other_one(desk: Desk) -> None:
    desk.copy("proposed")
    desk.edit("mine/addons/token.yaml", lambda _: "canary")
    lead = f"configBase: file://{desk.home}/mine"
    desk.edit(
        f"proposed/{MINIMAL}/config", lambda text: text.replace(f"configBase: s3://{desk.bucket}/{MINIMAL}", lead)
    )
    code, shown, said = desk.run("diff", "state", "proposed")
    assert (code, said) == (1, "")
    assert "1 of 21 files differ: 1 changed." in shown
    assert "canary" not in shown


@pytest.mark.parametrize(
    ("side", "said"),
    [
        ("git:nope:state", "git knows no revision nope here"),
        ("git:--help:state", "git knows no revision --help here"),
        ("git:main:nope", "Revision main has no folder nope"),
        ("git:main", "names no revision and folder"),
        ("nope", "nope is nothing that can be compared"),
        ("", "An empty word is nothing that can be compared"),
        ("file:///nope", "is no directory"),
        ("empty.yaml", "there is no object in it"),
        (".", "holds files, but no cluster"),
    ],
)
def test_what_cannot_be_compared_is_said_in_words(desk: Desk, side: str, said: str) -> None:
    desk.git("init", "-q", "-b", "main")
    desk.git("add", "state")
    desk.git("commit", "-q", "-m", "first")
    (desk.home / "empty.yaml").touch()
    code, shown, error = desk.run("diff", "state", side)
    assert (code, shown) == (2, "")
    assert said in error
    assert len(error.splitlines()) == 1


def test_manifests_are_merged_into_a_state_as_the_operator_merges(desk: Desk) -> None:
    pipe = desk.home / "kops.yaml"  # as `<(kustomize build)` of a shell is one
    os.mkfifo(pipe)
    threading.Thread(target=pipe.write_text, args=(DOCUMENTS,), daemon=True).start()
    code, shown, _ = desk.run("plan", "state", "kops.yaml")
    assert (code, shown.splitlines()[:3]) == (
        1,
        ["~ config", '    ~ /spec/kubernetesVersion: "v1.32.9" -> "v1.33.1"', "+ instancegroup/batch"],
    )
    assert shown.splitlines()[-1] == f"1 to change, 1 to create in file://{desk.home}/state/{COMPLEX}."
    refers = {"name": "dockerconfig", "valueFrom": {"secretKeyRef": {"name": "a", "key": "b"}}}
    files = [{"path": "addons/a.yaml", "content": "a: 1\n"}]
    keysets = [{"name": "mine-ca", "generate": {}}]
    body = manifest(url="s3://elsewhere", cluster={"channel": "alpha"}, secrets=[refers], files=files, keysets=keysets)
    (desk.home / "state.json").write_text(json.dumps(body))
    code, shown, _ = desk.run("diff", "state.json", f"state/{COMPLEX}", "-o", "json")
    review = json.loads(shown)
    compared = review["clusters"][0]["files"]
    assert (code, [each["path"] for each in compared]) == (
        1,
        ["addons/a.yaml", "config", "pki/private/mine-ca/keyset.yaml"],
    )
    assert compared[0]["lines"][-1] == "-a: 1"
    assert (compared[2]["action"], compared[2]["fields"][0]["action"]) == ("delete", "delete")
    assert review["warnings"] == ["state.json: left out, as it is in a cluster: spec.secrets[dockerconfig]"]
    for command in ("diff", "plan"):
        code, shown, _ = desk.run(command, f"state/{COMPLEX}", "state.json", "--without-secrets")
        assert (code, "~ config" in shown, "mine-ca" in shown) == (1, True, False)
    code, _, said = desk.run("plan", "state.json", "state")
    assert (code, "declares a part of a state" in said) == (2, True)
    code, _, said = desk.run("diff", f"state/{MINIMAL}", "state.json")
    assert (code, f"declares cluster {COMPLEX}, and the other side is {MINIMAL}" in said) == (2, True)


def test_a_plan_of_one_name_takes_no_words_about_two_sides(desk: Desk) -> None:
    code, shown, said = desk.run("plan", "prod", "--without-secrets")
    assert (code, shown, "go with A and B" in said) == (2, "", True)


def test_digests_of_two_runs_are_equal_under_one_key(desk: Desk) -> None:
    (desk.home / "key").write_bytes(bytes(range(32)))

    def digests(**environ: str) -> Any:
        found = json.loads(desk.run("diff", "state", "state", "--name", COMPLEX, "-o", "json", **environ)[1])
        return {each["path"] + each["field"]: each["digest"] for each in found["clusters"][0]["unchanged"]}

    first = digests(CLUSTERSTATE_DIGEST_KEY_FILE="key")
    assert "secrets/dockerconfig/content" in first
    assert first == digests(CLUSTERSTATE_DIGEST_KEY_FILE="key")
    assert set(digests().values()).isdisjoint(first.values())
    (desk.home / "key").write_bytes(b"short")
    code, _, said = desk.run("diff", "state", "state", "--digest-key", "key")
    assert (code, "16 to 4096 bytes" in said) == (2, True)


@pytest.mark.apiserver
@pytest.mark.objectstore
def test_a_declaration_in_a_cluster_is_compared_with_a_store(world: World, tmp_path: Path) -> None:
    world.load_store()
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "docker"}, "stringData": {"a": "canary"}}
    world.apply(secret)
    refers = {"name": "dockerconfig", "valueFrom": {"secretKeyRef": {"name": "docker", "key": "a"}}}
    hidden = {"path": "addons/a.yaml", "contentFrom": refers["valueFrom"]}
    body = manifest(url=world.url, cluster={"channel": "alpha"}, secrets=[refers], files=[hidden])
    world.kubectl("create", "-f", "-", stdin=json.dumps(body))
    desk, before = Desk(tmp_path, world.server, world.bucket), world.files()
    place = ("-n", world.namespace, "--kubeconfig", str(world.plane.kubeconfig))
    for command in ("diff", "plan"):
        code, shown, said = desk.run(command, world.url, "cst/state", *place)
        assert (code, said) == (1, "")
        assert '    ~ /spec/channel: "stable" -> "alpha"' in shown.splitlines()
        assert {"~ secrets/dockerconfig", "+ addons/a.yaml"} <= {*shown.splitlines()}
        assert "canary" not in shown
    other = manifest("other", url=world.url, secrets=[{**refers, "name": "another"}])
    world.kubectl("create", "-f", "-", stdin=json.dumps(other))
    assert "+ secrets/another" in desk.run("diff", "cst/state", "cst/other", *place)[1].splitlines()
    assert "secrets/" not in desk.run("diff", "cst/state", "cst/other", "--without-secrets", *place)[1]
    code, shown, _ = desk.run("plan", "cst/state", *place, "-o", "markdown", CLUSTERSTATE_ALLOWED_ENDPOINTS="127.0.0.1")
    assert (code, shown.splitlines()[0]) == (1, "**3 of 14 files differ: 1 added, 2 changed.**")
    assert world.files() == before
