"""What a file must be before it is written over one of a store: something that kops can read. Pure."""

from collections.abc import Callable, Mapping
from typing import Final

from clusterstate.errors import MalformedFile
from clusterstate.plan.naming import named
from clusterstate.state import codec, limits
from clusterstate.state.canonical import canonical
from clusterstate.state.keyset import require_usable
from clusterstate.state.layout import FileKind, kind_of
from clusterstate.state.schema import Kind


def require_sound(key: str, data: bytes) -> None:
    """Raise `StateError`, which names the file, for one that kops couldn't read or use."""
    kind = kind_of(key).kind
    if kind in limits.MAX_BYTES:
        limits.check_file(key, len(data))
    check = _CHECKS.get(kind)
    if check is not None:
        check(data, key)


def _require_document(data: bytes, key: str) -> None:
    document = codec.decode_document(data, key)
    kind: Kind = "InstanceGroup" if document.kind == "InstanceGroup" else "Cluster"
    problems = [f"{each.pointer}: {each.message}" for each in canonical(kind, document.spec).problems]
    if problems:
        raise MalformedFile(f"{key}: {named(problems, '; ')}. Correct the file.")


def _require_keyset(data: bytes, key: str) -> None:
    require_usable(codec.decode_keyset(data, key), key)


_CHECKS: Final[Mapping[FileKind, Callable[[bytes, str], object]]] = {
    FileKind.CONFIG: _require_document,
    FileKind.COMPLETED: _require_document,
    FileKind.INSTANCE_GROUP: _require_document,
    FileKind.KEYSET: _require_keyset,
    FileKind.SECRET: codec.decode_secret,
    FileKind.SSH_PUBLIC_KEY: codec.decode_ssh_public_key,
}
