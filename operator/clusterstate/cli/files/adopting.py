"""`clusterstate adopt`: a store's clusters as `ClusterState` manifests, ready to be put into git and applied."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import click

from clusterstate.api.store import Layout
from clusterstate.cli.files.choosing import choose_clusters
from clusterstate.cli.files.folder import OWN_ONLY, Folder, opened_folder
from clusterstate.cli.files.job import LISTING_SECONDS
from clusterstate.cli.manners import say, told, warn
from clusterstate.cli.opening import Address, Shop
from clusterstate.cli.shelf import list_clusters
from clusterstate.cli.words import StoreWords
from clusterstate.errors import ClusterStateError, ConflictFound, KeyNotFound
from clusterstate.plan.adoption import Adoption, Wanted, adopt, secret_manifest
from clusterstate.plan.naming import named
from clusterstate.state.objects import JsonObject
from clusterstate.state.tree import Wanted as Parts
from clusterstate.state.tree import every_name, no_name, read_state
from clusterstate.state.yaml import dump
from clusterstate.store.base import ABSENT, ANYTHING
from clusterstate.store.location import KUBERNETES

_PARTS: Final = Parts(secrets=every_name, ssh_public_keys=True, keysets=no_name)


@dataclass(frozen=True, slots=True)
class Manner:
    """How clusters are adopted."""

    namespace: str = ""
    """Of the manifests; empty: they name none."""
    credentials_secret: str = ""
    """The Secret with the store's credentials; empty: the operator's own are meant."""
    with_secrets: bool = False
    """The Secrets that hold secrets of the store are made too."""
    overwrite: bool = False
    """Files that are there and differ are replaced."""


async def adopt_clusters(
    words: StoreWords, environ: Mapping[str, str], clusters: tuple[str, ...], directory: Path | None, manner: Manner
) -> int:
    """Print manifests, or write one file per cluster; give 1 where a cluster can't be adopted."""
    os.umask(OWN_ONLY)
    async with Shop(words, environ) as shop:
        chosen = choose_clusters(await list_clusters(shop), clusters, shop.chosen.url)
        found = [each for each in [await _adopt(shop, cluster, manner) for cluster in chosen] if each]
    files = dict(file for wanted, adoption in found for file in _make_files(wanted, adoption, manner))
    if directory is None:
        click.echo(b"---\n".join(files.values()), nl=False)
    else:
        async with opened_folder(directory) as folder:
            await _write(folder, files, overwrite=manner.overwrite)
    for wanted, adoption in found:
        _tell(wanted, adoption, manner)
    return int(len(found) < len(chosen))


async def _adopt(shop: Shop, cluster: str, manner: Manner) -> tuple[Wanted, Adoption] | None:
    """Read a cluster and make its manifest; None, and why, where one can't be read or declared."""
    try:
        sources = await shop.sources(cluster)
        tree, listing, _ = await sources.list_state(None, LISTING_SECONDS)
        read = await read_state(tree, listing, _PARTS)
        for error in read.broken.values():
            warn(f"{cluster}: left out: {error.message}")
        wanted = Wanted(cluster, _store(shop.address(), manner), manner.namespace)
        return wanted, adopt(read.state, wanted)
    except ClusterStateError as error:
        warn(f"{cluster} isn't adopted: {told(error)}")
        return None


def _store(address: Address, manner: Manner) -> JsonObject:
    """Give `spec.store`; for a store in Kubernetes it is a kubeconfig that tells who is asking."""
    store: JsonObject = {"url": address.spec.url}
    reference: JsonObject = {"name": manner.credentials_secret} if manner.credentials_secret else {}
    kubernetes: JsonObject = {"layout": Layout.KOPS_RESOURCES.value} if address.keeps_objects else {}
    if reference and address.spec.url.startswith(f"{KUBERNETES}://"):
        kubernetes["kubeconfigSecretRef"] = reference
    elif reference:
        store["credentialsSecretRef"] = reference
    return {**store, **({"k8s": kubernetes} if kubernetes else {})}


def _make_files(wanted: Wanted, adoption: Adoption, manner: Manner) -> list[tuple[str, bytes]]:
    name = wanted.cluster_name
    files = [(f"{name}.yaml", dump({**adoption.manifest}))]
    if manner.with_secrets and adoption.secrets:
        files.insert(0, (f"{name}.secrets.yaml", dump(secret_manifest(adoption, wanted))))
    return files


async def _write(folder: Folder, files: Mapping[str, bytes], *, overwrite: bool) -> None:
    """Write what isn't there yet as it is; raise `ConflictFound` before that where something else is there."""
    there: dict[str, bytes] = {}
    for name in files:
        try:
            there[name] = (await folder.store.read(name)).data
        except KeyNotFound:
            continue
    different = [name for name, data in there.items() if data != files[name]]
    if different and not overwrite:
        raise ConflictFound(
            f"{named(different)} in {folder.path} are there already, and others. Nothing was written. Say --overwrite "
            "to replace them."
        )
    for name, data in files.items():
        if there.get(name) != data:
            await folder.store.write(name, data, expect=ANYTHING if name in there else ABSENT)
    say(
        f"{sum(there.get(name) != data for name, data in files.items())} of {len(files)} files written to {folder.path}"
    )


def _tell(wanted: Wanted, adoption: Adoption, manner: Manner) -> None:
    name = wanted.cluster_name
    if adoption.left_out:
        warn(f"{name}: left out, as no declaration can hold it, and stays as it is: {named(adoption.left_out)}.")
    if adoption.secrets and not manner.with_secrets:
        say(
            f"{name}: the manifest needs Secret {wanted.secret_name} with {named([*adoption.secrets])}. --with-secrets "
            "makes it."
        )
