"""`clusterstate validate`: what is wrong with manifests, told without any store."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import click

from clusterstate.cli.change.declarations import is_declaration, read_declaration
from clusterstate.cli.exits import FAILED
from clusterstate.cli.manifests import Manifest, read_manifests
from clusterstate.cli.manners import say
from clusterstate.cli.output import echo
from clusterstate.cli.words import Files
from clusterstate.errors import SpecInvalid
from clusterstate.plan.declare import declare
from clusterstate.plan.given import Single, gather, read_object
from clusterstate.plan.handing import find_wrong


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is wrong with one object."""

    manifest: Manifest
    problems: tuple[str, ...]


def show_problems(files: Files, output: str) -> int:
    """Print what is wrong with manifests, and give the exit code. Raises where they can't be read at all."""
    verdicts = judge(read_manifests(files))
    wrong = sum(bool(each.problems) for each in verdicts)
    if output == "json":
        click.echo(json.dumps({"valid": not wrong, "objects": [*map(_as_json, verdicts)]}, indent=2))
        return FAILED if wrong else 0
    for each in verdicts:
        for problem in each.problems:
            echo(f"{each.manifest.place}: {problem}", "red")
    say(f"{len(verdicts) - wrong} of {len(verdicts)} objects are as they must be.")
    return FAILED if wrong else 0


def judge(manifests: Sequence[Manifest]) -> list[Verdict]:
    """Give a verdict on each object, in their order."""
    problems: dict[str, list[str]] = {each.place: [] for each in manifests}
    singles: list[Single] = []
    for each in manifests:
        try:
            if is_declaration(each):
                found = read_declaration(each, None)
                declare(found.state, found.state.spec.store.url)
            else:
                singles.append(read_object(each.place, each.content))
        except SpecInvalid as error:
            problems[each.place].append(error.message.removeprefix(f"{each.place}: "))
    for place, problem in _of_kops(singles):
        problems[place].append(problem)
    return [Verdict(each, tuple(problems[each.place])) for each in manifests]


def _of_kops(singles: Sequence[Single]) -> Iterator[tuple[str, str]]:
    try:
        handed = gather(singles)
    except SpecInvalid as error:
        place, _, problem = error.message.partition(" is about ")
        yield place, f"is about {problem}"
        return
    for each in handed:
        yield from find_wrong(each)


def _as_json(verdict: Verdict) -> dict[str, Any]:
    about = verdict.manifest
    named = {"place": about.place, "kind": about.kind, "name": about.name}
    return {**named, "valid": not verdict.problems, "problems": [*verdict.problems]}
