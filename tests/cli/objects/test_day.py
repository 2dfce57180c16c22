"""A day with an operator: somebody looks, asks for a run, pauses it, and reads what was told, by the least rights."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.support.cli import OPERATOR
from tests.support.people import Person, states
from tests.support.world import COMPLEX, World, manifest

pytestmark = [pytest.mark.apiserver, pytest.mark.objectstore]
EVENTS = {"apiGroups": [""], "resources": ["events"], "verbs": ["list", "watch"]}

LISTED = {**EVENTS, "verbs": ["list"]}


@pytest.fixture
def reader(world: World) -> Person:
    """Somebody who looks."""
    return Person(world, states("get", "list"), name="reader")


@pytest.fixture
def worker(world: World) -> Person:
    """Somebody who acts."""
    return Person(world, states("get", "patch"), EVENTS, name="worker")


def declare(world: World) -> None:
    world.load_store()
    body = manifest(url=world.url, cluster={"channel": "alpha"}, sync={"drift": "Report", "interval": "1h"})
    world.kubectl("create", "-f", "-", stdin=json.dumps(body))


def test_what_is_and_what_comes_is_seen(world: World, reader: Person, worker: Person) -> None:
    declare(world)
    code, shown, said = reader.run("status", "state")
    assert (code, said) == (0, "")
    assert shown.startswith(f"{world.namespace}/state: not seen yet\n")
    assert "No operator has looked at it yet." in shown
    assert reader.run("status")[1].splitlines()[1].split()[:5] == ["state", "Unknown", "NotSeen", world.url, "0"]
    with world.running():
        world.settled()
        sees_what_is(reader, world)
        sees_drift(worker, reader, world)
        sees_events(worker, world)


def test_a_run_is_asked_for_and_runs_are_paused(world: World, reader: Person, worker: Person) -> None:
    declare(world)
    code, _, said = worker.run("reconcile", "state", "--timeout", "1s")
    assert (code, "No run of ClusterState state has ended within 1 s." in said) == (1, True)
    assert reader.run("reconcile", "state")[0] == 1, "looking is not enough"
    code, _, said = Person(world, states("get"), LISTED, name="lister").run("events", "state", "--watch")
    assert (code, f"allow it to watch events in namespace {world.namespace}" in said) == (1, True), said
    with world.running():
        code, shown, said = worker.run("reconcile", "state")
        assert (code, said) == (0, "clusterstate: Asked for a run of ClusterState state.\n")
        assert shown.startswith("Ready (Succeeded): ")
        pauses(worker, reader, world)


def sees_what_is(reader: Person, world: World) -> None:
    code, shown, _ = reader.run("status", "state")
    assert code == 0
    lines = shown.splitlines()
    assert lines[0] == f"{world.namespace}/state: ready"
    assert f"Store     {world.url}/{COMPLEX}" in lines
    assert "Conditions" in lines
    assert any(line.split()[:3] == ["Ready", "True", "Succeeded"] for line in lines)
    assert any("config (/spec/channel)" in line for line in lines[lines.index("History") :])
    named = "clusterstate.clusterstate.dev/state\n"
    assert reader.run("status", "-o", "name")[1] == reader.run("status", "state", "-o", "name")[1] == named
    reported = reader.read("status", "state")
    assert reported == reader.read("status")["items"][0]
    assert set(reported) == {"apiVersion", "kind", "metadata", "status"}, "the spec may hold secrets"
    code, _, said = reader.run("status", "-A")
    assert (code, "in all namespaces" in said) == (1, True)
    code, shown, _ = reader.run("status", "-o", "wide")
    header, row = (line.split() for line in shown.splitlines())
    assert (header[-1], row[6:8]) == ("SUMMARY", [COMPLEX, "Push"])


def sees_drift(worker: Person, reader: Person, world: World) -> None:
    world.edit(f"{COMPLEX}/config", lambda config: config["spec"].update(channel="theirs"))
    code, shown, _ = worker.run("reconcile", "state", "-q")
    assert code == 0
    assert "1 drifted" in shown
    code, shown, _ = reader.run("status", "state")
    assert "  config/spec/channel: declared alpha, in the store theirs" in shown.splitlines()
    assert reader.run("status")[1].splitlines()[1].split()[4] == "1"
    world.edit(f"{COMPLEX}/config", lambda config: config["spec"].update(channel="alpha"))


def sees_events(worker: Person, world: World) -> None:
    told = worker.read("events", "state")["events"]
    assert [each["time"] for each in told] == sorted(each["time"] for each in told)
    assert {"Pushed", "Drifted"} <= {each["reason"] for each in told}
    code, shown, _ = worker.run("events", "state")
    assert code == 0
    assert shown.splitlines()[0].split() == ["TIME", "TYPE", "REASON", "MESSAGE"]
    with watching(worker) as lines:
        seen = [json.loads(next(lines)) for _ in told]
        assert seen == told
        patch = '{"spec":{"cluster":{"channel":"beta"}}}'
        world.kubectl("patch", "clusterstate/state", "--type=merge", "-p", patch)
        assert any(json.loads(line)["reason"] == "Pushed" for line in lines)


@contextmanager
def watching(person: Person) -> Iterator[Iterator[str]]:
    """Give the lines of `events --watch` as they come; it is ended by Ctrl-C."""
    command = [sys.executable, "-m", "clusterstate", "events", "state", "--watch", "-o", "json"]
    environ = {"PYTHONPATH": str(OPERATOR), "HOME": str(person.place.directory), "KUBECONFIG": str(person.kubeconfig)}
    pipe = subprocess.PIPE
    with subprocess.Popen(command, env=environ, stdout=pipe, stderr=pipe, text=True) as child:
        assert child.stdout is not None
        assert child.stderr is not None
        try:
            yield iter(child.stdout)
            child.send_signal(signal.SIGINT)
            assert (child.wait(timeout=30), child.stderr.read().strip()) == (130, "clusterstate: interrupted.")
        finally:
            child.kill()


def pauses(worker: Person, reader: Person, world: World) -> None:
    code, shown, _ = worker.run("suspend", "state")
    assert (code, shown) == (0, "ClusterState state is suspended: the operator does nothing.\n")
    assert reader.run("status", "state")[1].startswith(f"{world.namespace}/state: suspended\n")
    code, _, said = worker.run("reconcile", "state")
    assert (code, "is suspended: the operator does nothing until clusterstate resume state." in said) == (2, True)
    assert worker.run("resume", "state")[1] == "ClusterState state is resumed: the operator goes on.\n"
    assert worker.run("resume", "state")[1] == "ClusterState state is not suspended.\n"
    assert world.state()["spec"]["suspend"] is False
    world.kubectl("patch", "clusterstate/state", "--type=merge", "-p", '{"spec":{"cluster":{"subnets":[{"name":1}]}}}')
    code, shown, _ = worker.run("reconcile", "state", "-q")
    assert (code, shown.startswith("Not ready (SpecInvalid): ")) == (1, True)
