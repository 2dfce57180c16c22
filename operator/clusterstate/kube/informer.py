"""A picture of many objects that keeps itself true: a paged list first, a watch from then on.

Only versions are kept, and only what `reduce` makes of an object is told, so that a hundred thousand foreign
Secrets cost little. The picture is never more than a connection's silence behind, whatever happens to the API
server: watches that end go on where they were, and a list from the start finds also what was deleted meanwhile.
An object that `reduce` or `on_change` fails at doesn't hold up the others.
"""

import asyncio
import logging
from collections.abc import Callable
from functools import partial
from typing import Generic, TypeAlias, TypeVar

from clusterstate.errors import KubeForbidden
from clusterstate.kube.client import Client, Selection
from clusterstate.kube.following import Following
from clusterstate.kube.kinds import JsonObject, Kind
from clusterstate.kube.watching import SILENCE, WatchEvent

log = logging.getLogger(__name__)

T = TypeVar("T")
Key: TypeAlias = tuple[str, str]
"""Namespace and name."""


class Informer(Generic[T]):
    """The objects of one kind that a label selector matches, reduced to records.

    `on_change(namespace, name, record)` is called in the event loop for each object that is new, changed or gone
    (None); it must return at once. One that `reduce` fails at counts as gone.
    """

    def __init__(  # noqa: PLR0913 - what is watched, what is kept and who is told
        self,
        client: Client,
        kind: Kind,
        namespaces: tuple[str, ...] | None,
        labels: str,
        reduce: Callable[[JsonObject], T],
        on_change: Callable[[str, str, T | None], None],
        *,
        silence: float = SILENCE,
    ) -> None:
        """Take the namespaces to watch (None: all, by one watch) and the silence that a watch may keep, in seconds."""
        self.synced = asyncio.Event()
        """Set once every object that was there at the start is known; stays set."""
        self.answered = asyncio.Event()
        """Set with `synced`, or before: once what isn't known is what RBAC forbids to list."""
        self._client = client
        selections = [Selection(kind, namespace, labels) for namespace in namespaces or (None,)]
        self._scopes = [
            Following(client, each, partial(self._learn, each), self._take, silence=silence) for each in selections
        ]
        self._unlisted = set(selections)
        self._unanswered = set(selections)
        self._reduce = reduce
        self._on_change = on_change
        self._versions: dict[Key, str] = {}

    async def run(self) -> None:
        """Keep the picture true until cancelled; trouble with the API server only delays it."""
        async with asyncio.TaskGroup() as group:
            for scope in self._scopes:
                group.create_task(scope.run())

    async def _learn(self, selection: Selection) -> str:
        try:
            version = await self._list(selection)
        except KubeForbidden:
            self._note_answer(selection)
            raise
        self._unlisted.discard(selection)
        self._note_answer(selection)
        return version

    def _note_answer(self, selection: Selection) -> None:
        self._unanswered.discard(selection)
        if not self._unanswered:
            self.answered.set()
        if not self._unlisted:
            self.synced.set()

    async def _list(self, selection: Selection) -> str:
        """Take the whole list; the watch goes on from its first page, whatever happened since."""
        version = ""
        present: set[Key] = set()
        async for page in self._client.pages(selection):
            version = version or page.metadata.resource_version
            for item in page.objects:
                present.add(_key(item))
                self._put(item)
        for key in self._known(selection) - present:
            self._drop(key)
        return version

    def _take(self, event: WatchEvent) -> None:
        match event.type:
            case "ADDED" | "MODIFIED":
                self._put(event.object)
            case "DELETED":
                self._drop(_key(event.object))
            case "BOOKMARK" | "ERROR":
                pass

    def _put(self, item: JsonObject) -> None:
        key = _key(item)
        version = item["metadata"]["resourceVersion"]
        if self._versions.get(key) == version:
            return
        self._versions[key] = version
        try:
            record = self._reduce(item)
        except Exception as bug:  # noqa: BLE001 - anybody may label an object so that it comes here
            _report(key, bug)
            self._tell(key, None)
        else:
            self._tell(key, record)

    def _drop(self, key: Key) -> None:
        if self._versions.pop(key, None) is not None:
            self._tell(key, None)

    def _tell(self, key: Key, record: T | None) -> None:
        try:
            self._on_change(*key, record)
        except Exception as bug:  # noqa: BLE001 - one object's bug must not stop what is told of the others
            _report(key, bug)

    def _known(self, selection: Selection) -> set[Key]:
        return {key for key in self._versions if selection.namespace in {None, key[0]}}


def _report(key: Key, bug: Exception) -> None:
    """Log which object failed, and how: the text of the exception may hold secret bytes."""
    log.error("%s/%s can't be taken in: %s", *key, type(bug).__name__)


def _key(item: JsonObject) -> Key:
    metadata = item["metadata"]
    return metadata.get("namespace", ""), metadata["name"]
