"""A whole state from files that are all at hand, as bytes. Pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Final, TypeVar

from clusterstate.state import codec, layout
from clusterstate.state.keyset import require_usable
from clusterstate.state.layout import FileKind
from clusterstate.state.objects import Keyset, State
from clusterstate.store.base import Version

T = TypeVar("T")
_SINGLES: Final = (layout.CONFIG, layout.COMPLETED)


@dataclass(frozen=True, slots=True)
class Bundle:
    """What files mean, and their versions."""

    state: State
    versions: Mapping[str, Version]
    """Digests of the bytes, by key."""


def read_bundle(files: Mapping[str, bytes]) -> Bundle:
    """Read a state from its files. Raises the `StateError` of the first one that can't be read."""
    documents = {key: codec.decode_document(files[key], key) for key in _SINGLES if key in files}
    return Bundle(
        State(
            cluster=documents.get(layout.CONFIG),
            completed=documents.get(layout.COMPLETED),
            instance_groups=_all(files, FileKind.INSTANCE_GROUP, codec.decode_document),
            keysets=_all(files, FileKind.KEYSET, _decode_keyset),
            secrets=_all(files, FileKind.SECRET, codec.decode_secret),
            ssh_public_keys=_all(files, FileKind.SSH_PUBLIC_KEY, codec.decode_ssh_public_key),
        ),
        {key: Version(sha256(data).hexdigest()) for key, data in files.items()},
    )


def _all(files: Mapping[str, bytes], kind: FileKind, decode: Callable[[bytes, str], T]) -> dict[str, T]:
    named = ((layout.kind_of(key), key) for key in sorted(files))
    return {name: decode(files[key], key) for (of, name), key in named if of is kind}


def _decode_keyset(data: bytes, key: str) -> Keyset:
    keyset = codec.decode_keyset(data, key)
    require_usable(keyset, key)
    return keyset
