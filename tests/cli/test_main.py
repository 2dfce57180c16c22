"""The command line as a person meets it: fast help, one-line errors, exit codes."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import pytest

from clusterstate import __version__

ROOT = Path(__file__).parents[2] / "operator"
SDKS = {"boto3", "botocore", "kubernetes", "kopf", "aiohttp"}


def run(
    *arguments: str,
    home: Path,
    program: tuple[str, ...] = ("-m", "clusterstate"),
    environ: Mapping[str, str] = MappingProxyType({}),
) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "HOME": str(home), **environ}
    command = [sys.executable, *program, *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)


HELP = ["--help", "run --help", "node-agent -h", "demo -h", "--version", "plan -h", "history -h", "rollback -h"]


@pytest.mark.parametrize("arguments", HELP)
def test_help_loads_no_sdk(arguments: str, tmp_path: Path) -> None:
    program = f"""
import sys
from clusterstate.cli.main import main
code = main()
print(*sorted({{name.partition(".")[0] for name in sys.modules}} & {SDKS!r}), file=sys.stderr)
sys.exit(code)
"""
    done = run(*arguments.split(), home=tmp_path, program=("-c", program))
    assert (done.returncode, done.stderr.strip()) == (0, "")
    assert done.stdout


def test_it_says_its_version(tmp_path: Path) -> None:
    assert run("--version", home=tmp_path).stdout == f"clusterstate, version {__version__}\n"


@pytest.mark.parametrize("arguments", [("fly",), ("run", "--wings"), ("run", "--kubeconfig")])
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
