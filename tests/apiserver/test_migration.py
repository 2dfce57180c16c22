"""States move between stores of every kind while their operator is killed with -9 again and again."""

import random
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from clusterstate.sandbox.controlplane import ControlPlane
from tests.support.backings import Listed, load_store
from tests.support.backings.gcs import GcsBacking
from tests.support.gcs.server import GcsServer
from tests.support.operating import Body, Operating

pytestmark = [pytest.mark.apiserver, pytest.mark.objectstore]
EXAMPLES = Path(__file__).parents[2] / "examples"
NAME = "prod.example.com"
CONFIG = f"{NAME}/config"
PAIRS = [("s3", "gs"), ("gs", "swift"), ("swift", "k8s-secrets"), ("k8s-secrets", "s3")]
KILLS = 10
COPYING_WAIT = 0.1
"""Seconds at most between what a kill waits for and the kill, while files are copied: some stores take no second."""
LAST_WAIT = 0.6
"""The same once only `config` and the switch are left."""


@pytest.fixture
def operating(plane: ControlPlane, namespace: str, tmp_path: Path) -> Iterator[Operating]:
    made = Operating(plane, namespace, tmp_path, environ={"CLUSTERSTATE_TOKEN_URLS": "http://127.0.0.1"})
    yield made
    made.stop_operator()


def open_store(operating: Operating, name: str, backing: Listed) -> Body:
    """Write the example's Secret under the store's name; give `spec.store`."""
    text = (EXAMPLES / f"{name}.yaml").read_text()
    for old, new in backing.replacements.items():
        text = text.replace(old, new)
    *others, state = yaml.safe_load_all(text)
    store: Body = state["spec"]["store"]
    for secret in others:
        secret["metadata"]["name"] = store["credentialsSecretRef"]["name"] = f"store-{name}"
        operating.apply(secret)
    return store


def declaration(store: Body, **sync: Any) -> Body:
    spec = {"clusterName": NAME, "store": store, "cluster": {"kubernetesVersion": "v1.32.10"}, "sync": sync}
    return {
        "apiVersion": "clusterstate.dev/v1alpha1",
        "kind": "ClusterState",
        "metadata": {"name": "state"},
        "spec": spec,
    }


def fill(backing: Listed, files: int, chance: random.Random) -> None:
    """Put a state that kops wrote there, and as many addons as it takes."""
    load_store(backing, NAME)
    for number in range(files - len(backing.keys())):
        backing.put(f"{NAME}/addons/number-{number}/v1.yaml", chance.randbytes(chance.randrange(1, 4096)))


def migrate_under_fire(
    operating: Operating, names: tuple[str, str], backings: tuple[Listed, Listed], files: int
) -> None:
    chance = random.Random(f"{names}")
    source, target = backings
    for backing in backings:
        operating.environ |= backing.environ
    fill(source, files, chance)
    stores = [open_store(operating, name, backing) for name, backing in zip(names, backings, strict=True)]
    operating.apply(declaration(stores[0], timeout="10m"))
    with operating.running():
        operating.settled()
    before = source.files()
    assert len(before) == files
    operating.apply(declaration(stores[1], timeout="10m"))
    kill_at_random(operating, target, files, chance)
    with operating.running():
        operating.until(lambda: is_switched(operating), patience=600)
        body = operating.settled()
    check_moved(before, source, target)
    assert body["status"]["store"]["url"] == f"{target.url}/{NAME}"
    assert body["status"]["migration"]["copied"] == files


def is_switched(operating: Operating) -> bool:
    return bool(operating.state()["status"].get("migration", {}).get("phase") == "Switched")


def kill_at_random(operating: Operating, target: Listed, files: int, chance: random.Random) -> None:
    """Kill it while it copies, at growing numbers of files, and twice when all files but `config` are there."""
    copying = [chance.randrange(files * kill // KILLS, files * (kill + 1) // KILLS) for kill in range(KILLS - 2)]
    seen = []
    for threshold in [*copying, files - 1, files - 1]:
        operating.start_operator()
        operating.until(
            lambda wanted=threshold: len(target.keys()) >= wanted, explain=lambda: str(len(target.keys())), patience=600
        )
        time.sleep(chance.uniform(0, COPYING_WAIT if threshold < files - 1 else LAST_WAIT))
        operating.kill_operator()
        seen.append(len(target.keys()))
    assert len(set(seen)) > 2, f"the kills came all at the same point: {seen}"


def check_moved(before: dict[str, bytes], source: Listed, target: Listed) -> None:
    """Every byte is there, but for the URLs of `config`; and nothing was done to the old place."""
    assert source.files() == before
    after = target.files()
    assert after.keys() == before.keys()
    assert {key for key in before if after[key] != before[key]} == {CONFIG}
    old, new = (yaml.safe_load(files[CONFIG]) for files in (before, after))
    assert old["spec"].pop("configBase") == f"{source.url}/{NAME}"
    assert new["spec"].pop("configBase") == f"{target.url}/{NAME}"
    assert old["spec"] == new["spec"]
    assert new["metadata"]["generation"] == old["metadata"]["generation"] + 1


def test_copies_are_readable_by_whoever_could_read_config(
    operating: Operating, gcs_server: GcsServer, gs_backing: GcsBacking
) -> None:
    """Between buckets of lists the nodes' entry comes along, as kops would have made it."""
    nodes = {"user-nodes@acme.iam.gserviceaccount.com": "READER"}
    old, new = (replace(gs_backing, bucket=gcs_server.create_bucket(uniform=False)) for _ in range(2))
    operating.environ |= old.environ
    load_store(old, NAME)
    store = open_store(operating, "gs", old)
    operating.apply(declaration(store))
    with operating.running():
        operating.settled()
        gcs_server.set_list(old.bucket, CONFIG, nodes)
        operating.apply(declaration({**store, "url": new.url}))
        operating.until(lambda: is_switched(operating))
        operating.settled()
    check_moved(old.files(), old, new)
    for key in new.files():
        assert nodes.items() <= gcs_server.get_list(new.bucket, key).items(), key


@pytest.mark.parametrize("names", PAIRS, ids="-".join)
def test_ten_kills(operating: Operating, names: tuple[str, str], request: pytest.FixtureRequest) -> None:
    backings = tuple(request.getfixturevalue(f"{name}_backing") for name in names)
    migrate_under_fire(operating, names, (backings[0], backings[1]), files=200)


def test_a_large_backup_moves_by_way_of_a_disk_on_which_nothing_stays(
    operating: Operating, s3_backing: Listed, gs_backing: Listed, tmp_path: Path
) -> None:
    """Killed while only the backup is missing, and again once it is there: the last file but `config`."""
    spools = tmp_path / "spools"
    spools.mkdir()
    operating.environ |= {**gs_backing.environ, "TMPDIR": str(spools)}
    chance = random.Random("large")
    fill(s3_backing, 30, chance)
    backup = f"{NAME}/backups/etcd/main/2026-01-31T12:00:00Z-000001/etcd.backup.gz"
    s3_backing.put(backup, chance.randbytes(20 << 20))
    stores = [open_store(operating, name, each) for name, each in (("s3", s3_backing), ("gs", gs_backing))]
    operating.apply(declaration(stores[0]))
    with operating.running():
        operating.settled()
    before = s3_backing.files()
    operating.apply(declaration(stores[1], migration={"backups": "All"}))
    for wanted in (len(before) - 2, len(before) - 1):
        operating.start_operator()
        operating.until(lambda wanted=wanted: len(gs_backing.keys()) >= wanted)
        operating.kill_operator()
        assert list(spools.iterdir()) == []
    with operating.running():
        operating.until(lambda: operating.state()["status"].get("migration", {}).get("phase") == "Switched")
        operating.settled()
    check_moved(before, s3_backing, gs_backing)
    assert list(spools.iterdir()) == []


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("names", PAIRS, ids="-".join)
def test_ten_kills_among_five_thousand(
    operating: Operating, names: tuple[str, str], request: pytest.FixtureRequest
) -> None:
    backings = tuple(request.getfixturevalue(f"{name}_backing") for name in names)
    migrate_under_fire(operating, names, (backings[0], backings[1]), files=5000)
