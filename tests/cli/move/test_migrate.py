"""A state moves to another store by one command; what it leaves behind and what is left to do is told."""

import pytest
import yaml

from tests.cli.move.conftest import CLUSTER, Person
from tests.support.backings.s3 import S3Backing

pytestmark = pytest.mark.objectstore
CONFIG = f"{CLUSTER}/config"


def changed(text: bytes) -> dict[str, object]:
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
    ("arguments", "code", "why"),
    [
        (["--to", "{one}"], 2, "is where the state is already"),
        (["--to", "file:///srv/state"], 1, "which the nodes of a cluster can't read"),
        (["--to", "{one}/{cluster}/below"], 1, "lie one in the other"),
        (["--to", "s3://test-none"], 1, "There is no bucket test-none"),
        (["--to", "{other}", "--state", "{other}"], 2, "There is no config at"),
        (["--to", "{other}", "--switch"], 2, "names s3://third"),
    ],
)
def test_what_cant_move_is_told_before_anything_is_written(
    arguments: list[str], code: int, why: str, person: Person, one: S3Backing, other: S3Backing
) -> None:
    (person.home / ".kops.yaml").write_text("kops_state_store: s3://third\n")
    words = [each.format(one=one.url, other=other.url, cluster=CLUSTER) for each in arguments]
    state = [] if "--state" in arguments else ["--state", one.url]
    done = person.run("migrate", CLUSTER, "--yes", *state, *words)
    assert (done.returncode, done.stdout) == (code, "")
    assert why in done.stderr
    assert other.keys() == []


def test_backups_may_stay(person: Person, one: S3Backing, other: S3Backing) -> None:
    for number in (1, 2):
        for name in ("etcd.backup.gz", "_etcd_backup.meta"):
            one.put(f"{CLUSTER}/backups/etcd/main/2026-01-0{number}T00:00:00Z-000001/{name}", b"%d" % number)
    person.do("migrate", CLUSTER, "--state", one.url, "--to", other.url, "--yes", "--backups", "latest")
    before, after = set(one.keys()), set(other.keys())
    assert {key for key in before - after if "2026-01-01T" not in key} == set()
    assert {key for key in after if "2026-01-01T" in key} == set()
