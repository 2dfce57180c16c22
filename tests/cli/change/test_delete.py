"""A cluster's state or an instance group goes once every guard has been passed and a person has agreed."""

from pathlib import Path

import pytest

from tests.cli.change.folder import Folder
from tests.support.world import MINIMAL

NODES = "nodes-us-east-1a"


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder.make(tmp_path)


def test_a_cluster_goes_when_its_name_is_typed(folder: Folder) -> None:
    (folder.state / "backups").mkdir()
    (folder.state / "backups" / "main").write_text("x")
    before = folder.files()
    other = folder.run("delete", MINIMAL, typed="y\n")
    assert (other.returncode, "That isn't the name." in other.stderr, folder.files()) == (1, True, before)
    done = folder.run("delete", "cluster", MINIMAL, typed=f"{MINIMAL}\n")
    assert (done.returncode, [*folder.files()]) == (0, ["backups/main"]), done.stderr
    url = f"{folder.url}/{MINIMAL}"
    gone = sorted(f"- {url}/{key}" for key in before if key != "backups/main")
    kept = "Stays, without --backups: what is in backups/"
    assert done.stdout.splitlines() == [*gone, kept, f"{len(gone)} to delete in {url}."]


def test_a_cluster_that_may_live_in_the_cloud_stays_until_somebody_says_it_does_not(folder: Folder) -> None:
    (folder.state / "cluster-completed.spec").write_bytes((folder.state / "config").read_bytes())
    before = folder.files()
    refused = folder.run("delete", MINIMAL, "--yes")
    assert (refused.returncode, folder.files()) == (1, before)
    assert "say --cloud-resources-gone." in refused.stderr
    shown = folder.run("delete", MINIMAL, "--cloud-resources-gone", "--dry-run")
    assert (shown.returncode, folder.files()) == (0, before)
    assert folder.run("delete", "--name", MINIMAL, "--cloud-resources-gone", "--yes").returncode == 0
    assert folder.files() == {}


def test_files_that_kops_does_not_know_keep_all_others(folder: Folder) -> None:
    (folder.state / "notes.txt").write_text("theirs")
    before = folder.files()
    done = folder.run("delete", MINIMAL, "--yes")
    assert (done.returncode, "notes.txt" in done.stderr, folder.files()) == (1, True, before)
    assert done.stderr.endswith("Move or delete them.\n")


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["ig", "control-plane-us-east-1a", "--name", MINIMAL, "--yes"], 1, "is the only control plane"),
        (["ig", "missing", "--name", MINIMAL, "--yes"], 2, "There is no instance group missing"),
        (["ig"], 2, "Say which instance group"),
        (["one.example.com", "two.example.com"], 2, "One cluster at a time"),
        (["missing.example.com", "--yes"], 2, "There is nothing of cluster missing.example.com"),
        ([MINIMAL], 1, "Say --yes"),
    ],
)
def test_what_cannot_go_is_said_and_all_stays(folder: Folder, words: list[str], code: int, said: str) -> None:
    before = folder.files()
    done = folder.run("delete", *words)
    assert (done.returncode, said in done.stderr, folder.files()) == (code, True, before), done.stderr


def test_the_context_of_kubectl_names_no_cluster_to_delete(folder: Folder) -> None:
    kubeconfig = folder.root / "kubeconfig"
    context = f"contexts: [{{name: a, context: {{cluster: {MINIMAL}}}}}]"
    kubeconfig.write_text(f"apiVersion: v1\nkind: Config\ncurrent-context: a\n{context}\n")
    before = folder.files()
    done = folder.run("delete", "--yes", KUBECONFIG=str(kubeconfig))
    assert (done.returncode, "Say which cluster goes" in done.stderr, folder.files()) == (2, True, before)


def test_a_group_goes_alone(folder: Folder) -> None:
    before = folder.files()
    done = folder.run("delete", "ig", NODES, "--name", MINIMAL, typed="y\n")
    assert (done.returncode, before.keys() - folder.files().keys()) == (0, {f"instancegroup/{NODES}"}), done.stderr
    assert f"Delete instance group {NODES} of {MINIMAL}? [y/N]" in done.stderr
