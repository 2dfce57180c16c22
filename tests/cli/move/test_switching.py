"""kops's configuration file names another store, and stays as its owner wrote it otherwise."""

from pathlib import Path

import pytest
import yaml

from clusterstate.cli.choice import Chosen, choose_store
from clusterstate.cli.move.switching import find_switch
from clusterstate.cli.words import StoreWords
from clusterstate.errors import CommandInvalid

OLD, NEW = Chosen("s3://old/a", "--state"), "gs://new"
WORDS = StoreWords()


def switched(home: Path, words: StoreWords = WORDS) -> str:
    environ = {"HOME": str(home)}
    switch = find_switch(words, environ, OLD, NEW)
    switch.make()
    assert choose_store(words, environ) == Chosen(NEW, str(switch.path))
    return switch.path.read_text()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("kops_state_store: s3://old/a\n", "kops_state_store: gs://new\n"),
        ("KOPS_STATE_STORE:  's3://old/a/'   # ours\r\nx: 1", "KOPS_STATE_STORE: gs://new   # ours\r\nx: 1"),
        ("# kops_state_store: s3://old/a\nx: [1,\n  2]\n", None),
        ("x: 1", "x: 1\nkops_state_store: gs://new\n"),
        ("", "kops_state_store: gs://new\n"),
        ("kops_state_store:\n", "kops_state_store: gs://new\n"),
        ("kops_state_store: gs://new\n", "kops_state_store: gs://new\n"),
    ],
)
def test_one_line_changes(before: str, after: str | None, tmp_path: Path) -> None:
    (tmp_path / ".kops.yaml").write_bytes(before.encode())
    found = switched(tmp_path)
    assert (tmp_path / ".kops.yaml").read_bytes().decode() == (after or f"{before}kops_state_store: gs://new\n")
    assert yaml.safe_load(found)


def test_the_file_is_the_one_that_kops_reads(tmp_path: Path) -> None:
    (tmp_path / ".kops").mkdir()
    (tmp_path / ".kops" / "config").write_text("kops_state_store: s3://old/a\n")
    (tmp_path / "other").write_text("kops_state_store: s3://old/a\n")
    assert switched(tmp_path) == "kops_state_store: gs://new\n"
    assert not (tmp_path / ".kops.yaml").exists()
    assert switched(tmp_path, StoreWords(config=tmp_path / "other")) == "kops_state_store: gs://new\n"


def test_a_file_is_made_where_there_is_none_and_a_link_stays_one(tmp_path: Path) -> None:
    assert switched(tmp_path) == "kops_state_store: gs://new\n"
    real = tmp_path / "real"
    (tmp_path / ".kops.yaml").rename(real)
    real.chmod(0o640)
    real.write_text("kops_state_store: s3://old/a\n")
    (tmp_path / ".kops.yaml").symlink_to(real)
    switched(tmp_path)
    assert (tmp_path / ".kops.yaml").is_symlink()
    assert (real.stat().st_mode & 0o777, real.read_text()) == (0o640, "kops_state_store: gs://new\n")
    assert sorted(each.name for each in tmp_path.iterdir()) == [".kops.yaml", "real"]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("kops_state_store: s3://third\n", "names s3://third, not s3://old/a"),
        ("{kops_state_store: s3://old/a}\n", "isn't written so that its one line could be changed"),
        ("kops_state_store: |\n  s3://old/a\n", "isn't written so that|isn't a YAML file"),
        ("kops_state_store: s3://old/a\nkops_state_store: s3://old/a\n", ""),
        ("- a\n", "isn't a YAML file with fields"),
        ("a: [\n", "isn't a YAML file with fields"),
    ],
)
def test_a_file_that_would_become_another_is_left_alone(text: str, why: str, tmp_path: Path) -> None:
    (tmp_path / ".kops.yaml").write_text(text)
    if not why:
        assert switched(tmp_path).count("gs://new") == 2
        return
    with pytest.raises(CommandInvalid, match=why):
        find_switch(WORDS, {"HOME": str(tmp_path)}, OLD, NEW)
    assert (tmp_path / ".kops.yaml").read_text() == text


def test_no_home() -> None:
    with pytest.raises(CommandInvalid, match="HOME isn't set"):
        find_switch(WORDS, {}, OLD, NEW)
