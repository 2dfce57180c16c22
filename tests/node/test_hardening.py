"""What the agent gives up is given up: files for others, cores, and what a kernel would pipe to a program."""

import subprocess
import sys
from pathlib import Path

PROGRAM = """
import ctypes, os, resource
from clusterstate.node.hardening import harden
os.umask(0)
harden()
print(os.umask(0), resource.getrlimit(resource.RLIMIT_CORE), ctypes.CDLL(None).prctl(3, 0, 0, 0, 0))
"""


def test_it_makes_nothing_for_others_and_no_core(tmp_path: Path) -> None:
    environment = {"PYTHONPATH": str(Path(__file__).parents[2] / "operator")}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=environment, cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout == f"{0o077} (0, 0) 0\n"
