"""The commands that are about one ClusterState of a Kubernetes cluster, as their users meet them.

Each acts as the person who calls it, by their kubeconfig.
"""

from typing import Final

import click

from clusterstate.cli.commands.options import Command, consent_options, output_option, target_options
from clusterstate.cli.manners import run_command
from clusterstate.cli.words import Consent, Target


@click.command(
    cls=Command,
    examples="""
    clusterstate history prod -n clusters
    clusterstate history prod -n clusters --revision 2
    """,
)
@target_options
@output_option("table", "json", "yaml")
@click.option("--revision", type=click.IntRange(min=1), help="Show what was declared in this revision.")
def history(target: Target, output: str, revision: int | None) -> int:
    """Show which declarations were applied, when, by whom, and what that changed."""
    from clusterstate.cli.history import show_history, show_revision  # noqa: PLC0415 (--help loads no SDK)

    return run_command(show_history(target, output) if revision is None else show_revision(target, revision, output))


@click.command(
    cls=Command,
    examples="""
    clusterstate rollback prod -n clusters
    clusterstate rollback prod -n clusters --to 1 --dry-run
    """,
)
@target_options
@click.option("--to", type=click.IntRange(min=1), help="The revision; else the last one that declared otherwise.")
@consent_options
def rollback(target: Target, to: int | None, consent: Consent) -> int:
    """Declare again what an earlier revision declared, and let the operator apply that.

    Refused, with exit code 1, where the declaration comes from a manifest that others apply, such as Argo CD, Flux
    or kubectl apply: they would undo it.
    """
    from clusterstate.cli.rollback import roll_back_to  # noqa: PLC0415 (--help loads no SDK)

    return run_command(roll_back_to(target, to, consent))


COMMANDS: Final = (history, rollback)
