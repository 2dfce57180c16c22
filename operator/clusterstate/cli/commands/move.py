"""The commands that move files and states between stores, as their users meet them."""

import os
from pathlib import Path
from typing import Any, Final

import click

from clusterstate.cli.commands.options import PATH, Command, consent_options
from clusterstate.cli.manners import run_command
from clusterstate.cli.words import Consent, StoreWords

_kubeconfig: Final = click.option("--kubeconfig", type=PATH, help="For stores in Kubernetes; else kubectl's own.")
_context: Final = click.option("--context", help="Use this context of the kubeconfig.")
_parallel: Final = click.option(
    "--parallel", type=click.IntRange(1, 64), default=16, show_default=True, help="Files on their way at the same time."
)
_backups: Final = click.option("--backups/--no-backups", default=True, help="Take etcd's backups along, or not.")


@click.command(
    "copy",
    cls=Command,
    examples="""
    clusterstate copy s3://acme-state s3://acme-state-eu
    clusterstate copy s3://acme-state file:///srv/review prod.example.com --no-backups
    clusterstate copy gs://acme-state s3://acme-state --checkpoint acme.checkpoint --parallel 32
    clusterstate copy s3://acme-state s3://acme-mirror --overwrite --delete --dry-run
    """,
)
@click.argument("source", metavar="FROM")
@click.argument("target", metavar="TO")
@click.argument("clusters", metavar="[CLUSTER]...", nargs=-1)
@_parallel
@click.option("--checkpoint", type=PATH, metavar="FILE", help="Keep here what is proven, and don't read it again.")
@click.option("--overwrite", is_flag=True, help="Overwrite files of TO that differ.")
@click.option("--delete", is_flag=True, help="Delete files of TO that FROM doesn't have.")
@_backups
@_kubeconfig
@_context
@consent_options
def copy_command(consent: Consent, kubeconfig: Path | None, context: str | None, **said: Any) -> int:  # noqa: ANN401
    """Copy the files of a store to another one, of whatever kind, and prove that they have arrived.

    All of them, or those of the clusters that are named. What is the same at TO already stays; what differs there is
    overwritten only with --overwrite, each file on condition that it is what was looked at. Interrupted, it goes on
    where it was when it is run again. Exit code 1: some files, which are named, couldn't be copied.
    """
    from clusterstate.cli.move.copy import Order, copy_files  # noqa: PLC0415 (--help loads no SDK)
    from clusterstate.cli.move.ends import Scope  # noqa: PLC0415 (the same)

    scope = Scope(said.pop("clusters"), backups=said.pop("backups"))
    words = StoreWords(kubeconfig=kubeconfig, context=context)
    return run_command(copy_files(Order(scope=scope, **said), words, consent, os.environ))


COMMANDS: Final = (copy_command,)
