"""Whoever is asked may also leave."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support.cli import OPERATOR
from tests.support.world import DATA, MINIMAL

QUESTIONS = [
    ("set", "spec.kubernetesVersion=v1.33.1", "--name", MINIMAL),
    ("delete", MINIMAL),
]


def wait_for_rest(process: int) -> None:
    """Wait until the main thread of a process sleeps and uses no time: it reads the answer."""
    stat, before = Path(f"/proc/{process}/task/{process}/stat"), ""
    while not (before and before.split(") ")[1].startswith("S") and stat.read_text() == before):
        before = stat.read_text()
        time.sleep(0.2)


@pytest.mark.parametrize("command", QUESTIONS, ids=lambda command: command[0])
def test_an_interrupt_at_a_question_ends_the_command(command: tuple[str, ...], tmp_path: Path) -> None:
    store = tmp_path / "store"
    shutil.copytree(DATA / "kops-store", store)
    before = {path: path.read_bytes() for path in store.rglob("*") if path.is_file()}
    ours, theirs = os.openpty()
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": str(OPERATOR), "HOME": str(tmp_path)}
    arguments = [sys.executable, "-m", "clusterstate", *command, "--state", f"file://{store}"]
    child = subprocess.Popen(arguments, env=environ, stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert child.stderr is not None
    said = b""
    while b"[y/N]" not in said and not said.rstrip().endswith(b":"):
        part = os.read(child.stderr.fileno(), 4096)
        assert part, said
        said += part
    wait_for_rest(child.pid)
    child.send_signal(signal.SIGINT)
    _, rest = child.communicate(timeout=30)
    os.close(ours)
    os.close(theirs)
    assert (child.returncode, rest.decode().splitlines()[-1]) == (130, "clusterstate: interrupted.")
    assert before == {path: path.read_bytes() for path in store.rglob("*") if path.is_file()}
