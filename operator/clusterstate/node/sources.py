"""Where mirrors come from: Secrets that the operator keeps, or the store itself, by the code that makes the Secrets."""

import asyncio
import base64
import logging
from collections.abc import Awaitable, Callable, Collection, Mapping
from functools import partial
from typing import Final, Protocol

from clusterstate.api.annotations import MIRROR_KIND_LABEL
from clusterstate.api.spec import MirrorSpec, MissingPolicy
from clusterstate.errors import ClusterStateError, FilesNotWritten, KubeError, ObjectNotFound, describe_bug
from clusterstate.gather import Access, Sources
from clusterstate.kube.client import Client
from clusterstate.kube.kinds import SECRETS
from clusterstate.kube.owner import Owner
from clusterstate.kube.references import ABSENT, ReferenceWatch, Version
from clusterstate.mirror.rules import is_asked_for
from clusterstate.mirror.shapes import make_mirrors
from clusterstate.node.absences import SETTLING, Absences
from clusterstate.node.choice import Found, Gone, Knowledge, Unknown
from clusterstate.state.layout import CONFIG
from clusterstate.state.tree import Wanted, read_state

log = logging.getLogger(__name__)

READING_SECONDS: Final = 120.0
"""What reading a store may take."""
FIRST_DELAY: Final = 1.0
"""Seconds until what failed on a node is tried again; doubled each time."""
LONGEST_DELAY: Final = 60.0


class Source(Protocol):
    """Something that knows mirrors."""

    on_change: Callable[[], None]
    """Told when something may have changed; must return at once."""

    async def run(self) -> None:
        """Follow what happens to the mirrors, until cancelled; trouble only delays it."""
        ...

    async def read(self, name: str) -> Knowledge:
        """Tell what is known of the mirror of that name."""
        ...


class ApiSource:
    """Secrets of one namespace. Asks for nothing but what `get`, `list` and `watch` on these very names allow."""

    def __init__(self, client: Client, namespace: str, names: Collection[str]) -> None:
        self.on_change: Callable[[], None] = lambda: None
        self._client = client
        self._namespace = namespace
        self._names = names
        self._watch = ReferenceWatch(client, SECRETS, self._changed, named=True)
        self._bodies: dict[str, tuple[Version, Found]] = {}
        self._absences = Absences(lambda: self.on_change())  # noqa: PLW0108 - the agent sets it later
        for name in names:
            self._watch.add(namespace, name)

    async def run(self) -> None:
        """See `Source`."""
        await self._watch.run()

    async def read(self, name: str) -> Knowledge:
        """See `Source`; a Secret's bytes are asked for once for each of its versions."""
        version = self._watch.version(self._namespace, name)
        if version is None:
            return Unknown(f"the API server hasn't told of Secret {self._namespace}/{name}. It is asked again.")
        if version == ABSENT and not self._absences.has_lasted(name):
            return self._absent(name)
        known = self._bodies.get(name)
        if known is not None and known[0] == version:
            return known[1]
        return await self._get(name)

    def _changed(self, *_: str) -> None:
        if all(self._watch.heard(self._namespace, name) for name in self._names):
            self.on_change()

    async def _get(self, name: str) -> Knowledge:
        try:
            secret = await self._client.get(SECRETS, self._namespace, name)
        except ObjectNotFound:
            return self._absent(name)
        except KubeError as error:
            return Unknown(error.message)
        self._absences.end(name)
        metadata = secret["metadata"]
        if MIRROR_KIND_LABEL not in (metadata.get("labels") or {}):
            return Unknown(
                f"Secret {self._namespace}/{name} isn't a mirror: it has no label {MIRROR_KIND_LABEL}. Name a mirror "
                "in the agent's configuration."
            )
        found = Found({key: base64.b64decode(value) for key, value in (secret.get("data") or {}).items()})
        self._bodies[name] = (metadata["uid"], metadata["resourceVersion"]), found
        return found

    def _absent(self, name: str) -> Knowledge:
        self._bodies.pop(name, None)
        if self._absences.has_lasted(name):
            return Gone()
        self._absences.begin(name)
        return Unknown(
            f"Secret {self._namespace}/{name} isn't there; a mirror that is made anew isn't either for a moment. It "
            f"counts as gone after {SETTLING:g} seconds."
        )


class StoreSource:
    """The mirrors that an operator would make from a store, read again at an interval."""

    def __init__(
        self, read: Callable[[], Awaitable[Mapping[str, Knowledge]]], rest: Knowledge, interval: float
    ) -> None:
        """Take what reads all mirrors, what is to be thought of one that isn't among them, and the seconds between."""
        self.on_change: Callable[[], None] = lambda: None
        self._read = read
        self._rest = rest
        self._interval = interval
        self._mirrors: Mapping[str, Knowledge] | None = None
        self._problem = "the store hasn't been read yet."

    async def run(self) -> None:
        """See `Source`."""
        delay = FIRST_DELAY
        while True:
            if await self._attempt():
                wait, delay = self._interval, FIRST_DELAY
            else:
                log.warning("%s", self._problem)
                wait, delay = delay, min(delay * 2, LONGEST_DELAY)
            self.on_change()
            await asyncio.sleep(wait)

    async def read(self, name: str) -> Knowledge:
        """See `Source`."""
        if self._mirrors is None:
            return Unknown(self._problem)
        return self._mirrors.get(name, self._rest)

    async def _attempt(self) -> bool:
        """Read once; tell whether that succeeded."""
        try:
            async with asyncio.timeout(READING_SECONDS):
                self._mirrors = await self._read()
        except TimeoutError:
            self._problem = f"the store wasn't read within {READING_SECONDS:g} seconds. It is tried again."
        except ClusterStateError as error:
            self._problem = error.message
        except Exception as bug:  # noqa: BLE001 - its text may hold what was read
            self._problem = f"reading the store failed; this is a bug: {describe_bug(bug)}"
        else:
            return True
        return False


def make_store_source(
    client: Client | None, access: Access, owner: Owner, mirror: MirrorSpec, interval: float
) -> StoreSource:
    """Give the mirrors of a state; a client is needed only for a store in Kubernetes itself."""
    missing = Unknown("its keyset, secret or SSH key isn't in the store, and mirror.onMissing is Retain.")
    rest = Gone() if mirror.on_missing is MissingPolicy.DELETE else missing
    return StoreSource(partial(_read_mirrors, client, access, owner, mirror), rest, interval)


async def _read_mirrors(
    client: Client | None, access: Access, owner: Owner, mirror: MirrorSpec
) -> dict[str, Knowledge]:
    """Read a state, and give its mirrors by their names, those that can't be made too.

    Raises `FilesNotWritten` without `config`, which says where the parts lie: what isn't seen then may be there.
    """
    async with Sources(client, access, writes=False) as sources:
        tree, listing, _ = await sources.list_state(None, READING_SECONDS)
        if CONFIG not in listing.entries:
            raise FilesNotWritten(
                f"There is no config of kops's at {access.location.url}: the state is elsewhere, or on its way out. "
                "Correct --from, or clusterName in the agent's configuration, or restore the state."
            )
        read = await read_state(tree, listing, _wanted(mirror))
    mirrors = make_mirrors(mirror, read.state, owner, read.broken)
    known: dict[str, Knowledge] = {each.secret: Unknown(each.message) for each in mirrors.problems}
    return known | {each.name: Found(each.data) for each in mirrors.wanted}


def _wanted(mirror: MirrorSpec) -> Wanted:
    """Give what mirrors are made from, and nothing else, whose damage keeps no node from its files."""
    return Wanted(
        documents=False,
        keysets=partial(is_asked_for, mirror, "keyset"),
        secrets=partial(is_asked_for, mirror, "secret"),
        ssh_public_keys=mirror.ssh_public_keys is not None,
    )
