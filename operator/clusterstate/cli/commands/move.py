"""The commands that move files and states between stores, as their users meet them."""

import os
from typing import Any, Final

import click

from clusterstate.cli.commands.layout import Command
from clusterstate.cli.commands.options import PATH, WORD, consent_options, output_option, reach_options, store_options
from clusterstate.cli.exits import TROUBLE
from clusterstate.cli.manners import run_command
from clusterstate.cli.move import PARALLEL
from clusterstate.cli.words import Consent, StoreWords

_parallel: Final = click.option(
    "--parallel",
    type=click.IntRange(1, 64),
    default=PARALLEL,
    show_default=True,
    help="Files on their way at the same time.",
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
@click.argument("clusters", type=WORD, metavar="[CLUSTER]...", nargs=-1)
@_parallel
@click.option("--checkpoint", type=PATH, metavar="FILE", help="Keep here what is proven, and don't read it again.")
@click.option("--overwrite", is_flag=True, help="Overwrite files of TO that differ.")
@click.option("--delete", is_flag=True, help="Delete files of TO that FROM doesn't have.")
@_backups
@reach_options
@consent_options
def copy_command(reach: StoreWords, consent: Consent, **said: Any) -> int:  # noqa: ANN401
    """Copy the files of a store to another one, of whatever kind, and prove that they have arrived.

    All of them, or those of the clusters that are named. What is the same at TO already stays; what differs there is
    overwritten only with --overwrite, each file on condition that it is what was looked at. Interrupted, it goes on
    where it was when it is run again. Exit code 1: some files, which are named, couldn't be copied.
    """
    from clusterstate.cli.move.copy import Order, copy_files  # noqa: PLC0415 (--help loads no SDK)
    from clusterstate.cli.move.ends import Scope  # noqa: PLC0415 (the same)

    scope = Scope(said.pop("clusters"), backups=said.pop("backups"))
    return run_command(copy_files(Order(scope=scope, **said), reach, consent, os.environ))


@click.command(
    "migrate",
    cls=Command,
    examples="""
    clusterstate migrate prod.example.com --to s3://acme-state-eu --dry-run
    clusterstate migrate prod.example.com --state s3://acme-state --to gs://acme-state --yes --switch
    """,
)
@click.argument("cluster", type=WORD)
@click.option("--to", required=True, metavar="URL", help="The new store.")
@click.option(
    "--backups",
    type=click.Choice(("all", "latest", "none")),
    default="all",
    show_default=True,
    help="Which backups of etcd come along; the latest: of each etcd cluster.",
)
@click.option("--discovery-store", "discovery", is_flag=True, help="Rewrite the URL of the discovery store too.")
@click.option("--switch", is_flag=True, help="Have kops's configuration file name the new store.")
@store_options
@consent_options
def migrate_command(store: StoreWords, consent: Consent, backups: str, **said: Any) -> int:  # noqa: ANN401
    """Move a cluster's state to another store.

    Its files are copied and verified; then config is written at the new place, with configBase, keyStore, secretStore
    and the backups' stores naming that. The old files stay. What is left to do with kops is printed. Interrupted, it
    is completed by being run again; until then kops sees nothing at the new place.
    """
    from clusterstate.api.sync import Backups  # noqa: PLC0415 (--help loads no SDK)
    from clusterstate.cli.move.migrate import Order, migrate_cluster  # noqa: PLC0415 (the same)

    order = Order(backups=Backups(backups.capitalize()), **said)
    return run_command(migrate_cluster(order, store, consent, os.environ))


@click.command(
    "verify",
    cls=Command,
    examples="""
    clusterstate verify s3://acme-state file:///srv/backup
    clusterstate verify s3://acme-state gs://acme-state prod.example.com --no-backups -o json
    """,
)
@click.argument("first", metavar="A")
@click.argument("second", metavar="B")
@click.argument("clusters", type=WORD, metavar="[CLUSTER]...", nargs=-1)
@_parallel
@_backups
@reach_options
@output_option("text", "json", "yaml")
def verify_command(reach: StoreWords, **said: Any) -> int:  # noqa: ANN401
    """Tell whether two stores hold the same files, byte for byte.

    All of them, or those of the clusters that are named; each is read at both places. Exit code 0: they do; 1: they
    don't, and what differs is named; 2: that can't be told.
    """
    from clusterstate.cli.move.ends import Scope  # noqa: PLC0415 (--help loads no SDK)
    from clusterstate.cli.move.verify import Order, verify_stores  # noqa: PLC0415 (the same)

    scope = Scope(said.pop("clusters"), backups=said.pop("backups"))
    return run_command(verify_stores(Order(scope=scope, **said), reach, os.environ), trouble=TROUBLE)


COMMANDS: Final = (copy_command, migrate_command, verify_command)
