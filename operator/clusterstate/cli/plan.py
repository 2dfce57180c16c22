"""`clusterstate plan`: what the operator's next run would change, planned as it plans, by the rights of who asks."""

import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import click

from clusterstate.api.durations import parse_duration
from clusterstate.api.load import load
from clusterstate.api.types import ClusterState
from clusterstate.cli.exits import TROUBLE
from clusterstate.cli.manners import warn
from clusterstate.cli.opening import mention_requests
from clusterstate.cli.output import as_text
from clusterstate.cli.reading import reading
from clusterstate.cli.review.plans import ClusterPlan, plans_as_markdown
from clusterstate.cli.showing import (
    Line,
    change_json,
    change_lines,
    difference_json,
    echo_lines,
    remark_lines,
    sentence,
)
from clusterstate.cli.words import Target
from clusterstate.errors import ClusterStateError, FileStoreIsForReview, KubeForbidden, MigrationRefused
from clusterstate.facts import origin_of, past_of, store_facts
from clusterstate.gather import Access, Reader, Sources
from clusterstate.kube.client import Client
from clusterstate.kube.installation import LENGTH, NAME, find_installation_key
from clusterstate.kube.owner import Owner
from clusterstate.kube.revisions import list_revisions
from clusterstate.plan.changes import Plan
from clusterstate.plan.diff import plan_digest
from clusterstate.plan.outcome import Outcome, make_request
from clusterstate.plan.place import locate_state
from clusterstate.plan.pull import Pull
from clusterstate.plan.refusal import find_refusal
from clusterstate.planning import bring, decide, foresee, look, with_contents
from clusterstate.policy import EVERYTHING
from clusterstate.relocation.config import plan_move
from clusterstate.relocation.finding import find_old_place
from clusterstate.relocation.source import Source
from clusterstate.settings import Settings
from clusterstate.state.digests import Digests
from clusterstate.store.counting import RequestCounts


@dataclass(frozen=True, slots=True)
class Foresight:
    """What a run would come to."""

    outcome: Outcome
    refusal: str = ""
    """Why the operator would write nothing of it."""
    moves_to: str = ""
    """Where the run would move the state first; until then the plan waits."""

    @property
    def plan(self) -> Plan:
        """What would be written to the store."""
        return self.outcome.plan or Plan()

    @property
    def pull(self) -> Pull:
        """What would be written into the spec."""
        return self.outcome.pull or Pull()

    @property
    def exit_code(self) -> int:
        """As `kubectl diff` has it."""
        if self.refusal:
            return TROUBLE
        differs = self.plan.changes or self.plan.conflicts or self.pull.changes
        return int(bool(differs or self.moves_to))


async def show_plan(target: Target, environ: Mapping[str, str], output: str) -> int:
    """Print the plan, and give the exit code. Raises what a run's outcome would say."""
    # Whoever calls is who the store sees: their own credentials are theirs to use. Where the operator may start Jobs is
    # its own affair, and nothing here says so.
    settings = replace(Settings.from_env(environ), after_push_namespaces=("*",))
    async with reading(target) as (client, body):
        state = load(body)
        reader = Reader(client, settings, environ, state.metadata.namespace, EVERYTHING)
        found = await _foresee(client, settings, state, reader)
    if output == "text":
        echo_lines(_lines(found))
    elif output == "markdown":
        click.echo(_markdown(found, state.cluster_name, f"clusterstate/{target.name}"), nl=False)
    else:
        click.echo(as_text(_as_json(found), output))
    if found.refusal:
        warn(found.refusal)
    return found.exit_code


def _markdown(found: Foresight, cluster: str, word: str) -> str:
    facts = found.outcome.store
    url, files = (facts.url, facts.files) if facts else ("", 0)
    return plans_as_markdown([ClusterPlan(cluster, url, found.plan, files)], url, word)


async def _foresee(client: Client, settings: Settings, state: ClusterState, reader: Reader) -> Foresight:
    past = past_of(await list_revisions(client, Owner.of(state.metadata)))
    old = await find_old_place(client, reader, state, origin_of(past.applied))
    access = old or await reader.access(state.spec.store, state.cluster_name)
    digester = _Digester(client, settings.operator_namespace)
    seconds = parse_duration(state.spec.sync.timeout).total_seconds()
    counts = RequestCounts()
    async with Sources(client, access, writes=False, creates=bool(state.spec.cluster), counts=counts) as sources:
        tree, listing, _ = await sources.list_state(None, seconds)
        sight = await look(client, state, access, tree, listing)
    mention_requests(counts)
    sight = await with_contents(client, state, sight, digester.digests)
    plan = decide(sight, datetime.now(UTC))
    suspended = ("spec.suspend is set: the operator does nothing until it isn't.",) if state.spec.suspend else ()
    plan = replace(plan, warnings=(*plan.warnings, *digester.warnings, *suspended))
    after = foresee(sight, plan).state
    pull = bring(state, sight.desired, after)
    refusal: ClusterStateError | None = find_refusal(state, settings, plan, after, listing.known_files, access.location)
    if old is not None:
        new = await reader.access(state.spec.store, state.cluster_name)
        refusal = _find_move_refusal(state, Source(old, sight, tree, listing), new) or refusal
    return Foresight(
        Outcome(make_request(state), store=store_facts(access, tree, listing), plan=plan, pull=pull),
        refusal=refusal.message if refusal else "",
        moves_to=locate_state(state.spec.store, state.metadata.namespace, state.cluster_name).url if old else "",
    )


def _find_move_refusal(state: ClusterState, source: Source, new: Access) -> ClusterStateError | None:
    try:
        plan_move(state, source.access, new, source.spec, source.declared)
    except (FileStoreIsForReview, MigrationRefused) as error:
        return error
    return None


@dataclass
class _Digester:
    """Digests contents as the operator does where its key may be read; else what was applied of them isn't known."""

    client: Client
    namespace: str
    """The operator's."""
    warnings: list[str] = field(default_factory=list)

    async def digests(self) -> Digests:
        """Give what digests contents, and warn where that isn't what the operator has."""
        try:
            key = await find_installation_key(self.client, self.namespace)
        except KubeForbidden:
            key = None
        if key is None:
            self.warnings.append(
                f"Secret {self.namespace}/{NAME} can't be read or isn't there, so what was pushed of secrets and files "
                "isn't known: their removal, drift and conflicts are left out. CLUSTERSTATE_OPERATOR_NAMESPACE names "
                "the operator's namespace."
            )
        return Digests(key or secrets.token_bytes(LENGTH))


def _lines(found: Foresight) -> Iterator[Line]:
    """Give the lines to print, each with its colour."""
    plan = found.plan
    if found.moves_to and found.outcome.store:
        yield f"The state moves from {found.outcome.store.url} to {found.moves_to} first; what follows waits.", "yellow"
    yield from change_lines(plan)
    yield from ((f"Into the spec: {pointer}", "yellow") for pointer in found.pull.changes)
    for blocked in found.pull.blocked:
        yield f"Left out of the spec: {blocked.key}{blocked.pointer} ({blocked.manager})", None
    yield from remark_lines(plan)
    yield sentence(found.outcome.summary), None


def _as_json(found: Foresight) -> dict[str, Any]:
    plan, pull = found.plan, found.pull
    return {
        "url": found.outcome.store.url if found.outcome.store else "",
        "summary": found.outcome.summary,
        "refusal": found.refusal,
        "movesTo": found.moves_to,
        "digest": plan_digest(plan),
        "changes": [change_json(each) for each in plan.changes],
        "conflicts": [difference_json(each) for each in plan.conflicts],
        "drift": [difference_json(each) for each in plan.drift],
        "dropped": [difference_json(each) for each in plan.dropped],
        "unpruned": [*plan.unpruned],
        "warnings": [*plan.warnings],
        "pull": [*pull.changes],
        "pullBlocked": [{"path": each.key, "field": each.pointer, "manager": each.manager} for each in pull.blocked],
    }
