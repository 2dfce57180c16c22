"""`clusterstate show`: one cluster on one screen, with what is broken in it."""

import os
from datetime import UTC, datetime

import click

from clusterstate.cli.choice import choose_cluster
from clusterstate.cli.exits import FAILED
from clusterstate.cli.look.certificates import key_pairs_of
from clusterstate.cli.look.documents import group_item
from clusterstate.cli.look.parts import read_addons, read_keysets, ssh_id
from clusterstate.cli.look.reading import Looked, look_at
from clusterstate.cli.look.screen import lines_of
from clusterstate.cli.look.sheet import Item
from clusterstate.cli.look.view import View, content_of
from clusterstate.cli.opening import Shop
from clusterstate.cli.output import as_text, echo
from clusterstate.cli.words import Look
from clusterstate.plan.cloud import cloud_update
from clusterstate.state import codec, layout
from clusterstate.state.layout import FileKind
from clusterstate.state.objects import Document, State


async def show_cluster(look: Look) -> int:
    """Print everything that a cluster's files tell; what is broken stands in it, and makes the exit code 1."""
    async with Shop(look.store, os.environ) as shop:
        looked = await look_at(shop, choose_cluster(look.cluster, os.environ))
        view = await _view(looked)
    if look.output == "text":
        for line, colour in lines_of(view):
            echo(line, colour)
    else:
        click.echo(as_text(content_of(view), look.output))
    return FAILED if looked.broken else 0


async def _view(looked: Looked) -> View:
    now, entries = datetime.now(UTC), looked.listing.entries
    cluster = await looked.read_document(layout.CONFIG) if layout.CONFIG not in looked.broken else None
    completed = await looked.read_document(layout.COMPLETED)
    keysets = await read_keysets(looked)
    ssh_keys = await looked.read_kind(FileKind.SSH_PUBLIC_KEY, codec.decode_ssh_public_key)
    groups, addons, kops = await _groups(looked, cluster), await read_addons(looked), await _kops_version(looked)
    return View(
        name=looked.cluster,
        url=looked.url,
        cluster=cluster,
        groups=groups,
        key_pairs=[pair for keyset in keysets.values() for pair in key_pairs_of(keyset)],
        secrets=[*looked.listing.keys_of(FileKind.SECRET)],
        ssh_keys=[ssh_id(each.fingerprint) for each in ssh_keys.values()],
        addons=sorted(addons, key=lambda each: each.cells),
        listing=looked.listing,
        broken={key: error.message for key, error in looked.broken.items()},
        update=cloud_update(State(cluster=cluster, completed=completed), looked.cluster) if cluster else None,
        updated_at=entries[layout.COMPLETED].modified if layout.COMPLETED in entries else None,
        kops=kops,
        now=now,
        elsewhere=looked.places.urls(),
    )


async def _groups(looked: Looked, cluster: Document | None) -> list[Item]:
    groups = await looked.read_kind(FileKind.INSTANCE_GROUP, codec.decode_document)
    return [group_item(name, group, cluster, looked.cluster) for name, group in groups.items()]


async def _kops_version(looked: Looked) -> str:
    return await looked.read_key(layout.KOPS_VERSION, lambda data, _: data.decode(errors="replace").strip()) or ""
