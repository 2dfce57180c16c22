"""A copy or a move that ends before its end, wherever that is, is completed by the same command."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.cli.move.conftest import CLUSTER, Person
from tests.support.backings.s3 import S3Backing
from tests.support.cli import OPERATOR
from tests.support.faultproxy import Fault, FaultProxy

pytestmark = pytest.mark.objectstore
FILES = {f"c{number % 3}.example.com/addons/{number}": b"%d" % number * 99 for number in range(120)}


@pytest.fixture
def many(one: S3Backing) -> S3Backing:
    """A bucket with enough files to be interrupted amid them."""
    for key, data in FILES.items():
        one.put(key, data)
    return one


@contextmanager
def running(person: Person, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": str(OPERATOR), "HOME": str(person.home), **person.environ}
    command = [sys.executable, "-m", "clusterstate", *arguments]
    with subprocess.Popen(
        command, env=environ, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def until_written(proxy: FaultProxy, count: int, process: "subprocess.Popen[str]") -> None:
    """Wait until so many files have been sent, or the process ends."""
    while process.poll() is None and sum(n for (verb, _), n in [*proxy.counts.items()] if verb == "PUT") < count:
        time.sleep(0.002)


@pytest.fixture
def slow(person: Person) -> Iterator[FaultProxy]:
    """A way to the server on which nothing is done in no time."""
    with FaultProxy(person.server.endpoint) as proxy:
        person.endpoint = proxy.endpoint
        with proxy.failing(Fault("PUT", delay=0.02)):
            yield proxy


@pytest.mark.parametrize("checkpoint", [True, False])
def test_killed_again_and_again_a_copy_is_completed_from_where_it_was(
    *, checkpoint: bool, person: Person, many: S3Backing, other: S3Backing, slow: FaultProxy
) -> None:
    wanted = many.files()
    path = ["--checkpoint", str(person.home / "checkpoint")] if checkpoint else []
    command = ("copy", many.url, other.url, *path)
    done = 0
    for count in (20, 25, 30):
        slow.counts.clear()
        with running(person, *command) as process:
            until_written(slow, count, process)
            process.kill()
        files = other.files()
        assert all(wanted[key] == data for key, data in files.items()), "each file is whole or isn't there"
        assert done < len(files) < len(wanted)
        done = len(files)
    mark = person.server.mark()
    person.do(*command)
    assert other.files() == wanted
    reads = sum(each.operation == "GetObject" for each in person.asked(mark, many, other)) - len(wanted)
    assert reads <= len(wanted) - done, "what is there is proven by its version"


def test_ctrl_c_leaves_a_copy_that_goes_on_and_says_how(
    person: Person, many: S3Backing, other: S3Backing, slow: FaultProxy
) -> None:
    with running(person, "copy", many.url, other.url) as process:
        until_written(slow, 25, process)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    lines = [line for line in said.splitlines() if line]
    assert lines[-1] == "clusterstate: interrupted."
    assert f"copied to {other.url} so far. Run the same command again: it goes on from there." in lines[-2]
    assert 0 < len(other.keys()) < len(many.keys())
    person.do("copy", many.url, other.url)
    assert other.files() == many.files()


@pytest.mark.parametrize("count", [1, 5, 14])
def test_a_move_that_is_killed_shows_no_cluster_before_it_is_whole(
    count: int, person: Person, one: S3Backing, other: S3Backing, slow: FaultProxy
) -> None:
    command = ("migrate", CLUSTER, "--state", one.url, "--to", other.url, "--yes")
    with running(person, *command) as process:
        until_written(slow, count, process)
        process.kill()
    there = {*other.keys()}
    assert f"{CLUSTER}/config" not in there or there == {*one.keys()}
    person.do(*command)
    before, after = one.files(), other.files()
    assert after.pop(f"{CLUSTER}/config") != before.pop(f"{CLUSTER}/config")
    assert after == before
