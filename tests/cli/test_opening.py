"""A URL means to the command line what it means to kops."""

import shutil
from pathlib import Path

import pytest

from clusterstate.cli.opening import Address
from clusterstate.gather import own_access
from tests.support.cli import clusterstate
from tests.support.world import DATA, MINIMAL


@pytest.mark.parametrize(
    ("url", "context", "place"),
    [
        ("s3://acme/below", None, "s3://acme/below/prod.example.com"),
        ("k8s://admin", "admin", "k8s:///prod-example-com/prod.example.com"),
        ("k8s://", "current", "k8s:///prod-example-com/prod.example.com"),
        ("k8s:///states/below", "current", "k8s:///states/below/prod.example.com"),
    ],
)
def test_where_a_state_is(url: str, context: str | None, place: str) -> None:
    address = Address.of(url, "current" if context else None)
    assert address.context == context
    assert address.keeps_objects is (url in {"k8s://admin", "k8s://"})
    assert own_access(address.spec, "home", "prod.example.com", {}).location.url == place


def test_credentials_in_a_url_are_repeated_nowhere(tmp_path: Path) -> None:
    done = clusterstate("get", "clusters", "-v", "--debug", "--state", "s3://canary:canary@bucket", home=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "holds credentials. They belong into" in done.stderr
    assert "canary" not in done.stderr


def test_an_empty_cluster_is_none_though_a_variable_names_one(tmp_path: Path) -> None:
    place = {"KOPS_STATE_STORE": f"file://{tmp_path}", "KOPS_CLUSTER_NAME": "prod.example.com"}
    done = clusterstate("sshpublickey", "delete", "", "--yes", home=tmp_path, **place)
    assert (done.returncode, "prod.example.com" in done.stderr) == (2, False)


def test_a_folder_is_reached_by_a_link_and_outlives_its_last_cluster(tmp_path: Path) -> None:
    shutil.copytree(DATA / "kops-store" / MINIMAL, tmp_path / "disk/state" / MINIMAL)
    (tmp_path / "link").symlink_to(tmp_path / "disk")
    url, real = f"file://{tmp_path}/link/state", f"file://{tmp_path}/disk/state"
    shown = clusterstate("get", "clusters", "-o", "name", "--state", url, home=tmp_path)
    assert (shown.returncode, shown.stdout.split()) == (0, [MINIMAL])
    done = clusterstate("copy", real, url, home=tmp_path)
    assert (done.returncode, "are one place" in done.stderr) == (2, True)
    assert clusterstate("delete", MINIMAL, "--yes", "--state", url, home=tmp_path).returncode == 0
    assert not [*(tmp_path / "disk/state").iterdir()]


def test_an_empty_path_is_not_the_current_folder(tmp_path: Path) -> None:
    done = clusterstate("export", "", "--state", f"file://{DATA}/kops-store", home=tmp_path, folder=tmp_path)
    assert (done.returncode, "Invalid value for 'DIR': it is empty." in done.stderr) == (2, True)
    assert not [*tmp_path.iterdir()]
