"""What keeps an import from its first write: files that the store couldn't hold or kops couldn't read."""

from clusterstate.cli.files.folder import Folder
from clusterstate.cli.files.job import Arrival
from clusterstate.cli.manners import warn
from clusterstate.errors import CommandInvalid, MalformedFile, StoreRefused
from clusterstate.gather import Access
from clusterstate.plan.importable import require_sound
from clusterstate.plan.naming import named
from clusterstate.state.layout import CONFIG, FileKind, Places, kind_of
from clusterstate.state.limits import MAX_BYTES, check_file
from clusterstate.state.objects import Document
from clusterstate.store.base import LARGEST_FILE


async def check_files(folder: Folder, arrival: Arrival, *, unknown: bool) -> None:
    """Raise what is wrong with the first file that would be written and can't be."""
    writes = arrival.exchange.writes
    if CONFIG not in arrival.entries and CONFIG not in arrival.listing.entries:
        raise CommandInvalid(f"Neither {folder.path / arrival.cluster} nor the store has a {CONFIG}. Put one there.")
    strangers = [key for key in writes if kind_of(key).kind is FileKind.UNKNOWN]
    if strangers and not unknown:
        raise CommandInvalid(
            f"kops knows no files such as {named(strangers)} of {arrival.cluster}, and deletes no cluster that has "
            "any. Nothing was written. Move them away, or say --unknown."
        )
    for key in writes:
        await _check_file(folder, arrival, key)


def check_name(arrival: Arrival, document: Document | None) -> None:
    """Raise `MalformedFile` where another cluster's `config` would be written."""
    writes = CONFIG in arrival.exchange.writes
    if writes and document is not None and document.name not in {"", arrival.cluster}:
        raise MalformedFile(f"{CONFIG} is that of {document.name}. Put it into a folder of that name.")


async def _check_file(folder: Folder, arrival: Arrival, key: str) -> None:
    size, path = arrival.entries[key].size, f"{arrival.cluster}/{key}"
    if size > arrival.tree.most:
        raise StoreRefused(f"{path} has {size} bytes; the store takes {arrival.tree.most}. Move it away.")
    if kind_of(key).kind in MAX_BYTES:
        check_file(key, size)
    if size <= LARGEST_FILE:
        require_sound(key, (await folder.store.read(path)).data)


def check_places(access: Access, wanted: tuple[Places, Places | None], taken: Places) -> None:
    """Compare where a cluster's `config` wants its parts with where the store has them, and with where they go.

    Raises `CommandInvalid` where kops wouldn't find them afterwards.
    """
    named_places, known = wanted
    if known is not None and named_places != known:
        raise CommandInvalid(
            f"The {CONFIG} for {access.location.url} places keys, secrets or configBase elsewhere than the store has "
            "them, where kops would look for them in vain. Move them by clusterstate migrate, or correct these fields."
        )
    elsewhere = [url for url in named_places.urls() if url not in taken.urls()]
    if elsewhere:
        warn(
            f"{CONFIG} names {named(elsewhere)}, where kops will look, but all files go to "
            f"{access.location.url}. clusterstate migrate moves a cluster and corrects that."
        )
