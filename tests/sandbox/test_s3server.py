"""The S3 server refuses what Amazon's refuses, and every request can be counted."""

import json
from collections import Counter
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from clusterstate.sandbox.s3server import S3Server, S3User

pytestmark = pytest.mark.objectstore


def refusal(error: pytest.ExceptionInfo[ClientError]) -> str:
    return error.value.response["Error"]["Code"]


def test_wrong_secret_is_refused(s3_server: S3Server, bucket: str) -> None:
    with pytest.raises(ClientError) as error:
        s3_server.client(S3User(s3_server.access_key, "wrong")).list_objects_v2(Bucket=bucket)
    assert refusal(error) == "SignatureDoesNotMatch"


def test_unknown_key_is_refused(s3_server: S3Server, bucket: str) -> None:
    with pytest.raises(ClientError) as error:
        s3_server.client(S3User("UNKNOWN", "wrong")).list_objects_v2(Bucket=bucket)
    assert refusal(error) == "InvalidAccessKeyId"


def test_user_may_do_what_the_buckets_policy_says(s3_server: S3Server, bucket: str) -> None:
    user = s3_server.create_user()
    theirs, ours = s3_server.client(user), s3_server.client()
    ours.put_object(Bucket=bucket, Key="k", Body=b"1")
    with pytest.raises(ClientError) as error:
        theirs.get_object(Bucket=bucket, Key="k")
    assert refusal(error) == "AccessDenied"
    allowed = {
        "Effect": "Allow",
        "Principal": {"AWS": [user.access_key]},
        "Action": ["s3:GetObject"],
        "Resource": [f"arn:aws:s3:::{bucket}/*"],
    }
    ours.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [allowed]}))
    assert theirs.get_object(Bucket=bucket, Key="k")["Body"].read() == b"1"


def test_requests_are_counted_by_operation_and_key(s3_server: S3Server, bucket: str) -> None:
    client, key = s3_server.client(), 'folder/a b+c "é" 404 /x'
    before = s3_server.mark()
    client.put_object(Bucket=bucket, Key=key, Body=b"1")
    client.get_object(Bucket=bucket, Key=key)["Body"].read()
    client.list_objects_v2(Bucket=bucket, Prefix="folder/")
    client.head_object(Bucket=bucket, Key=key)
    client.delete_object(Bucket=bucket, Key=key)
    with pytest.raises(ClientError):
        client.get_object(Bucket=bucket, Key=key)
    requests = s3_server.requests(before, bucket=bucket)
    assert [(r.operation, r.key, r.status, r.error) for r in requests] == [
        ("PutObject", key, 200, ""),
        ("GetObject", key, 200, ""),
        ("ListObjectsV2", "", 200, ""),
        ("HeadObject", key, 200, ""),
        ("DeleteObject", key, 200, ""),
        ("GetObject", key, 404, "NoSuchKey"),
    ]
    assert requests[2].query["prefix"] == "folder/"
    assert {r.requester for r in requests} == {s3_server.access_key}


def test_refused_requests_are_counted_too(s3_server: S3Server, bucket: str) -> None:
    before = s3_server.mark()
    with pytest.raises(ClientError):
        s3_server.client(S3User("UNKNOWN", "wrong")).list_objects_v2(Bucket=bucket)
    assert [(r.operation, r.status, r.requester) for r in s3_server.requests(before, bucket=bucket)] == [
        ("ListObjectsV2", 403, "")
    ]


def test_nothing_is_lost_among_many_requests(s3_server: S3Server, bucket: str) -> None:
    client, before = s3_server.client(), s3_server.mark()
    for number in range(100):
        client.put_object(Bucket=bucket, Key=f"k{number}", Body=b"1")
    assert Counter(r.operation for r in s3_server.requests(before, bucket=bucket)) == {"PutObject": 100}


def test_region_versions_and_stop(tmp_path: Path) -> None:
    with S3Server.start(tmp_path / "s3", region="eu-central-1") as server:
        client, bucket = server.client(), server.create_bucket("abroad")
        assert client.get_bucket_location(Bucket=bucket)["LocationConstraint"] == "eu-central-1"
        client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
        for body in (b"1", b"2"):
            client.put_object(Bucket=bucket, Key="k", Body=body)
        assert len(client.list_object_versions(Bucket=bucket)["Versions"]) == 2
        assert server.secret_key not in repr(server)
        pid = server.children[0].pid
    assert not Path(f"/proc/{pid}").exists()
