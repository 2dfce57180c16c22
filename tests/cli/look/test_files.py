"""`get files`, `tree` and `show`: everything that is there, wherever it lies, broken or unknown."""

import json

import pytest

from tests.cli.look.conftest import Viewer
from tests.support.world import COMPLEX, MINIMAL

pytestmark = pytest.mark.objectstore
BACKUP = "backups/etcd/main/2026-01-01T00:00:00Z-000001/etcd.backup.gz"


def move_key_store(viewer: Viewer) -> str:
    """Have the keys of a cluster in a folder of their own; give its URL."""
    place = f"{viewer.url}/keys"
    config = viewer.read(f"{MINIMAL}/config")
    viewer.put(f"{MINIMAL}/config", config.replace(b"spec:\n", f"spec:\n  keyStore: {place}\n".encode(), 1))
    keyset = viewer.read(f"{MINIMAL}/pki/private/service-account/keyset.yaml")
    viewer.put("keys/private/service-account/keyset.yaml", keyset)
    return place


def test_files_that_lie_elsewhere_are_among_them_and_backups_on_request(store: Viewer) -> None:
    store.put(f"{MINIMAL}/{BACKUP}", b"x" * 2048)
    place = move_key_store(store)
    shown = store.run("get", "files", "--name", MINIMAL, "-o", "json")
    files = {each["key"]: each for each in json.loads(shown.out)}
    assert [key for key in files if key.startswith("pki/")] == ["pki/private/service-account/keyset.yaml"]
    assert files["pki/private/service-account/keyset.yaml"]["url"] == f"{place}/private/service-account/keyset.yaml"
    assert files["config"]["url"] == f"{store.url}/{MINIMAL}/config"
    assert files["instancegroup/nodes-us-east-1a"]["kind"] == "instance-group"
    assert BACKUP not in files
    every = store.run("get", "files", "--name", MINIMAL, "--backups")
    assert every.lines[0].split() == ["KEY", "KIND", "SIZE", "CHANGED"]
    assert [BACKUP, "backup", "2.0", "KiB"] in [row[:4] for row in every.rows]
    assert every.said[0].startswith(f"clusterstate: {len(files) + 1} files, ")


def test_who_leads_to_a_bucket_that_isnt_there_is_named(store: Viewer) -> None:
    config = store.read(f"{MINIMAL}/config")
    spec = b"spec:\n  keyStore: s3://test-none/keys\n"
    store.put(f"{MINIMAL}/config", config.replace(b"spec:\n", spec, 1))
    shown = store.run("show", MINIMAL)
    assert (shown.code, shown.out) == (1, "")
    assert shown.said[0].startswith(
        f"clusterstate: {store.url}/{MINIMAL}/config places files at s3://test-none/keys, by configBase, keyStore or "
        "secretStore. There is no bucket test-none at "
    )


def test_the_tree_of_a_cluster_and_of_a_store(store: Viewer) -> None:
    of_cluster = store.run("tree", MINIMAL)
    assert of_cluster.lines[0] == f"{store.url}/{MINIMAL}"
    assert of_cluster.lines[1].split() == ["├──", "config", "1.2", "KiB"]
    assert of_cluster.lines[2].split() == ["├──", "instancegroup/", "2", "files,", "754", "B"]

    mark = store.server.mark()
    assert store.run("tree").lines == [store.url, f"├── {COMPLEX}/", f"└── {MINIMAL}/"]
    assert len(store.server.requests(mark, bucket=store.bucket)) == 1
    every = store.run("tree", "--recursive")
    assert [line for line in every.lines if "encryptionconfig" in line]
    assert every.said[0].startswith("clusterstate: 21 files, ")


def test_show_tells_everything_of_a_cluster(viewer: Viewer) -> None:
    viewer.load(COMPLEX)
    mark = viewer.server.mark()
    shown = viewer.run("show", COMPLEX)
    assert (shown.code, shown.said) == (0, [])
    read = viewer.read_since(mark)
    assert (len(read), read.count(f"{COMPLEX}/config")) == (len({*read}), 1), "each file once"
    for line in (
        "  kubernetes   v1.32.9",
        "  cloud        aws in us-east-1a, us-east-1b, us-east-1c",
        "  networking   cni, 10.0.0.0/16",
        "  api          load balancer: Public Network, open to 0.0.0.0/0, ::/0",
        "  etcd         main (3 members), events (3 members)",
        "  dockerconfig",
        "  26:c3:5a:2e:82:77:4d:91:6c:f2:38:dc:72:8e:74:13",
    ):
        assert line in shown.lines
    states = [line.split()[2] for line in shown.lines if line.startswith("  kubernetes-ca")]
    assert states == ["distrusted", "primary"]
    told = json.loads(viewer.run("show", "-o", "json", KOPS_CLUSTER_NAME=COMPLEX).out)
    assert (told["files"]["count"], told["secrets"]) == (14, ["dockerconfig", "encryptionconfig"])
    assert told["kopsUpdate"]["upToDate"] is None
    assert told["instanceGroups"][0]["metadata"]["name"] == "control-plane-us-east-1a"


def test_show_tells_whether_kops_update_ran_and_what_it_does_not_know(viewer: Viewer) -> None:
    viewer.load(MINIMAL, source="kops-store-updated")
    viewer.put(f"{MINIMAL}/notes.txt", b"mine")
    told = json.loads(viewer.run("show", MINIMAL, "-o", "json").out)
    assert (told["kopsUpdate"]["upToDate"], told["kopsUpdate"]["kopsVersion"]) == (True, "1.34.0-beta.1")
    assert told["files"]["unknown"] == ["notes.txt"]


def test_show_of_a_broken_config_tells_of_the_rest(store: Viewer) -> None:
    store.put(f"{MINIMAL}/config", b"]")
    shown = store.run("show", MINIMAL)
    assert (shown.code, shown.said) == (1, [])
    assert "Keysets" in shown.lines
    assert shown.lines[-1].startswith("  config is not YAML that kops could read: line 1")
    files = store.run("get", "files", "--name", MINIMAL, "-o", "name")
    assert (files.code, len(files.lines)) == (1, 7)
