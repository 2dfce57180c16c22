"""`clusterstate`: the commands, none of which loads an SDK before it needs it."""

import sys

import click

from clusterstate import __version__
from clusterstate.cli.commands import change, files, objects, operator, review
from clusterstate.cli.commands.options import CONTEXT
from clusterstate.cli.manners import explain


@click.group(context_settings=CONTEXT)
@click.version_option(__version__, prog_name="clusterstate")
def commands() -> None:
    """Keep a kops state store as the Kubernetes API declares it."""


for room in (operator, change, review, objects, files):
    for command in room.COMMANDS:
        commands.add_command(command)


def main() -> int:
    """Run one command and give its exit code; errors that people can act on are one line on stderr."""
    try:
        code = commands(standalone_mode=False) or 0
        sys.stdout.flush()
    except BaseException as error:  # noqa: BLE001 - whatever it is, a person reads one line
        return explain(error)
    else:
        return int(code)


if __name__ == "__main__":
    sys.exit(main())
