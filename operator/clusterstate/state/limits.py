"""How large a state may be: bounds on one file, on all that a run reads, and on a listing.

All states share one process and one event loop, so nobody who can write to one store may fill its memory or hold up
the runs of others. A check costs no request: the listing tells the sizes before anything is read.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from clusterstate.errors import MalformedFile, StateTooLarge
from clusterstate.state.layout import FileKind, kind_of
from clusterstate.store.base import Entry

_KIB: Final = 1024
MAX_DOCUMENT: Final = 2048 * _KIB
"""Bytes. kops has no bound of its own; 900 KiB of declared file content take up to half as much again in YAML."""
MAX_BYTES: Final[Mapping[FileKind, int]] = {
    FileKind.CONFIG: MAX_DOCUMENT,
    FileKind.COMPLETED: MAX_DOCUMENT,
    FileKind.KOPS_VERSION: 64 * _KIB,
    FileKind.INSTANCE_GROUP: MAX_DOCUMENT,
    FileKind.KEYSET: 1024 * _KIB,
    FileKind.SECRET: 2048 * _KIB,
    FileKind.SSH_PUBLIC_KEY: 64 * _KIB,
    FileKind.CLUSTER_ADDON: MAX_DOCUMENT,
    FileKind.ADDON: MAX_DOCUMENT,
    FileKind.MANIFEST: MAX_DOCUMENT,
    FileKind.IG_CONFIG: MAX_DOCUMENT,
}
"""Of one file, by what it is for. A key pair takes 6 KiB in its keyset; a secret that a Kubernetes Secret can still
hold takes 1.4 MiB in its file."""
MAX_READ_BYTES: Final = 32 * 1024 * _KIB
"""Of all files that one run reads."""
MAX_READ_FILES: Final = 5_000
"""That one run reads."""
MAX_LISTED: Final = 100_000
"""Files of one listing, `backups/` left out."""


def check_file(key: str, size: int) -> None:
    """Raise `MalformedFile` where a file has more bytes than one of its kind may have."""
    longest = MAX_BYTES[kind_of(key).kind]
    if size > longest:
        raise MalformedFile(
            f"{key} has {size} bytes, more than the {longest} that are read of such a file: kops writes none that "
            "large. Find out who did, and make it smaller or restore a backup."
        )


def check_total(entries: Iterable[Entry]) -> None:
    """Raise `StateTooLarge` where one run would read more files or bytes than it may.

    Bytes of node configurations don't count: of each only a few ids and digests are kept, one after another.
    """
    sizes = [entry.size if kind_of(entry.key).kind is not FileKind.IG_CONFIG else 0 for entry in entries]
    if len(sizes) > MAX_READ_FILES or sum(sizes) > MAX_READ_BYTES:
        raise StateTooLarge(
            f"{len(sizes)} files of {sum(sizes)} bytes in all are to be read; at most {MAX_READ_FILES} files of "
            f"{MAX_READ_BYTES} bytes are read of one state. Remove what the cluster doesn't use, from instancegroup/, "
            "pki/ and secrets/ first of all; of a ClusterState, spec.mirror may also name less."
        )


def check_listed(files: int, place: str) -> None:
    """Raise `StateTooLarge`, which names the place, where a listing has more files than any state."""
    if files > MAX_LISTED:
        raise StateTooLarge(
            f"{place} holds more than {MAX_LISTED} files; a state has some hundreds. Check that the URL and the "
            "cluster's name are the right ones, and remove what doesn't belong there."
        )
