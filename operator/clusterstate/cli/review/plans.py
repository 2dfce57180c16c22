"""`clusterstate plan A B`: what would have to be written to A to become B, or to hold what B declares.

A whole state as B is all that there is to be; a declaration as B is a part, merged by the operator's own planner.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import click

from clusterstate.cli.exits import DIFFERENT, TROUBLE
from clusterstate.cli.manners import warn
from clusterstate.cli.output import as_text, echo
from clusterstate.cli.review.declared import Declared
from clusterstate.cli.review.markdown import as_markdown
from clusterstate.cli.review.results import ClusterReview, Review
from clusterstate.cli.review.reviewer import Found, Reviewer, reviewing
from clusterstate.cli.review.text import shortened
from clusterstate.cli.review.words import ReviewWords
from clusterstate.cli.showing import change_json, change_lines, difference_json, echo_lines, remark_lines, sentence
from clusterstate.errors import CommandInvalid
from clusterstate.plan.changes import Change, FieldChange, Plan
from clusterstate.plan.comparison import Comparison, FileDifference, compare_states
from clusterstate.plan.conflict import OF_DECLARATIONS, Ways, tell_conflicts
from clusterstate.plan.diff import plan_digest, summarise
from clusterstate.state.digests import Digests


@dataclass(frozen=True, slots=True)
class ClusterPlan:
    """What would be written to one state."""

    name: str
    url: str
    plan: Plan
    files: int
    """How many it has."""
    ways: Ways = OF_DECLARATIONS
    """What ends a conflict."""


async def show_plans(words: ReviewWords, environ: Mapping[str, str], output: str) -> int:
    """Print plans, and give the exit code, as `diff` has it. Raises what keeps a side from being read or planned."""
    async with reviewing(words, environ) as reviewer:
        plans = await _plan(reviewer)
    _print(plans, words, output)
    conflicts = [each for each in plans if each.plan.conflicts]
    for each in conflicts:
        warn(tell_conflicts(each.plan, each.ways))
    if conflicts:
        return TROUBLE
    return DIFFERENT if any(each.plan.changes for each in plans) else 0


async def _plan(reviewer: Reviewer) -> list[ClusterPlan]:
    old, new = await reviewer.open()
    if isinstance(old, Declared):
        raise CommandInvalid(
            f"{old.word} declares a part of a state: nothing can be written to it. Name a state first."
        )
    if not isinstance(new, Declared):
        return [_become(*pair, reviewer.digests) async for pair in reviewer.read_both(old, new)]
    there = await reviewer.read_declared(old, new)
    plan = new.plan(there.files, there.url, reviewer.digests)
    plan = replace(plan, changes=tuple(each for each in plan.changes if reviewer.shows(each.key)))
    return [ClusterPlan(there.cluster, there.url, plan, len(there.files), new.ways)]


def _become(old: Found, new: Found, digests: Digests) -> ClusterPlan:
    found = compare_states(old.files, new.files, digests).files
    changes = tuple(Change(each.key, each.action, each.fields) for each in found)
    return ClusterPlan(new.cluster, old.url, Plan(changes), len(old.files))


def _print(plans: list[ClusterPlan], words: ReviewWords, output: str) -> None:
    if output == "markdown":
        click.echo(plans_as_markdown(plans, words.old, words.new), nl=False)
    elif output != "text":
        click.echo(as_text(_as_data(plans, words), output))
    else:
        for each in plans:
            changes = tuple(Change(one.key, one.action, _fields(one)) for one in each.plan.changes)
            echo_lines(change_lines(Plan(changes, each.plan.drift, each.plan.conflicts)))
            echo_lines(remark_lines(each.plan))
            echo(sentence(summarise(each.plan, each.url)))


def _fields(change: Change) -> tuple[FieldChange, ...]:
    """Give the fields of a change as people read them; none stands for a whole file of which nothing is told."""
    told = (each for each in change.fields if each.pointer or each.old is not None or each.new is not None)
    return tuple(map(shortened, told))


def plans_as_markdown(plans: list[ClusterPlan], old: str, new: str) -> str:
    """Give plans as the comment on a pull request: what would become of `old`, because of `new`."""
    clusters = tuple(ClusterReview(each.name, each.url, new, _as_comparison(each)) for each in plans)
    warnings = (text for each in plans for text in (*_disagreements(each.plan), *each.plan.warnings))
    return as_markdown(Review(old, new, clusters, tuple(warnings)))


def _disagreements(plan: Plan) -> Iterator[str]:
    yield from (f"conflict: {each.key}{each.pointer}" for each in plan.conflicts)
    yield from (f"drifted: {each.key}{each.pointer}" for each in plan.drift)


def _as_comparison(found: ClusterPlan) -> Comparison:
    files = tuple(FileDifference(each.key, each.action, _fields(each)) for each in found.plan.changes)
    return Comparison(files, max(0, found.files - len(files)))


def _as_data(plans: list[ClusterPlan], words: ReviewWords) -> dict[str, Any]:
    return {
        "from": words.old,
        "to": words.new,
        "different": any(each.plan.changes or each.plan.conflicts for each in plans),
        "clusters": [_plan_data(each) for each in plans],
    }


def _plan_data(found: ClusterPlan) -> dict[str, Any]:
    plan = found.plan
    return {
        "name": found.name,
        "url": found.url,
        "summary": summarise(plan, found.url),
        "digest": plan_digest(plan),
        "changes": [change_json(each) for each in plan.changes],
        "conflicts": [difference_json(each) for each in plan.conflicts],
        "dropped": [difference_json(each) for each in plan.dropped],
        "warnings": [*plan.warnings],
    }
