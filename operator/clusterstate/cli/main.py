"""`clusterstate`: the commands, none of which loads an SDK before it needs it."""

import sys
from pathlib import Path

import click

from clusterstate import __version__
from clusterstate.cli.commands import change, completion, edit, files, keys, look, move, objects, operator, review
from clusterstate.cli.commands.front import Front
from clusterstate.cli.commands.layout import CONTEXT
from clusterstate.cli.manners import explain, mention_cost
from clusterstate.cli.program import COMPLETE_VARIABLE, NAME, PLUGIN


@click.group(cls=Front, context_settings=CONTEXT)
@click.version_option(__version__, prog_name=NAME)
def commands() -> None:
    """Keep a kops state store as the Kubernetes API declares it."""


for room in (operator, look, change, edit, review, files, move, keys, objects, completion):
    for command in room.COMMANDS:
        commands.add_command(command)


def main() -> int:
    """Run one command and give its exit code; errors that people can act on are one line on stderr."""
    try:
        code = commands(standalone_mode=False, prog_name=_called(), complete_var=COMPLETE_VARIABLE) or 0
        sys.stdout.flush()
    except BaseException as error:  # noqa: BLE001 - whatever it is, a person reads one line
        code = explain(error)
    mention_cost()
    return int(code)


def _called() -> str:
    """Give what the caller has typed: kubectl runs a plugin by the name of its file."""
    return "kubectl clusterstate" if Path(sys.argv[0]).name.startswith(PLUGIN) else NAME


if __name__ == "__main__":
    sys.exit(main())
