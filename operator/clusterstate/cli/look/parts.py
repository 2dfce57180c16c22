"""`clusterstate get` of what one cluster has: instance groups, key pairs, secrets, SSH keys."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Final

from clusterstate.cli.choice import choose_cluster
from clusterstate.cli.look.addons import (
    ADDONS,
    CHANNEL,
    MORE_OF_ADDONS,
    cluster_addon_items,
    decode_channel,
    decode_objects,
    managed_addon_items,
)
from clusterstate.cli.look.certificates import (
    KEY_PAIRS,
    MORE_OF_KEY_PAIRS,
    WITH_DISTRUSTED,
    key_pair_item,
    key_pairs_of,
)
from clusterstate.cli.look.documents import GROUPS, MORE_OF_GROUPS, group_item
from clusterstate.cli.look.reading import Looked, chosen, look_into
from clusterstate.cli.look.sheet import Item, Sheet, print_sheet
from clusterstate.cli.manners import say
from clusterstate.cli.opening import Shop
from clusterstate.cli.sizes import size_of
from clusterstate.cli.words import Look
from clusterstate.errors import StateError
from clusterstate.state import codec, layout
from clusterstate.state.keyset import require_usable
from clusterstate.state.layout import FileKind
from clusterstate.state.objects import Keyset, SshPublicKey
from clusterstate.status.texts import stamp

MORE_OF_FILES: Final = ("SIZE", "CHANGED")
MORE_OF_SSH_KEYS: Final = ("TYPE", "COMMENT")


@asynccontextmanager
async def looking(look: Look) -> AsyncIterator[Looked]:
    """Give the cluster that is meant. Raises `CommandInvalid` where none is, `KeyNotFound` where it isn't there."""
    async with Shop(look.store, os.environ) as shop:
        yield await look_into(shop, choose_cluster(look.cluster, os.environ))


def finish(looked: Looked, sheet: Sheet, look: Look, nouns: str) -> int:
    """Print what was found, then name what is broken, and give the exit code."""
    if not sheet.items and not looked.broken:
        say(f"Cluster {looked.cluster} has no {nouns}.")
    print_sheet(sheet, look.output)
    return looked.finish()


async def get_groups(look: Look) -> int:
    """Print the instance groups."""
    async with looking(look) as looked:
        cluster = await looked.read_document(layout.CONFIG)
        keys = chosen(looked.listing.keys_of(FileKind.INSTANCE_GROUP), look.names, "instance group", looked.cluster)
        groups = await looked.read(keys, codec.decode_document)
    items = [group_item(name, groups[name], cluster, looked.cluster) for name in keys if name in groups]
    sheet = Sheet(GROUPS, MORE_OF_GROUPS, items, documents=True, single=len(look.names) == 1)
    return finish(looked, sheet, look, "instance groups")


async def get_key_pairs(look: Look, *, distrusted: bool) -> int:
    """Print the key pairs of the keysets, the distrusted ones only when asked to."""
    now = datetime.now(UTC)
    async with looking(look) as looked:
        keysets = await read_keysets(looked, look.names)
    pairs = [pair for keyset in keysets.values() for pair in key_pairs_of(keyset) if distrusted or pair.item.trusted]
    items = [key_pair_item(pair, now, distrusted=distrusted) for pair in pairs]
    return finish(
        looked, Sheet(WITH_DISTRUSTED if distrusted else KEY_PAIRS, MORE_OF_KEY_PAIRS, items), look, "key pairs"
    )


async def read_keysets(looked: Looked, names: tuple[str, ...] = ()) -> dict[str, Keyset]:
    """Give keysets by name; one that kops couldn't use is named as broken, and given as far as it can be read."""
    keys = chosen(looked.listing.keys_of(FileKind.KEYSET), names, "keyset", looked.cluster)
    keysets = await looked.read(keys, codec.decode_keyset)
    for name, keyset in keysets.items():
        try:
            require_usable(keyset, keys[name])
        except StateError as error:
            looked.broken[keys[name]] = error
    return keysets


async def get_secrets(look: Look) -> int:
    """Print the names of the secrets, never what is in them."""
    async with looking(look) as looked:
        keys = chosen(looked.listing.keys_of(FileKind.SECRET), look.names, "secret", looked.cluster)
    items = [Item(name, (name,), file_cells(looked, key), {"name": name}) for name, key in keys.items()]
    return finish(looked, Sheet(("NAME",), MORE_OF_FILES, items), look, "secrets")


def file_cells(looked: Looked, key: str) -> tuple[str, str]:
    """Give size and last change of a file."""
    entry = looked.listing.entries[key]
    return size_of(entry.size), stamp(entry.modified)


async def get_addons(look: Look) -> int:
    """Print the cluster's own addons, and those that kops manages."""
    async with looking(look) as looked:
        items = await read_addons(looked)
    return finish(looked, Sheet(ADDONS, MORE_OF_ADDONS, items), look, "addons")


async def read_addons(looked: Looked) -> list[Item]:
    """Give the cluster's own addons, then those that kops manages."""
    keys = looked.listing.keys_of(FileKind.CLUSTER_ADDON)
    own = await looked.read(keys, decode_objects)
    managed = await looked.read_key(CHANNEL, decode_channel)
    items = [item for name, found in own.items() for item in cluster_addon_items(found, keys[name])]
    return items + managed_addon_items(managed or ())


async def get_ssh_keys(look: Look) -> int:
    """Print the SSH keys of administrators."""
    async with looking(look) as looked:
        keys = await looked.read_kind(FileKind.SSH_PUBLIC_KEY, codec.decode_ssh_public_key)
    items = [_ssh_item(key) for key in keys.values()]
    return finish(looked, Sheet(("ID",), MORE_OF_SSH_KEYS, items), look, "SSH public keys")


def _ssh_item(key: SshPublicKey) -> Item:
    line = key.data.decode(errors="replace").strip()
    algorithm, _, rest = line.partition(" ")
    shown = ssh_id(key.fingerprint)
    more = (algorithm, rest.strip().partition(" ")[2].strip())
    return Item(shown, (shown,), more, {"id": shown, "publicKey": line})


def ssh_id(fingerprint: str) -> str:
    """Give a fingerprint as kops and ssh-keygen show it, in pairs of digits."""
    return ":".join(fingerprint[place : place + 2] for place in range(0, len(fingerprint), 2))
