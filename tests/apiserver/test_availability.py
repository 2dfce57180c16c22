"""Several operators, one of which writes: who follows whom, how soon, and what one that was frozen does no more."""

import os
import re
import signal
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from urllib.request import urlopen

import pytest

from clusterstate.sandbox.controlplane import ControlPlane
from clusterstate.sandbox.s3log import Request
from clusterstate.sandbox.s3server import S3Server
from tests.apiserver.elections import LEASE, TIMES
from tests.support.faultproxy import Fault, FaultProxy
from tests.support.operating import Body
from tests.support.world import COMPLEX, World, manifest

pytestmark = [pytest.mark.apiserver, pytest.mark.objectstore]

CONFIG = f"{COMPLEX}/config"
PRECONDITION_FAILED = 412
Another = Callable[[str], World]


@pytest.fixture
def another(
    plane: ControlPlane, s3_server: S3Server, proxy: FaultProxy, namespace: str, bucket: str, tmp_path: Path
) -> Iterator[Another]:
    """Give one operator more for the same namespace, under a name of its own; the first one brings the state."""
    made: list[World] = []

    def make(name: str) -> World:
        directory = tmp_path / name
        directory.mkdir()
        if made:
            made.append(replace(made[0], directory=directory, account=name, operator=None))
        else:
            made.append(World(plane, namespace, directory, s3_server, bucket, endpoint=proxy.endpoint, account=name))
            made[0].environ = TIMES
            made[0].load_store()
        return made[-1]

    yield make
    for each in made:
        if each.operator is not None:
            each.kill_operator()


def declare(world: World, version: str) -> None:
    world.apply(manifest(url=world.url, cluster={"kubernetesVersion": version}, sync={"interval": "1h"}))


def lease(world: World) -> Body:
    spec: Body = (world.find("lease", LEASE) or {}).get("spec", {})
    return spec


def is_ready(world: World) -> bool:
    found = re.findall(r"metrics are at (\S+)", world.log.read_text())
    try:
        with urlopen(f"http://{found[-1]}/readyz", timeout=5) as answer:
            return bool(answer.status == 200)
    except (IndexError, OSError):
        return False


def start(world: World, *, leads: bool) -> None:
    """Start it, and wait until it is ready and has found out whether it leads."""
    world.start_operator()
    words = "leading, by Lease" if leads else "standing by"
    world.until(lambda: words in world.log.read_text() and is_ready(world))


def writes(world: World, since: int) -> list[Request]:
    """Give what the S3 server was asked since a mark that would change something."""
    found = world.server.requests(since, bucket=world.bucket)
    return [each for each in found if not each.operation.startswith(("Get", "Head", "List"))]


def test_one_stands_by_and_takes_over(another: Another) -> None:
    first, second, third = map(another, ("operator", "operator-2", "operator-3"))
    declare(first, "v1.32.10")
    begin = first.plane.audit_mark()
    start(first, leads=True)
    first.settled()
    start(second, leads=False)
    asked = {(each.resource, each.verb) for each in first.plane.calls(begin, user=second.user)}
    assert asked == {("leases", "get"), ("clusterstates", "list")}, "a standby keeps nothing, and writes nothing"

    first.kill_operator()
    declare(second, "v1.33.1")
    second.settled()
    assert b"v1.33.1" in second.read(CONFIG)
    assert lease(second)["leaseTransitions"] == 1

    start(third, leads=False)
    mark = second.plane.audit_mark()
    second.stop_operator()
    declare(third, "v1.34.2")
    third.settled()
    calls = [
        each for each in third.plane.calls(mark) if each.resource == "leases" and each.namespace == third.namespace
    ]
    released = max(number for number, each in enumerate(calls) if each.user == second.user)
    looks = [each.verb for each in calls[released + 1 :]]
    assert looks[: looks.index("update") + 1] == ["get", "update"], "it had not to wait for the Lease's end"


def freeze_and_thaw(first: World, second: World, proxy: FaultProxy) -> None:
    declare(first, "v1.32.10")
    start(first, leads=True)
    first.settled()  # its first write has proven that the server keeps conditions
    start(second, leads=False)
    held = Fault(method="PUT", path=f"/{first.bucket}/{CONFIG}", times=1, held=True)
    with proxy.failing(held):
        declare(first, "v1.33.1")
        first.until(lambda: held.times == 0)
        frozen = first.operator
        assert frozen is not None
        os.kill(frozen.pid, signal.SIGSTOP)
        declare(second, "v1.34.2")
        second.settled()
        assert b"v1.34.2" in second.read(CONFIG)
        mark, audit, files = second.server.mark(), second.plane.audit_mark(), second.files()
        held.held = False
        second.until(lambda: writes(second, mark))
        os.kill(frozen.pid, signal.SIGCONT)
        assert frozen.wait(timeout=30) == 1, first.log_tail()
        first.operator = None
    assert [(each.operation, each.key, each.status) for each in writes(second, mark)] == [
        ("PutObject", CONFIG, PRECONDITION_FAILED)
    ]
    assert first.writes(audit) == [], "neither a status, nor an Event, nor the Lease"
    assert second.files() == files
    assert "The Lease wasn't renewed in time" in first.log_tail()
    assert "Traceback" not in first.log_tail()


def test_one_that_was_frozen_writes_no_more(another: Another, proxy: FaultProxy) -> None:
    freeze_and_thaw(another("operator"), another("operator-2"), proxy)


@pytest.mark.soak
@pytest.mark.parametrize("again", range(20))
def test_one_that_was_frozen_never_writes_again(another: Another, proxy: FaultProxy, again: int) -> None:
    del again
    freeze_and_thaw(another("operator"), another("operator-2"), proxy)
