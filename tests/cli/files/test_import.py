"""`clusterstate import` by its users' eyes: a directory back into a store, checked whole before the first write."""

from pathlib import Path

import pytest

from clusterstate.sandbox.s3server import S3Server
from tests.cli.files.places import KEYSET, MINIMAL, NODES, SECRET, Places, files
from tests.support.cli import clusterstate
from tests.support.stores import kops_files

CONFIG = f"{MINIMAL}/config"


@pytest.fixture
def exported(places: Places) -> Places:
    places.export("--with-secrets")
    return places


def test_an_edit_goes_into_the_store_once_somebody_agrees(exported: Places) -> None:
    before = exported.edit(exported.store, CONFIG)
    ours = exported.edit(exported.directory)
    asked = exported.bring(code=1)
    assert f"~ {NODES}: 372 -> 388 bytes" in asked.stdout
    assert "Say --yes" in asked.stderr
    assert "config" in asked.stderr
    assert exported.bring("--dry-run").stdout == asked.stdout
    assert (exported.store / NODES).read_bytes() != ours
    exported.bring("--yes")
    assert (exported.store / NODES).read_bytes() == ours
    assert (exported.store / CONFIG).read_bytes() == before
    again = exported.edit(exported.directory, size=8)
    exported.bring("--yes")
    assert (exported.store / NODES).read_bytes() == again


def test_a_person_at_a_terminal_is_asked(exported: Places) -> None:
    ours = exported.edit(exported.directory)
    arguments = ("import", str(exported.directory), "--state", f"file://{exported.store}")
    refused = clusterstate(*arguments, home=exported.root, typed="n\n")
    assert (refused.returncode, (exported.store / NODES).read_bytes() == ours) == (1, False)
    assert clusterstate(*arguments, home=exported.root, typed="y\n").returncode == 0
    assert (exported.store / NODES).read_bytes() == ours


def test_a_round_trip_is_byte_for_byte(exported: Places) -> None:
    other = Places(exported.root, f"file://{exported.root}/other")
    assert "7 to create" in other.bring("--yes").stdout
    assert files(exported.root / "other") == files(exported.store)
    assert "Nothing to change" in other.bring().stdout
    assert "Nothing to change" in exported.bring().stdout


def test_what_both_sides_changed_is_refused_unless_it_is_overwritten(exported: Places) -> None:
    theirs, ours = exported.edit(exported.store, size=1), exported.edit(exported.directory, size=2)
    exported.edit(exported.directory, CONFIG)
    untouched = files(exported.store)
    done = exported.bring("--yes", code=1)
    assert "instancegroup/nodes-us-east-1a: in" in done.stderr
    assert files(exported.store) == untouched
    assert (exported.store / NODES).read_bytes() == theirs
    exported.bring("--yes", "--overwrite")
    assert (exported.store / NODES).read_bytes() == ours
    assert files(exported.store) == files(exported.directory)


def test_a_plain_copy_has_no_record_so_that_differences_are_conflicts(places: Places) -> None:
    places.run("export", places.directory)
    (places.directory / ".clusterstate.json").unlink()
    places.edit(places.directory)
    assert "no export recorded" in places.bring("--yes", code=1).stderr


def test_a_file_goes_only_with_delete_and_keys_and_secrets_never(exported: Places) -> None:
    for key in (NODES, SECRET, KEYSET):
        (exported.directory / key).unlink()
    first = exported.bring("--yes")
    assert "Nothing to change" in first.stdout
    assert "--delete" in first.stderr
    second = exported.bring("--yes", "--delete")
    assert f"- {NODES}" in second.stdout
    assert not (exported.store / NODES).exists()
    assert (exported.store / SECRET).exists()
    assert (exported.store / KEYSET).exists()
    assert "No import deletes" in second.stderr


def test_what_the_store_has_lost_is_told_and_comes_back_when_asked_for(exported: Places) -> None:
    theirs = exported.edit(exported.store)
    (exported.store / KEYSET).unlink()
    told = exported.bring("--yes").stderr
    assert "changed it since the export: instancegroup/nodes-us-east-1a. Export again" in told
    assert "gone from the store since the export, left so: pki/private/kubernetes-ca/keyset.yaml" in told
    assert not (exported.store / KEYSET).exists()
    only = exported.root / "only" / KEYSET
    only.parent.mkdir(parents=True)
    only.write_bytes((exported.directory / KEYSET).read_bytes())
    exported.run("import", exported.root / "only", MINIMAL, "--overwrite", "--yes")
    assert (exported.store / KEYSET).read_bytes() == only.read_bytes()
    assert (exported.store / NODES).read_bytes() == theirs


def test_a_state_that_was_lost_comes_back(exported: Places) -> None:
    before = files(exported.store)
    for key in before:
        (exported.store / key).unlink()
    exported.bring("--yes")
    assert files(exported.store) == before


UNREADABLE = [
    (NODES, "kind: InstanceGroup\n", "has no apiVersion"),
    (NODES, "apiVersion: kops.k8s.io/v1alpha2\nkind: InstanceGroup\nspec: {maxSize: many}\n", "/spec/maxSize"),
    (CONFIG, "apiVersion: kops.k8s.io/v1alpha2\nkind: Cluster\nmetadata: {name: other}\n", "is that of other"),
    (KEYSET, "apiVersion: kops.k8s.io/v1alpha2\nkind: Keyset\n", "keyset.yaml"),
    (SECRET, "plain", "isn't a kops secret"),
    (f"{MINIMAL}/notes.txt", "x", "--unknown"),
    (f"{MINIMAL}/pki/ssh/public/admin/0", "x", "no SSH public key"),
]


def test_a_file_that_kops_couldnt_read_stops_it_before_the_first_write(exported: Places) -> None:
    before = files(exported.store)
    exported.edit(exported.directory, f"{MINIMAL}/instancegroup/control-plane-us-east-1a")
    for key, content, said in UNREADABLE:
        path = exported.directory / key
        good = path.read_bytes() if path.exists() else None
        path.write_text(content)
        done = exported.bring("--yes", code=2 if said == "--unknown" else 1)
        assert said in done.stderr
        assert files(exported.store) == before
        path.unlink() if good is None else path.write_bytes(good)


def test_files_that_kops_doesnt_know_go_when_asked_for(exported: Places) -> None:
    (exported.directory / MINIMAL / "notes.txt").write_text("x")
    exported.bring("--yes", "--unknown")
    assert (exported.store / MINIMAL / "notes.txt").read_text() == "x"


def test_links_in_the_directory_are_no_files(exported: Places) -> None:
    (exported.directory / NODES).unlink()
    (exported.directory / NODES).symlink_to("/etc/hostname")
    done = exported.bring("--yes", "--delete", code=2)
    assert f"{NODES} in {exported.directory} can't be taken" in done.stderr


def test_a_directory_that_isnt_there_or_is_empty_is_named(places: Places) -> None:
    assert "isn't a directory" in places.bring(code=2).stderr
    places.directory.mkdir()
    assert "no folder with a config in it" in places.bring(code=2).stderr
    assert "no folder typo" in places.bring("typo", code=2).stderr


@pytest.mark.objectstore
def test_a_config_that_names_another_place_is_told(tmp_path: Path, s3_server: S3Server, bucket: str) -> None:
    places, other = (Places(tmp_path, f"s3://{name}", s3_server.variables) for name in (bucket, f"{bucket}-too"))
    for key, data in kops_files(places.url, MINIMAL).items():
        s3_server.client().put_object(Bucket=bucket, Key=key, Body=data)
    places.export("--with-secrets")
    config = places.directory / CONFIG
    config.write_bytes(config.read_bytes().replace(places.url.encode(), b"s3://elsewhere"))
    assert "clusterstate migrate" in places.bring("--dry-run", code=2).stderr
    s3_server.create_bucket(f"{bucket}-too")
    assert "names s3://elsewhere/" in other.bring("--yes").stderr
