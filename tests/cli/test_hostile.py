"""Whatever is typed, closed, full, missing or interrupted: one error in words, a known exit code, no traceback."""

import json
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType

import pytest
import yaml

from tests.support.cli import OPERATOR
from tests.support.world import COMPLEX

HOSTILE = Path(__file__).with_name("hostile.py")
STORE = Path(__file__).parents[1] / "data" / "kops-store"
PROGRAM = f"{shlex.quote(sys.executable)} -m clusterstate"
NONE: Mapping[str, str] = MappingProxyType({})


def environment(home: Path, **more: str) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "PYTHONPATH": str(OPERATOR), "HOME": str(home), **more}


def shell(line: str, home: Path, **environ: str) -> tuple[int, str, str]:
    """Run one line of bash, in which $C is the program."""
    done = subprocess.run(
        ["bash", "-c", line],
        env=environment(home, C=PROGRAM, **environ),
        cwd=home,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout.decode(), done.stderr.decode(errors="backslashreplace")


def kubeconfig(home: Path, port: int) -> Path:
    """Give a kubeconfig for a server on this machine."""
    cluster = {"server": f"https://127.0.0.1:{port}", "insecure-skip-tls-verify": True}
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "here",
        "contexts": [{"name": "here", "context": {"cluster": "here", "user": "me"}}],
        "clusters": [{"name": "here", "cluster": cluster}],
        "users": [{"name": "me", "user": {"token": "none"}}],
    }
    path = home / "kubeconfig"
    path.write_text(yaml.safe_dump(content))
    return path


@pytest.mark.parametrize("chosen", [True, False])
def test_whatever_is_typed_ends_in_words(tmp_path: Path, *, chosen: bool) -> None:
    """With a store and a cluster that are there, on an API server that isn't, and with nothing chosen at all."""
    folder = tmp_path / "here" / "below"
    folder.mkdir(parents=True)
    shutil.copytree(STORE, tmp_path / "kept")
    shutil.copy(STORE / COMPLEX / "config", folder / "file")
    choice = {
        "KOPS_STATE_STORE": f"file://{folder}/store",
        "KOPS_CLUSTER_NAME": COMPLEX,
        "KUBECONFIG": str(kubeconfig(tmp_path, 1)),
    }
    environ = environment(tmp_path, EDITOR="false", **(choice if chosen else {}))
    done = subprocess.run(
        [sys.executable, "-W", "error", str(HOSTILE), f"seven {chosen}"],
        env=environ,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == []


def test_a_reader_that_goes_is_no_error(tmp_path: Path) -> None:
    store = f"file://{STORE}"
    for command in ("--help", "get clusters -o yaml", "completion bash"):
        code, shown, said = shell(f"$C {command} | head -1; exit $?", tmp_path, KOPS_STATE_STORE=store)
        assert (code, shown.count("\n"), said) == (0, 1, "")


@pytest.mark.parametrize("command", ["--help", f"show {COMPLEX}"])
def test_a_full_disk_is_told(command: str, tmp_path: Path) -> None:
    code, _, said = shell(f"$C {command} >/dev/full", tmp_path, KOPS_STATE_STORE=f"file://{STORE}")
    full = "clusterstate: there is no space left for what it prints or writes. Make room, and run it again.\n"
    assert (code, said) == (1, full)


def test_closed_streams_are_no_bugs(tmp_path: Path) -> None:
    store = {"KOPS_STATE_STORE": f"file://{STORE}"}
    code, shown, said = shell("$C get clusters -o name <&-", tmp_path, **store)
    assert (code, said) == (0, "")
    assert COMPLEX in shown
    code, _, said = shell("$C get clusters >&-", tmp_path, **store)
    assert (code, said) == (1, "clusterstate: Bad file descriptor. Correct that, and run it again.\n")
    assert shell("$C get clusters -o name 2>&-", tmp_path, **store)[0] == 0
    assert shell("$C get clusters --state nowhere <&- >&- 2>&-", tmp_path)[0] == 2


def test_no_home_is_no_bug(tmp_path: Path) -> None:
    code, _, said = shell("unset HOME; $C get clusters", tmp_path)
    assert (code, said.startswith("clusterstate: No state store is chosen. Tried were --state,")) == (2, True)
    code, _, said = shell("unset HOME; $C status", tmp_path)
    assert (code, said.count("\n"), "bug" in said) == (1, 1, False)


def test_who_has_to_try_again_is_told(tmp_path: Path) -> None:
    away = {"S3_ENDPOINT": "http://127.0.0.1:1", "S3_ACCESS_KEY_ID": "a", "S3_SECRET_ACCESS_KEY": "b"}
    code, _, said = shell("$C get clusters --state s3://acme", tmp_path, **away)
    assert (code, said.count("\n"), said.endswith("(EndpointConnectionError). Try again.\n")) == (1, 1, True)


def test_what_isnt_utf_8_is_printed_somehow(tmp_path: Path) -> None:
    latin = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": "latin-1"}
    code, _, said = shell(r"$C status --kubeconfig $'caf\xe9'", tmp_path, **latin)
    assert (code, said) == (1, "clusterstate: There is no kubeconfig caf\\ufffd. Name another.\n")
    shutil.copytree(STORE / COMPLEX, tmp_path / "store" / "日本.example.com")
    line = "$C get clusters -o name --state file://$HOME/store"
    code, shown, said = shell(line, tmp_path, LC_ALL="C.UTF-8", PYTHONIOENCODING="latin-1")
    assert (code, shown) == (0, "\\u65e5\\u672c.example.com\n")
    assert said.startswith("clusterstate: \\u65e5\\u672c.example.com/config is of a cluster ")


@contextmanager
def started(home: Path, *flags: str, port: int) -> Iterator[subprocess.Popen[str]]:
    """Start a command that asks a server which never answers."""
    command = [sys.executable, *flags, "-m", "clusterstate", "status"]
    environ = environment(home, KUBECONFIG=str(kubeconfig(home, port)))
    pipe = subprocess.PIPE
    with subprocess.Popen(command, env=environ, stdout=pipe, stderr=pipe, text=True) as child:
        try:
            yield child
        finally:
            child.kill()


def test_an_interrupt_at_the_start_is_told(tmp_path: Path) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as silent,
        started(tmp_path, "-X", "importtime", port=silent.getsockname()[1]) as child,
    ):
        assert child.stderr is not None
        next(line for line in child.stderr if line.endswith("click.globals\n"))
        child.send_signal(signal.SIGINT)
        said = [line for line in child.stderr if line.strip() and not line.startswith("import time:")]
        assert (child.wait(timeout=30), said) == (130, ["clusterstate: interrupted.\n"])


def test_an_interrupt_in_the_midst_is_told(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, started(tmp_path, port=silent.getsockname()[1]) as child:
        assert child.stderr is not None
        connection, _ = silent.accept()
        with connection:
            child.send_signal(signal.SIGINT)
            assert (child.wait(timeout=30), child.stderr.read().strip()) == (130, "clusterstate: interrupted.")
