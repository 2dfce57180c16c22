"""The commands that show what is in a store; their names and columns are those of `kops get`."""

from collections.abc import Callable
from functools import wraps
from typing import Any, Final

import click

from clusterstate.cli.commands.layout import Command, Group
from clusterstate.cli.commands.options import WORD, cluster_option, cluster_words, output_option, store_options
from clusterstate.cli.manners import run_command
from clusterstate.cli.words import Look, StoreWords

ALIASES: Final = {
    "cluster": "clusters",
    "ig": "instancegroups",
    "igs": "instancegroups",
    "instancegroup": "instancegroups",
    "keypair": "keypairs",
    "secret": "secrets",
    "ssh": "sshpublickeys",
    "sshpublickey": "sshpublickeys",
    "file": "files",
    "addon": "addons",
}
FORMATS: Final = ("table", "wide", "yaml", "json", "name")


BACKUPS: Final = click.option("--backups", is_flag=True, help="Show etcd's backups too.")


class Kinds(Group):
    """Kinds of objects, which have further names."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """See click."""
        return super().get_command(ctx, ALIASES.get(cmd_name, cmd_name))


def look_options(
    *formats: str, said_by: Callable[[Callable[..., int]], Callable[..., int]] = cluster_option
) -> Callable[[Callable[..., int]], Callable[..., int]]:
    """Say which store, which cluster and how it is printed: gives `look`, a `Look`."""

    def decorate(command: Callable[..., int]) -> Callable[..., int]:
        @wraps(command)
        def gathered(
            store: StoreWords,
            cluster: str | None,
            output: str,
            names: tuple[str, ...] = (),
            **more: Any,  # noqa: ANN401
        ) -> int:
            return command(look=Look(store, output, cluster, names), **more)

        return said_by(store_options(output_option(*formats)(gathered)))

    return decorate


def names_argument(metavar: str) -> Callable[[Callable[..., int]], Callable[..., int]]:
    """Take names, to show only these."""
    return click.argument("names", type=WORD, nargs=-1, metavar=metavar)


@click.group(
    cls=Kinds,
    examples="""
    clusterstate get clusters
    clusterstate get ig --name prod.example.com -o yaml
    """,
)
def get() -> None:
    """Show one or many objects, as kops get does.

    Further names: cluster, ig, instancegroup, keypair, secret, sshpublickey, ssh, file, addon. What is broken is named
    on stderr and hides nothing else; the exit code is then 1.
    """


@get.command(
    cls=Command,
    examples="""
    clusterstate get clusters
    clusterstate get clusters -o wide
    clusterstate get cluster prod.example.com -o yaml
    clusterstate get clusters --recursive -o name
    """,
)
@names_argument("[CLUSTER]...")
@look_options(*FORMATS)
@click.option("--recursive", is_flag=True, help="List every file of the store, as kops does: finds team-a/CLUSTER too.")
@click.option("--full", is_flag=True, help="Show what the last kops update cluster made of it.")
def clusters(look: Look, *, recursive: bool, full: bool) -> int:
    """Show the clusters of the store: each of its folders that has a config.

    Takes one list of the store's folders and one read for each cluster.
    """
    from clusterstate.cli.look.clusters import get_clusters  # noqa: PLC0415 (--help loads no SDK)

    return run_command(get_clusters(look, recursive=recursive, full=full))


@get.command(
    cls=Command,
    examples="""
    clusterstate get ig --name prod.example.com
    clusterstate get instancegroups --name prod.example.com nodes -o yaml
    """,
)
@names_argument("[INSTANCE_GROUP]...")
@look_options(*FORMATS)
def instancegroups(look: Look) -> int:
    """Show the instance groups of a cluster."""
    from clusterstate.cli.look.parts import get_groups  # noqa: PLC0415 (--help loads no SDK)

    return run_command(get_groups(look))


@get.command(
    cls=Command,
    examples="""
    clusterstate get keypairs --name prod.example.com -o wide
    clusterstate get keypairs service-account --distrusted
    """,
)
@names_argument("[KEYSET]...")
@look_options(*FORMATS)
@click.option("--distrusted", is_flag=True, help="Show distrusted ones too.")
def keypairs(look: Look, *, distrusted: bool) -> int:
    """Show the key pairs of a cluster's keysets: their certificates, never their private keys."""
    from clusterstate.cli.look.parts import get_key_pairs  # noqa: PLC0415 (--help loads no SDK)

    return run_command(get_key_pairs(look, distrusted=distrusted))


@get.command(cls=Command, examples="clusterstate get secrets --name prod.example.com")
@names_argument("[SECRET]...")
@look_options(*FORMATS)
def secrets(look: Look) -> int:
    """Show the names of a cluster's secrets, never what is in them."""
    from clusterstate.cli.look.parts import get_secrets  # noqa: PLC0415 (--help loads no SDK)

    return run_command(get_secrets(look))


@get.command(cls=Command, examples="clusterstate get sshpublickeys --name prod.example.com -o yaml")
@look_options(*FORMATS, said_by=cluster_words)
def sshpublickeys(look: Look) -> int:
    """Show the SSH public keys of a cluster's administrators."""
    from clusterstate.cli.look.parts import get_ssh_keys  # noqa: PLC0415 (--help loads no SDK)

    return run_command(get_ssh_keys(look))


@get.command(
    cls=Command,
    examples="""
    clusterstate get files --name prod.example.com
    clusterstate get files --name prod.example.com --backups -o json
    """,
)
@look_options(*FORMATS)
@BACKUPS
def files(look: Look, *, backups: bool) -> int:
    """Show every file of a cluster: key, kind, size and last change.

    Those that config puts elsewhere (configBase, keyStore, secretStore) are among them.
    """
    from clusterstate.cli.look.files import get_files  # noqa: PLC0415 (--help loads no SDK)

    return run_command(get_files(look, backups=backups))


@get.command(cls=Command, examples="clusterstate get addons --name prod.example.com -o wide")
@look_options(*FORMATS)
def addons(look: Look) -> int:
    """Show the objects in a cluster's clusteraddons/, and the addons that kops manages."""
    from clusterstate.cli.look.parts import get_addons  # noqa: PLC0415 (--help loads no SDK)

    return run_command(get_addons(look))


@click.command(
    cls=Command,
    examples="""
    clusterstate show prod.example.com
    clusterstate show prod.example.com -o json
    """,
)
@look_options("text", "json", "yaml", said_by=cluster_words)
def show(look: Look) -> int:
    """Show everything of a cluster on one screen.

    Network and API, instance groups, certificates with the days that are left, secrets' names, addons, how many files
    there are and when one changed, whether kops update ran and has seen what config says, and files that are unknown
    to kops or broken. The exit code is 1 where one is broken.
    """
    from clusterstate.cli.look.show import show_cluster  # noqa: PLC0415 (--help loads no SDK)

    return run_command(show_cluster(look))


@click.command(
    cls=Command,
    examples="""
    clusterstate tree
    clusterstate tree prod.example.com
    clusterstate tree --recursive
    """,
)
@cluster_words
@store_options
@click.option("--recursive", is_flag=True, help="Without a cluster: list every file of the store.")
@BACKUPS
def tree(store: StoreWords, *, cluster: str | None, recursive: bool, backups: bool) -> int:
    """Show the files of a cluster as a tree, or the folders of the store.

    The store is shown where the command itself names no cluster, whatever environment and kubectl say.
    """
    from clusterstate.cli.look.trees import show_tree  # noqa: PLC0415 (--help loads no SDK)

    return run_command(show_tree(Look(store, "text", cluster), recursive=recursive, backups=backups))


COMMANDS: Final = (get, show, tree)
