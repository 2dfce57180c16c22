"""The one way in which a command changes states: read, plan, show, ask, write.

Everything is planned and checked before anybody is asked, and all files of all states are in their final bytes before
the first is written. Each write counts only while the file is as it was planned from; where somebody was faster, that
state is read and planned again, once, and nobody's change is overwritten unseen.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from clusterstate.apply.run import File, make_files, write_files
from clusterstate.cli.asking import agreed
from clusterstate.cli.manners import mention, say, warn
from clusterstate.cli.opening import Shop
from clusterstate.cli.output import echo
from clusterstate.cli.showing import change_lines, echo_lines, remark_lines, sentence
from clusterstate.cli.words import Consent
from clusterstate.errors import ConflictFound, LostRace
from clusterstate.gather import Access, Sources
from clusterstate.plan.breaker import find_breach
from clusterstate.plan.changes import Action, Plan
from clusterstate.plan.conflict import OF_DECLARATIONS, Ways, tell_conflicts
from clusterstate.plan.contents import carried_out
from clusterstate.plan.diff import plan_digest, summarise
from clusterstate.plan.naming import named
from clusterstate.plan.observed import Observed
from clusterstate.state.tree import Listing, Read, Tree, Wanted, read_state

LIST_SECONDS: Final = 600.0
"""How long a listing may take: somebody is there to end it."""
DOCUMENTS: Final = Wanted()
"""What is read unless more is wanted: the configuration, instance groups and keysets."""
DONE: Final = {Action.CREATE: "created", Action.UPDATE: "changed", Action.DELETE: "deleted"}


@dataclass(frozen=True, slots=True)
class Seen:
    """One state as it was read, to be changed."""

    access: Access
    tree: Tree
    listing: Listing
    read: Read
    now: datetime

    @property
    def observed(self) -> Observed:
        """The same as a plan takes it, without anything applied: whatever differs is adopted, and nothing removed."""
        return Observed(self.read.state, self.read.versions, node_configs=self.read.node_configs)


BodiesSource = Callable[[], Awaitable[Mapping[str, bytes]]]
"""Gives the final bytes of all that is no document, by key."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """What is to be written to one state."""

    plan: Plan
    bodies: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    """The final bytes of what the plan writes beside documents, by key, as far as they are known."""
    finish: BodiesSource | None = field(default=None, repr=False)
    """Gives all of them, keys that are still to be made among them; asked only once somebody has agreed."""
    confirmed: str = ""
    """The digest of the plan that a person has confirmed beforehand, for the breaker."""
    ways: Ways = OF_DECLARATIONS
    """What ends a conflict."""


Make = Callable[[Seen], Awaitable[Prepared]]
"""Decides what to write to a state that was read. Raises what keeps it from being changed."""


@dataclass(frozen=True, slots=True)
class Job:
    """One state that is to be changed, and how."""

    cluster: str
    access: Access
    sources: Sources
    """Open, and such as may be written to."""
    make: Make
    wanted: Wanted = DOCUMENTS
    """What has to be read beside documents."""
    breaker: bool = True
    """Whether the operator's breaker holds: no third of a state's files goes at once."""


async def open_job(
    shop: Shop, cluster: str, make: Make, wanted: Wanted = DOCUMENTS, *, url: str = "", creates: bool = False
) -> Job:
    """Open a state of the chosen store, or of another one, to be changed; a new one too only where it `creates`."""
    sources = await shop.sources(cluster, url, writes=True, creates=creates)
    return Job(cluster, shop.access(cluster, url), sources, make, wanted)


@dataclass(slots=True)
class _Step:
    """One job, planned."""

    job: Job
    seen: Seen
    prepared: Prepared
    files: list[File] = field(default_factory=list)

    @property
    def plan(self) -> Plan:
        return self.prepared.plan

    async def encode(self) -> None:
        """Bring all files into their final bytes."""
        finish = self.prepared.finish
        self.files = make_files(self.plan, await finish() if finish else self.prepared.bodies)


async def change_states(jobs: Sequence[Job], consent: Consent, question: str = "Write this?") -> int:
    """Change states as jobs say, and give the exit code, 0: all is done, or nothing was to be done.

    Raises what keeps a job from being planned, before anything is written; `Unconfirmed` where nobody agrees, and
    `LostRace` where others keep writing to the same files.
    """
    steps = [await _prepare(job) for job in jobs]
    for step in steps:
        _show(step)
    todo = [step for step in steps if step.plan.changes]
    if not todo or not agreed(question, consent):
        return 0
    for step in todo:
        await step.encode()
    for step in todo:
        await _carry_out(step, consent, question)
    return 0


async def _prepare(job: Job) -> _Step:
    tree, listing, _ = await job.sources.list_state(None, LIST_SECONDS)
    read = await read_state(tree, listing, job.wanted)
    seen = Seen(job.access, tree, listing, read, datetime.now(UTC))
    step = _Step(job, seen, await job.make(seen))
    _require_sound(step)
    return step


def _require_sound(step: _Step) -> None:
    """Raise what keeps a plan from being carried out, as the operator does."""
    plan, prepared = step.plan, step.prepared
    if plan.conflicts:
        echo_lines(change_lines(plan))
        raise ConflictFound(f"Nothing was written. {tell_conflicts(plan, prepared.ways)}")
    after = carried_out(plan, step.seen.read.state, prepared.bodies)
    breach = find_breach(plan, after, step.seen.listing.known_files, prepared.confirmed)
    if breach is not None and step.job.breaker:
        echo_lines(change_lines(plan))
        raise breach
    make_files(plan, {**{change.key: b"" for change in plan.changes}, **prepared.bodies})


def _show(step: _Step) -> None:
    echo_lines(change_lines(step.plan))
    echo_lines(remark_lines(step.plan))
    echo(sentence(summarise(step.plan, step.seen.access.location.url)))


async def _carry_out(step: _Step, consent: Consent, question: str) -> None:
    try:
        await _write(step)
    except LostRace as race:
        warn(f"{race.fact} Planned again:")
        again = await _prepare(step.job)
        if plan_digest(again.plan) != plan_digest(step.plan):
            _show(again)
            if not again.plan.changes or not agreed(question, consent):
                return
        await again.encode()
        await _write_after_race(again)


async def _write_after_race(step: _Step) -> None:
    try:
        await _write(step)
    except LostRace as race:
        raise LostRace(
            f"{race.fact} It was so a second time, so somebody else is writing to {step.seen.access.location.url}. "
            "What was written before stays; wait until they are done."
        ) from None


async def _write_files(step: _Step) -> None:
    """Write one file after another, and tell how far that came wherever it ends."""
    seen, written = step.seen, list[str]()
    try:
        for file in step.files:
            await write_files(seen.tree, [file], seen.listing, seen.now)
            written.append(file.key)
            mention(f"{file.key} is {'deleted' if file.data is None else 'written'}.")
    finally:
        if 0 < len(written) < len(step.files):
            warn(f"{len(written)} of {len(step.files)} files are written: {named(written)}.")


async def _write(step: _Step) -> None:
    await _write_files(step)
    counts = ((sum(each.action is action for each in step.plan.changes), word) for action, word in DONE.items())
    done = ", ".join(f"{count} {word}" for count, word in counts if count)
    location = step.seen.access.location
    say(f"{done} in {location.url}.{'' if location.scheme == 'file' else _follow_up(step.job.cluster)}")
    if step.plan.held:
        warn(f"Run the command again: {'; '.join(step.plan.warnings)}.")


def _follow_up(cluster: str) -> str:
    return f" kops update cluster {cluster} --yes brings it to the machines."
