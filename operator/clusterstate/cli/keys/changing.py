"""Changes a few files of a state, one conditional write after another, as a command decides by what they are.

All is shown, and asked for once, before the first write. Who loses a race reads that file again and decides again;
where the decision is another one, it is shown, and asked for, anew. Every file is whole at every moment.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from clusterstate.apply.run import File, write_files
from clusterstate.cli.asking import agreed
from clusterstate.cli.choice import choose_cluster
from clusterstate.cli.keys.words import Where
from clusterstate.cli.manners import say
from clusterstate.cli.opening import Shop
from clusterstate.cli.output import echo, echo_diff
from clusterstate.cli.words import Consent
from clusterstate.errors import CommandInvalid, KeyNotFound, LostRace
from clusterstate.state.kops_resources.kinds import place_of
from clusterstate.state.layout import CONFIG
from clusterstate.state.limits import check_file
from clusterstate.state.tree import Listing, Tree
from clusterstate.store.base import ABSENT, Expect

ATTEMPTS: Final = 4
"""Times that one file is read and decided upon."""
LISTING_SECONDS: Final = 120.0


@dataclass(frozen=True, slots=True)
class OpenState:
    """The state of one cluster, open for writing."""

    cluster: str
    tree: Tree
    listing: Listing
    keeps_objects: bool
    """Whether its files are kops's own objects in Kubernetes."""


@asynccontextmanager
async def open_state(where: Where) -> AsyncIterator[OpenState]:
    """Open the state of a cluster that is there. Raises `KeyNotFound` where none is."""
    cluster = choose_cluster(where.cluster, where.environ)
    async with Shop(where.store, where.environ) as shop:
        sources = await shop.sources(cluster, writes=True)
        tree, listing, _ = await sources.list_state(None, LISTING_SECONDS)
        if CONFIG not in listing.entries:
            raise KeyNotFound(f"There is no cluster {cluster} in {shop.chosen.url}. Name another one with --name.")
        yield OpenState(cluster, tree, listing, shop.address().keeps_objects)


@dataclass(frozen=True, slots=True)
class Found:
    """A file as it is."""

    key: str
    """Where its bytes were found; an old name's, where there is none of the current one."""
    data: bytes | None = field(repr=False)
    """None: there is none."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What becomes of a file."""

    data: bytes | None = field(repr=False)
    """None: it is deleted."""
    lines: Sequence[str]
    """What changes, as in a diff."""
    told: str
    """What is told once it is done."""
    asks: bool
    """Whether a person has to agree."""


@dataclass(frozen=True, slots=True)
class Job:
    """One file that a command may change."""

    key: str
    decide: Callable[[Found], Decision | None]
    """Gives None, having said why, where nothing is to be done. Raises what refuses the command."""
    old_key: str = ""
    """Where it is read while there is none at its key."""


@dataclass(frozen=True, slots=True)
class _Step:
    job: Job
    expect: Expect
    decision: Decision


async def carry_out(state: OpenState, jobs: Sequence[Job], consent: Consent, question: str) -> bool:
    """Do all jobs, or show what they would do; give whether anything was written.

    Raises `Unconfirmed` where nobody agrees, `LostRace` where others write faster.
    """
    steps = [step for job in jobs if (step := await _look(state, job))]
    if not steps or not _accepted(steps, consent, question):
        return False
    told: list[str] = []
    try:
        for step in steps:
            told += await _write(state, step, consent, question)
    finally:  # not before: whoever reads what is printed may be gone, and that stops no work half-way
        for line in told:
            echo(line)
    return bool(told)


async def _look(state: OpenState, job: Job) -> _Step | None:
    expect: Expect = ABSENT
    found = Found(job.key, None)
    for key in filter(None, (job.key, job.old_key)):
        try:
            blob = await state.tree.read(key)
        except KeyNotFound:
            continue
        check_file(key, len(blob.data))
        found = Found(key, blob.data)
        expect = blob.version if key == job.key else ABSENT
        break
    decision = await asyncio.to_thread(job.decide, found)  # a long key takes seconds
    if decision and decision.data is not None and state.keeps_objects:
        _require_object(job.key, state.cluster)
    return _Step(job, expect, decision) if decision else None


def _require_object(key: str, cluster: str) -> None:
    """Refuse a file that would be none of kops's objects, and which kops would so never find."""
    if place_of(key, cluster) is None:
        raise CommandInvalid(
            f"No object in Kubernetes may have the name that kops gives {key}, and kops wouldn't find it. Use small "
            "letters, digits, '-' and '.'."
        )


def _accepted(steps: Sequence[_Step], consent: Consent, question: str) -> bool:
    for step in steps:
        echo_diff(step.decision.lines)
    if consent.dry_run:
        say("Nothing was written: --dry-run.")
        return False
    return not any(step.decision.asks for step in steps) or agreed(question, consent)


async def _write(state: OpenState, step: _Step, consent: Consent, question: str) -> list[str]:
    """Write one file; give what is told of it, nothing where it isn't written after all."""
    lines = step.decision.lines
    for _ in range(ATTEMPTS):
        try:
            await _write_once(state, step)
        except LostRace:
            say(f"{step.job.key} was changed by somebody else meanwhile: it is read again.")
        else:
            return step.decision.told.splitlines()
        again = await _look(state, step.job)
        if again is None:
            return []
        step, before = again, lines
        lines = step.decision.lines
        if lines != before and not _accepted([step], consent, question):
            return []
    raise LostRace(f"{step.job.key} was changed by others again and again, and isn't written.")


async def _write_once(state: OpenState, step: _Step) -> None:
    key, data = step.job.key, step.decision.data
    if data is not None:
        check_file(key, len(data))
    proven = state.tree.at(key)[0].capabilities.atomic_update
    file = File(key, data, step.expect, read_back=not proven and not state.keeps_objects)
    await write_files(state.tree, [file], state.listing, datetime.now(UTC))
