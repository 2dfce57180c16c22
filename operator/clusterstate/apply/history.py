"""Remembers what was applied: an intent before the first write of a push, settled after the last.

Older revisions take little: each leads back from the next newer one. They go, the oldest first, where there are more
than asked for, or more than a run should read.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from clusterstate.errors import SpecTooLarge, Unreadable
from clusterstate.kube import revisions
from clusterstate.kube.client import Client
from clusterstate.kube.contents import pack
from clusterstate.kube.owner import Owner
from clusterstate.kube.revisions import Revision
from clusterstate.plan.changes import Plan
from clusterstate.plan.cloud import Pushes
from clusterstate.plan.hook import Hook, JobState, latest, needed, running, succeeded
from clusterstate.plan.observed import Applied
from clusterstate.plan.outcome import AppliedRevision
from clusterstate.plan.rollback import restorable
from clusterstate.plan.telling import tell_changes
from clusterstate.state.layout import FileKind, kind_of

NOTHING: Final = Plan()
STORE_ALONE: Final = "the store alone"
"""What a revision says that declares what the one before it did: others changed the store, or a move has ended."""
MOST_BYTES: Final = 4 * 1024 * 1024
"""Of all revisions, as they are kept: each run with changes reads them all. The base of the merge stays in any case."""


@dataclass(frozen=True, slots=True)
class Keeping:
    """What new revisions say beside what was applied, and how many are kept."""

    limit: int
    by: str = ""
    """Who changed the declaration last."""
    hook: str = ""
    """What a push says of the Job that is to follow it; see `plan.hook.Hook.job`."""
    after: int = 0
    """The highest number ever told: Jobs and confirmations name revisions by number, so that none comes twice."""


class History:
    """The revisions of one object, as this run found and extends them."""

    def __init__(self, client: Client, owner: Owner, known: Sequence[Revision], policy: Keeping) -> None:
        """Take the revisions there are, oldest first, and how to go on with them."""
        self._client = client
        self._owner = owner
        self._known = list(known)
        self._policy = policy

    @property
    def applied(self) -> tuple[AppliedRevision, ...]:
        """Give every declaration that was written whole, the newest first."""
        return tuple(
            AppliedRevision(each.number, each.created, each.changes, each.by, each.what)
            for each in reversed(self._known)
            if each.settled
        )

    @property
    def newest(self) -> int:
        """Number of the newest revision; 0: there is none."""
        return self._known[-1].number if self._known else 0

    @property
    def groups_pushed(self) -> int:
        """Number of the newest revision whose push changed an instance group; 0: none did."""
        return self._known[-1].groups_pushed if self._known else 0

    def pushes(self, confirmation: str) -> Pushes:
        """Give what a confirmation is to be held against."""
        newest = latest(self.hooks)
        failed = newest is not None and newest.result is JobState.FAILED and running(self.hooks) is None
        return Pushes(
            groups=self.groups_pushed,
            newest=self.newest,
            confirmation=confirmation,
            hooked=succeeded(self.hooks),
            failed=newest.revision if newest and failed else 0,
            failure=newest.message or "It gives no reason." if newest and failed else "",
        )

    @property
    def hooks(self) -> tuple[Hook, ...]:
        """Give what every whole push says of its Job, the oldest first."""
        pushed = (each for each in self._known if each.settled and (each.changes or each.hook))
        return tuple(Hook(each.number, each.hook, _result(each.hook_result), each.hook_message) for each in pushed)

    async def mark_hook(self, revision: int, job: str) -> None:
        """Record the uid of the Job that followed a push: from now on there is none other for it."""
        await self._mark(revision, job)

    async def end_hook(self, revision: int, result: JobState, message: str) -> None:
        """Record how that Job ended."""
        await self._mark(revision, "", result.value, message)

    async def _mark(self, number: int, job: str, result: str = "", message: str = "") -> None:
        place = next(place for place, each in enumerate(self._known) if each.number == number)
        known = self._known[place]
        self._known[place] = await revisions.mark_hook(self._client, known, job or known.hook, result, message)

    async def intend(self, declared: Applied, plan: Plan) -> None:
        """Record what is about to be written; an intent that says so already stands for every new try."""
        groups = any(kind_of(change.key)[0] is FileKind.INSTANCE_GROUP for change in plan.changes)
        if not self._stands(declared, plan, groups=groups):
            await self._add(declared, settled=False, groups=groups, plan=plan)
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
        await self._shorten()

    async def _replace_look(self, before: Revision | None) -> None:
        """Keep one revision where again only the store has moved on (see `Applied.shown`)."""
        if before is None or before.what != STORE_ALONE or before.hook:
            return
        if _declared(before.content) == _declared(self._known[-1].content):
            await self._remove(before.number)

    def _stands(self, declared: Applied, plan: Plan, *, groups: bool) -> bool:
        newest = self._known[-1] if self._known else None
        if newest is None or newest.settled or newest.content != declared.as_json():
            return False
        if newest.hook != self._hook_for(plan):
            return False
        return newest.groups_pushed == newest.number or not groups

    async def _add(self, declared: Applied, *, settled: bool, groups: bool = False, plan: Plan = NOTHING) -> None:
        newest = self._known[-1] if self._known else None
        number = max(newest.number if newest else 0, self._policy.after) + 1
        pushed, content = newest.groups_pushed if newest else 0, declared.as_json()
        known = newest is not None and newest.settled and _said(newest.content) == _said(content)
        alone = known and settled and not plan.changes
        revision = Revision(
            number,
            settled,
            pack(content),
            groups_pushed=number if groups else pushed,
            changes=len(plan.changes),
            by="" if alone else self._policy.by,
            what=STORE_ALONE if alone else tell_changes(plan),
            hook=self._hook_for(plan),
        )
        self._known.append(await revisions.create_revision(self._client, self._owner, revision))

    def _hook_for(self, plan: Plan) -> str:
        return self._policy.hook if plan.changes or self._is_unfinished() else ""

    async def _prune(self) -> None:
        """Keep the newest settled one, what came after it, and those whose Jobs matter; others up to the limits."""
        kept, base = {*needed(self.hooks)}, self._base()
        spare = [each.number for each in self._known[:-1] if each.number < base and each.number not in kept]
        while spare and (len(self._known) > self._policy.limit or self._bytes() > MOST_BYTES):
            await self._remove(spare.pop(0))

    async def _remove(self, number: int) -> None:
        gone = next(each for each in self._known if each.number == number)
        self._known.remove(gone)
        await self._shorten()  # first, since older ones lead back from it
        await revisions.delete_revision(self._client, gone)

    async def _shorten(self) -> None:
        """Have each revision before the newest settled one lead back from the next newer one, if it doesn't yet."""
        older = [place for place, each in enumerate(self._known) if each.number < self._base()]
        for place in reversed(older):
            each, newer = self._known[place], self._known[place + 1]
            if each.origin != newer.number:
                self._known[place] = await self._rebased(each, newer)

    async def _rebased(self, revision: Revision, newer: Revision) -> Revision:
        try:
            return await revisions.rebase_revision(self._client, self._owner, revision, newer)
        except (Unreadable, SpecTooLarge):
            return revision  # whoever reads it finds it as it was

    def _base(self) -> int:
        return max((each.number for each in self._known if each.settled), default=0)

    def _is_unfinished(self) -> bool:
        """Whether a push began that didn't come to its end: what it wrote is a part of the next one."""
        return any(each.number > self._base() and each.changes for each in self._known)

    def _bytes(self) -> int:
        return sum(len(each.packed) for each in self._known)


def _declared(content: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in content.items() if key not in {"shown", "departure"}}


def _said(content: Mapping[str, Any]) -> list[Any]:
    """Give what somebody declares, without what is only known of the store."""
    return [
        restorable(content),
        *(content.get(part) for part in ("contents", "keyPairs", "generated", "store", "place")),
    ]


def _result(text: str) -> JobState | None:
    return JobState(text) if text in {*JobState} else None
