"""Remembers what was applied: an intent before the first write of a push, settled after the last."""

from collections.abc import Mapping, Sequence
from typing import Any

from clusterstate.kube import revisions
from clusterstate.kube.client import Client
from clusterstate.kube.contents import pack
from clusterstate.kube.owner import Owner
from clusterstate.kube.revisions import Revision
from clusterstate.plan.changes import Plan
from clusterstate.plan.observed import Applied
from clusterstate.plan.outcome import AppliedRevision
from clusterstate.state.layout import FileKind, kind_of


class History:
    """The revisions of one object, as this run found and extends them."""

    def __init__(self, client: Client, owner: Owner, known: Sequence[Revision], *, limit: int) -> None:
        """Take the revisions there are, oldest first, and how many to keep."""
        self._client = client
        self._owner = owner
        self._known = list(known)
        self._limit = limit

    @property
    def applied(self) -> tuple[AppliedRevision, ...]:
        """Give every declaration that was written whole, the newest first."""
        return tuple(
            AppliedRevision(each.number, each.created, each.changes) for each in reversed(self._known) if each.settled
        )

    @property
    def newest(self) -> int:
        """Number of the newest revision; 0: there is none."""
        return self._known[-1].number if self._known else 0

    @property
    def groups_pushed(self) -> int:
        """Number of the newest revision whose push changed an instance group; 0: none did."""
        return self._known[-1].groups_pushed if self._known else 0

    async def intend(self, declared: Applied, plan: Plan) -> None:
        """Record what is about to be written; an intent that says so already stands for every new try."""
        groups = any(kind_of(change.key)[0] is FileKind.INSTANCE_GROUP for change in plan.changes)
        if not self._stands(declared, groups=groups):
            await self._add(declared, settled=False, groups=groups, changes=len(plan.changes))
            await self._prune()

    async def settle(self, declared: Applied) -> None:
        """Record that the store holds the declaration now.

        A declaration that is the newest settled one already makes no new revision.
        """
        newest = self._known[-1] if self._known else None
        if newest is None or newest.content != declared.as_json():
            await self._add(declared, settled=True)
            await self._replace_look(newest)
        elif not newest.settled:
            self._known[-1] = await revisions.settle_revision(self._client, newest)
        await self._prune()

    async def _replace_look(self, before: Revision | None) -> None:
        """Keep one revision of the same declaration where only the store has moved on (see `Applied.shown`)."""
        content = self._known[-1].content
        if before is None or before.changes or not before.settled or _declared(before.content) != _declared(content):
            return
        await revisions.delete_revision(self._client, self._owner, before.number)
        self._known.remove(before)

    def _stands(self, declared: Applied, *, groups: bool) -> bool:
        newest = self._known[-1] if self._known else None
        if newest is None or newest.settled or newest.content != declared.as_json():
            return False
        return newest.groups_pushed == newest.number or not groups

    async def _add(self, declared: Applied, *, settled: bool, groups: bool = False, changes: int = 0) -> None:
        number = self._known[-1].number + 1 if self._known else 1
        pushed = self._known[-1].groups_pushed if self._known else 0
        revision = Revision(number, settled, pack(declared.as_json()), number if groups else pushed, changes)
        self._known.append(await revisions.create_revision(self._client, self._owner, revision))

    async def _prune(self) -> None:
        """Keep the newest, whatever it is, the newest settled one, and others up to the limit."""
        settled = max((each.number for each in self._known if each.settled), default=0)
        surplus = max(0, len(self._known) - self._limit)
        for each in [each for each in self._known[:-1] if each.number != settled][:surplus]:
            await revisions.delete_revision(self._client, self._owner, each.number)
            self._known.remove(each)


def _declared(content: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in content.items() if key != "shown"}
