"""The command line as a person meets it: fast help, one-line errors, exit codes."""

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import pytest

from clusterstate import __version__
from clusterstate.cli.main import commands
from clusterstate.cli.topics import TOPICS

ROOT = Path(__file__).parents[2] / "operator"
HEAVY = {
    *("boto3", "botocore", "kubernetes", "kopf", "aiohttp", "google", "oss2", "openstack", "swiftclient", "requests"),
    *("asyncio", "logging", "ssl", "cryptography", "yaml", "msgspec", "rich", "ctypes", "difflib"),
}


def run(
    *arguments: str,
    home: Path,
    program: tuple[str, ...] = ("-m", "clusterstate"),
    environ: Mapping[str, str] = MappingProxyType({}),
) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "HOME": str(home), **environ}
    command = [sys.executable, *program, *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)


LOADED = f"""
import sys
from clusterstate.cli.main import commands, main
from tests.cli.hostile import leaves
paths = [path for path, _ in leaves(commands)]
for words in [["--version"], *([*path, "--help"] for path in paths)]:
    sys.argv = ["clusterstate", *words]
    assert main() == 0, words
    print()
print(*sorted({{name.partition(".")[0] for name in sys.modules}} & {HEAVY!r}), file=sys.stderr)
"""


def test_no_help_loads_what_takes_time(tmp_path: Path) -> None:
    """Neither an SDK nor what makes Python slow to start: measured, `--help` takes 60 to 85 ms of CPU."""
    done = run(home=tmp_path, program=("-c", LOADED), environ={"PYTHONPATH": f"{ROOT}:{ROOT.parent}"})
    assert (done.returncode, done.stderr.strip()) == (0, "")
    assert "Usage: clusterstate history" in done.stdout


def test_help_is_by_topic_on_one_line_each(tmp_path: Path) -> None:
    shown = run("--help", home=tmp_path, environ={"COLUMNS": "80"}).stdout
    assert "..." not in shown.partition("[ARGS]...")[2]
    titles = [line[:-1] for line in shown.splitlines() if line.endswith(":") and not line.startswith(" ")]
    assert titles == ["Options", *(topic for topic in TOPICS if topic in titles)]
    lines = [line for line in shown.splitlines() if line.startswith("  ") and line[2:3].islower()]
    assert len(lines) == len(commands.commands), "none is wrapped"
    assert {line.split()[0] for line in lines} == {*commands.commands}
    assert {*commands.commands} <= {name for names in TOPICS.values() for name in names}


def test_a_misspelt_command_is_told_its_name(tmp_path: Path) -> None:
    said = run("histroy", home=tmp_path).stderr
    assert said == "clusterstate: No such command 'histroy'. Did you mean 'history'? See clusterstate --help.\n"


def test_a_missing_word_is_told_in_one_line(tmp_path: Path) -> None:
    said = run("completion", home=tmp_path).stderr
    assert said.startswith("clusterstate: Missing argument '{bash|zsh|fish}'. Choose from: bash, zsh, fish")
    assert said.count("\n") == 1


def test_people_who_ask_hear_more_and_where_an_error_is(tmp_path: Path) -> None:
    config = ("--kubeconfig", "missing.yaml")
    said = run("status", *config, "-v", "--debug", home=tmp_path).stderr
    first, *frames, error, cost = said.splitlines()
    assert first == "KubeRefused at"
    assert any("login.py" in line for line in frames)
    assert error == "clusterstate: There is no kubeconfig missing.yaml. Name another."
    assert re.fullmatch(r"clusterstate: took [0-9.]+ s, [0-9.]+ s of CPU, [0-9]+ MiB\.", cost)


def test_it_says_its_version(tmp_path: Path) -> None:
    assert run("--version", home=tmp_path).stdout == f"clusterstate, version {__version__}\n"


@pytest.mark.parametrize("arguments", [("fly",), ("run", "--wings"), ("reconcile", "prod", "--timeout", "soon")])
def test_a_misspelt_command_line_is_code_2(arguments: tuple[str, ...], tmp_path: Path) -> None:
    done = run(*arguments, home=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith("clusterstate: ")
    assert done.stderr.count("\n") == 1
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "environ", "said"),
    [
        (("run",), {"CLUSTERSTATE_WORKERS": "none"}, "CLUSTERSTATE_WORKERS is 'none'"),
        (("run", "--kubeconfig", "missing.yaml"), {}, "missing.yaml"),
        (("run",), {}, "kubeconfig"),
    ],
)
def test_what_a_person_can_mend_is_one_line_and_code_1(
    arguments: tuple[str, ...], environ: dict[str, str], said: str, tmp_path: Path
) -> None:
    done = run(*arguments, home=tmp_path, environ=environ)
    assert done.returncode == 1
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith("clusterstate: ")
    assert said in done.stderr
