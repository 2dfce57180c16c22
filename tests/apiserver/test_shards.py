"""Several operators side by side, each with a part of the objects: how those are shared out, and change hands."""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from urllib.request import urlopen

import pytest

from clusterstate.api.annotations import SHARD_LABEL
from tests.apiserver.elections import LEASE, TIMES
from tests.support.operating import Body, path_of
from tests.support.world import World, manifest

pytestmark = [pytest.mark.apiserver, pytest.mark.objectstore]

LOOKERS = tuple(f"state-{number}" for number in range(8))
"""Objects that only look at the state, so that they may share it."""
TWO, THREE = (frozenset(f"{LEASE}-{number}-of-{count}" for number in range(count)) for count in (2, 3))
Hire = Callable[[str, int], World]


@pytest.fixture
def hire(world: World) -> Iterator[Hire]:
    """Start one operator more for the namespace, under a name of its own and with a number of shards."""
    hired: list[World] = []

    def start(name: str, shards: int) -> World:
        directory = world.directory / name
        directory.mkdir()
        environ = {**TIMES, "CLUSTERSTATE_LOG_FORMAT": "json", "CLUSTERSTATE_SHARDS": str(shards)}
        hired.append(replace(world, directory=directory, environ=environ, account=f"operator-{name}"))
        hired[-1].start_operator()
        return hired[-1]

    yield start
    for each in hired:
        if each.operator is not None:
            each.kill_operator()


def look(world: World, name: str, **labels: str) -> None:
    body = manifest(name, url=world.url, sync={"dryRun": True, "interval": "1h"})
    if labels:
        body["metadata"]["labels"] = labels
    world.apply(body)


def write(world: World, name: str, version: str, **labels: str) -> None:
    """Declare a version of the one state."""
    body = manifest(name, url=world.url, cluster={"kubernetesVersion": version}, sync={"interval": "1h"})
    body["metadata"]["labels"] = labels
    world.apply(body)


def in_shard(key: str) -> dict[str, str]:
    """Give the label by which a person chooses a shard."""
    return {SHARD_LABEL: key}


def objects(world: World) -> dict[str, Body]:
    items = world.plane.api().request("GET", path_of(world.namespace, "clusterstate"))["items"]
    return {each["metadata"]["name"]: each for each in items}


def shards_of(world: World, names: Iterable[str] = LOOKERS) -> dict[str, str]:
    found = objects(world)
    return {name: found[name].get("status", {}).get("shard", "") for name in names}


def holders(world: World, leases: Iterable[str], among: Iterable[World]) -> dict[str, World]:
    """Give who of these operators has which Lease."""
    logs = {each.account: each.log.read_text() for each in among if each.operator is not None}
    held = {lease: (world.find("lease", lease) or {}).get("spec", {}).get("holderIdentity") for lease in leases}
    return {
        lease: each
        for lease, holder in held.items()
        for each in among
        if holder and f"as {holder}" in logs.get(each.account, "")
    }


def led(leases: frozenset[str], among: list[World]) -> dict[str, World]:
    """Wait until these operators have the Leases; give who has which."""

    def all_held() -> dict[str, World] | None:
        held = holders(among[0], leases, among)
        return held if held.keys() == leases else None

    found: dict[str, World] = among[0].until(all_held, lambda: [each.log_tail() for each in among])
    return found


def writers(world: World, since: int, names: Iterable[str]) -> dict[str, set[str]]:
    """Give which operators changed each object since a mark."""
    found: dict[str, set[str]] = {name: set() for name in names}
    world.plane.audit_mark()  # what was answered before is in the log then
    for call in world.plane.calls(since, verbs={"patch"}):
        account = call.user.rpartition(":")[2]
        if call.namespace == world.namespace and call.resource.startswith("clusterstates") and account != "admin":
            found.get(call.name, set()).add(account)
    return found


def touch(world: World, names: Iterable[str], token: str) -> None:
    """Ask for a run of each, and wait until all have had it."""
    for name in names:
        patch = {"metadata": {"annotations": {"clusterstate.dev/reconcile-requested-at": token}}}
        path = path_of(world.namespace, "clusterstate", name)
        world.plane.api().request("PATCH", path, patch, content_type="application/merge-patch+json")

    def are_served() -> bool:
        found = objects(world)
        return all(found[name]["status"].get("lastHandledReconcileAt") == token for name in names)

    world.until(are_served, lambda: {name: objects(world)[name].get("status") for name in names})


def runs(worlds: Iterable[World]) -> dict[str, list[tuple[datetime, datetime, str]]]:
    """Give when which operator had a run of each object, by its log."""
    found: dict[str, list[tuple[datetime, datetime, str]]] = {}
    for world in worlds:
        for line in world.log.read_text().splitlines():
            row: Mapping[str, str] = json.loads(line) if line.startswith("{") else {}
            if "duration_seconds" in row:
                end = datetime.fromisoformat(row["ts"])
                begin = end - timedelta(seconds=float(row["duration_seconds"]))
                found.setdefault(row["name"], []).append((begin, end, world.account))
    return found


def never_at_once(worlds: Iterable[World]) -> None:
    """No object was worked on by two operators at once; a line may be late by some milliseconds."""
    for name, rows in runs(worlds).items():
        for (_, end, before), (begin, _, after) in pairwise(sorted(rows)):
            assert before == after or begin > end - timedelta(milliseconds=50), (name, rows)


def unserved(world: World) -> float:
    address = re.findall(r"metrics are at ([0-9.:]+)", world.log.read_text())[-1]
    with urlopen(f"http://{address}/metrics", timeout=5) as answer:
        found = re.search(rb"^clusterstate_objects_without_shard ([0-9.]+)$", answer.read(), re.MULTILINE)
    return float(found[1]) if found else -1.0


def share_out(world: World, hire: Hire) -> None:
    world.load_store()
    write(world, "older", "v1.33.1", **in_shard("0"))
    for name in LOOKERS:
        look(world, name)
    one, two = hire("one", 2), hire("two", 2)
    old = led(TWO, [one, two])
    born = datetime.fromisoformat(one.state("older")["metadata"]["creationTimestamp"])
    one.until(lambda: datetime.now(UTC) >= born + timedelta(seconds=1))  # of twins of one second the uid decides
    write(one, "younger", "v1.34.2", **in_shard("1"))
    look(one, "lost", **in_shard("blue"))
    for name in (*LOOKERS, "older"):
        one.settled(name)
    assert set(shards_of(one).values()) <= TWO
    one.settled("younger", "Ready", reason="StateClaimed")
    one.until(lambda: max(unserved(each) for each in old.values()) == 1.0)
    assert "shard" not in one.state("lost").get("status", {})
    for shard, lease in enumerate(sorted(TWO)):
        selected = one.kubectl("get", "cst", "-l", f"{SHARD_LABEL}={shard}", "-o", "name")
        mine = {name for name, at in shards_of(one, (*LOOKERS, "older", "younger")).items() if at == lease}
        assert {each.rpartition("/")[2] for each in selected.split()} == mine

    # A new number of shards: the new ones wait until the old ones have gone.
    new = [hire(name, 3) for name in ("three", "four", "five")]
    held = led(THREE, new)
    mark = one.plane.audit_mark()
    look(one, "late")
    touch(one, (*LOOKERS, "late"), "overlap")
    for name, by in writers(one, mark, LOOKERS).items():
        assert by == {old[shards_of(one)[name]].account}, name
    one.stop_operator()
    two.kill_operator()
    everybody = (*LOOKERS, "late", "older", "younger")
    new[0].until(lambda: set(shards_of(new[0], everybody).values()) <= THREE, lambda: shards_of(new[0], everybody))
    mark = new[0].plane.audit_mark()
    touch(new[0], LOOKERS, "moved")
    for name, by in writers(new[0], mark, LOOKERS).items():
        assert by == {held[shards_of(new[0])[name]].account}, name

    # The end of one: another has two shards then.
    lease = shards_of(new[0], ["older"])["older"]
    dead = held[lease]
    dead.kill_operator()
    alive = [each for each in new if each is not dead]
    orphans = [name for name, at in shards_of(alive[0]).items() if at == lease]
    touch(alive[0], [*orphans, "older"], "orphaned")
    assert set(shards_of(alive[0], orphans).values()) <= {lease}
    never_at_once([one, two, *new])

    # Who shares a state is in different shards, and a person has said so.
    assert alive[0].state("older")["metadata"]["labels"] == in_shard("0")
    alive[0].kubectl("delete", "cst", "older")
    alive[0].settled("younger")
    assert b"v1.34.2" in alive[0].read("complex.example.com/config")
    look(alive[0], "lost", **in_shard("2"))
    alive[0].settled("lost")
    alive[0].until(lambda: {unserved(each) for each in alive} == {0.0})


def test_operators_share_out_the_objects(world: World, hire: Hire) -> None:
    share_out(world, hire)


@pytest.mark.soak
@pytest.mark.timeout(300)
@pytest.mark.parametrize("again", range(20))
def test_operators_always_share_out_the_objects(world: World, hire: Hire, again: int) -> None:
    del again
    share_out(world, hire)
