"""Where declarations come from that are reviewed: a ClusterState in a cluster, or manifests.

What a manifest refers to in Secrets and ConfigMaps stays out, with a warning: a manifest under review is a stranger's,
and nothing of a cluster is to be read at its word.
"""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from msgspec import structs

from clusterstate.api.load import load
from clusterstate.api.types import ClusterState
from clusterstate.cli.change.declarations import is_declaration, read_declaration, without_references
from clusterstate.cli.manifests import Manifest, read_manifests
from clusterstate.cli.review.declared import Declared, deciding, documents_of
from clusterstate.cli.words import Files, Target
from clusterstate.errors import CommandInvalid
from clusterstate.plan import handing
from clusterstate.plan.changes import Plan
from clusterstate.plan.conflict import OF_OBJECTS
from clusterstate.plan.declare import declare
from clusterstate.plan.given import Given, Handed, gather, read_object
from clusterstate.plan.naming import named
from clusterstate.plan.observed import Observed
from clusterstate.state import codec
from clusterstate.state.digests import Digests
from clusterstate.state.layout import CONFIG, instance_group_key, ssh_public_key_key

if TYPE_CHECKING:
    from clusterstate.kube.client import Client


async def read_declared_object(word: str, target: Target, digests: Digests) -> Declared:
    """Read a ClusterState of a cluster, and what it refers to there, as whoever calls."""
    from clusterstate.cli.reading import reading  # noqa: PLC0415 (it loads the Kubernetes client)

    async with reading(target) as (client, body):
        return await _of_state(word, load(body), client, digests)


async def read_manifest(word: str, cluster: str | None, digests: Digests) -> Declared:
    """Read what a file, or stdin, declares of one cluster. Raises `CommandInvalid` where it declares several."""
    manifests = read_manifests(Files((word,)))
    found = [each async for each in _declared_in(word, manifests, digests)]
    wanted = [each for each in found if cluster in (None, each.cluster)]
    if len(wanted) != 1:
        names = named([each.cluster for each in found])
        raise CommandInvalid(f"{word} declares {names}, and one cluster is compared at a time. Choose it by --name.")
    return wanted[0]


async def _declared_in(word: str, manifests: list[Manifest], digests: Digests) -> AsyncIterator[Declared]:
    for each in manifests:
        if is_declaration(each):
            state = read_declaration(each, None).state
            spec, left_out = without_references(state.spec)
            found = await _of_state(word, structs.replace(state, spec=spec), None, digests)
            warnings = (f"{word}: left out, as it is in a cluster: {named(left_out)}",) if left_out else ()
            yield replace(found, warnings=warnings)
    for handed in gather(read_object(each.place, each.content) for each in manifests if not is_declaration(each)):
        yield _of_objects(word, handed)


async def _of_state(word: str, state: ClusterState, client: "Client | None", digests: Digests) -> Declared:
    """Take a ClusterState; no client is needed where it refers to nothing."""
    from clusterstate.declared import read_contents  # noqa: PLC0415 (it loads the Kubernetes client)

    contents = await read_contents(client, state.metadata.namespace, state.spec, digests)
    desired = declare(state, state.spec.store.url)
    return Declared(
        word,
        state.cluster_name,
        deciding(replace(desired, contents=contents.digests, key_pairs=contents.facts)),
        documents_of(desired),
        contents.bodies,
        contents.digests,
        contents.key_pairs,
        frozenset(each.path for each in state.spec.files if each.content_from and each.content_from.secret_key_ref),
    )


def _of_objects(word: str, handed: Handed) -> Declared:
    """Take kops's own manifests as `clusterstate apply` merges them."""
    bodies = {ssh_public_key_key(fingerprint): line for fingerprint, line in handed.ssh_keys.items()}
    digests = {ssh_public_key_key(fingerprint): fingerprint for fingerprint in handed.ssh_keys}
    documents = {_key(each): codec.encode_document(each.document) for each in handed.documents}

    def decide(observed: Observed, store_url: str, now: datetime) -> Plan:
        return handing.merge_handed(handed, handing.Target(store_url), observed, now)

    return Declared(word, handed.cluster_name, decide, documents, bodies, digests, ways=OF_OBJECTS)


def _key(given: Given) -> str:
    return CONFIG if given.kind == "Cluster" else instance_group_key(given.document.name)
