"""Who refers to which Secret and ConfigMap: what objects say, joined with what the watches know."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

from clusterstate.kube.client import Client
from clusterstate.kube.kinds import CONFIG_MAPS, SECRETS, Kind
from clusterstate.kube.references import ReferenceWatch, Version
from clusterstate.plan.references import Reference, ReferenceKind

Key = tuple[str, str]

KINDS: Final[Mapping[ReferenceKind, Kind]] = {ReferenceKind.SECRET: SECRETS, ReferenceKind.CONFIG_MAP: CONFIG_MAPS}


class References:
    """The references of all objects; in each namespace only what is referred to is watched."""

    def __init__(self, client: Client, *, named: bool = False) -> None:
        """Take whether RBAC allows named objects alone."""
        self.on_change: Callable[[Key], None] = lambda _: None
        """Told of each object with a reference that has changed; not before something is known of all it has."""
        self._watches = {
            kind: ReferenceWatch(client, each, partial(self._changed, kind), named=named)
            for kind, each in KINDS.items()
        }
        self._references: dict[Key, frozenset[Reference]] = {}
        self._users: defaultdict[tuple[str, Reference], set[Key]] = defaultdict(set)

    async def run(self) -> None:
        """Watch until cancelled."""
        async with asyncio.TaskGroup() as group:
            for watch in self._watches.values():
                group.create_task(watch.run())

    def set(self, key: Key, references: frozenset[Reference]) -> bool:
        """Take in what an object refers to now; tell whether something is known of all that already."""
        before = self._references.pop(key, frozenset())
        if references:
            self._references[key] = references
        for each in references - before:
            self._begin(key, each)
        for each in before - references:
            self._end(key, each)
        return self._heard(key)

    def versions(self, key: Key) -> tuple[Version | None, ...]:
        """Give the versions that what an object refers to has now."""
        references = sorted(self._references.get(key, ()))
        return tuple(self._watches[each.kind].version(key[0], each.name) for each in references)

    def _begin(self, key: Key, reference: Reference) -> None:
        users = self._users[key[0], reference]
        if not users:
            self._watches[reference.kind].add(key[0], reference.name)
        users.add(key)

    def _end(self, key: Key, reference: Reference) -> None:
        users = self._users[key[0], reference]
        users.discard(key)
        if not users:
            del self._users[key[0], reference]
            self._watches[reference.kind].remove(key[0], reference.name)

    def _heard(self, key: Key) -> bool:
        return all(self._watches[each.kind].heard(key[0], each.name) for each in self._references.get(key, ()))

    def _changed(self, kind: ReferenceKind, namespace: str, name: str) -> None:
        for key in self._users.get((namespace, Reference(kind, name)), ()):
            if self._heard(key):
                self.on_change(key)
