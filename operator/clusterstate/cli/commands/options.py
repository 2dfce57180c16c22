"""Options that commands share, each spelled and explained once."""

import os
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from clusterstate.cli.words import Consent, Extent, Files, Handing, Materials, StoreWords, Target
from clusterstate.errors import CommandInvalid, SpecInvalid

F = TypeVar("F", bound=Callable[..., Any])


class _Place(click.Path):
    """A path that is one: an empty one, as of a script's unset variable, would be the current folder."""

    def convert(
        self, value: str | os.PathLike[str], param: click.Parameter | None, ctx: click.Context | None
    ) -> str | bytes | os.PathLike[str]:
        """See click."""
        if value == "":
            self.fail("it is empty.", param, ctx)
        return super().convert(value, param, ctx)


PATH: Final = _Place(path_type=Path)


def _together(record: type, name: str, fields: dict[str, str], *options: Callable[[F], F]) -> Callable[[F], F]:
    """Have options arrive as one record, `fields` giving the record's name for each."""

    def decorate(command: F) -> F:
        @wraps(command)
        def gathered(**given: Any) -> Any:  # noqa: ANN401 - options by name
            values = {field: given.pop(option) for option, field in fields.items()}
            return command(**given, **{name: record(**values)})

        for option in reversed(options):
            gathered = option(gathered)
        return gathered  # type: ignore[return-value] # the options are others than the record's

    return decorate


_KUBECONFIG = click.option("--kubeconfig", type=PATH, help="Use this file; else what kubectl would take.")
_CONTEXT = click.option("--context", help="Use this context of the kubeconfig.")

store_options: Final = _together(
    StoreWords,
    "store",
    {"state": "state", "config": "config", "kubeconfig": "kubeconfig", "context": "context"},
    click.option("--state", metavar="URL", help="The state store; else KOPS_STATE_STORE, else kops's configuration."),
    click.option(
        "--config", type=PATH, metavar="FILE", help="kops's configuration; else ~/.kops.yaml, ~/.kops/config."
    ),
    _KUBECONFIG,
    _CONTEXT,
)
"""Which store is meant: gives `store`, a `StoreWords`."""

reach_options: Final = _together(
    StoreWords, "reach", {"kubeconfig": "kubeconfig", "context": "context"}, _KUBECONFIG, _CONTEXT
)
"""How stores that are named by URL are reached: gives `reach`, a `StoreWords`."""

cluster_option: Final = click.option(
    "--name", "cluster", metavar="CLUSTER", help="The cluster; else KOPS_CLUSTER_NAME, else that of kubectl's context."
)
"""Which cluster is meant: gives `cluster`, maybe None, for `choose_cluster`."""


def cluster_words(command: F) -> F:
    """Do the same where kops takes the cluster as an argument too."""

    @wraps(command)
    def gathered(named: str | None, cluster: str | None, **given: Any) -> Any:  # noqa: ANN401 - options by name
        if named is not None and cluster is not None:
            raise CommandInvalid("The cluster is named by --name and as an argument. Leave --name out.")
        return command(cluster=cluster if named is None else named, **given)

    return click.argument("named", metavar="[CLUSTER]", required=False)(cluster_option(gathered))  # type: ignore[return-value] # as above


consent_options: Final = _together(
    Consent,
    "consent",
    {"yes": "yes", "dry_run": "dry_run"},
    click.option("-y", "--yes", is_flag=True, help="Don't ask."),
    click.option("--dry-run", is_flag=True, help="Show what would be written, and write nothing."),
)
"""Whether to write: gives `consent`, a `Consent`."""


def _target(name: Callable[[F], F]) -> Callable[[F], F]:
    return _together(
        Target,
        "target",
        {"name": "name", "namespace": "namespace", "kubeconfig": "kubeconfig", "context": "context"},
        name,
        click.option("-n", "--namespace", help="Where the ClusterState is; else the kubeconfig's namespace."),
        _KUBECONFIG,
        _CONTEXT,
    )


extent_options: Final = _together(
    Extent,
    "extent",
    {"cloud_gone": "cloud_gone", "external": "external", "backups": "backups"},
    click.option("--cloud-resources-gone", "cloud_gone", is_flag=True, help="Nothing of the cluster is in the cloud."),
    click.option("--external-stores", "external", is_flag=True, help="Also keys and secrets that are kept elsewhere."),
    click.option("--backups", is_flag=True, help="Also the backups of etcd."),
)
"""How far the deletion of a cluster goes: gives `extent`, an `Extent`."""

target_options: Final = _target(click.argument("name"))
"""Which ClusterState is meant: gives `target`, a `Target`."""

file_options: Final = _together(
    Files,
    "files",
    {"paths": "paths", "recursive": "recursive"},
    click.option(
        "-f",
        "--filename",
        "paths",
        metavar="FILE",
        multiple=True,
        required=True,
        help="A manifest, a folder of them, or - for stdin; may be given again.",
    ),
    click.option("-R", "--recursive", is_flag=True, help="Look into folders below a folder too."),
)
"""Which manifests are meant: gives `files`, a `Files`."""

handing_options: Final = _together(
    Handing,
    "handing",
    {"whole": "whole", "force": "force"},
    click.option("--replace", "whole", is_flag=True, help="Put kops's objects in the place of those in the store."),
    click.option("--force", is_flag=True, help="With --replace: create those that aren't there."),
)
"""How kops's objects go into a store: gives `handing`, a `Handing`."""

materials_options: Final = _together(
    Materials,
    "given",
    {"cert": "cert", "key": "key", "primary": "primary"},
    click.option("--cert", type=PATH, metavar="FILE", help="Add this certificate (PEM); else one is made."),
    click.option("--key", type=PATH, metavar="FILE", help="Add this private key (PEM; - is stdin); else one is made."),
    click.option("--primary", is_flag=True, help="Sign with it from now on; the first one of a keyset has to."),
)
"""What a new key pair is made of: gives `given`, a `Materials`."""

targets_options: Final = _target(click.argument("name", default=""))
"""Which ClusterState is meant, or with an empty name all of a namespace: gives `target`, a `Target`."""


def output_option(*formats: str) -> Callable[[F], F]:
    """Give `-o`; the first format is the usual one."""
    return click.option(
        "-o", "--output", type=click.Choice(formats), default=formats[0], show_default=True, help="How it is printed."
    )


def timeout_option(text: str) -> Callable[[F], F]:
    """Give `--timeout`, which `text` explains: gives `timeout`, in seconds."""
    return click.option("--timeout", metavar="DURATION", default="5m", show_default=True, callback=_seconds, help=text)


def _seconds(ctx: click.Context, param: click.Parameter, value: str) -> float:
    from clusterstate.api.durations import parse_duration  # noqa: PLC0415 (--help parses none)

    try:
        return parse_duration(value).total_seconds()
    except SpecInvalid as error:
        raise click.BadParameter(error.message, ctx, param) from None
