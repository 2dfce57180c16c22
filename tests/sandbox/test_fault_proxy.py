"""The proxy passes signed requests on unchanged and misbehaves exactly as asked."""

import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    EndpointConnectionError,
    IncompleteReadError,
    ResponseStreamingError,
)

from clusterstate.sandbox.s3server import S3Server
from tests.support.faultproxy import Fault, FaultProxy

pytestmark = pytest.mark.objectstore
BODY = b"x" * 5000


@pytest.fixture
def proxy(s3_server: S3Server) -> Iterator[FaultProxy]:
    with FaultProxy(s3_server.endpoint) as proxy:
        yield proxy


@pytest.fixture
def client(s3_server: S3Server, proxy: FaultProxy, bucket: str) -> Any:
    client = replace(s3_server, endpoint=proxy.endpoint).client()
    client.put_object(Bucket=bucket, Key="a b+c/é", Body=BODY)
    proxy.counts.clear()
    return client


def test_signed_requests_pass_unchanged_and_are_counted(client: Any, proxy: FaultProxy, bucket: str) -> None:
    assert client.get_object(Bucket=bucket, Key="a b+c/é")["Body"].read() == BODY
    assert client.head_object(Bucket=bucket, Key="a b+c/é")["ContentLength"] == len(BODY)
    client.delete_object(Bucket=bucket, Key="a b+c/é")
    path = f"/{bucket}/a b+c/é"
    assert proxy.counts == {("GET", path): 1, ("HEAD", path): 1, ("DELETE", path): 1}


def test_answer_503_with_retry_after_as_often_as_asked(client: Any, proxy: FaultProxy, bucket: str) -> None:
    with proxy.failing(Fault(method="GET", path=f"/{bucket}", status=503, retry_after=7, times=1)):
        with pytest.raises(ClientError) as refused:
            client.list_objects_v2(Bucket=bucket)
        assert client.list_objects_v2(Bucket=bucket)["KeyCount"] == 1
    answer = refused.value.response["ResponseMetadata"]
    assert (answer["HTTPStatusCode"], answer["HTTPHeaders"]["retry-after"]) == (503, "7")


def test_other_paths_and_methods_stay_well(client: Any, proxy: FaultProxy, bucket: str) -> None:
    with proxy.failing(Fault(method="PUT", path=f"/{bucket}/other", status=503)):
        client.put_object(Bucket=bucket, Key="k", Body=b"1")
        assert client.list_objects_v2(Bucket=bucket)["KeyCount"] == 2


def test_delay(client: Any, proxy: FaultProxy, bucket: str) -> None:
    start = time.monotonic()
    with proxy.failing(Fault(delay=0.5)):
        client.list_objects_v2(Bucket=bucket)
    assert time.monotonic() - start >= 0.5


def test_connection_cut_in_the_body(client: Any, proxy: FaultProxy, bucket: str) -> None:
    with proxy.failing(Fault(method="GET", cut_after=100)):
        answer = client.get_object(Bucket=bucket, Key="a b+c/é")
        assert answer["ContentLength"] == len(BODY)
        with pytest.raises((IncompleteReadError, ResponseStreamingError)):
            answer["Body"].read()


def test_truncated_body_looks_whole(client: Any, proxy: FaultProxy, bucket: str) -> None:
    with proxy.failing(Fault(truncate_to=100)):
        answer = client.get_object(Bucket=bucket, Key="a b+c/é", Range="bytes=0-4999")
        assert answer["ContentLength"] == 100
        answer["Body"].close()


def test_connections_are_refused_until_accepted_again(client: Any, proxy: FaultProxy, bucket: str) -> None:
    proxy.refuse()
    with pytest.raises((EndpointConnectionError, ConnectionClosedError)):
        client.list_objects_v2(Bucket=bucket)
    proxy.accept()
    assert client.list_objects_v2(Bucket=bucket)["KeyCount"] == 1
