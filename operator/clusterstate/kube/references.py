"""The versions of a few objects among many: metadata alone, and nothing is kept of what nobody refers to.

A watch tells of everything in a namespace, and what isn't referred to is passed over; each object that is, is
learnt by a list of its name. So nothing ever lists a namespace with a hundred thousand foreign Secrets. Where RBAC
allows named objects alone, each of them has a watch of its own.
"""

import asyncio
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Final, TypeAlias

from clusterstate.errors import KubeError
from clusterstate.kube.calls import NAME_FIELD
from clusterstate.kube.client import Client, Selection
from clusterstate.kube.following import Following
from clusterstate.kube.kinds import JsonObject, Kind
from clusterstate.kube.watching import SILENCE, WatchEvent

Version: TypeAlias = tuple[str, str]
"""Uid and resource version."""

ABSENT: Final[Version] = ("", "")
_UNHEARD: Final = -1
_UNKNOWN: Final = 0


class ReferenceWatch:
    """The objects of one kind that somebody refers to, and which version each of them has.

    `on_change(namespace, name)` is called in the event loop when the version of one is known for the first time,
    or turns out not to be known for now, and whenever it has changed; it must return at once.
    """

    def __init__(
        self,
        client: Client,
        kind: Kind,
        on_change: Callable[[str, str], None],
        *,
        named: bool = False,
        silence: float = SILENCE,
    ) -> None:
        """Take the kind, whether each object needs a watch of its own, and the silence that one may keep."""
        self._client = client
        self._kind = kind.without_bodies
        self._on_change = on_change
        self._named = named
        self._silence = silence
        self._places: dict[str, _Place] = {}
        self._jobs = _Jobs()

    async def run(self) -> None:
        """Keep the versions true until cancelled; trouble with the API server only delays it."""
        await self._jobs.run()

    def add(self, namespace: str, name: str) -> None:
        """Begin to watch an object, which may not be there."""
        place = self._places.get(namespace)
        if place is None:
            whole = None if self._named else Selection(self._kind, namespace)
            place = self._places[namespace] = _Place(self._jobs, self._client, whole, self._silence)
        tell = partial(self._on_change, namespace, name)
        selection = Selection(self._kind, namespace, fields=NAME_FIELD + name)
        place.add(name, _Object(self._client, selection, tell, self._silence))

    def remove(self, namespace: str, name: str) -> None:
        """Forget an object, and with the last one of a namespace its watch."""
        place = self._places[namespace]
        place.remove(name)
        if not place.objects:
            place.close()
            del self._places[namespace]

    def version(self, namespace: str, name: str) -> Version | None:
        """Give the version of an object that is watched; ABSENT for one that isn't there, None when unknown."""
        return self._places[namespace].objects[name].version

    def heard(self, namespace: str, name: str) -> bool:
        """Whether `on_change` was called for an object that is watched."""
        return self._places[namespace].objects[name].seen != _UNHEARD


class _Object:
    """One object that somebody refers to, and how its version is learnt."""

    def __init__(self, client: Client, selection: Selection, tell: Callable[[], None], silence: float) -> None:
        self.version: Version | None = None
        self.seen = _UNHEARD
        """Resource version of the newest news: watch and list come side by side, and either may be behind."""
        self.following = Following(client, selection, self._learn, self.take, silence=silence)
        self._client = client
        self._selection = selection
        self._tell = tell

    async def _learn(self) -> str:
        version, found = "", ABSENT
        self.seen = min(self.seen, _UNKNOWN)  # the server may count from lower: it was restored from a backup
        try:
            async for page in self._client.pages(self._selection):
                version = version or page.metadata.resource_version
                found = next(map(_version_of, page.objects), found)
        except KubeError:
            self.give_up()
            raise
        self._hear(int(version), found)
        return version

    def take(self, event: WatchEvent) -> None:
        if event.type in {"ADDED", "MODIFIED", "DELETED"}:
            found = ABSENT if event.type == "DELETED" else _version_of(event.object)
            self._hear(int(event.resource_version), found)

    def give_up(self) -> None:
        """Let nobody wait for what can't be known for now."""
        if self.seen == _UNHEARD:
            self._hear(_UNKNOWN, None)

    def _hear(self, seen: int, version: Version | None) -> None:
        if seen <= self.seen:
            return
        changed = self.seen == _UNHEARD or version != self.version
        self.seen, self.version = seen, version
        if changed:
            self._tell()


class _Place:
    """What is watched in one namespace: by one watch of the whole, or each object by its own."""

    def __init__(self, jobs: "_Jobs", client: Client, whole: Selection | None, silence: float) -> None:
        self.objects: dict[str, _Object] = {}
        self._jobs = jobs
        self._client = client
        self._following: Following | None = None
        if whole is not None:
            self._following = Following(client, whole, partial(self._begin, whole), self._take, silence=silence)
            jobs.start(self, self._following.run)

    def add(self, name: str, each: _Object) -> None:
        self.objects[name] = each
        if self._following is None:
            self._jobs.start(each, each.following.run)
        elif self._following.version:
            self._jobs.start(each, each.following.learn)

    def remove(self, name: str) -> None:
        self._jobs.stop(self.objects.pop(name))

    def close(self) -> None:
        self._jobs.stop(self)

    async def _begin(self, whole: Selection) -> str:
        """Give the version to watch from; each object is learnt anew once that is known, so nothing falls between."""
        try:
            version = await self._client.newest(whole)
        except KubeError:
            for each in self.objects.values():
                each.give_up()
            raise
        for each in self.objects.values():
            each.following.version = ""
            self._jobs.start(each, each.following.learn)
        return version

    def _take(self, event: WatchEvent) -> None:
        each = self.objects.get(event.object["metadata"].get("name", ""))
        if each is not None:
            each.take(event)


class _Jobs:
    """Tasks that come and go, each for somebody."""

    def __init__(self) -> None:
        self._due: dict[object, Callable[[], Coroutine[None, None, None]]] = {}
        self._tasks: dict[object, asyncio.Task[None]] = {}
        self._wake = asyncio.Event()

    def start(self, of: object, work: Callable[[], Coroutine[None, None, None]]) -> None:
        """Begin anew with what is to be done for somebody."""
        self.stop(of)
        self._due[of] = work
        self._wake.set()

    def stop(self, of: object) -> None:
        self._due.pop(of, None)
        task = self._tasks.pop(of, None)
        if task is not None:
            task.cancel()

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            while True:
                self._tasks |= {of: group.create_task(work()) for of, work in self._due.items()}
                self._due.clear()
                self._wake.clear()
                await self._wake.wait()


def _version_of(item: JsonObject) -> Version:
    metadata = item["metadata"]
    return metadata["uid"], metadata["resourceVersion"]
