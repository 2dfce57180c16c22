"""A person edits a document in their own editor until it can be written; what isn't written is kept."""

from pathlib import Path

import pytest

from tests.cli.change.folder import Folder
from tests.support.world import MINIMAL

NODES = "nodes-us-east-1a"
NEWER = "sed -i s/v1.32.0/1.33.1/ $1"
PODS = 'sed -i "s/  kubelet:/  kubelet:\\n    maxPod: 50/" $1'


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder.make(tmp_path)


def test_what_is_saved_is_shown_asked_about_and_written(folder: Folder) -> None:
    look = "ls -ld $(dirname $1) $1 | cut -c1-10 > seen; cp $1 shown;"
    done = folder.run("edit", MINIMAL, typed="y\n", editor=f"{look} {NEWER}")
    assert (done.returncode, f"Write this to cluster {MINIMAL}? [y/N]" in done.stderr) == (0, True), done.stderr
    assert done.stdout.splitlines()[1] == '    ~ /spec/kubernetesVersion: "v1.32.0" -> "1.33.1"'
    config = folder.document("config")
    assert (config["spec"]["kubernetesVersion"], config["metadata"]["generation"]) == ("1.33.1", 1)
    assert (folder.root / "seen").read_text().split() == ["drwx------", "-rw-------"]
    assert (folder.root / "shown").read_text().startswith("# Please edit the object below.")
    assert folder.left() == []


def test_saving_alone_is_no_consent_and_what_was_edited_is_kept(folder: Folder) -> None:
    before = folder.files()
    done = folder.run(
        "edit", "ig", NODES, "--name", MINIMAL, typed="n\n", editor="sed -i 's/maxSize: 1/maxSize: 8/' $1"
    )
    (kept,) = folder.left()
    assert (done.returncode, folder.files()) == (1, before)
    assert f"Nothing was written. What was edited is kept in {kept}." in done.stderr
    assert (kept.stat().st_mode & 0o777, "maxSize: 8" in kept.read_text()) == (0o600, True)


def test_what_cannot_be_written_is_opened_again_with_the_reason_on_top(folder: Folder) -> None:
    again = 'if grep -q "# .*maxPod is no field that kops" $1; then sed -i "s/maxPod:/maxPods:/" $1; else'
    done = folder.run("edit", "cluster", MINIMAL, "--yes", editor=f"{again} {PODS}; echo '# mine' >> $1; fi")
    assert done.returncode == 0, done.stderr
    assert folder.document("config")["spec"]["kubelet"] == {"anonymousAuth": False, "maxPods": 50}
    assert "mine" not in (folder.state / "config").read_text()


@pytest.mark.parametrize(
    "change",
    [
        f"grep -q 'maxPod: 50' $1 || {PODS}",
        "grep -q ': : :' $1 || echo '- : : : [' >> $1",
        "sed -i 's/kubernetesVersion: .*/kubernetesVersion: newest/' $1",
        "sed -i 's/name: minimal.example.com/name: maximal.example.com/' $1",
    ],
    ids=["unknown field", "no YAML", "what kops refuses", "another name"],
)
def test_who_gives_up_loses_nothing(folder: Folder, change: str) -> None:
    before = folder.files()
    done = folder.run("edit", MINIMAL, "--yes", editor=change)
    (kept,) = folder.left()
    assert (done.returncode, folder.files()) == (1, before)
    assert f"no valid changes were saved. Nothing was written. What was edited is kept in {kept}." in done.stderr


@pytest.mark.parametrize(
    ("editor", "words"),
    [
        ("true", "Edit cancelled, no changes made.\n"),
        ("echo '# nothing' >> $1; sed -i s/v1.32.0/v1.32.0/ $1", "Edit cancelled, no changes made.\n"),
        (": > $1", "Edit cancelled, the saved file was empty.\n"),
    ],
)
def test_nothing_changed_is_nothing_written(folder: Folder, editor: str, words: str) -> None:
    before = folder.files()
    done = folder.run("edit", MINIMAL, "--yes", editor=editor)
    assert (done.returncode, done.stdout, done.stderr) == (0, words, "")
    assert (folder.files(), folder.left()) == (before, [])


def test_what_somebody_else_changed_meanwhile_is_not_overwritten(folder: Folder) -> None:
    theirs = f"sed -i s/stable/alpha/ {folder.state}/config"
    done = folder.run("edit", MINIMAL, "--yes", editor=f"{theirs}; {NEWER}")
    (kept,) = folder.left()
    assert done.returncode == 1
    assert f"Somebody else changed cluster {MINIMAL} meanwhile. Nothing was written." in done.stderr
    assert f"What was edited is kept in {kept}." in done.stderr
    spec = folder.document("config")["spec"]
    assert (spec["channel"], spec["kubernetesVersion"]) == ("alpha", "v1.32.0")


@pytest.mark.parametrize(
    ("code", "words", "environ"),
    [
        (1, "failed with exit code 1. Nothing was written.", {}),
        (2, "The editor /missing/vi, which KUBE_EDITOR names, can't be run.", {"KUBE_EDITOR": "/missing/vi -u"}),
        (2, "EDITOR isn't a command that a shell could read.", {"EDITOR": "'"}),
        (130, "interrupted.", {"editor": "kill -INT $$"}),
        (1, "left no file behind", {"editor": "rm $1"}),
    ],
)
def test_an_editor_that_fails_is_told(folder: Folder, code: int, words: str, environ: dict[str, str]) -> None:
    before = folder.files()
    done = folder.run("edit", MINIMAL, "--yes", **environ)
    assert (done.returncode, words in done.stderr) == (code, True), done.stderr
    assert (folder.files(), folder.left()) == (before, [])


def test_no_editor_is_opened_where_nobody_could_agree(folder: Folder) -> None:
    done = folder.run("edit", MINIMAL, editor="touch opened")
    assert (done.returncode, "Say --yes" in done.stderr) == (1, True)
    assert not (folder.root / "opened").exists()


def test_what_was_edited_is_kept_whatever_ends_it(folder: Folder) -> None:
    done = folder.run(
        "edit", MINIMAL, "--yes", editor='test -e seen && rm "$1" && mkdir "$1"; echo "a: 7" >>"$1"; touch seen'
    )
    (kept,) = folder.left()
    assert (done.returncode, "a: 7" in kept.read_text()) == (1, True)
    assert f"What was edited is kept in {kept}." in done.stderr


def test_what_an_editor_leaves_that_fails_is_kept(folder: Folder) -> None:
    done = folder.run("edit", MINIMAL, "--yes", editor='echo "a: 7" >>"$1"; exit 3')
    (kept,) = folder.left()
    text = kept.read_text()
    assert (done.returncode, text.startswith("apiVersion:"), text.endswith("a: 7\n")) == (1, True, True)
    assert f"failed with exit code 3. Nothing was written. What was edited is kept in {kept}." in done.stderr
