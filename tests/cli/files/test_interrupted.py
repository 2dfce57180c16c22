"""An export or an import that is ended in its midst leaves whole files, and the next one completes it."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.cli.files.places import MINIMAL, Places, files
from tests.support.cli import OPERATOR

MANY = 300
PATIENCE = 60.0


@pytest.fixture
def many(places: Places) -> Places:
    """A store with many files of some size."""
    folder = places.store / MINIMAL / "addons"
    folder.mkdir()
    for number in range(MANY):
        (folder / f"{number:03}.yaml").write_bytes(f"# {number}\n".encode() * 5000)
    return places


def end_in_the_midst(places: Places, arguments: Sequence[str], target: Path, how: signal.Signals) -> tuple[int, str]:
    """Start a command, end it once it has written some files, and give its exit code and what it said."""
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": str(OPERATOR), "HOME": str(places.root), **places.environ}
    command = [sys.executable, "-m", "clusterstate", *arguments, "--state", places.url or f"file://{places.store}"]
    with subprocess.Popen(command, env=environ, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as running:
        end = time.monotonic() + PATIENCE
        while len([*target.rglob("*.yaml")]) < MANY // 20:
            assert running.poll() is None, "it ended before it could be ended"
            assert time.monotonic() < end
            time.sleep(0.01)
        running.send_signal(how)
        said = running.communicate(timeout=PATIENCE)[1]
    return running.returncode, said


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT], ids=["kill -9", "Ctrl-C"])
def test_an_export_leaves_whole_files_and_is_completed(many: Places, how: signal.Signals) -> None:
    there = files(many.store)
    code, said = end_in_the_midst(many, ["export", str(many.directory), "--with-secrets"], many.directory, how)
    assert (
        (code == -9) if how is signal.SIGKILL else (code, said.splitlines()[-1]) == (130, "clusterstate: interrupted.")
    )
    partly = files(many.directory)
    assert 0 < len(partly) < len(there)
    assert partly.items() <= there.items()
    many.export("--with-secrets")
    assert files(many.directory) == there
    assert {each.name for each in many.directory.rglob(".*")} == {".clusterstate.json", ".clusterstate.secrets.json"}


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT], ids=["kill -9", "Ctrl-C"])
def test_an_import_leaves_whole_files_and_is_completed(many: Places, how: signal.Signals) -> None:
    many.store.rename(many.directory)
    here = files(many.directory)
    code, said = end_in_the_midst(many, ["import", str(many.directory), "--yes"], many.store, how)
    assert code == (-9 if how is signal.SIGKILL else 130), said
    partly = files(many.store)
    assert 0 < len(partly) < len(here)
    assert partly.items() <= here.items()
    assert f"{MINIMAL}/config" not in partly
    many.bring("--yes")
    assert files(many.store) == here


def test_an_import_into_a_store_that_was_lost_is_completed_too(many: Places) -> None:
    many.export("--with-secrets")
    before = files(many.store)
    shutil.rmtree(many.store)
    end_in_the_midst(many, ["import", str(many.directory), "--yes"], many.store, signal.SIGKILL)
    assert 0 < len(files(many.store)) < len(before)
    many.bring("--yes")
    assert files(many.store) == before
