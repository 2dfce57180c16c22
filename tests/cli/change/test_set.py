"""Fields are set and unset by one command, which shows, asks, and writes what it has shown."""

import pytest

from tests.support.shelf import Shelf
from tests.support.world import MINIMAL

pytestmark = pytest.mark.objectstore
CONFIG, NODES = f"{MINIMAL}/config", f"{MINIMAL}/instancegroup/nodes-us-east-1a"


def test_a_person_sees_what_a_setting_changes_and_agrees(shelf: Shelf) -> None:
    shelf.load_store(MINIMAL)
    words = ("set", "spec.kubernetesVersion=1.33.1", "--unset", "spec.sshAccess", "--name", MINIMAL)
    done = shelf.run(*words, typed="y\n")
    assert (done.returncode, f"Write this to cluster {MINIMAL}? [y/N]" in done.stderr) == (0, True)
    assert done.stdout.splitlines() == [
        "~ config",
        '    ~ /spec/kubernetesVersion: "v1.32.0" -> "1.33.1"',
        '    - /spec/sshAccess: ["0.0.0.0/0", "::/0"]',
        f"1 to change in {shelf.url}/{MINIMAL}.",
    ]
    config = shelf.document(CONFIG)
    assert (config["spec"]["kubernetesVersion"], config["metadata"]["generation"]) == ("1.33.1", 1)
    assert "sshAccess" not in config["spec"]
    again = shelf.run(*words)
    assert (again.returncode, again.stdout) == (0, f"In sync with {shelf.url}/{MINIMAL}.\n")


def test_a_group_is_set_and_unset_where_it_is_named(shelf: Shelf) -> None:
    shelf.load_store(MINIMAL)
    before = shelf.files()
    named = ("--ig", "nodes-us-east-1a")
    environ = {"KOPS_CLUSTER_NAME": MINIMAL}
    shown = shelf.run("set", "spec.maxSize=7", *named, "--dry-run", **environ)
    assert (shown.returncode, shelf.files()) == (0, before)
    assert shelf.run("set", "spec.maxSize=7", *named, "--yes", **environ).returncode == 0
    assert shelf.run("unset", "spec.image", *named, "--yes", **environ).returncode == 0
    group = shelf.document(NODES)
    assert (group["spec"]["maxSize"], "image" in group["spec"], group["metadata"]["generation"]) == (7, False, 2)
    assert {key for key, data in shelf.files().items() if data != before[key]} == {NODES}


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("set", "spec.kubelet.maxPod=1"), 2, "the nearest is maxPods"),
        (("set", "spec.maxSize=0", "--ig", "nodes-us-east-1a"), 1, "maxSize is 0, less than minSize"),
        (("set", "spec.maxSize=0", "--ig", "nodes"), 2, "which has control-plane-us-east-1a, nodes-us-east-1a"),
        (("unset", "spec.authorization"), 1, "lets everybody do everything"),
        (("set", "spec.channel=alpha"), 1, "Say --yes"),
        (("set", "spec.channel=alpha", "--name", "missing.example.com"), 2, "There is no cluster missing.example.com"),
    ],
)
def test_what_cannot_be_is_said_and_nothing_is_written(
    shelf: Shelf, words: tuple[str, ...], code: int, said: str
) -> None:
    shelf.load_store(MINIMAL)
    before = shelf.files()
    done = shelf.run(*words, KOPS_CLUSTER_NAME=MINIMAL)
    assert (done.returncode, said in done.stderr, len(done.stderr.splitlines())) == (code, True, 1), done.stderr
    assert shelf.files() == before
