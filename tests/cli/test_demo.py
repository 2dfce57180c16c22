"""The demo shows the main job on real servers, ends by itself, and fails when something it shows isn't so."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from clusterstate.cli import demo

pytestmark = [pytest.mark.apiserver, pytest.mark.objectstore]

OPERATOR = Path(__file__).parents[2] / "operator"


def test_it_shows_everything_and_leaves_nothing(tmp_path: Path) -> None:
    mark = f"demo-{os.getpid()}"
    environment = {**os.environ, "PYTHONPATH": str(OPERATOR), "TMPDIR": str(tmp_path), "DEMO_MARK": mark}
    command = [sys.executable, "-m", "clusterstate", "demo"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=110, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "All of it was so." in done.stdout
    for shown in ("+  kubernetesVersion: v1.32.10", "complex-keyset-kubernetes-ca", "it was back after"):
        assert shown in done.stdout
    assert processes_with(f"DEMO_MARK={mark}") == []
    assert list(tmp_path.iterdir()) == []


def processes_with(variable: str) -> list[str]:
    """Give the processes that inherited an environment variable."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if variable.encode() in (process / "environ").read_bytes().split(b"\0"):
                found.append((process / "cmdline").read_text())
        except OSError:
            continue
    return found


def test_a_step_that_does_not_come_out_as_told_fails() -> None:
    with pytest.raises(demo.DemoFailed, match="isn't so: the store should be empty"):
        demo._check(False, "the store should be empty")  # noqa: FBT003 - a truth is checked
