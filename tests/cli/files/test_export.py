"""`clusterstate export` by its users' eyes: all of a store in a directory, and nobody's work lost."""

import os
import shutil
from pathlib import Path

import pytest

from clusterstate.sandbox.s3server import S3Server
from tests.cli.files.places import COMPLEX, KEYSET, MINIMAL, NODES, SECRET, Places, files


def test_every_cluster_comes_byte_for_byte_and_again_nothing_is_touched(places: Places) -> None:
    places.load(COMPLEX)
    places.load(source="kops-store-updated", name="updated.example.com")
    said = places.export("--with-secrets", "--backups")
    assert files(places.directory) == files(places.store)
    assert f"{MINIMAL}: 7 written, 0 unchanged" in said
    before = {path: path.stat().st_mtime_ns for path in places.directory.rglob("*")}
    assert f"{MINIMAL}: 0 written, 7 unchanged" in places.export("--with-secrets", "--backups")
    assert {path: path.stat().st_mtime_ns for path in places.directory.rglob("*")} == before


def test_secrets_and_private_keys_are_left_out_and_counted(places: Places) -> None:
    said = places.export()
    assert "3 secrets and private keys are left out; --with-secrets takes them" in said
    exported = files(places.directory)
    assert {*files(places.store)} - {*exported} == {KEYSET, SECRET, KEYSET.replace("kubernetes-ca", "service-account")}
    assert not any("secret" in path.name for path in places.directory.iterdir())


def test_nobody_else_may_read_what_was_exported(places: Places) -> None:
    places.export("--with-secrets")
    modes = {path.stat().st_mode & 0o777 for path in places.directory.rglob("*") if path.is_file()}
    folders = {path.stat().st_mode & 0o777 for path in places.directory.rglob("*") if path.is_dir()}
    assert (modes, folders) == ({0o600}, {0o700})


def test_what_goes_from_the_store_goes_unless_somebody_changed_it(places: Places) -> None:
    places.export()
    (places.directory / "README.md").write_text("ours")
    (places.directory / MINIMAL / "notes").write_text("ours too")
    (places.store / NODES).unlink()
    assert "1 removed" in places.export()
    assert not (places.directory / NODES).exists()
    assert (places.directory / "README.md").exists()
    assert (places.directory / MINIMAL / "notes").exists()
    places.edit(places.directory, f"{MINIMAL}/config")
    (places.store / MINIMAL / "config").rename(places.store / MINIMAL / "instancegroup" / "odd")
    said = places.export(MINIMAL, code=1)
    assert f"{MINIMAL}/config in {places.directory}" in said
    assert not (places.directory / MINIMAL / "instancegroup" / "odd").exists()


def test_what_was_changed_in_the_directory_stops_it_unless_it_is_overwritten(places: Places) -> None:
    places.export()
    ours, theirs = places.edit(places.directory, size=1), places.edit(places.store, f"{MINIMAL}/config")
    said = places.export(code=1)
    assert f"{NODES} in {places.directory}: no export left these files so" in said
    assert (places.directory / NODES).read_bytes() == ours
    assert (places.directory / MINIMAL / "config").read_bytes() != theirs
    places.export("--overwrite")
    assert (places.directory / NODES).read_bytes() == (places.store / NODES).read_bytes()
    assert (places.directory / MINIMAL / "config").read_bytes() == theirs


def test_a_cluster_of_which_the_store_has_nothing_left_stays_until_somebody_means_it(places: Places) -> None:
    places.export("--with-secrets")
    before = files(places.directory)
    (places.store / MINIMAL / "config").unlink()
    for lose_all in (False, True):
        if lose_all:
            shutil.rmtree(places.store / MINIMAL)
        assert f"has no config of {MINIMAL} any more" in places.export("--with-secrets", code=1)
        assert files(places.directory) == before
    assert "7 removed" in places.export("--with-secrets", "--overwrite")
    assert not files(places.directory)


def test_what_an_export_that_was_killed_left_of_its_record_goes(places: Places) -> None:
    places.directory.mkdir()
    (places.directory / ".clusterstate-0123456789abcdef").write_text("half a record")
    (places.directory / ".clusterstate-notes").write_text("somebody's")
    places.export()
    assert {each.name for each in places.directory.iterdir()} == {MINIMAL, ".clusterstate.json", ".clusterstate-notes"}


def test_a_copy_by_another_tool_is_taken_as_it_is_where_it_is_the_same(places: Places) -> None:
    places.load(name="copy")
    (places.store / "copy").rename(places.root / "aside")
    places.directory.mkdir()
    (places.root / "aside").rename(places.directory / MINIMAL)
    assert "0 written, 4 unchanged" in places.export()


def test_no_link_leads_out_of_the_directory(places: Places) -> None:
    (places.root / "outside").mkdir()
    places.directory.mkdir()
    (places.directory / MINIMAL).symlink_to(places.root / "outside")
    said = places.export(code=1)
    assert "in the way" in said
    assert not [*(places.root / "outside").iterdir()]


def test_names_that_belong_to_git_are_refused_before_anything_is_written(places: Places) -> None:
    (places.store / MINIMAL / "addons" / ".git").mkdir(parents=True)
    (places.store / MINIMAL / "addons" / ".git" / "config").write_text("[core]")
    assert "belongs to git" in places.export(code=1)
    assert not places.directory.exists()


def test_a_cluster_that_isnt_there_is_named(places: Places) -> None:
    said = places.run("export", "typo.example.com", places.directory, code=2).stderr
    assert "no cluster typo.example.com" in said
    assert not places.directory.exists()


def test_a_record_that_is_none_is_told(places: Places) -> None:
    places.directory.mkdir()
    (places.directory / ".clusterstate.json").write_text('{"stores": 1}')
    assert ".clusterstate.json isn't what an export recorded" in places.export(code=1)


@pytest.mark.objectstore
def test_parts_elsewhere_in_object_stores_come_into_one_tree_and_back(
    tmp_path: Path, s3_server: S3Server, bucket: str
) -> None:
    other = s3_server.create_bucket(f"{bucket}-keys")
    places = s3_places(tmp_path, s3_server, bucket)
    places.load()
    (places.store / MINIMAL / "backups" / "etcd").mkdir(parents=True)
    (places.store / MINIMAL / "backups" / "etcd" / "large").write_bytes(os.urandom(9 << 20))
    config = places.store / MINIMAL / "config"
    data = config.read_bytes().replace(b"s3://state/", f"s3://{bucket}/".encode())
    config.write_bytes(data.replace(b"spec:\n", f"spec:\n  keyStore: s3://{other}/keys\n".encode(), 1))
    spread(s3_server, places, other)
    places.export("--with-secrets", "--backups")
    assert files(places.directory) == files(places.store)
    client, changed = s3_server.client(), places.edit(places.directory)
    large = places.directory / MINIMAL / "backups" / "etcd" / "large"
    large.write_bytes(os.urandom(9 << 20))
    key = places.directory / KEYSET
    key.write_bytes(key.read_bytes() + b"# kops takes that too\n")
    places.bring("--yes")
    assert client.get_object(Bucket=bucket, Key=NODES)["Body"].read() == changed
    assert client.get_object(Bucket=bucket, Key=f"{MINIMAL}/backups/etcd/large")["Body"].read() == large.read_bytes()
    moved = f"keys/{KEYSET.removeprefix(MINIMAL + '/pki/')}"
    assert client.get_object(Bucket=other, Key=moved)["Body"].read() == key.read_bytes()
    assert "Nothing to change" in places.bring().stdout
    lose(s3_server, bucket, other)
    assert "There is no bucket" in places.bring("--yes", code=1).stderr, "keys are written first"
    s3_server.create_bucket(other)
    places.bring("--yes")
    assert moved in names(s3_server, other)
    assert not [name for name in names(s3_server, bucket) if "/pki/" in name]


def names(server: S3Server, bucket: str) -> list[str]:
    return [each["Key"] for each in server.client().list_objects_v2(Bucket=bucket).get("Contents", ())]


def lose(server: S3Server, bucket: str, other: str) -> None:
    """Lose the state, and the other bucket."""
    for each in (bucket, other):
        for name in names(server, each):
            server.client().delete_object(Bucket=each, Key=name)
    server.client().delete_bucket(Bucket=other)


def s3_places(root: Path, server: S3Server, bucket: str) -> Places:
    return Places(root, f"s3://{bucket}", server.variables)


def spread(server: S3Server, places: Places, other: str) -> None:
    """Put the folder's files where `config` says that they are."""
    bucket = places.url.removeprefix("s3://")
    for key, data in files(places.store).items():
        cluster, _, path = key.partition("/")
        aside = path.startswith("pki/")
        target = f"keys/{path.removeprefix('pki/')}" if aside else f"{cluster}/{path}"
        server.client().put_object(Bucket=other if aside else bucket, Key=target, Body=data)
