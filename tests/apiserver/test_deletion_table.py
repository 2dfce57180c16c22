"""The table of deletions in `docs/sync.md` is true, line by line; each row has a cluster of its own."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from clusterstate.sandbox.controlplane import ControlPlane
from clusterstate.sandbox.s3server import S3Server
from tests.apiserver.rows import Row, read_rows, staging
from tests.support.operating import Body, conditions
from tests.support.world import MINIMAL, World, manifest

pytestmark = [pytest.mark.apiserver, pytest.mark.objectstore]

POLICIES = {
    "deletionPolicy": ("Retain", "Delete"),
    "direction": ("Push", "Pull", "Both"),
    "dryRun": ("false", "true"),
    "suspend": ("false", "true"),
}
PLAIN = "nothing special"
NO_BACKUPS = "keepBackups: false"
UPDATED = "kops update cluster has run"
CONFIRMED = "it has run, and a person says that nothing is left in the cloud"
UNKNOWN = "a file is there that kops doesn't know"
SHARED = "another ClusterState refers to the state, if only to look"
MOVED = "spec.store names another place since the last run"
ELSEWHERE = "config keeps keys and secrets elsewhere"
ELSEWHERE_TOO = "config keeps them elsewhere, and deleteExternalStores: true"
DENIED = "the store doesn't know the credentials"
SITUATIONS = {PLAIN, NO_BACKUPS, UPDATED, CONFIRMED, UNKNOWN, SHARED, MOVED, ELSEWHERE, ELSEWHERE_TOO, DENIED}


ROWS = read_rows("Deletion", POLICIES)


class Stage:
    """Plays rows side by side, with one operator."""

    def __init__(self, world: World) -> None:
        self.world = world

    def play(self) -> dict[Row, tuple[str, ...]]:
        for row in ROWS:
            self.fill(row)
        self.declare([self.declaration(row, {"deletionPolicy": "Delete"}) for row in ROWS])
        for row in ROWS:
            self.world.settled(row.name)
        self.world.apply({"kind": "List", "apiVersion": "v1", "items": [self.other(row) for row in self.of(SHARED)]})
        for row in self.of(SHARED):
            self.world.settled(f"other-{row.name}")
        self.declare([self.declaration(row, self.sync(row), last=True) for row in ROWS])
        for row in ROWS:
            self.world.settled(row.name, **self.ready(row))
        for row in self.of(CONFIRMED):
            self.world.kubectl("annotate", "cst", row.name, "clusterstate.dev/cloud-resources-gone=true")
        before = self.world.files()
        self.world.kubectl("delete", "cst", "--wait=false", *(row.name for row in ROWS))
        fates = {
            row: self.world.until(
                lambda row=row: self.fate(row), lambda row=row: self.world.find("clusterstate", row.name)
            )
            for row in ROWS
        }
        after = self.world.files()
        return {row: (self.stays(row, before, after), fates[row]) for row in ROWS}

    def ready(self, row: Row) -> dict[str, str]:
        """Give what the object says before it is deleted."""
        reasons = {MOVED: "StoreNotFound", DENIED: "AuthenticationFailed"}
        reason = "Suspended" if row.policy["suspend"] == "true" else reasons.get(row.situation)
        return {"reason": reason} if reason else {}

    def fill(self, row: Row) -> None:
        world, name = self.world, row.name
        world.load_store(MINIMAL, as_name=name)
        world.put(f"{name}/backups/etcd/main/1/etcd.backup.gz", b"backup")
        if row.situation in {UPDATED, CONFIRMED}:
            world.put(f"{name}/cluster-completed.spec", world.read(f"{name}/config"))
        if row.situation == UNKNOWN:
            world.put(f"{name}/notes.txt", b"theirs")
        if row.situation in {ELSEWHERE, ELSEWHERE_TOO}:
            self.move_out(name)

    def move_out(self, name: str) -> None:
        world, files = self.world, self.world.files()
        for key in [key for key in files if key.startswith((f"{name}/pki/", f"{name}/secrets/"))]:
            world.put(f"elsewhere/{key}", files[key])
            world.s3.delete_object(Bucket=world.bucket, Key=key)
        places = {"keyStore": "pki", "secretStore": "secrets"}
        urls = {field: f"{world.url}/elsewhere/{name}/{folder}" for field, folder in places.items()}
        world.edit(f"{name}/config", lambda config: config["spec"].update(urls))

    def of(self, situation: str) -> list[Row]:
        return [row for row in ROWS if row.situation == situation]

    def sync(self, row: Row) -> dict[str, Any]:
        policy = row.policy
        sync: dict[str, Any] = {key: policy[key] for key in ("deletionPolicy", "direction")}
        sync["dryRun"] = policy["dryRun"] == "true"
        sync["keepBackups"] = row.situation != NO_BACKUPS
        sync["deleteExternalStores"] = row.situation == ELSEWHERE_TOO
        return sync

    def declaration(self, row: Row, sync: dict[str, Any], *, last: bool = False) -> Body:
        url, store = self.world.url, {}
        if last and row.situation == MOVED:
            url = f"{url}-nowhere"
        if last and row.situation == DENIED:
            store = {"credentialsSecretRef": {"name": "wrong"}}
        suspend = last and row.policy["suspend"] == "true"
        return manifest(row.name, url=url, clusterName=row.name, store=store, sync=sync, suspend=suspend)

    def other(self, row: Row) -> Body:
        return manifest(f"other-{row.name}", url=self.world.url, clusterName=row.name, sync={"direction": "Pull"})

    def declare(self, bodies: list[Body]) -> None:
        self.world.apply({"kind": "List", "apiVersion": "v1", "items": bodies})

    def fate(self, row: Row) -> str:
        body = self.world.find("clusterstate", row.name)
        if body is None:
            return "goes"
        stalled = conditions(body).get("Stalled", {})
        return f"waits, {stalled['reason']}" if "after its deletion" in stalled.get("message", "") else ""

    def stays(self, row: Row, before: dict[str, bytes], after: dict[str, bytes]) -> str:
        own, elsewhere = f"{row.name}/", f"elsewhere/{row.name}/"
        had = {key for key in before if key.startswith((own, elsewhere))}
        has = {key for key in after if key.startswith((own, elsewhere))}
        if has == had:
            return "everything"
        parts = {"backups": f"{own}backups/", "what is elsewhere": elsewhere}
        names = [name for name, start in parts.items() if any(key.startswith(start) for key in has)]
        kept = {key for key in had if key.startswith(tuple(parts[name] for name in names))} if names else set()
        return (" and ".join(names) or "nothing") if kept == has else f"only {sorted(has)}"


@pytest.fixture(scope="module")
def results(
    plane: ControlPlane, s3_server: S3Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[Row, tuple[str, ...]]]:
    """What came of each row."""
    with staging(plane, s3_server, tmp_path_factory.mktemp("deletions")) as world, world.running():
        world.set_credentials("wrong", name="wrong")
        yield Stage(world).play()
        world.kubectl(
            "patch", "cst", "--type=merge", "-p", json.dumps({"metadata": {"finalizers": None}}), *left(world)
        )


def left(world: World) -> list[str]:
    return [each["metadata"]["name"] for each in yaml.safe_load(world.kubectl("get", "cst", "-o", "yaml"))["items"]]


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_a_row_is_true(row: Row, results: dict[Row, tuple[str, ...]]) -> None:
    assert results[row] == row.results


def test_every_situation_is_told() -> None:
    assert {row.situation for row in ROWS} == SITUATIONS
