"""Files go from store to store, are proven to have arrived, and nothing is lost on the way."""

import ssl
from dataclasses import replace
from pathlib import Path
from secrets import token_hex
from typing import Any

import pytest

from clusterstate.cli.move.copy import Order, copy_files
from clusterstate.cli.move.ends import Scope
from clusterstate.cli.words import Consent, StoreWords
from clusterstate.errors import CommandInvalid, StoreNotFound
from clusterstate.sandbox.controlplane import ControlPlane
from tests.cli.move.conftest import CLUSTER, Person
from tests.support.backings import load_store
from tests.support.backings.gcs import GcsBacking
from tests.support.backings.k8s import SecretsBacking
from tests.support.backings.oss import OssBacking
from tests.support.backings.s3 import S3Backing
from tests.support.backings.swift import SwiftBacking
from tests.support.faultproxy import Fault, FaultProxy
from tests.support.forwardproxy import ForwardProxy

pytestmark = pytest.mark.objectstore
LISTS = ["ListObjectsV2", "ListObjectsV2"]


def operations(person: Person, mark: int, *buckets: S3Backing) -> list[str]:
    return [each.operation for each in person.asked(mark, *buckets)]


def test_a_second_copy_between_buckets_is_one_listing_of_each(person: Person, one: S3Backing, other: S3Backing) -> None:
    files = one.files()
    assert f"{len(files)} files copied" in person.do("copy", one.url, other.url)
    assert other.files() == files
    mark = person.server.mark()
    assert f"0 files copied (0 B), {len(files)} unchanged" in person.do("copy", one.url, other.url)
    assert operations(person, mark, one, other) == LISTS


def test_through_a_folder_and_back(person: Person, one: S3Backing, other: S3Backing) -> None:
    folder = f"file://{person.home}/review"
    person.do("copy", one.url, folder)
    mark = person.server.mark()
    assert "0 files copied" in person.do("copy", one.url, folder), "the folder's bytes have the MD5 of the ETags"
    assert operations(person, mark, one) == LISTS[:1]
    person.do("copy", folder, other.url)
    assert other.files() == one.files()
    mark = person.server.mark()
    assert "0 files copied" in person.do("copy", folder, other.url)
    assert operations(person, mark, other) == LISTS[:1]


@pytest.mark.apiserver
def test_a_checkpoint_spares_the_reading_where_versions_tell_nothing(
    person: Person, one: S3Backing, control_plane: ControlPlane, namespace: str
) -> None:
    secrets = SecretsBacking(control_plane.api(), namespace)
    command = ("copy", one.url, f"{secrets.url}/state", "--checkpoint", str(person.home / "checkpoint"))
    person.do(*command, KUBECONFIG=str(control_plane.kubeconfig))
    assert {key.removeprefix("state/"): data for key, data in secrets.files().items()} == one.files()
    mark = person.server.mark()
    assert "0 files copied" in person.do(*command, KUBECONFIG=str(control_plane.kubeconfig))
    assert operations(person, mark, one) == LISTS[:1]


def test_to_oss(person: Person, one: S3Backing, oss_backing: OssBacking) -> None:
    environ = {
        "OSS_ENDPOINT": oss_backing.server.endpoint,
        "ALIYUN_ACCESS_KEY_ID": oss_backing.server.access_key,
        "ALIYUN_ACCESS_KEY_SECRET": oss_backing.server.secret_key,
    }
    person.do("copy", one.url, oss_backing.url, **environ)
    assert oss_backing.files() == one.files()


def test_to_swift_whose_container_is_made(person: Person, one: S3Backing, swift_backing: SwiftBacking) -> None:
    data = swift_backing.secret()["stringData"]
    person.do("copy", one.url, swift_backing.url, **data)
    assert swift_backing.files() == one.files()


def test_from_google(
    person: Person, other: S3Backing, gs_backing: GcsBacking, tls: ssl.SSLContext, certificates: Path
) -> None:
    load_store(gs_backing, CLUSTER)
    document = gs_backing.account.changed(token_uri="https://oauth2.googleapis.com/token")
    (person.home / "key.json").write_text(document)
    with FaultProxy(gs_backing.server.endpoint, context=tls) as face:
        routes = {"*.googleapis.com:443": face.endpoint.removeprefix("https://")}
        with ForwardProxy(routes=routes) as google:
            environ = {
                "GOOGLE_APPLICATION_CREDENTIALS": str(person.home / "key.json"),
                "HTTPS_PROXY": google.url,
                "REQUESTS_CA_BUNDLE": str(certificates / "ca.crt"),
            }
            person.do("copy", gs_backing.url, other.url, **environ)
    assert other.files() == gs_backing.files()


def test_what_differs_at_the_target_is_lost_only_when_somebody_agreed(
    person: Person, one: S3Backing, other: S3Backing
) -> None:
    other.put(f"{CLUSTER}/config", b"somebody's")
    other.put("extra", b"")
    mark = person.server.mark()
    done = person.run("copy", one.url, other.url)
    assert (done.returncode, done.stdout) == (1, "")
    assert f"{other.url} holds other bytes than {one.url} in {CLUSTER}/config. Nothing was written." in done.stderr
    command = ("copy", one.url, other.url, "--overwrite", "--delete")
    assert person.run(*command).returncode == 1, "nobody is there to be asked"
    planned = person.do(*command, "--dry-run").splitlines()
    assert {f"~ {CLUSTER}/config", "- extra", f"+ {CLUSTER}/pki/private/kubernetes-ca/keyset.yaml"} <= {*planned}
    assert not [each for each in person.asked(mark, other) if each.operation.startswith(("Put", "Delete"))]
    asked = person.run(*command, typed="y\n")
    assert "Overwrite 1 file and delete 1 file in" in asked.stderr
    assert (asked.returncode, other.files()) == (0, one.files())


def test_one_cluster_without_its_backups(person: Person, one: S3Backing, other: S3Backing) -> None:
    load_store(one, "other.example.com")
    backup = f"{CLUSTER}/backups/etcd/main/2026-01-01T00:00:00Z-000001/etcd.backup.gz"
    one.put(backup, b"large")
    other.put("other.example.com/x", b"stays")
    person.do("copy", one.url, other.url, CLUSTER, "--no-backups", "--delete")
    wanted = {key: data for key, data in one.files().items() if key.startswith(f"{CLUSTER}/") and key != backup}
    assert other.files() == wanted | {"other.example.com/x": b"stays"}


@pytest.mark.parametrize(
    ("source", "target", "error", "why"),
    [
        ("{one}", "{one}/", CommandInvalid, "are one place, or lie one in the other"),
        ("{one}", "{one}/below", CommandInvalid, "are one place, or lie one in the other"),
        ("{other}", "{one}", CommandInvalid, "holds no files"),
        ("{one}", "s3://test-none", StoreNotFound, "There is no bucket test-none"),
        ("{one}", "k8s://context", CommandInvalid, "where kops keeps its own objects"),
        ("{one}", "nowhere", CommandInvalid, "is no URL.* It was given by TO"),
        ("", "{other}", CommandInvalid, "is no URL.* It was given by FROM"),
    ],
)
async def test_stores_between_which_nothing_can_be_copied(  # noqa: PLR0913, PLR0917 - a table
    source: str, target: str, error: type[Exception], why: str, person: Person, one: S3Backing, other: S3Backing
) -> None:
    urls = [each.format(one=one.url, other=other.url) for each in (source, target)]
    with pytest.raises(error, match=why):
        await copy_files(Order(*urls, Scope()), StoreWords(), Consent(yes=True), person.environ)
    assert other.keys() == []


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"scope": Scope(("prod.example.org",))}, "holds nothing of prod.example.org"),
        ({"checkpoint": Path("/none/at/all")}, "can't be opened"),
    ],
)
async def test_orders_that_cant_be_carried_out(
    more: dict[str, Any], why: str, person: Person, one: S3Backing, other: S3Backing
) -> None:
    order = replace(Order(one.url, other.url, Scope()), **more)
    with pytest.raises(CommandInvalid, match=why):
        await copy_files(order, StoreWords(), Consent(yes=True), person.environ)
    assert other.keys() == []


def test_a_bad_connection_is_borne_and_a_file_that_fails_is_named(
    person: Person, one: S3Backing, other: S3Backing
) -> None:
    with FaultProxy(person.server.endpoint) as proxy:
        person.endpoint = proxy.endpoint
        refused = Fault(
            "PUT", f"/{other.bucket}/{CLUSTER}/secrets/", status=403, body="<Error><Code>AccessDenied</Code></Error>"
        )
        with (
            proxy.failing(Fault("PUT", times=3, status=503)),
            proxy.failing(Fault("GET", f"/{one.bucket}/", times=2, cut_after=9)),
            proxy.failing(refused),
        ):
            done = person.run("copy", one.url, other.url)
        failed = {key for key in one.files() if "/secrets/" in key} | {f"{CLUSTER}/config"}
        assert done.returncode == 1
        assert {line.split()[1].rstrip(":") for line in done.stderr.splitlines()} == failed
        assert {*other.keys()} == {*one.keys()} - failed
        person.do("copy", one.url, other.url)
    assert other.files() == one.files()


def test_quiet_says_the_result_only_and_progress_isnt_drawn_into_a_pipe(person: Person, one: S3Backing) -> None:
    done = person.run("copy", one.url, f"file://{person.home}/{token_hex(4)}", "--quiet")
    assert (done.returncode, len(done.stdout.splitlines()), done.stderr) == (0, 1, "")
