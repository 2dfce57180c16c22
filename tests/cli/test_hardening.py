"""A process that holds secrets leaves none in files that others may read, nor in a core when it crashes."""

import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest

OPERATOR = Path(__file__).parents[2] / "operator"
CANARY = "CANARY-5eed0ddc0de"
CRASH = """
import ctypes, os, resource, sys, tempfile
from clusterstate.cli.hardening import harden
resource.setrlimit(resource.RLIMIT_CORE, (resource.getrlimit(resource.RLIMIT_CORE)[1],) * 2)
if sys.argv[1] == "hardened":
    harden()
open("file", "w").close()
os.mkdir("folder")
secret = "-".join(["CANARY", "5eed0ddc0de"]) * 1000
held = tempfile.TemporaryFile()
held.write(secret.encode())
held.flush()
print(resource.getrlimit(resource.RLIMIT_CORE), ctypes.CDLL(None).prctl(3), flush=True)
os.kill(os.getpid(), int(sys.argv[2]))
"""


def crash(folder: Path, how: str, number: signal.Signals) -> tuple[str, int]:
    """Run a process that holds a secret until it crashes; give what it said, and how it ended."""
    environment = {"PYTHONPATH": str(OPERATOR), "HOME": str(folder), "TMPDIR": str(folder)}
    command = [sys.executable, "-c", CRASH, how, str(int(number))]
    done = subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, timeout=60, check=False)
    return done.stdout.strip(), done.returncode


@pytest.mark.parametrize("number", [signal.SIGABRT, signal.SIGSEGV, signal.SIGQUIT])
def test_a_crash_leaves_nothing(tmp_path: Path, number: signal.Signals) -> None:
    said, code = crash(tmp_path, "hardened", number)
    assert (said, code) == ("(0, 0) 0", -number)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["file", "folder"]
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "folder").stat().st_mode & 0o777 == 0o700


def test_without_that_it_would(tmp_path: Path) -> None:
    """Where the kernel writes cores into the working directory; elsewhere the process says that it is dumpable."""
    said, _ = crash(tmp_path, "soft", signal.SIGABRT)
    assert said.endswith(" 1")
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o666 & ~current_umask()
    pattern = Path("/proc/sys/kernel/core_pattern").read_text().strip()
    if pattern == "core" and resource.getrlimit(resource.RLIMIT_CORE)[1] == resource.RLIM_INFINITY:
        (core,) = tmp_path.glob("core*")
        assert CANARY.encode() in core.read_bytes()


def current_umask() -> int:
    mask = os.umask(0o022)
    os.umask(mask)
    return mask
