"""Children are waited for, stopped, and never outlive their parent."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from clusterstate.sandbox.errors import NotReady, ProcessDied
from clusterstate.sandbox.process import PORTS, Child, free_port, on_free_ports

PARENT = """
import pathlib, sys, time
from clusterstate.sandbox.process import Child

child = Child.start(["sleep", "1000"], log=pathlib.Path(sys.argv[1]))
print(child.pid, flush=True)
time.sleep(1000)
"""


def alive(pid: int) -> bool:
    """Tell whether a process runs; a zombie doesn't."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_until(condition: Callable[[], bool], seconds: float = 10) -> bool:
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)
    return condition()


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log"


def test_kill_9_of_the_parent_leaves_no_child(log: Path, pytestconfig: pytest.Config) -> None:
    environment = {**os.environ, "PYTHONPATH": str(pytestconfig.rootpath / "operator")}
    argv = [sys.executable, "-c", PARENT, str(log)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, env=environment) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        assert wait_until(lambda: b"sleep" in Path(f"/proc/{child}/cmdline").read_bytes().split(b"\0"))
        parent.send_signal(signal.SIGKILL)
    assert wait_until(lambda: not alive(child))


def test_child_outlives_the_thread_that_asked_for_it(log: Path) -> None:
    children: list[Child] = []
    thread = threading.Thread(target=lambda: children.append(Child.start(["sleep", "1000"], log=log)))
    thread.start()
    thread.join()
    assert children[0].wait(0.5) is None
    children[0].stop()
    assert not alive(children[0].pid)


def test_death_before_readiness_tells_the_last_words(log: Path) -> None:
    child = Child.start(["sh", "-c", "echo first; echo out of memory >&2; exit 3"], log=log)
    with pytest.raises(ProcessDied, match=r"(?s)sh ended with code 3.*first\nout of memory"):
        child.wait_ready(lambda: False, timeout=20)


def test_program_that_is_not_there(log: Path) -> None:
    child = Child.start(["/nowhere/tool"], log=log)
    with pytest.raises(ProcessDied, match="/nowhere/tool: No such file"):
        child.wait_ready(lambda: False, timeout=20)


def test_deadline_of_readiness(log: Path) -> None:
    child = Child.start(["sleep", "1000"], log=log)
    with pytest.raises(NotReady, match="sleep isn't ready after 0 seconds"):
        child.wait_ready(lambda: False, timeout=0.2)
    child.stop()


def test_stop_lets_a_child_end_well(log: Path) -> None:
    child = Child.start(["sh", "-c", "trap 'echo bye; exit 0' TERM; echo up; while :; do sleep 0.05; done"], log=log)
    child.wait_ready(lambda: "up" in child.tail(), timeout=20)
    child.stop()
    assert child.tail().endswith("up\nbye")


def test_stop_kills_after_the_grace(log: Path) -> None:
    child = Child.start(["sh", "-c", "trap '' TERM; echo up; while :; do sleep 0.05; done"], log=log)
    child.wait_ready(lambda: "up" in child.tail(), timeout=20)
    child.stop(grace=0.3)
    assert child.wait(0) == -signal.SIGKILL
    child.stop()


def test_free_port_can_be_listened_on() -> None:
    port = free_port()
    assert port in PORTS
    with socket.create_server(("127.0.0.1", port)):
        pass


def test_lost_port_is_tried_again_and_other_deaths_are_not() -> None:
    deaths = [ProcessDied("listen tcp: bind: address already in use"), None]

    def start() -> str:
        death = deaths.pop(0)
        if death is not None:
            raise death
        return "running"

    assert on_free_ports(start) == "running"
    deaths[:] = [ProcessDied("out of memory"), None]
    with pytest.raises(ProcessDied, match="out of memory"):
        on_free_ports(start)
    assert deaths == [None]
