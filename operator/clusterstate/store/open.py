"""From a location to a store: one table, scheme -> opener.

A scheme's SDK is imported by its opener and nowhere before. What `open_store` gives is ready for use: below the
location's prefix, counted, and retrying.
"""

from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Final, TypeAlias

from clusterstate.api.spec import Encryption
from clusterstate.errors import EndpointRefused, StoreUnsupported
from clusterstate.store.base import Store
from clusterstate.store.credentials import Credentials
from clusterstate.store.endpoints import EndpointPolicy
from clusterstate.store.location import Location
from clusterstate.store.options import StoreOptions, endpoint_of
from clusterstate.store.wrappers import Counting, Prefixed, RequestCounts, Retrying

__all__ = ["OPENERS", "Encryption", "EndpointPolicy", "StoreOptions", "endpoint_of", "open_store"]

Opener: TypeAlias = Callable[[Location, StoreOptions, Credentials, EndpointPolicy], Awaitable[Store]]


async def open_store(
    location: Location,
    options: StoreOptions,
    credentials: Credentials,
    policy: EndpointPolicy,
    counts: RequestCounts | None = None,
) -> Store:
    """Open the store at a location; nothing is asked of it yet.

    `policy` judges what a tenant chose; it doesn't apply to what stands in the operator's own environment.
    Raise `StoreUnsupported` for a scheme that can't be opened, `EndpointRefused`, `SpecInvalid` or
    `CredentialsInvalid` for a configuration that can't be used.
    """
    opener = OPENERS.get(location.scheme)
    if opener is None:
        raise StoreUnsupported(f"{location.scheme}:// is no known store. Known are {', '.join(OPENERS)}.")
    store = await opener(location, options, credentials, policy)
    return Retrying(Counting(store, counts or RequestCounts()))


async def _open_s3(
    location: Location, options: StoreOptions, credentials: Credentials, policy: EndpointPolicy
) -> Store:
    from clusterstate.store.s3 import open_bucket  # noqa: PLC0415 (the SDK is loaded by those who need it)

    store = await open_bucket(location.bucket, options, credentials, policy)
    return Prefixed(store, location.prefix)


async def _open_file(location: Location, _: StoreOptions, __: Credentials, policy: EndpointPolicy) -> Store:
    from clusterstate.store.file import FileStore  # noqa: PLC0415 (not every system that runs us has flock)

    folder = Path("/", location.prefix)
    if not any(folder.is_relative_to(root) for root in policy.file_roots):
        raise EndpointRefused(
            f"{location.url} is on the operator's own disk, where a tenant may not send it. "
            "Use another store, or have the folder added to the operator's file roots."
        )
    return FileStore(folder)


async def _open_memory(location: Location, _: StoreOptions, __: Credentials, policy: EndpointPolicy) -> Store:
    from clusterstate.store.memory import MemoryStore  # noqa: PLC0415 (as the others)

    if not policy.memory_allowed:
        raise EndpointRefused(
            f"{location.url} is in the operator's own memory, which all namespaces share and which ends with it. "
            "Use another store, or have CLUSTERSTATE_ALLOW_MEMORY set for the operator, for tests and trials."
        )
    return Prefixed(MemoryStore(location.bucket), location.prefix)


async def _refuse(location: Location, _: StoreOptions, __: Credentials, ___: EndpointPolicy) -> Store:
    raise StoreUnsupported(f"{location.scheme}:// stores are not supported yet. Use s3://.")


OPENERS: Final[Mapping[str, Opener]] = {
    "s3": _open_s3,
    "file": _open_file,
    "memfs": _open_memory,
    "do": _refuse,
    "gs": _refuse,
    "oss": _refuse,
    "swift": _refuse,
    "k8s": _refuse,
    "linode": _refuse,
    "hos": _refuse,
    "scw": _refuse,
    "azureblob": _refuse,
}
"""Every scheme that kops knows; a new backend is one file and its line here."""
