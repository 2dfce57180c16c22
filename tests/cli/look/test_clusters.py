"""`get clusters`: one list and one read of each, whatever else the store holds; what is broken hides nothing."""

import json
import subprocess
import sys

import pytest
import yaml

from tests.cli.look.conftest import Viewer
from tests.support.cli import OPERATOR
from tests.support.world import COMPLEX, MINIMAL

pytestmark = pytest.mark.objectstore
BROKEN = "broken.example.com"
NESTED = "team-a/nested.example.com"
OTHER_SDKS = ("kubernetes.", "aiohttp", "kopf", "google", "oss2", "openstack", "keystoneauth1", "swiftclient")
PROGRAM = """
import sys
from clusterstate.cli.main import main
code = main()
print(*sorted(sys.modules), file=sys.stderr)
sys.exit(code)
"""


def test_it_takes_one_shallow_list_and_one_read_each_and_loads_no_other_sdk(store: Viewer) -> None:
    store.put(f"{COMPLEX}/backups/etcd/main/2026/etcd.backup.gz", b"x")
    mark = store.server.mark()
    environ = {"PYTHONPATH": str(OPERATOR), "HOME": str(store.home), **store.environ}
    command = [sys.executable, "-c", PROGRAM, "get", "clusters", "-o", "name"]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.splitlines() == [COMPLEX, MINIMAL]
    loaded = done.stderr.split()
    assert "botocore" in loaded  # what boto3 is made of
    assert not [name for name in loaded if name.startswith(OTHER_SDKS)]

    requests = store.server.requests(mark, bucket=store.bucket)
    reads = [("GetObject", f"{name}/config") for name in (COMPLEX, MINIMAL)]
    assert sorted((each.operation, each.key) for each in requests) == [*reads, ("ListObjectsV2", "")]
    [listed] = [each for each in requests if each.operation == "ListObjectsV2"]
    assert listed.query["delimiter"] == "/"


def test_a_broken_config_is_named_and_hides_no_other(store: Viewer) -> None:
    store.put(f"{BROKEN}/config", b"kind: [Cluster\n")
    store.put("notes/readme.txt", b"no cluster")
    shown = store.run("get", "clusters")
    assert shown.code == 1
    assert shown.lines[0].split() == ["NAME", "CLOUD", "ZONES"]
    assert shown.rows == [[COMPLEX, "aws", "us-east-1a,us-east-1b,us-east-1c"], [MINIMAL, "aws", "us-east-1a"]]
    [said] = shown.said
    assert said.startswith(f"clusterstate: {BROKEN}/config is not YAML that kops could read: line ")


def test_recursive_finds_clusters_at_any_depth(store: Viewer) -> None:
    store.load(MINIMAL, as_name=NESTED)
    assert store.run("get", "clusters", "-o", "name").lines == [COMPLEX, MINIMAL]
    assert store.run("get", "clusters", "--recursive", "-o", "name").lines == [COMPLEX, MINIMAL, NESTED]
    assert store.run("get", "cluster", NESTED).rows == [[NESTED, "aws", "us-east-1a"]]


def test_names_narrow_down_and_keep_their_order(store: Viewer) -> None:
    both = store.run("get", "clusters", MINIMAL, COMPLEX, "-o", "yaml")
    assert [each["metadata"]["name"] for each in yaml.safe_load_all(both.out)] == [MINIMAL, COMPLEX]
    one = store.run("get", "clusters", "-o", "json", KOPS_CLUSTER_NAME=MINIMAL)
    assert json.loads(one.out)["metadata"]["name"] == MINIMAL
    missing = store.run("get", "clusters", MINIMAL, "gone.example.com")
    assert (missing.code, missing.out) == (1, "")
    here = f"There is no cluster gone.example.com in {store.url}"
    assert missing.said == [f"clusterstate: {here}. clusterstate get clusters lists those that are there."]
    usual = store.run("get", "clusters", KOPS_CLUSTER_NAME="gone.example.com")
    assert usual.said == [
        f"clusterstate: {here}, and KOPS_CLUSTER_NAME names that. Unset it to list those that are there."
    ]
    assert store.run("get", "clusters", MINIMAL, "--name", COMPLEX).code == 2


def test_wide_tells_version_files_and_last_change(store: Viewer) -> None:
    shown = store.run("get", "clusters", "-o", "wide")
    assert shown.lines[0].split() == ["NAME", "CLOUD", "ZONES", "VERSION", "FILES", "SIZE", "CHANGED"]
    assert [row[3:5] for row in shown.rows] == [["v1.32.9", "14"], ["v1.32.0", "7"]]


def test_full_is_what_the_last_update_made_of_it(store: Viewer) -> None:
    store.load(MINIMAL, as_name="updated.example.com", source="kops-store-updated")
    shown = store.run("get", "clusters", "--full", "-o", "json")
    assert [each["metadata"]["name"] for each in json.loads(shown.out)] == ["updated.example.com"]
    assert "kubeAPIServer" in json.loads(shown.out)[0]["spec"]
    assert shown.code == 1
    assert [said.split()[1] for said in shown.said] == [COMPLEX, MINIMAL]


def test_an_empty_store_is_no_error(viewer: Viewer) -> None:
    shown = viewer.run("get", "clusters", "-o", "json")
    assert (shown.code, json.loads(shown.out)) == (0, [])
    assert shown.said == [f"clusterstate: There is no cluster in {viewer.url}."]
