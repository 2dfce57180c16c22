"""A state moves to another store by one command; what it leaves behind and what is left to do is told."""

from dataclasses import replace
from typing import Any

import pytest
import yaml

from clusterstate.cli.move.migrate import Order, migrate_cluster
from clusterstate.cli.words import Consent, StoreWords
from clusterstate.errors import CommandInvalid, FileStoreIsForReview, MigrationRefused, StoreNotFound
from tests.cli.move.conftest import CLUSTER, Person
from tests.support.backings.s3 import S3Backing

pytestmark = pytest.mark.objectstore
CONFIG = f"{CLUSTER}/config"


def changed(text: bytes) -> Any:
    return yaml.safe_load(text)


def test_everything_moves_and_the_configuration_file_follows(person: Person, one: S3Backing, other: S3Backing) -> None:
    kops = person.home / ".kops.yaml"
    kops.write_text(f"# ours\nkops_state_store: {one.url}  # the store\n")
    before = one.files()
    planned = person.do("migrate", CLUSTER, "--to", other.url, "--dry-run", "--switch").splitlines()
    assert planned[1] == f"~ configBase: {one.url}/{CLUSTER} -> {other.url}/{CLUSTER}"
    assert other.keys() == []
    assert person.run("migrate", CLUSTER, "--to", other.url).returncode == 1, "nobody is there to be asked"
    assert other.keys() == []
    told = person.do("migrate", CLUSTER, "--to", other.url, "--switch", typed="y\n")
    assert f"{len(before)} files" in told
    assert f"  kops update cluster {CLUSTER} --yes" in told.splitlines()
    assert one.files() == before
    assert kops.read_text() == f"# ours\nkops_state_store: {other.url}  # the store\n"
    old, new = changed(before.pop(CONFIG)), changed(other.read(CONFIG))
    assert {key: data for key, data in other.files().items() if key != CONFIG} == before
    assert new["metadata"].pop("generation") == old["metadata"].pop("generation", 0) + 1
    assert new["spec"].pop("configBase") == f"{other.url}/{CLUSTER}"
    assert old["spec"].pop("configBase") == f"{one.url}/{CLUSTER}"
    assert new == old
    differ = person.run("verify", one.url, other.url)
    assert f"differs: {CONFIG}" in differ.stdout.splitlines()


def test_a_second_run_changes_nothing_and_one_after_a_change_says_what_it_is(
    person: Person, one: S3Backing, other: S3Backing
) -> None:
    command = ("migrate", CLUSTER, "--state", one.url, "--to", other.url, "--yes")
    person.do(*command)
    before, mark = other.files(), person.server.mark()
    person.do(*command)
    assert other.files() == before
    assert not [each for each in person.asked(mark, other) if each.operation.startswith("Put")]
    one.put(f"{CLUSTER}/secrets/new", b"{}")
    other.put(f"{CLUSTER}/instancegroup/somebodys", b"x")
    done = person.run(*command)
    assert done.returncode == 1
    assert "holds instancegroup/somebodys, which the old place doesn't have" in done.stderr


def test_the_key_store_moves_along_wherever_it_lies_in_the_store(
    person: Person, one: S3Backing, other: S3Backing
) -> None:
    for key, data in one.files().items():
        if "/pki/" in key:
            one.put(key.replace(f"{CLUSTER}/pki", "keys"), data)
            one.client.delete_object(Bucket=one.bucket, Key=key)
    config = changed(one.read(CONFIG))
    config["spec"]["keyStore"] = f"{one.url}/keys"
    one.put(CONFIG, yaml.safe_dump(config).encode())
    person.do("migrate", CLUSTER, "--state", one.url, "--to", other.url, "--yes")
    assert sorted(other.keys()) == sorted(one.keys())
    assert changed(other.read(CONFIG))["spec"]["keyStore"] == f"{other.url}/keys"


@pytest.mark.parametrize(
    ("to", "more", "error", "why"),
    [
        ("{one}", {}, CommandInvalid, "is where the state is already"),
        ("file:///srv/state", {}, FileStoreIsForReview, "which the nodes of a cluster can't read"),
        ("{one}/{cluster}/below", {}, MigrationRefused, "lie one in the other"),
        ("s3://test-none", {}, StoreNotFound, "There is no bucket test-none"),
        ("{other}", {"cluster": "prod.example.org"}, CommandInvalid, "There is no config at"),
        ("{other}", {"switch": True}, CommandInvalid, "names s3://third"),
    ],
)
async def test_what_cant_move_is_told_before_anything_is_written(  # noqa: PLR0913, PLR0917 - a table
    to: str, more: dict[str, Any], error: type[Exception], why: str, person: Person, one: S3Backing, other: S3Backing
) -> None:
    (person.home / ".kops.yaml").write_text("kops_state_store: s3://third\n")
    order = replace(Order(CLUSTER, to.format(one=one.url, other=other.url, cluster=CLUSTER)), **more)
    environ = {**person.environ, "HOME": str(person.home)}
    with pytest.raises(error, match=why):
        await migrate_cluster(order, StoreWords(state=one.url), Consent(yes=True), environ)
    assert other.keys() == []


def test_backups_may_stay(person: Person, one: S3Backing, other: S3Backing) -> None:
    for number in (1, 2):
        for name in ("etcd.backup.gz", "_etcd_backup.meta"):
            one.put(f"{CLUSTER}/backups/etcd/main/2026-01-0{number}T00:00:00Z-000001/{name}", b"%d" % number)
    person.do("migrate", CLUSTER, "--state", one.url, "--to", other.url, "--yes", "--backups", "latest")
    assert {key for key in one.files() if "2026-01-01T" not in key} == {*other.files()}
