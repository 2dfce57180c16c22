"""Words that a shell may complete a command line with, as click knows them from the commands themselves."""

from collections.abc import Sequence
from typing import Final

import click
from click.shell_completion import ShellComplete, get_completion_class

from clusterstate.cli.program import COMPLETE_VARIABLE, NAME

NO_FILES: Final = 4
"""Cobra's ShellCompDirectiveNoFileComp, which kubectl takes from plugins."""
FILES: Final = 0
"""Cobra's ShellCompDirectiveDefault: the shell completes names of files."""


def script(commands: click.Command, shell: str) -> str:
    """Give what a shell reads at its start; `shell` is bash, zsh or fish."""
    found = get_completion_class(shell)
    assert found is not None, f"click completes for {shell}"
    return found(commands, {}, NAME, COMPLETE_VARIABLE).source()


def answer_kubectl(commands: click.Command, words: Sequence[str]) -> int:
    """Print, as cobra's programs do, what the last of the words may become; the others stand before it."""
    *before, incomplete = words or [""]
    items = ShellComplete(commands, {}, NAME, COMPLETE_VARIABLE).get_completions([*before], incomplete)
    plain = [item for item in items if item.type == "plain"]
    for item in plain:
        click.echo(f"{item.value}\t{item.help}" if item.help else item.value)
    click.echo(f":{NO_FILES if plain or not items else FILES}")
    return 0
