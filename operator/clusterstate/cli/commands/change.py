"""The commands that bring manifests into a store, and that look at them beforehand, as their users meet them."""

from typing import Final

import click

from clusterstate.cli.commands.options import (
    Command,
    consent_options,
    file_options,
    handing_options,
    output_option,
    store_options,
)
from clusterstate.cli.manners import run_command
from clusterstate.cli.words import Consent, Files, Handing, StoreWords


@click.command(
    cls=Command,
    examples="""
    clusterstate apply -f prod.yaml --state s3://acme-state-store --dry-run
    kustomize build clusters/prod | clusterstate apply -f - --yes
    kops get all --name prod.example.com -o yaml | clusterstate apply -f - --replace
    """,
)
@file_options
@store_options
@click.option("-n", "--namespace", help="Where a ClusterState's references are, if it names no namespace.")
@handing_options
@consent_options
def apply(files: Files, store: StoreWords, namespace: str | None, handing: Handing, consent: Consent) -> int:
    """Bring manifests into the state store: ClusterStates, or kops's Clusters, InstanceGroups and SSHCredentials.

    What a manifest gives is merged into what is there, and the rest stays; the plan is shown first. kops's objects go
    into the chosen store, a ClusterState into that of its spec.store.url unless --state is given.
    """
    from clusterstate.cli.change.applying import apply_manifests  # noqa: PLC0415 (--help loads no SDK)

    if handing.force and not handing.whole:
        raise click.UsageError("--force goes with --replace; without it what isn't there is created anyway.")
    return run_command(apply_manifests(files, namespace, store, handing, consent))


@click.command(
    cls=Command,
    examples="""
    clusterstate validate -f prod.yaml
    clusterstate validate -f clusters/ -R -o json
    """,
)
@file_options
@output_option("text", "json")
def validate(files: Files, output: str) -> int:
    """Check manifests without any store: unknown fields, wrong types, and what kops would refuse.

    Exit code 0: all are as they must be; 1: at least one isn't.
    """
    from clusterstate.cli.change.validating import show_problems  # noqa: PLC0415 (--help loads no SDK)

    return show_problems(files, output)


COMMANDS: Final = (apply, validate)
