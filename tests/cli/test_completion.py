"""Shells complete commands, options and values; bash by really running it, zsh and fish where they are there."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.test_hostile import environment

SCRIPTS = Path(sys.executable).parent
COMPLETE = """
source <(clusterstate completion bash)
complete -p clusterstate >&2
for line in "clusterstate hist" "clusterstate get key" "clusterstate history x -o " "clusterstate events --na"; do
    COMP_LINE=$line COMP_WORDS=($line) COMPREPLY=()
    [[ $line == *" " ]] && COMP_WORDS+=("")
    COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
    _clusterstate_completion clusterstate
    echo "$line: ${COMPREPLY[*]}"
done
"""


def run(*command: str, home: Path) -> tuple[str, str]:
    environ = environment(home)
    environ["PATH"] = f"{SCRIPTS}:{environ['PATH']}"
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout, done.stderr


def test_bash_completes(tmp_path: Path) -> None:
    shown, said = run("bash", "--norc", "-c", COMPLETE, home=tmp_path)
    assert "-F _clusterstate_completion clusterstate" in said
    assert shown.splitlines() == [
        "clusterstate hist: history",
        "clusterstate get key: keypairs",
        "clusterstate history x -o : table json yaml",
        "clusterstate events --na: --namespace",
    ]


@pytest.mark.parametrize(("shell", "mark"), [("zsh", "#compdef clusterstate"), ("fish", "complete --no-files")])
def test_other_shells_read_their_script(shell: str, mark: str, tmp_path: Path) -> None:
    shown, said = run("clusterstate", "completion", shell, home=tmp_path)
    assert said == ""
    assert mark in shown
    assert "_CLUSTERSTATE_COMPLETE" in shown
    if shutil.which(shell):
        script = tmp_path / "script"
        script.write_text(shown)
        assert run(shell, "-n", str(script), home=tmp_path) == ("", "")


def test_fish_shows_what_a_command_does(tmp_path: Path) -> None:
    line = "_CLUSTERSTATE_COMPLETE=fish_complete COMP_WORDS='clusterstate sus' COMP_CWORD=sus clusterstate"
    shown, _ = run("bash", "-c", line, home=tmp_path)
    assert "suspend" in shown
    assert "Stop the operator's runs of a ClusterState until it is resumed" in shown
