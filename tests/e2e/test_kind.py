"""What `make kind` would do, in which order, and that it leaves no cluster behind; no container engine runs here."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.kind import kind

SCRIPT = Path(__file__).parents[2] / "scripts" / "kind.sh"
FAKE = """#!/bin/sh
echo "$(basename "$0") $*" >> "$LOG"
[ "$(basename "$0") $1" != "$FAILING" ]
"""


@pytest.fixture
def log(tmp_path: Path) -> Path:
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("docker", "kind", "make"):
        (programs / name).write_text(FAKE)
        (programs / name).chmod(0o755)
    return tmp_path / "log"


def ran(log: Path, **environ: str) -> tuple[int, list[str]]:
    """Run the script with nothing but fakes; give its exit code, and the beginnings of what it called."""
    path = f"{log.parent / 'bin'}:{os.environ['PATH']}"
    more = {"PATH": path, "LOG": str(log), "TMPDIR": str(log.parent), "PYTHON": sys.executable, "ENGINE": "docker"}
    done = subprocess.run([SCRIPT], env={**os.environ, **more, **environ}, capture_output=True, check=False)
    lines = log.read_text().splitlines() if log.exists() else []
    return done.returncode, [" ".join(line.split()[:2]) for line in lines]


def test_it_builds_loads_tests_and_removes(log: Path) -> None:
    steps = ["docker build", "docker save", "kind create", "kind load", "make e2e", "kind delete"]
    assert ran(log) == (0, steps)


@pytest.mark.parametrize("failing", ["kind load", "make e2e"])
def test_no_cluster_stays_after_a_failure(log: Path, failing: str) -> None:
    code, steps = ran(log, FAILING=failing)
    assert code != 0
    assert steps[-2:] == [failing, "kind delete"]


def test_it_says_that_buildah_runs_no_cluster(log: Path) -> None:
    code, steps = ran(log, ENGINE="buildah")
    assert (code, steps) == (1, [])


@pytest.mark.soak
@pytest.mark.timeout(900)
def test_kind_is_built() -> None:
    assert subprocess.run([kind(), "version"], capture_output=True, text=True, check=True).stdout.startswith("kind v")
