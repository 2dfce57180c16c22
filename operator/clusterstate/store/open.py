"""From a location to a store: one table, scheme -> backend.

A scheme's SDK is imported by its opener and nowhere before. What `open_store` gives is ready for use: below the
location's prefix, counted, fenced, and retrying.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Final, TypeAlias

from clusterstate.errors import EndpointRefused, StoreUnsupported
from clusterstate.store.backends.gcs import rules as gcs
from clusterstate.store.backends.kubernetes import rules as kubernetes
from clusterstate.store.backends.oss import rules as oss
from clusterstate.store.backends.s3 import rules as s3
from clusterstate.store.backends.swift import rules as swift
from clusterstate.store.base import Store
from clusterstate.store.counting import Counting, RequestCounts
from clusterstate.store.credentials import Rules
from clusterstate.store.fencing import Fenced
from clusterstate.store.opening import Opening
from clusterstate.store.wrappers import Prefixed, Retrying

Opener: TypeAlias = Callable[[Opening], Awaitable[Store]]


@dataclass(frozen=True, slots=True)
class Backend:
    """One scheme: how its stores are opened, and what their credentials consist of."""

    open: Opener
    """Asks nothing of the store yet. May fail with a ModuleNotFoundError where the extra isn't installed."""
    rules: Rules
    extra: str = ""
    """The extra of this package that brings the SDK; empty: it is always there."""


async def open_store(opening: Opening, counts: RequestCounts | None = None) -> Store:
    """Open a store; nothing is asked of it yet.

    Raise `StoreUnsupported` for a scheme that can't be opened, `StoreNotAllowed`, `EndpointRefused`, `SpecInvalid` or
    `CredentialsInvalid` for a configuration that can't be used. No store is opened but here, so that every place passes
    the operator's policy.
    """
    opening.policy.require_place(opening.location)
    backend = backend_of(opening.location.scheme)
    try:
        store = await backend.open(opening)
    except ModuleNotFoundError as error:
        if not backend.extra or (error.name or "").startswith(__name__.partition(".")[0]):
            raise
        raise StoreUnsupported(
            f"{opening.location.scheme}:// needs packages that aren't installed here. Install "
            f"clusterstate[{backend.extra}], or use the image, which has all."
        ) from None
    return Retrying(Fenced(Counting(store, counts or RequestCounts(), opening.location.scheme)))


def backend_of(scheme: str) -> Backend:
    """Give the backend of a scheme; raise `StoreUnsupported` where there is none."""
    backend = BACKENDS.get(scheme)
    if backend is None:
        raise StoreUnsupported(f"{scheme}:// is no known store. Known are {', '.join(BACKENDS)}.")
    return backend


def _bucket_of(folder: str) -> Opener:
    """Give what opens buckets by the `store` of a folder of backends, whose SDK is loaded then and not before.

    In a thread: some take a while, in which the operator's probes and all other objects would wait.
    """

    async def open_bucket(opening: Opening) -> Store:
        backend = await asyncio.to_thread(import_module, f"clusterstate.store.backends.{folder}.store")
        store: Store = await backend.open_bucket(opening)
        return Prefixed(store, opening.location.prefix)

    return open_bucket


async def _open_kubernetes(opening: Opening) -> Store:
    from clusterstate.store.backends.kubernetes.opening import open_namespace  # noqa: PLC0415 (as above)
    from clusterstate.store.backends.kubernetes.store import KubernetesStore  # noqa: PLC0415 (as above)

    below = opening.location.prefix.partition("/")[2]
    return Prefixed(KubernetesStore(await open_namespace(opening)), below)


async def _open_file(opening: Opening) -> Store:
    from clusterstate.store.backends.file import FileStore  # noqa: PLC0415 (not every system has flock)

    location = opening.location
    folder = Path(location.folder)
    roots = [Path(root) for root in opening.policy.file_roots if folder.is_relative_to(root)]
    if not roots:
        raise EndpointRefused(
            f"{location.url} is on the operator's own disk, where a tenant may not send it. "
            "Use another store, or have the folder added to the operator's file roots."
        )
    root = max(roots, key=lambda each: len(each.parts))
    return Prefixed(FileStore(root), "/".join(folder.relative_to(root).parts))


async def _open_memory(opening: Opening) -> Store:
    from clusterstate.store.backends.memory import MemoryStore  # noqa: PLC0415 (only where it is used)

    location = opening.location
    if not opening.policy.memory_allowed:
        raise EndpointRefused(
            f"{location.url} is in the operator's own memory, which all namespaces share and which ends with it. "
            "Use another store, or have CLUSTERSTATE_ALLOW_MEMORY set for the operator, for tests and trials."
        )
    return Prefixed(MemoryStore(location.bucket), location.prefix)


async def _refuse(opening: Opening) -> Store:
    raise StoreUnsupported(f"{opening.location.scheme}:// stores are not supported yet. Use another store.")


_FREE: Final = Rules(open_to_all=True)

BACKENDS: Final[Mapping[str, Backend]] = {
    "s3": Backend(_bucket_of("s3"), s3.RULES),
    "do": Backend(_bucket_of("s3"), s3.CUSTOM_RULES),
    "linode": Backend(_bucket_of("s3"), s3.CUSTOM_RULES),
    "hos": Backend(_bucket_of("s3"), s3.CUSTOM_RULES),
    "scw": Backend(_bucket_of("s3"), s3.CUSTOM_RULES),
    "gs": Backend(_bucket_of("gcs"), gcs.RULES, extra="gcs"),
    "swift": Backend(_bucket_of("swift"), swift.RULES, extra="swift"),
    "oss": Backend(_bucket_of("oss"), oss.RULES, extra="oss"),
    "k8s": Backend(_open_kubernetes, kubernetes.RULES),
    "file": Backend(_open_file, _FREE),
    "memfs": Backend(_open_memory, _FREE),
    "azureblob": Backend(_refuse, _FREE),
}
"""Every scheme that kops knows; a new backend is one file or folder and its line here."""
