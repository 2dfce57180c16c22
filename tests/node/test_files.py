"""A set changes at once, whatever is killed when; nothing foreign is touched, and nothing is written for nothing."""

import os
import stat
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from itertools import count, product
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clusterstate.errors import FilesNotWritten
from clusterstate.node.files import LOCK, RELOADED, SetOnDisk
from tests.node.sets import (
    NOW,
    OTHERS,
    OWN,
    Full,
    Killed,
    Mortal,
    content,
    contents,
    current,
    put,
    seen,
    stamps,
    versions,
)

OLD = {"ca.crt": b"old ca", "tls.crt": b"old", "private/tls.key": b"old key"}
NEW = {"ca.crt": b"new ca, longer", "tls.key": b"new", "private/deep/tls.key": b""}
PATHS = ["ca.crt", "tls.crt", "tls.key", "private/tls.key", "private/deep/x", "etcd/ca.crt"]
FILES = st.dictionaries(st.sampled_from(PATHS), st.binary(max_size=5), max_size=5)


def test_a_set_is_written_and_changed(tmp_path: Path) -> None:
    directory = tmp_path / "pki"
    assert put(directory, OLD)
    assert seen(directory) == OLD
    before = current(directory)
    assert put(directory, NEW)
    assert seen(directory) == NEW
    assert versions(directory) == [current(directory)] != [before]
    assert put(directory, {})
    assert seen(directory) == {}


@pytest.mark.parametrize("files", [OLD, {}])
def test_nothing_is_written_when_nothing_differs(tmp_path: Path, files: dict[str, bytes]) -> None:
    put(tmp_path / "pki", files)
    before, mortal = stamps(tmp_path), Mortal(0)
    assert not put(tmp_path / "pki", files, mortal)
    assert stamps(tmp_path) == before


def test_modes_are_as_told_and_private_else(tmp_path: Path) -> None:
    directory, before = tmp_path / "pki", os.umask(0o022)
    try:
        wanted = {"a/ca.crt": content(b"ca", 0o644), "a/key": content(b"key")}
        SetOnDisk(str(directory), OTHERS).put(wanted, NOW)
        modes = {
            str(path.relative_to(directory)): stat.S_IMODE(path.stat().st_mode) for path in (directory / "a").iterdir()
        }
        assert modes == {"a/ca.crt": 0o644, "a/key": 0o600}
        folders = [directory, directory / current(directory), directory / "a"]
        assert [stat.S_IMODE(path.stat().st_mode) for path in folders] == [OTHERS] * 3
        assert stat.S_IMODE((directory / LOCK).stat().st_mode) == 0o600
        assert SetOnDisk(str(directory), OWN).put(wanted, NOW)
        assert stat.S_IMODE((directory / current(directory)).stat().st_mode) == OWN
    finally:
        os.umask(before)


def test_owners_are_as_told(tmp_path: Path) -> None:
    uid, gid = (1234, 5678) if os.geteuid() == 0 else (os.geteuid(), [os.getegid(), *os.getgroups()][-1])
    given_away = replace(content(b"key"), uid=uid, gid=gid)
    directory = tmp_path / "pki"
    put(directory, {"key": b"key"})
    SetOnDisk(str(directory), OWN).put({"key": given_away}, NOW)
    assert not SetOnDisk(str(directory), OWN).put({"key": given_away}, NOW)
    found = (directory / "key").stat()
    assert (found.st_uid, found.st_gid) == (uid, gid)


SPOILS: dict[str, Callable[[Path], object]] = {
    "other bytes": lambda path: (path / "..data/ca.crt").write_bytes(b"OLD CA"),
    "another size": lambda path: (path / "..data/ca.crt").write_bytes(b"x"),
    "another mode": lambda path: (path / "..data/ca.crt").chmod(0o640),
    "a file is gone": lambda path: (path / "..data/private/tls.key").unlink(),
    "one more file": lambda path: (path / "..data/private/more").write_bytes(b""),
    "one more directory": lambda path: (path / "..data/more").mkdir(),
    "a link in place of a file": lambda path: _relink(path / "..data/ca.crt", "/etc/passwd"),
    "another mode of a directory": lambda path: (path / "..data/private").chmod(0o750),
    "the directory is gone": lambda path: (path / current(path)).rename(path.parent / "gone"),
    "a pipe in place of a file": lambda path: _pipe(path / "..data/ca.crt"),
}


def _relink(path: Path, target: str) -> None:
    path.unlink()
    path.symlink_to(target)


def _pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


@pytest.mark.parametrize("spoil", SPOILS)
def test_what_somebody_changed_is_mended(tmp_path: Path, spoil: str) -> None:
    put(tmp_path / "pki", OLD)
    SPOILS[spoil](tmp_path / "pki")
    assert put(tmp_path / "pki", OLD)
    assert seen(tmp_path / "pki") == OLD
    assert not put(tmp_path / "pki", OLD)


def test_a_name_that_somebody_removed_is_back_without_a_new_set(tmp_path: Path) -> None:
    put(tmp_path, OLD)
    before = current(tmp_path)
    (tmp_path / "ca.crt").unlink()
    assert not put(tmp_path, OLD)
    assert (seen(tmp_path), current(tmp_path)) == (OLD, before)


FOREIGN: dict[str, Callable[[Path], object]] = {
    "a file": lambda path: (path / "ca.crt").write_bytes(b"theirs"),
    "a directory": lambda path: (path / "private").mkdir(),
    "a link elsewhere": lambda path: (path / "ca.crt").symlink_to("/etc/passwd"),
    "a link to another name": lambda path: (path / "ca.crt").symlink_to("..data/tls.crt"),
    "a volume of the kubelet's": lambda path: (path / "..data").symlink_to("..2026_01_02_03_04_05.123456789"),
    "a directory named as our link": lambda path: (path / "..data").mkdir(),
    "a directory named as our lock": lambda path: (path / LOCK).mkdir(),
    "a link in the place of our lock": lambda path: (path / LOCK).symlink_to("/etc/passwd"),
    "a file named as our note of a reload": lambda path: (path / RELOADED).write_bytes(b"theirs"),
    "a link elsewhere named so": lambda path: (path / RELOADED).symlink_to("/etc/passwd"),
    "a directory on the way of our link": lambda path: (path / "..link").mkdir(),
}


@pytest.mark.parametrize("kind", FOREIGN)
def test_what_is_foreign_stays_and_nothing_is_written(tmp_path: Path, kind: str) -> None:
    FOREIGN[kind](tmp_path)
    before = {path.name: path.lstat().st_ino for path in tmp_path.iterdir()}
    with pytest.raises(FilesNotWritten, match=str(tmp_path)):
        put(tmp_path, OLD)
    after = {path.name: path.lstat().st_ino for path in tmp_path.iterdir()}
    assert before.items() <= after.items()
    assert not any((tmp_path / name).exists() for name in ("tls.crt", "private/tls.key"))


def test_what_else_is_in_the_directory_stays(tmp_path: Path) -> None:
    theirs = ["theirs", "..2026_01_02_03_04_05.123456789", "..other"]
    for name in theirs:
        (tmp_path / name).mkdir()
    (tmp_path / "link").symlink_to("..data/other")
    (tmp_path / "..20260102T030405.0123456789abcdef").symlink_to("theirs")
    put(tmp_path, OLD)
    put(tmp_path, NEW)
    assert {*theirs, "link", "..20260102T030405.0123456789abcdef"} <= {path.name for path in tmp_path.iterdir()}


def test_a_link_on_the_way_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "real" / "pki").mkdir(parents=True)
    (tmp_path / "link").symlink_to("real")
    (tmp_path / "real" / "last").symlink_to("pki")
    for way, trusted in product(("link/pki", "real/last"), (False, True)):
        with pytest.raises(FilesNotWritten, match="symbolic link"):
            SetOnDisk(str(tmp_path / way), OWN, trusted=trusted).put(contents(OLD), NOW)
    assert list((tmp_path / "real" / "pki").iterdir()) == []


@pytest.mark.parametrize(("part", "mode"), [("", 0o777), ("", 0o1777), ("..", 0o777)])
def test_a_way_that_others_may_change_is_refused(tmp_path: Path, part: str, mode: int) -> None:
    directory = tmp_path / "their" / "pki"
    directory.mkdir(parents=True)
    (directory / part).resolve().chmod(mode)
    with pytest.raises(FilesNotWritten, match="may be written to by others"):
        put(directory, OLD)
    assert SetOnDisk(str(directory), OWN, trusted=True).put(contents(OLD), NOW)
    assert seen(directory) == OLD


def test_a_directory_without_parent_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(FilesNotWritten, match=r"No such file or directory \(missing\)"):
        put(tmp_path / "missing" / "pki", OLD)
    assert list(tmp_path.iterdir()) == []


def test_a_file_in_place_of_the_directory_is_told(tmp_path: Path) -> None:
    (tmp_path / "pki").write_bytes(b"theirs")
    with pytest.raises(FilesNotWritten, match="Not a directory"):
        put(tmp_path / "pki", OLD)


def test_one_agent_works_at_a_time(tmp_path: Path) -> None:
    put(tmp_path, OLD)
    inside = Mortal()
    refused: list[str] = []

    def second() -> None:
        if not refused:
            with pytest.raises(FilesNotWritten, match="Another agent") as caught:
                put(tmp_path, NEW)
            refused.append(str(caught.value))
        inside()

    SetOnDisk(str(tmp_path), OWN, second).put(contents(NEW), NOW)
    assert refused
    assert seen(tmp_path) == NEW


@given(
    old=st.none() | FILES,
    new=FILES,
    steps=st.integers(min_value=0, max_value=60),
    again=st.integers(0, 60),
    mode=st.sampled_from([OWN, OTHERS]),
)
def test_a_kill_leaves_a_whole_set_and_the_next_start_cleans(
    old: dict[str, bytes] | None, new: dict[str, bytes], steps: int, again: int, mode: int
) -> None:
    with TemporaryDirectory() as folder:
        directory = Path(folder, "pki")
        if old is not None:
            put(directory, old, mode=mode)
        for mortal in (Mortal(steps), Mortal(again)):
            try:
                put(directory, new, mortal, mode)
            except Killed:
                assert not [path for path in Path(folder).rglob("*") if _is_open(path, mode)]
                if directory.exists():
                    _assert_whole(directory, old or {}, new)
        put(directory, new, mode=mode)
        assert seen(directory) == new
        assert versions(directory) == [current(directory)]
        names = {path.name for path in directory.iterdir()}
        assert names == {path.split("/")[0] for path in new} | {"..data", LOCK, current(directory)}
        assert [path.name for path in Path(folder).iterdir()] == ["pki"]
        folders = [directory, *(path for path in directory.rglob("*") if path.is_dir() and not path.is_symlink())]
        assert {stat.S_IMODE(path.stat().st_mode) for path in folders} == {mode}


def _assert_whole(directory: Path, old: dict[str, bytes], new: dict[str, bytes]) -> None:
    assert seen(directory) in (old, new, {})
    assert _through_data(directory) in (old, new)
    assert len(versions(directory)) <= 3


@pytest.mark.parametrize("old", [OLD, None])
def test_a_write_that_fails_leaves_nothing_behind(tmp_path: Path, old: dict[str, bytes] | None) -> None:
    directory = tmp_path / "pki"
    if old is not None:
        put(directory, old)
    before = versions(directory) if old else []
    for steps in count():
        with suppress(FilesNotWritten):
            put(directory, NEW, Full(steps))
        if _through_data(directory) == NEW:
            break
        assert not directory.exists() or versions(directory) == before
    assert steps > len(NEW)


def test_a_directory_that_is_there_keeps_its_mode(tmp_path: Path) -> None:
    (tmp_path / "pki").mkdir(mode=0o750)
    put(tmp_path / "pki", OLD, mode=OTHERS)
    assert stat.S_IMODE((tmp_path / "pki").stat().st_mode) == 0o750


def test_a_foreign_directory_on_the_way_of_a_new_one_stays(tmp_path: Path) -> None:
    with pytest.raises(Killed):
        put(tmp_path / "pki", OLD, Mortal(2))
    (new,) = tmp_path.iterdir()
    (new / "theirs").write_text("")
    with pytest.raises(FilesNotWritten, match="Directory not empty"):
        put(tmp_path / "pki", OLD)
    assert (new / "theirs").exists()


def _through_data(directory: Path) -> dict[str, bytes]:
    """What a reader finds who goes by the set itself."""
    top = directory / "..data"
    return {str(path.relative_to(top)): path.read_bytes() for path in top.rglob("*") if path.is_file()}


def _is_open(path: Path, mode: int) -> bool:
    """Whether others get further than a directory's mode says, or at a file."""
    allowed = mode if path.is_dir() else 0
    return not path.is_symlink() and bool(path.stat().st_mode & 0o077 & ~allowed)


def test_a_reader_never_sees_a_mix(tmp_path: Path) -> None:
    """Readers open the set itself, or go by one name; each finds the bytes of one set."""
    put(tmp_path, {"a": b"0", "b": b"0"})
    over = threading.Event()
    odd: list[object] = []

    def read() -> None:
        while not over.is_set():
            try:
                fd = os.open(tmp_path / "..data", os.O_RDONLY)
            except FileNotFoundError:
                continue
            both = {_read(name, fd) for name in ("a", "b")} - {None}
            os.close(fd)
            named = [_read(str(tmp_path / name)) for name in ("a", "b")]
            if len(both) > 1 or not all(each is None or each.isdigit() for each in named):
                odd.append((both, named))

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    try:
        for number in range(1, 200):
            put(tmp_path, {"a": b"%d" % number, "b": b"%d" % number})
    finally:
        over.set()
        for reader in readers:
            reader.join()
    assert odd == []


def test_a_reader_on_the_way_finds_the_set_before(tmp_path: Path) -> None:
    put(tmp_path, OLD)
    before = tmp_path / current(tmp_path)
    disk = SetOnDisk(str(tmp_path), OWN)
    disk.put(contents(NEW), NOW)
    assert (before / "ca.crt").read_bytes() == OLD["ca.crt"]
    assert seen(tmp_path) == NEW
    disk.clean()
    assert not before.exists()
    assert seen(tmp_path) == NEW


def _read(name: str, folder: int | None = None) -> bytes | None:
    """Give a file; None for one whose set was removed on the way to it, which a reader notices."""
    try:
        with os.fdopen(os.open(name, os.O_RDONLY, dir_fd=folder), "rb") as file:
            return file.read()
    except FileNotFoundError:
        return None


@given(steps=st.integers(min_value=0, max_value=40))
def test_a_reload_is_due_until_it_is_noted(steps: int) -> None:
    with TemporaryDirectory() as folder:
        directory = Path(folder)
        disk = SetOnDisk(folder, OWN)
        disk.put(contents(OLD), NOW)
        first = disk.reload_due()
        assert first == current(directory)
        disk.note_reload(first)
        assert disk.reload_due() is None
        try:
            put(directory, NEW, Mortal(steps))
        except Killed:
            assert (disk.reload_due() is None) == (_through_data(directory) == OLD)
        else:
            assert disk.reload_due() == current(directory)
        disk.note_reload(first)
        put(directory, NEW)
        assert disk.reload_due() == current(directory)


def test_it_knows_whether_a_set_is_there(tmp_path: Path) -> None:
    disk = SetOnDisk(str(tmp_path / "pki"), OWN)
    assert not disk.is_there()
    (tmp_path / "pki").mkdir(mode=OWN)
    assert not disk.is_there()
    disk.put({}, NOW)
    assert disk.is_there()
