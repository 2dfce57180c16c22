"""The store and the cluster of a command are those that kops would take, and an error names what was tried."""

from pathlib import Path

import pytest

from clusterstate.cli.choice import LARGEST, choose_cluster, choose_store
from clusterstate.cli.words import StoreWords
from clusterstate.errors import CommandInvalid

KUBECONFIG = """
current-context: one
contexts:
  - {name: two, context: {cluster: two.example.com, user: me}}
  - {name: one, context: {cluster: one.example.com, user: me}}
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "home"
    (folder / ".kops").mkdir(parents=True)
    return folder


def test_each_source_beats_those_behind_it(home: Path, tmp_path: Path) -> None:
    (home / ".kops" / "config").write_text("kops_state_store: s3://fourth\n")
    environ = {"HOME": str(home)}
    assert choose_store(StoreWords(), environ).url == "s3://fourth"
    (home / ".kops.yaml").write_text("KOPS_State_Store: s3://third/\n")
    chosen = choose_store(StoreWords(), environ)
    assert (chosen.url, chosen.by) == ("s3://third", str(home / ".kops.yaml"))
    (tmp_path / "own.yaml").write_text("kops_state_store: s3://own")
    named = StoreWords(config=tmp_path / "own.yaml")
    assert choose_store(named, environ).url == "s3://own"
    environ["KOPS_STATE_STORE"] = "s3://second/below/"
    assert choose_store(named, environ).url == "s3://second/below"
    assert choose_store(StoreWords(state="s3://first"), environ).url == "s3://first"


def test_an_empty_word_never_leads_to_another_store() -> None:
    with pytest.raises(CommandInvalid, match="--state is empty"):
        choose_store(StoreWords(state=""), {"KOPS_STATE_STORE": "s3://another"})


def test_the_current_context_is_a_store_too() -> None:
    assert choose_store(StoreWords(state="k8s://"), {}).url == "k8s://"


def test_the_first_file_counts_though_it_names_no_store(home: Path) -> None:
    (home / ".kops.yaml").write_text("kops_cluster_name: prod\n")
    (home / ".kops" / "config").write_text("kops_state_store: s3://fourth\n")
    with pytest.raises(CommandInvalid, match=r"\.kops\.yaml, which names none"):
        choose_store(StoreWords(), {"HOME": str(home)})


@pytest.mark.parametrize("text", ["kops_state_store: [", "\0", "- a\n- b", "kops_state_store: 7"])
def test_a_configuration_without_a_usable_store_chooses_none(text: str, home: Path) -> None:
    (home / ".kops.yaml").write_text(text)
    with pytest.raises(CommandInvalid, match=r"\.kops\.yaml"):
        choose_store(StoreWords(), {"HOME": str(home)})


def test_an_error_tells_which_sources_were_tried(home: Path) -> None:
    with pytest.raises(CommandInvalid) as caught:
        choose_store(StoreWords(), {"HOME": str(home)})
    for source in ("--state", "KOPS_STATE_STORE", f"{home}/.kops.yaml", f"{home}/.kops/config"):
        assert source in caught.value.message
    with pytest.raises(CommandInvalid, match="HOME isn't set"):
        choose_store(StoreWords(), {})
    with pytest.raises(CommandInvalid, match=r"missing\.yaml, which isn't there"):
        choose_store(StoreWords(config=Path("missing.yaml")), {})


def test_a_folder_in_place_of_a_configuration_is_an_error_in_words(home: Path) -> None:
    (home / ".kops.yaml").mkdir()
    with pytest.raises(CommandInvalid, match="can't be read: Is a directory"):
        choose_store(StoreWords(), {"HOME": str(home)})


def test_the_cluster_is_named_or_that_of_kubectl(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(CommandInvalid, match="KOPS_CLUSTER_NAME"):
        choose_cluster(None, {"HOME": str(home)})
    (home / ".kube").mkdir()
    (home / ".kube" / "config").write_text(KUBECONFIG)
    assert choose_cluster(None, {"HOME": str(home)}) == "one.example.com"
    (tmp_path / "other").write_text("current-context: two")
    environ = {"HOME": str(home), "KUBECONFIG": f"{tmp_path / 'other'}:{home}/.kube/config:/missing"}
    assert choose_cluster(None, environ) == "two.example.com", "files are merged, the first word counts"
    assert capsys.readouterr().err.endswith(
        "clusterstate: The cluster is two.example.com, that of kubectl's context.\n"
    )
    environ["KOPS_CLUSTER_NAME"] = "three"
    assert choose_cluster(None, environ) == "three"
    assert choose_cluster("four", environ) == "four"
    assert not capsys.readouterr().err, "who names it knows it"
    assert choose_cluster("", environ) == "two.example.com", "as kops takes an empty --name"


@pytest.mark.parametrize(
    "text", ["", "contexts: 7", "current-context: x", "current-context: one\ncontexts: [{name: one, context: 3}]"]
)
def test_a_kubeconfig_without_a_cluster_chooses_none(text: str, tmp_path: Path) -> None:
    (tmp_path / "kubeconfig").write_text(text)
    with pytest.raises(CommandInvalid, match="No cluster is chosen"):
        choose_cluster(None, {"KUBECONFIG": str(tmp_path / "kubeconfig")})


def test_a_kubeconfig_is_read_to_its_end_or_not_at_all(tmp_path: Path) -> None:
    file = tmp_path / "kubeconfig"
    environ = {"KUBECONFIG": str(file)}
    file.write_text("# " + "x" * (1 << 20) + KUBECONFIG)
    assert choose_cluster(None, environ) == "one.example.com"
    file.write_text("# " + "x" * LARGEST)
    with pytest.raises(CommandInvalid, match="more than 16777216 bytes"):
        choose_cluster(None, environ)
