"""The commands that change one document of a cluster, or take it away, as their users meet them."""

import os
from typing import Final

import click

from clusterstate.cli.commands.layout import Command
from clusterstate.cli.commands.options import WORD, cluster_option, consent_options, extent_options, store_options
from clusterstate.cli.manners import run_command
from clusterstate.cli.words import Consent, Extent, StoreWords

_group_option = click.option("--ig", "group", metavar="GROUP", help="The instance group; else it is the cluster's.")


@click.command(
    "set",
    cls=Command,
    examples="""
    clusterstate set spec.kubernetesVersion=1.33.1 --name prod.example.com
    clusterstate set 'spec.etcdClusters[*].version=3.5.21' --name prod.example.com --dry-run
    clusterstate set spec.sshAccess=10.0.0.0/8 --unset spec.sshAccess --name prod.example.com
    clusterstate set spec.maxSize=7 --name prod.example.com --ig nodes --yes
    """,
)
@click.argument("settings", type=WORD, metavar="PATH=VALUE...", nargs=-1, required=True)
@click.option("--unset", "unsets", metavar="PATH", multiple=True, help="Unset this first; may be repeated.")
@cluster_option
@_group_option
@store_options
@consent_options
def set_(
    *,
    settings: tuple[str, ...],
    unsets: tuple[str, ...],
    cluster: str | None,
    group: str | None,
    store: StoreWords,
    consent: Consent,
) -> int:
    """Set fields of a cluster or an instance group, as kops edit --set does.

    A list gets more items at its end, and a map one more entry, NAME=VALUE; --unset first replaces them. Items of
    lists are [0], [*], or [name=main].
    """
    from clusterstate.cli.change.fields import change_fields  # noqa: PLC0415 (--help loads no SDK)
    from clusterstate.plan.setting import Setting, parse_setting  # noqa: PLC0415 (the same)

    said = [*(Setting(path, None) for path in unsets), *map(parse_setting, settings)]
    return run_command(change_fields(store, os.environ, (cluster, group), said, consent))


@click.command(
    cls=Command,
    examples="""
    clusterstate unset spec.kubelet.maxPods --name prod.example.com
    clusterstate unset 'spec.nodeLabels[example.com/team]' --name prod.example.com --ig nodes
    """,
)
@click.argument("paths", type=WORD, metavar="PATH...", nargs=-1, required=True)
@cluster_option
@_group_option
@store_options
@consent_options
def unset(
    *, paths: tuple[str, ...], cluster: str | None, group: str | None, store: StoreWords, consent: Consent
) -> int:
    """Unset fields of a cluster or an instance group, as kops edit --unset does.

    An item of a list goes, and so does an entry of a map.
    """
    from clusterstate.cli.change.fields import change_fields  # noqa: PLC0415 (--help loads no SDK)
    from clusterstate.plan.setting import Setting  # noqa: PLC0415 (the same)

    said = [Setting(path, None) for path in paths]
    return run_command(change_fields(store, os.environ, (cluster, group), said, consent))


@click.command(
    cls=Command,
    examples="""
    clusterstate edit prod.example.com
    clusterstate edit cluster --name prod.example.com
    KUBE_EDITOR="code --wait" clusterstate edit ig nodes --name prod.example.com
    """,
)
@click.argument("words", type=WORD, metavar="[cluster] [NAME] | ig GROUP", nargs=-1)
@cluster_option
@store_options
@consent_options
def edit(*, words: tuple[str, ...], cluster: str | None, store: StoreWords, consent: Consent) -> int:
    """Edit a cluster or an instance group in your editor: KUBE_EDITOR, else EDITOR, else vi.

    What can't be written is opened again, with the reason on top. Comments are kept nowhere. Nothing is overwritten
    that somebody else changed meanwhile; what you wrote is kept in a file then.
    """
    from clusterstate.cli.change.documents import choose_subject  # noqa: PLC0415 (--help loads no SDK)
    from clusterstate.cli.change.editing import edit_document  # noqa: PLC0415 (the same)

    return run_command(edit_document(store, os.environ, choose_subject(words, cluster, os.environ), consent))


@click.command(
    cls=Command,
    examples="""
    clusterstate delete prod.example.com
    clusterstate delete cluster prod.example.com --cloud-resources-gone --backups --yes
    clusterstate delete ig nodes --name prod.example.com --dry-run
    """,
)
@click.argument("words", type=WORD, metavar="[cluster] NAME | ig GROUP", nargs=-1)
@cluster_option
@store_options
@consent_options
@extent_options
def delete(*, words: tuple[str, ...], cluster: str | None, store: StoreWords, consent: Consent, extent: Extent) -> int:
    """Delete the state of a cluster, as kops delete cluster --unregister does, or an instance group.

    Nothing in the cloud is deleted. A cluster that kops update has run for goes only with --cloud-resources-gone, and
    none does while files are there that kops doesn't know.
    """
    from clusterstate.cli.change.deleting import (  # noqa: PLC0415 (--help loads no SDK)
        delete_cluster,
        delete_instance_group,
        require_named,
    )
    from clusterstate.cli.change.documents import choose_subject  # noqa: PLC0415 (the same)

    subject = require_named(choose_subject(words, cluster, os.environ), os.environ, cluster, *words)
    if subject.group is not None:
        return run_command(delete_instance_group(store, os.environ, subject, consent))
    return run_command(delete_cluster(store, os.environ, subject.cluster, extent, consent))


COMMANDS: Final = (set_, unset, edit, delete)
