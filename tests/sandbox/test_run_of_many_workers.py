"""One set of servers for all processes of a run, stopped by the process that holds them, whatever happens."""

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import pytest

from clusterstate.sandbox.errors import SandboxError
from tests.support import servers
from tests.support.servers import Asker, Holder, Kind

STARTED: list[Path] = []
STOPPED: list[Path] = []
INI = """
[pytest]
asyncio_default_fixture_loop_scope = function
addopts = -p no:cacheprovider --timeout=60
markers =
    kops: a
    soak: b
"""
TESTS = """
import os, pathlib, time

def test_one(s3_server):
    pathlib.Path("address-one").write_text(s3_server.endpoint)
    {end}

def test_two(s3_server):
    pathlib.Path("address-two").write_text(s3_server.endpoint)
"""


@dataclass(frozen=True)
class Toy:
    directory: Path

    @classmethod
    def start(cls, directory: Path) -> Self:
        time.sleep(0.1)
        STARTED.append(directory)
        return cls(directory)

    @classmethod
    def fail(cls, directory: Path) -> Self:
        STARTED.append(directory)
        raise SandboxError("no disk")

    def stop(self) -> None:
        STOPPED.append(self.directory)

    def shared(self) -> Self:
        return self


@pytest.fixture
def holder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Holder]:
    STARTED.clear()
    STOPPED.clear()
    monkeypatch.setitem(servers.KINDS, "toy", Kind(Toy.start))
    monkeypatch.setitem(servers.KINDS, "broken", Kind(Toy.fail))
    holder = Holder(print)
    yield holder
    holder.stop()


def test_many_ask_at_once_and_one_server_starts(holder: Holder) -> None:
    address = holder.listen()
    answers: list[Toy] = []
    threads = [threading.Thread(target=lambda: answers.append(Asker(*address).get("toy"))) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [holder.get("toy")] * 5
    assert len(STARTED) == 1


def test_what_nobody_asked_for_is_not_started(holder: Holder) -> None:
    holder.get("toy")
    holder.stop()
    assert STARTED == STOPPED == [STARTED[0]]
    assert not STARTED[0].parent.exists()


def test_a_failed_start_is_told_to_all_and_not_tried_again(holder: Holder) -> None:
    asker = Asker(*holder.listen())
    for who in (holder, asker, asker):
        with pytest.raises(SandboxError, match="broken can't be started: no disk"):
            who.get("broken")
    assert len(STARTED) == 1


def _run(folder: Path, root: Path, end: str, *arguments: str) -> "subprocess.Popen[str]":
    (folder / "pytest.ini").write_text(INI)
    (folder / "test_some.py").write_text(TESTS.format(end=end))
    return subprocess.Popen(
        [
            "env",
            f"PYTHONPATH={root}:{root / 'operator'}",
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "tests.conftest",
            *arguments,
        ],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def _servers_at(address: str) -> list[int]:
    """Give the processes that were started to listen at an address."""
    wanted = address.removeprefix("http://").encode()
    return [
        int(path.parent.name)
        for path in Path("/proc").glob("[0-9]*/cmdline")
        if path.exists() and wanted in path.read_bytes().split(b"\0")
    ]


def _address(folder: Path) -> str:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if (folder / "address-one").exists() and (text := (folder / "address-one").read_text()):
            return text
        time.sleep(0.05)
    pytest.fail("the server never started")


@pytest.mark.objectstore
@pytest.mark.parametrize("workers", ["0", "2"])
def test_a_failed_run_leaves_no_server(tmp_path: Path, pytestconfig: pytest.Config, workers: str) -> None:
    with _run(tmp_path, pytestconfig.rootpath, "assert False", "-n", workers) as run:
        shown, _ = run.communicate(timeout=100)
    assert "1 failed, 1 passed" in shown
    assert _address(tmp_path) == (tmp_path / "address-two").read_text()
    assert _servers_at(_address(tmp_path)) == []


@pytest.mark.objectstore
@pytest.mark.parametrize("workers", ["0", "2"])
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupted_run_leaves_no_server(
    tmp_path: Path, pytestconfig: pytest.Config, workers: str, how: signal.Signals
) -> None:
    with _run(tmp_path, pytestconfig.rootpath, "time.sleep(1000)", "-n", workers) as run:
        address = _address(tmp_path)
        assert len(_servers_at(address)) == 1
        run.send_signal(how)
        run.wait(60)
        deadline = time.monotonic() + 10
        while _servers_at(address) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert _servers_at(address) == []
