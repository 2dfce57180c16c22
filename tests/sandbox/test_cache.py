"""A program of the cache is whole or is made again, by one process at a time."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from clusterstate.sandbox.cache import DIGEST, PARTIAL, Cache, Entry, default_root
from clusterstate.sandbox.errors import BuildFailed

ENTRY = Entry(title="tool v1", folder="tool-v1", program="tool")
GOOD = "#!/bin/sh\necho tool v1\n"
SLOW_PROCESS = """
import pathlib, sys, time
from clusterstate.sandbox.cache import Cache, Entry

def fill(folder):
    pathlib.Path(sys.argv[2]).touch()
    while pathlib.Path(sys.argv[3]).exists():
        time.sleep(0.01)
    tool = folder / "tool"
    tool.write_text("#!/bin/sh\\necho made by the slow process\\n")
    tool.chmod(0o755)

print(Cache(pathlib.Path(sys.argv[1])).obtain(Entry("tool v1", "tool-v1", "tool"), fill))
"""


class Maker:
    """Makes the tool, and counts how often."""

    def __init__(self, content: str = GOOD) -> None:
        self.content, self.calls = content, 0

    def __call__(self, folder: Path) -> None:
        self.calls += 1
        tool = folder / "tool"
        tool.write_text(self.content)
        tool.chmod(0o755)


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def cache(tmp_path: Path, said: list[str]) -> Cache:
    return Cache(tmp_path / "cache", said.append)


def test_made_once(cache: Cache) -> None:
    maker = Maker()
    assert cache.obtain(ENTRY, maker) == cache.obtain(ENTRY, maker)
    assert maker.calls == 1


def _truncate(tool: Path) -> None:
    tool.write_text(GOOD[:-4])


def _forbid(tool: Path) -> None:
    tool.chmod(0o644)


def _lose_digest(tool: Path) -> None:
    (tool.parent / DIGEST).unlink()


def _lose_tool(tool: Path) -> None:
    tool.unlink()


def _record_a_tool_that_fails(tool: Path) -> None:
    tool.write_text("#!/bin/sh\nexit 3\n")
    digest = subprocess.run(["sha256sum", tool], capture_output=True, text=True, check=True).stdout.split()[0]
    (tool.parent / DIGEST).write_text(digest)


@pytest.mark.parametrize("damage", [_truncate, _forbid, _lose_digest, _lose_tool, _record_a_tool_that_fails])
def test_broken_program_is_noticed_and_made_again(
    cache: Cache, said: list[str], damage: Callable[[Path], None]
) -> None:
    tool = cache.obtain(ENTRY, Maker())
    damage(tool)
    maker = Maker()
    assert cache.obtain(ENTRY, maker).read_text() == GOOD
    assert maker.calls == 1
    assert any("tool v1" in line and "broken" in line for line in said)


def test_failed_making_leaves_nothing(cache: Cache) -> None:
    def fail(folder: Path) -> None:
        (folder / "tool").write_text("half of it")
        raise BuildFailed("no more disk")

    with pytest.raises(BuildFailed, match="no more disk"):
        cache.obtain(ENTRY, fail)
    assert [path.name for path in cache.root.iterdir()] == ["lock"]
    assert cache.obtain(ENTRY, Maker()).read_text() == GOOD


@pytest.mark.parametrize("content", ["#!/bin/sh\nexit 1\n", "no program at all"])
def test_making_what_does_not_run_is_a_failure(cache: Cache, content: str) -> None:
    with pytest.raises(BuildFailed, match="tool v1 was made, but it doesn't answer --version"):
        cache.obtain(ENTRY, Maker(content))
    assert not (cache.root / ENTRY.folder).exists()


def test_making_nothing_is_a_failure(cache: Cache) -> None:
    with pytest.raises(BuildFailed, match="there is no tool in it"):
        cache.obtain(ENTRY, lambda _: None)


class SlowProcess:
    """Another process that makes the tool and takes until it is told to finish."""

    def __init__(self, root: Path, tmp_path: Path) -> None:
        self.started, self.hold = tmp_path / "started", tmp_path / "hold"
        self.hold.touch()
        argv = [sys.executable, "-c", SLOW_PROCESS, str(root), str(self.started), str(self.hold)]
        self.process = subprocess.Popen(argv, stderr=subprocess.DEVNULL, env={**os.environ, "PYTHONPATH": "operator"})
        while not self.started.exists():
            assert self.process.poll() is None
            time.sleep(0.01)


@pytest.fixture
def other(cache: Cache, tmp_path: Path, pytestconfig: pytest.Config, monkeypatch: pytest.MonkeyPatch) -> SlowProcess:
    monkeypatch.chdir(pytestconfig.rootpath)
    return SlowProcess(cache.root, tmp_path)


def test_second_process_waits_and_says_for_whom(cache: Cache, said: list[str], other: SlowProcess) -> None:
    def finish_the_other(line: str) -> None:
        said.append(line)
        other.hold.unlink()

    maker = Maker()
    tool = Cache(cache.root, finish_the_other).obtain(ENTRY, maker)
    assert "made by the slow process" in tool.read_text()
    assert maker.calls == 0
    assert said == [f"waiting for process {other.process.pid}, which makes tool v1, then for tool v1"]
    assert other.process.wait(10) == 0


def test_killed_process_leaves_neither_lock_nor_program(cache: Cache, other: SlowProcess) -> None:
    other.process.send_signal(signal.SIGKILL)
    other.process.wait(10)
    assert list(cache.root.glob(f"{PARTIAL}*"))
    assert cache.obtain(ENTRY, Maker()).read_text() == GOOD
    assert not list(cache.root.glob(f"{PARTIAL}*"))


def test_root_follows_the_users_settings() -> None:
    assert default_root({"XDG_CACHE_HOME": "/somewhere"}) == Path("/somewhere/clusterstate")
    assert default_root({"XDG_CACHE_HOME": "not/absolute"}) == Path.home() / ".cache" / "clusterstate"
    assert default_root({}) == Path.home() / ".cache" / "clusterstate"
