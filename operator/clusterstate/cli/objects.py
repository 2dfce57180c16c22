"""The commands that are about one ClusterState of a Kubernetes cluster, as their users meet them.

Each acts as the person who calls it, by their kubeconfig. No SDK is loaded before a command does its work.
"""

import asyncio
import os
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from clusterstate.cli.target import TROUBLE, Target
from clusterstate.errors import ClusterStateError, describe_bug

F = TypeVar("F", bound=Callable[..., Any])


class Trouble(click.ClickException):
    """An error with an exit code of its own."""

    exit_code = TROUBLE

    def show(self, file: Any = None) -> None:  # noqa: ANN401 - as click has it
        """Say it as every command says its errors."""
        click.echo(f"clusterstate: {self.message}", err=True, file=file)


def _about_one_object(command: F) -> F:
    """Add what says which object is meant."""
    command = click.argument("name")(command)
    command = click.option("-n", "--namespace", help="Where the ClusterState is; else the kubeconfig's namespace.")(
        command
    )
    command = click.option("--kubeconfig", type=click.Path(path_type=Path), help="Use this file.")(command)
    return click.option("--context", help="Use this context of the kubeconfig.")(command)


def _output(*formats: str) -> Callable[[F], F]:
    return click.option(
        "-o", "--output", type=click.Choice(formats), default=formats[0], show_default=True, help="How it is printed."
    )


@click.command()
@_about_one_object
@_output("text", "json", "yaml")
def plan(output: str, **target: Any) -> int:  # noqa: ANN401 - options by name
    """Show what the operator's next run would change, and write nothing anywhere.

    Everything is read as you: the ClusterState, the Secrets that it names, the store. Exit code 0: nothing would
    change; 1: something would; 2 or more: that can't be told.
    """
    from clusterstate.cli.plan import show_plan  # noqa: PLC0415 (--help loads no SDK)

    return _telling_trouble(show_plan(Target(**target), os.environ, output))


@click.command()
@_about_one_object
@_output("table", "json", "yaml")
@click.option("--revision", type=click.IntRange(min=1), help="Show what was declared in this revision.")
def history(output: str, revision: int | None, **target: Any) -> int:  # noqa: ANN401 - options by name
    """Show which declarations were applied, when, by whom, and what that changed."""
    from clusterstate.cli.history import show_history, show_revision  # noqa: PLC0415 (--help loads no SDK)

    if revision is None:
        return asyncio.run(show_history(Target(**target), output))
    return asyncio.run(show_revision(Target(**target), revision, output))


@click.command()
@_about_one_object
@click.option("--to", type=click.IntRange(min=1), help="The revision; else the last one that declared otherwise.")
@click.option("--dry-run", is_flag=True, help="Show what would be written, and write nothing.")
@click.option("--yes", is_flag=True, help="Don't ask.")
def rollback(to: int | None, *, dry_run: bool, yes: bool, **target: Any) -> int:  # noqa: ANN401 - options by name
    """Declare again what an earlier revision declared, and let the operator apply that.

    Refused, with exit code 1, where the declaration comes from a manifest that others apply, such as Argo CD, Flux
    or kubectl apply: they would undo it.
    """
    from clusterstate.cli.rollback import Wish, roll_back_to  # noqa: PLC0415 (--help loads no SDK)

    return asyncio.run(roll_back_to(Target(**target), Wish(to, dry_run=dry_run, confirmed=yes)))


def _telling_trouble(work: Coroutine[Any, Any, int]) -> int:
    try:
        return asyncio.run(work)
    except ClusterStateError as error:
        raise Trouble(error.message) from None
    except Exception as bug:  # noqa: BLE001 - code 1 says that something would change, and a traceback has that code
        raise Trouble(f"this is a bug: {describe_bug(bug)}") from None


COMMANDS: Final = (plan, history, rollback)
