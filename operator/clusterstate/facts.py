"""What a run has seen and done, and what runs before did, in the terms of decisions. Nothing is asked here."""

from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from clusterstate.api.status import Status
from clusterstate.apply.history import History
from clusterstate.errors import ClusterStateError, RunRefused, SpecInvalid
from clusterstate.gather import Access
from clusterstate.kube.revisions import Revision
from clusterstate.mirror.objects import Mirrors
from clusterstate.mirror.sync import MirrorOutcome
from clusterstate.plan.changes import Plan
from clusterstate.plan.cloud import CloudUpdate
from clusterstate.plan.hook import HookReport
from clusterstate.plan.migration import Migration
from clusterstate.plan.naming import named
from clusterstate.plan.observed import Applied
from clusterstate.plan.outcome import Certificate, Failure, Mirrored, MirrorReport, Outcome, Request, StoreFacts
from clusterstate.plan.place import Origin
from clusterstate.plan.pull import Pull
from clusterstate.plan.rotation_report import RotationReport
from clusterstate.state.tree import Listing, Tree


def store_facts(access: Access, tree: Tree, listing: Listing) -> StoreFacts:
    """Give what a listing tells of a state, and what is proven of its store by now."""
    proven = tree.trunk.capabilities
    guarantees = {"create": proven.atomic_create, "update": proven.atomic_update, "delete": proven.atomic_delete}
    return StoreFacts(
        url=access.location.url,
        files=listing.files,
        bytes=listing.bytes,
        digest=listing.digest,
        last_change=listing.last_change,
        endpoint=tree.trunk.endpoint or "",
        unproven=tuple(name for name, given in guarantees.items() if not given),
        detoured=access.detoured,
    )


@dataclass(frozen=True, slots=True)
class Past:
    """What runs before wrote, or meant to write."""

    applied: Applied | None
    """The newest that was written whole."""
    intents: tuple[Applied, ...]
    """Those after it, oldest first."""

    @property
    def contents_keys(self) -> frozenset[str]:
        """Keys of all contents that were ever told by one of them."""
        known = (self.applied, *self.intents) if self.applied else self.intents
        return frozenset(key for each in known for key in each.contents)


def past_of(revisions: Iterable[Revision]) -> Past:
    """Give what an object's revisions, oldest first, tell of the runs before."""
    revisions = tuple(revisions)
    newest = max((each.number for each in revisions if each.settled), default=0)
    return Past(
        applied=next((Applied.from_json(each.content) for each in revisions if each.number == newest), None),
        intents=tuple(Applied.from_json(each.content) for each in revisions if each.number > newest),
    )


@dataclass
class Findings:
    """What has come of a run so far: it fills as the run goes, and makes the outcome wherever that ends."""

    now: datetime
    """When the run began."""
    refusal: RunRefused | SpecInvalid | None = None
    facts: StoreFacts | None = None
    plan: Plan | None = None
    pushed: bool = False
    history: History | None = None
    certificates: tuple[Certificate, ...] | None = None
    unread: tuple[str, ...] = ()
    mirrors: MirrorReport | None = None
    cloud: CloudUpdate | None = None
    rotations: tuple[RotationReport, ...] | None = None
    pull: Pull | None = None
    hook: HookReport | None = None
    migration: Migration | None = None

    def outcome(self, request: Request, error: ClusterStateError | None) -> Outcome:
        """Give it all as what status is made from."""
        return Outcome(
            request=request,
            error=error or self.refusal,
            store=self.facts,
            plan=self.plan,
            pushed=self.pushed,
            history=self.history.applied if self.history else None,
            certificates=self.certificates,
            unread=self.unread,
            mirrors=self.mirrors,
            cloud=self.cloud,
            rotations=self.rotations,
            pull=self.pull,
            hook=self.hook,
            migration=self.migration,
        )


def told_certificates(status: Status, keysets: Collection[str]) -> Iterator[Certificate]:
    """Give what status tells of the certificates of these keysets."""
    for row in status.certificates:
        if row.keyset in keysets:
            with suppress(ValueError):
                yield Certificate(row.keyset, row.primary_id, row.not_after_time)


def newest_told(status: Status) -> int:
    """Give the highest number of a revision that status tells of, whether or not that is there still."""
    job = status.after_push.revision if status.after_push else 0
    return max((job, *(each.revision for each in status.history)))


def mirror_report(mirrors: Mirrors, done: MirrorOutcome) -> MirrorReport:
    """Give what became of the mirrors that were wanted."""
    failed = {problem.secret for problem in done.problems}
    failures = (Failure(each.reason, each.nature, each.message, about=each.source) for each in done.problems)
    return MirrorReport(
        mirrors=tuple(
            Mirrored(each.name, each.source, each.primary_id, each.not_after)
            for each in mirrors.wanted
            if each.name not in failed
        ),
        written=(*done.created, *done.updated, *done.deleted),
        problems=(*failures, *done.restarts.problems),
        restarted=done.restarts.rolled,
        missing=mirrors.missing,
        remarks=tuple(_remarks(done)),
    )


def _remarks(done: MirrorOutcome) -> Iterator[str]:
    if done.restarts.absent:
        yield f"Not there, so there is nothing to roll: {named(done.restarts.absent)}."
    rolling = list(done.restarts.rolling)
    if done.held and rolling:
        yield f"Kept until no Pod of {named(rolling)} needs them: Secrets {named(done.held)}."


def origin_of(applied: Applied | None) -> Origin | None:
    """Give where that was pushed to; None where nothing was, or a version that didn't note it did it."""
    return None if applied is None or applied.store is None else Origin(applied.store, applied.place)
