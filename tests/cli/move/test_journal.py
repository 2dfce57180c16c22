"""What a checkpoint keeps, whatever becomes of the process; and what is none."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clusterstate.cli.move.journal import Journal, journal_of
from clusterstate.errors import CommandInvalid, DiskFull
from clusterstate.store.base import Version

WAY = ("s3://a at x", "gs://b")
PAIRS = {f"prod/ключ-{number}\n": (Version(f'"{number}"'), Version(f"v{number}")) for number in range(5)}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "checkpoint"
    with journal_of(path, WAY) as journal:
        for key, pair in PAIRS.items():
            journal.note(key, *pair)
    return path


def pairs(path: Path, way: tuple[str, ...] = WAY) -> dict[str, tuple[Version, Version]]:
    with journal_of(path, way) as journal:
        return journal.pairs


def test_what_was_noted_is_known_again_and_the_last_word_counts(path: Path) -> None:
    assert pairs(path) == PAIRS
    size = path.stat().st_size
    with journal_of(path, WAY) as journal:
        journal.note(*next((key, *pair) for key, pair in PAIRS.items()))
        assert path.stat().st_size == size, "what is known isn't written again"
        journal.note("new", Version("1"), Version("2"))
        journal.note("new", Version("3"), Version("4"))
    assert pairs(path) == PAIRS | {"new": (Version("3"), Version("4"))}


def test_without_a_file_nothing_is_kept() -> None:
    with journal_of(None, WAY) as journal:
        journal.note("key", Version("1"), Version("2"))
        assert journal.pairs == {"key": (Version("1"), Version("2"))}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_wherever_a_killed_process_stopped_to_write_the_lines_before_count(path: Path, data: st.DataObject) -> None:
    whole = path.read_bytes()
    length = data.draw(st.integers(0, len(whole)))
    torn = path.with_name("torn")
    torn.write_bytes(whole[:length])
    expected = dict([*PAIRS.items()][: max(0, whole[:length].count(b"\n") - 1)])
    assert pairs(torn) == expected
    with journal_of(torn, WAY) as journal:
        journal.note("next", Version("1"), Version("2"))
    assert pairs(torn) == expected | {"next": (Version("1"), Version("2"))}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_one_bit_that_is_another_is_an_error_or_a_line_that_is_gone(path: Path, data: st.DataObject) -> None:
    whole = bytearray(path.read_bytes())
    whole[data.draw(st.integers(0, len(whole) - 2))] ^= 1 << data.draw(st.integers(0, 7))
    damaged = path.with_name("damaged")
    damaged.write_bytes(whole)
    with pytest.raises(CommandInvalid, match="damaged"):
        pairs(damaged)


@pytest.mark.parametrize("text", ["hello", "hello\n", "\n", "kops_state_store: s3://a\n", "00000000 []\n", "\0" * 9])
def test_a_file_that_is_no_checkpoint_is_left_as_it_is(text: str, tmp_path: Path) -> None:
    path = tmp_path / "notes"
    path.write_text(text)
    with pytest.raises(CommandInvalid, match=r"no checkpoint, or is damaged in line 1\. Name another file"):
        pairs(path)
    assert path.read_text() == text


def test_the_checkpoint_of_another_copy_is_refused_by_name(path: Path) -> None:
    with pytest.raises(CommandInvalid, match="of another copy, s3://a at x -> gs://b"):
        pairs(path, ("s3://a at x", "gs://c"))


def test_who_keeps_nothing_only_reads(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"torn")
    before = path.read_bytes()
    with journal_of(path, WAY, keeps=False) as journal:
        journal.note("new", Version("1"), Version("2"))
        assert journal.pairs == PAIRS | {"new": (Version("1"), Version("2"))}
    assert path.read_bytes() == before
    with pytest.raises(CommandInvalid, match="of another copy"), journal_of(path, ("other",), keeps=False):
        pass
    with journal_of(path.with_name("none"), WAY, keeps=False) as journal:
        assert journal.pairs == {}
    assert not path.with_name("none").exists()


def test_one_copy_at_a_time_has_it(path: Path) -> None:
    with journal_of(path, WAY), pytest.raises(CommandInvalid, match="in use by another copy"):
        pairs(path)


def test_a_place_where_no_file_can_be(tmp_path: Path) -> None:
    with pytest.raises(CommandInvalid, match="can't be opened: No such file or directory"):
        pairs(tmp_path / "none" / "checkpoint")
    with pytest.raises(CommandInvalid, match="can't be opened: Is a directory"):
        pairs(tmp_path)
    with pytest.raises(CommandInvalid, match="/dev/full is no regular file"):
        pairs(Path("/dev/full"))


def test_a_full_disk_is_told() -> None:
    with Path("/dev/full").open("wb", buffering=0) as full:
        journal = Journal({}, Path("checkpoint"), full.fileno())
        with pytest.raises(DiskFull, match=r"checkpoint can't be written: No space left on device\. Make room"):
            journal.note("key", Version("1"), Version("2"))
