"""Every test of a run gets the same servers and a place of its own on each."""

import pytest

from clusterstate.sandbox.controlplane import ControlPlane
from clusterstate.sandbox.s3server import S3Server
from tests.support.kops import Kops
from tests.support.moto import MotoServer


@pytest.mark.apiserver
def test_namespace_is_there_and_empty(control_plane: ControlPlane, namespace: str) -> None:
    found = control_plane.api().request("GET", f"/api/v1/namespaces/{namespace}")
    assert found["status"]["phase"] == "Active"


@pytest.mark.objectstore
def test_bucket_is_fresh(s3_server: S3Server, bucket: str) -> None:
    assert s3_server.client().list_objects_v2(Bucket=bucket)["KeyCount"] == 0


@pytest.mark.objectstore
def test_moto_enforces_policies(moto_server: MotoServer) -> None:
    nobody = moto_server.create_user()
    client = moto_server.client("s3", nobody)
    with pytest.raises(client.exceptions.ClientError, match="AccessDenied"):
        client.list_buckets()
    assert "Buckets" in moto_server.client("s3").list_buckets()


@pytest.mark.kops
def test_kops_reads_the_bucket(kops: Kops) -> None:
    """It finds nothing there, after a look at our server with the right keys."""
    mark = kops.s3.mark()
    assert "no clusters found" in kops.run("get", "clusters", check=False).stderr
    asked = kops.s3.requests(mark, bucket=kops.bucket)
    assert {(r.requester, r.status) for r in asked if r.operation.startswith("ListObjects")} == {
        (kops.s3.access_key, 200)
    }
