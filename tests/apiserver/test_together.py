"""Two operators, kops and a person write to one state at once; none of them loses what it has written to another."""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from botocore.exceptions import ClientError

from clusterstate.sandbox.controlplane import ControlPlane
from tests.support.operating import Body, kubectl
from tests.support.world import COMPLEX, World, manifest

pytestmark = [pytest.mark.apiserver, pytest.mark.objectstore]

CONFIG = f"{COMPLEX}/config"
PRECONDITION_FAILED = 412
ROUNDS = 5


@pytest.fixture
def neighbour(world: World, plane: ControlPlane, tmp_path: Path) -> Iterator[World]:
    """The same bucket, declared in another namespace to an operator that knows nothing of the first one."""
    name = f"{world.namespace}-too"
    kubectl(plane, "create", "namespace", name)
    directory = tmp_path / "neighbour"
    directory.mkdir()
    kubectl(plane, "-n", name, "create", "serviceaccount", "operator")
    made = replace(world, namespace=name, directory=directory, operator=None)
    yield made
    made.stop_operator()
    kubectl(plane, "delete", "namespace", name, "--wait=false")


@contextmanager
def writing(world: World) -> Iterator[list[int]]:
    """A person counts up a label, from what was read last and only if nobody wrote meanwhile, as long as this lasts."""
    counted, done = [0], threading.Event()

    def count() -> None:
        while not done.is_set():
            found = world.s3.get_object(Bucket=world.bucket, Key=CONFIG)
            document = yaml.safe_load(found["Body"].read())
            labels = document["spec"].setdefault("cloudLabels", {})
            assert int(labels.get("count", "0")) == counted[0], "somebody wrote over what the person had written"
            labels["count"] = str(counted[0] + 1)
            body = yaml.safe_dump(document).encode()
            try:
                world.s3.put_object(Bucket=world.bucket, Key=CONFIG, Body=body, IfMatch=found["ETag"])
                counted[0] += 1
            except ClientError as error:
                if error.response["ResponseMetadata"]["HTTPStatusCode"] != PRECONDITION_FAILED:
                    raise
            done.wait(0.05)

    failures: list[BaseException] = []

    def guarded() -> None:
        try:
            count()
        except BaseException as failure:  # noqa: BLE001 - raised again by the test itself
            failures.append(failure)

    thread = threading.Thread(target=guarded)
    thread.start()
    try:
        yield counted
    finally:
        done.set()
        thread.join()
    if failures:
        raise failures[0]


def declaration(world: World, field: str, number: int) -> Body:
    labels = {f"{field}-{number}": "yes"}
    return manifest(url=world.url, cluster={field: f"v{number}", "cloudLabels": labels}, sync={"interval": "10s"})


def test_lost_races_are_merged_again(world: World, neighbour: World) -> None:
    world.load_store()
    neighbour.set_credentials()
    both = {"kubernetesVersion": world, "channel": neighbour}
    with world.running(), neighbour.running():
        # Their first writes prove that the server keeps conditions, see docs/sync.md: until then a race can be lost.
        for number, (field, each) in enumerate(both.items()):
            each.apply(declaration(each, field, number))
            each.settled()
        mark = world.server.mark()
        with writing(world) as counted:
            for number in range(1, ROUNDS):
                for field, each in both.items():
                    each.apply(declaration(each, field, number))
                for each in both.values():
                    each.settled()
    config = yaml.safe_load(world.read(CONFIG))["spec"]
    last = ROUNDS - 1
    assert (config["kubernetesVersion"], config["channel"]) == (f"v{last}", f"v{last}")
    labels = {key: value for key, value in config["cloudLabels"].items() if re.match("count|kuber|channel", key)}
    assert labels == {"count": str(counted[0]), f"kubernetesVersion-{last}": "yes", f"channel-{last}": "yes"}
    assert counted[0] > ROUNDS
    refused = [each for each in world.server.requests(mark, bucket=world.bucket) if each.status == PRECONDITION_FAILED]
    assert refused, "no race was lost"
