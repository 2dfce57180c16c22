"""The commands that bring files of a store into a directory and back, as their users meet them."""

import os
from pathlib import Path
from typing import Final

import click

from clusterstate.cli.commands.layout import Command
from clusterstate.cli.commands.options import PATH, WORD, consent_options, store_options
from clusterstate.cli.manners import run_command
from clusterstate.cli.words import Consent, StoreWords


@click.command(
    name="export",
    cls=Command,
    examples="""
    clusterstate export --state s3://acme-state-store clusters/
    clusterstate export prod.example.com clusters/ --with-secrets
    """,
)
@click.argument("clusters", type=WORD, nargs=-1, metavar="[CLUSTER]...")
@click.argument("directory", type=PATH, metavar="DIR")
@click.option("--with-secrets", is_flag=True, help="Take secrets and private keys too.")
@click.option("--backups", is_flag=True, help="Take backups/ too.")
@click.option("--overwrite", is_flag=True, help="Replace what was changed in the directory.")
@store_options
def export_command(
    clusters: tuple[str, ...],
    directory: Path,
    with_secrets: bool,  # noqa: FBT001 - as click has it
    backups: bool,  # noqa: FBT001 - as click has it
    overwrite: bool,  # noqa: FBT001 - as click has it
    store: StoreWords,
) -> int:
    """Write the files of clusters, of all that the store has, into a directory: DIR/CLUSTER/..., byte for byte.

    Parts that lie elsewhere, by keyStore, secretStore or configBase, come into the same folder. Files that are the
    same already aren't touched; files that went from the store go, unless somebody changed them. Where the directory
    has what no export left there, and the store has otherwise, nothing is written, and the exit code is 1.
    """
    from clusterstate.cli.files.export import Extent, export  # noqa: PLC0415 (--help loads no SDK)

    extent = Extent(with_secrets, backups, overwrite)
    return run_command(export(store, os.environ, clusters, directory, extent))


@click.command(
    name="import",
    cls=Command,
    examples="""
    clusterstate import clusters/ --state s3://acme-state-store --dry-run
    clusterstate import clusters/ prod.example.com --delete --yes
    """,
)
@click.argument("directory", type=PATH, metavar="DIR")
@click.argument("clusters", type=WORD, nargs=-1, metavar="[CLUSTER]...")
@click.option("--delete", is_flag=True, help="Delete what went from the directory since the export.")
@click.option("--overwrite", is_flag=True, help="Write what the store has changed since the export, too.")
@click.option("--unknown", is_flag=True, help="Write files that kops doesn't know, too.")
@store_options
@consent_options
def import_command(  # noqa: PLR0913, PLR0917 - options by name
    directory: Path,
    clusters: tuple[str, ...],
    delete: bool,  # noqa: FBT001 - as click has it
    overwrite: bool,  # noqa: FBT001 - as click has it
    unknown: bool,  # noqa: FBT001 - as click has it
    store: StoreWords,
    consent: Consent,
) -> int:
    """Write the files of a directory, made by `export` or by a plain copy, back into a store, byte for byte.

    Only what differs is written, and config last. Every file is checked first. What the store changed since the
    export stays; where both sides changed a file, nothing is written, and the exit code is 1.
    """
    from clusterstate.cli.files.bringing import Wishes, bring  # noqa: PLC0415 (--help loads no SDK)
    from clusterstate.plan.exchange import Terms  # noqa: PLC0415 (as above)

    wishes = Wishes(Terms(delete=delete, overwrite=overwrite), unknown)
    return run_command(bring(store, os.environ, (directory, clusters), wishes, consent))


@click.command(
    cls=Command,
    examples="""
    clusterstate adopt --state s3://acme-state-store -n clusters --credentials-secret acme-state
    clusterstate adopt prod.example.com --directory manifests/ --with-secrets
    clusterstate adopt prod.example.com -n clusters | kubectl apply --server-side -f -
    """,
)
@click.argument("clusters", type=WORD, nargs=-1, metavar="[CLUSTER]...")
@click.option("--directory", type=PATH, metavar="DIR", help="Write CLUSTER.yaml files there; else print them.")
@click.option("-n", "--namespace", default="", help="The manifests' namespace; else they name none.")
@click.option("--credentials-secret", default="", metavar="NAME", help="The Secret with the store's credentials.")
@click.option("--with-secrets", is_flag=True, help="Make the Secrets too that hold the store's secrets.")
@click.option("--overwrite", is_flag=True, help="Replace files that are there and differ.")
@store_options
def adopt(  # noqa: PLR0913, PLR0917 - options by name
    clusters: tuple[str, ...],
    directory: Path | None,
    namespace: str,
    credentials_secret: str,
    with_secrets: bool,  # noqa: FBT001 - as click has it
    overwrite: bool,  # noqa: FBT001 - as click has it
    store: StoreWords,
) -> int:
    """Make ClusterState manifests from clusters, from all that the store has; applying them changes nothing.

    A manifest declares the configuration, instance groups and SSH keys, and names a Secret for secrets. Keysets
    aren't declared, and stay as they are. What no manifest can hold is told on stderr, and left out.
    """
    from clusterstate.cli.files.adopting import Manner, adopt_clusters  # noqa: PLC0415 (--help loads no SDK)

    manner = Manner(namespace, credentials_secret, with_secrets, overwrite)
    return run_command(adopt_clusters(store, os.environ, clusters, directory, manner))


COMMANDS: Final = (export_command, import_command, adopt)
