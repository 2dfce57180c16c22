"""The server over HTTP, asked by Alibaba's own SDK with signatures of both versions."""

import secrets
import urllib.error
import urllib.request
from typing import Any

import oss2
import pytest

from tests.support.oss.server import REGION, OssServer, OssUser

pytestmark = pytest.mark.objectstore


@pytest.fixture
def name(oss_server: OssServer) -> str:
    return oss_server.create_bucket(f"test-{secrets.token_hex(5)}")


def version_4(server: OssServer, name: str, user: OssUser, region: str = REGION) -> Any:
    provider = oss2.StaticCredentialsProvider(user.access_key, user.secret_key, user.token)
    return oss2.Bucket(oss2.ProviderAuthV4(provider), server.endpoint, name, region=region)


@pytest.fixture(params=["version 1", "version 4"])
def bucket(oss_server: OssServer, name: str, request: pytest.FixtureRequest) -> Any:
    user = OssUser(oss_server.access_key, oss_server.secret_key)
    return oss_server.bucket(name) if request.param == "version 1" else version_4(oss_server, name, user)


def test_files_come_and_go(bucket: Any) -> None:
    key = "a b/c+d%/é~&=?"
    written = bucket.put_object(key, b"x" * 100)
    assert bucket.get_object(key).read() == b"x" * 100
    assert bucket.head_object(key).etag == written.etag
    assert [entry.key for entry in bucket.list_objects(prefix="a b/").object_list] == [key]
    assert bucket.list_objects_v2(delimiter="/").prefix_list == ["a b/"]
    bucket.delete_object(key)
    assert bucket.list_objects_v2().object_list == []


def test_a_long_listing_goes_on(bucket: Any) -> None:
    keys = [f"{number:03}" for number in range(7)]
    for key in keys:
        bucket.put_object(key, b"")
    first = bucket.list_objects_v2(max_keys=5)
    rest = bucket.list_objects_v2(continuation_token=first.next_continuation_token)
    assert [entry.key for entry in [*first.object_list, *rest.object_list]] == keys
    first = bucket.list_objects(max_keys=5)
    rest = bucket.list_objects(marker=first.next_marker)
    assert [entry.key for entry in [*first.object_list, *rest.object_list]] == keys
    assert [entry.key for entry in bucket.list_objects_v2(start_after="004").object_list] == keys[5:]


def test_the_bucket_tells_of_itself(bucket: Any) -> None:
    assert bucket.get_bucket_location().location == f"oss-{REGION}"
    assert bucket.get_bucket_info().location == f"oss-{REGION}"


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({"x-oss-forbid-overwrite": "true"}, 409, "FileAlreadyExists"),
        ({"x-oss-forbid-overwrite": "maybe"}, 400, "InvalidArgument"),
        ({"Content-MD5": "1B2M2Y8AsgTpgAmY7PhCfg=="}, 400, "InvalidDigest"),
        ({"If-Match": "1"}, 501, "NotImplemented"),
        ({"If-None-Match": "*"}, 501, "NotImplemented"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else None,
)
def test_a_write_is_refused(bucket: Any, headers: dict[str, str], status: int, code: str) -> None:
    bucket.put_object("file", b"old")
    with pytest.raises(oss2.exceptions.ServerError) as caught:
        bucket.put_object("file", b"new", headers=headers)
    assert (caught.value.status, caught.value.code) == (status, code)
    assert bucket.get_object("file").read() == b"old"


def test_where_versions_are_kept_nothing_forbids_to_overwrite(oss_server: OssServer) -> None:
    name = oss_server.create_bucket(f"test-{secrets.token_hex(5)}", versioning="Suspended")
    bucket = oss_server.bucket(name)
    bucket.put_object("file", b"old")
    written = bucket.put_object("file", b"new", headers={"x-oss-forbid-overwrite": "true"})
    assert written.versionid == "null"
    assert bucket.get_object("file").read() == b"new"


@pytest.mark.parametrize("verb", ["get_object", "head_object"])
def test_what_is_missing_is_told_by_code(oss_server: OssServer, bucket: Any, verb: str) -> None:
    with pytest.raises(oss2.exceptions.NoSuchKey):
        getattr(bucket, verb)("missing")
    with pytest.raises(oss2.exceptions.NoSuchBucket):
        getattr(oss_server.bucket("no-such-bucket"), verb)("missing")


def test_who_is_not_known_is_told(oss_server: OssServer, name: str) -> None:
    owner = OssUser(oss_server.access_key, oss_server.secret_key)
    for user, code in (
        (OssUser("LTAInobody", "x"), "InvalidAccessKeyId"),
        (OssUser(owner.access_key, "wrong"), "SignatureDoesNotMatch"),
        (OssUser(owner.access_key, owner.secret_key, "token"), "InvalidSecurityToken"),
        (oss_server.lend(seconds=-1), "SecurityTokenExpired"),
    ):
        with pytest.raises(oss2.exceptions.ServerError) as caught:
            version_4(oss_server, name, user).list_objects_v2()
        assert (caught.value.status, caught.value.code) == (403, code)
    with pytest.raises(oss2.exceptions.ServerError, match="Invalid signing region"):
        version_4(oss_server, name, owner, region="cn-beijing").list_objects_v2()


def test_nobody_is_let_in(oss_server: OssServer, name: str) -> None:
    with pytest.raises(oss2.exceptions.AccessDenied, match="Anonymous"):
        oss2.Bucket(oss2.AnonymousAuth(), oss_server.endpoint, name).list_objects_v2()


def test_users_do_what_they_may(oss_server: OssServer, name: str) -> None:
    oss_server.bucket(name).put_object("prod/config", b"x")
    allow = {"Effect": "Allow", "Action": ["oss:GetObject"], "Resource": [f"acs:oss:*:*:{name}/prod/*"]}
    bucket = version_4(oss_server, name, oss_server.create_user([allow]))
    assert bucket.get_object("prod/config").read() == b"x"
    for work in (bucket.list_objects_v2, lambda: bucket.get_object("other"), lambda: bucket.delete_object("prod/x")):
        with pytest.raises(oss2.exceptions.AccessDenied):
            work()


def test_the_control_wants_its_key(oss_server: OssServer) -> None:
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(f"{oss_server.endpoint}/.control/user", data=b'{"statements": []}', timeout=10)
    assert caught.value.code == 403
    caught.value.close()


def test_a_workers_copy_stops_nothing(oss_server: OssServer) -> None:
    oss_server.shared().stop()
    assert oss_server.create_user().access_key
