"""`clusterstate adopt` by its users' eyes: manifests on stdout, or files that may be put into git."""

import base64
import json

import pytest
import yaml

from tests.cli.files.places import COMPLEX, MINIMAL, NODES, Places


def test_every_cluster_is_one_manifest_on_stdout(places: Places) -> None:
    places.load(COMPLEX)
    done = places.run("adopt", "-n", "clusters")
    found = list(yaml.safe_load_all(done.stdout))
    assert [(each["kind"], each["metadata"]) for each in found] == [
        ("ClusterState", {"name": name, "namespace": "clusters"}) for name in (COMPLEX, MINIMAL)
    ]
    assert all(each["spec"]["store"] == {"url": f"file://{places.store}"} for each in found)
    assert f"{MINIMAL}: the manifest needs Secret {MINIMAL}-secrets with dockerconfig" in done.stderr


def test_files_are_written_once_and_secrets_only_when_asked_for(places: Places) -> None:
    stored = json.loads((places.store / MINIMAL / "secrets" / "dockerconfig").read_text())["Data"]
    places.run("adopt", "--directory", places.directory)
    assert [each.name for each in places.directory.iterdir()] == [f"{MINIMAL}.yaml"]
    assert stored not in (places.directory / f"{MINIMAL}.yaml").read_text()
    places.run("adopt", "--directory", places.directory, "--with-secrets")
    path = places.directory / f"{MINIMAL}.secrets.yaml"
    assert base64.b64decode(yaml.safe_load(path.read_text())["data"]["dockerconfig"]) == base64.b64decode(stored)
    assert path.stat().st_mode & 0o777 == 0o600
    places.edit(places.store)
    done = places.run("adopt", "--directory", places.directory, code=1)
    assert f"{MINIMAL}.yaml in {places.directory} are there already" in done.stderr
    places.run("adopt", "--directory", places.directory, "--overwrite")
    assert "maxPrice" in (places.directory / f"{MINIMAL}.yaml").read_text()


def test_what_cant_be_declared_is_told_and_one_bad_cluster_holds_up_no_other(places: Places) -> None:
    path = places.store / NODES
    path.write_bytes(path.read_bytes().replace(b"spec:\n", b"spec:\n  later: 1\n"))
    places.load(COMPLEX)
    (places.store / COMPLEX / "config").write_text("a: [")
    done = places.run("adopt", code=1)
    assert f"{COMPLEX} isn't adopted: " in done.stderr
    assert "instancegroup/nodes-us-east-1a /spec/later" in done.stderr
    assert yaml.safe_load(done.stdout)["spec"]["clusterName"] == MINIMAL


@pytest.mark.parametrize("namespace", ["a.b", "a" * 64])
def test_a_namespace_that_can_be_none_is_refused(places: Places, namespace: str) -> None:
    done = places.run("adopt", f"--namespace={namespace}", "--directory", places.directory, code=2)
    assert f"{namespace!r} can't be the name of a namespace." in done.stderr
    assert not places.directory.exists()
