"""Situations between a declaration and a store, each in a cluster of its own, as `docs/sync.md` tells of them.

The field that everything turns on is `channel`: `ours` is what is declared in the end, `theirs` what somebody else puts
into the store, `before` what was declared and applied before.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass

import yaml

from tests.apiserver.rows import Row
from tests.support.operating import Body, conditions
from tests.support.world import MINIMAL, World

POLICIES = {
    "direction": ("Push", "Pull", "Both"),
    "drift": ("Correct", "Report"),
    "conflict": ("Fail", "PreferSpec", "PreferStore"),
    "adoption": ("Merge", "Fail"),
    "dryRun": ("false", "true"),
}
OURS, THEIRS, BEFORE = "ours", "theirs", "before"


@dataclass(frozen=True)
class Situation:
    """How a situation comes about: what is declared and stored first, and what both sides do then."""

    declared: str | None
    stored: str | None
    then_declared: str | None = None
    then_stored: str | None = None
    applied: bool = True
    """Whether there is a first run that applies the first declaration."""


SITUATIONS = {
    "declared, and not in the store": Situation(OURS, None, OURS, None, applied=False),
    "declared, and the same in the store": Situation(OURS, OURS, OURS, OURS, applied=False),
    "declared for the first time, and different in the store": Situation(OURS, THEIRS, OURS, THEIRS, applied=False),
    "the declaration has moved": Situation(BEFORE, BEFORE, OURS, BEFORE),
    "the store has moved": Situation(OURS, OURS, OURS, THEIRS),
    "the field is gone from the store": Situation(OURS, OURS, OURS, None),
    "both have moved, to different values": Situation(BEFORE, BEFORE, OURS, THEIRS),
    "both have moved, to the same value": Situation(BEFORE, BEFORE, OURS, OURS),
    "no longer declared": Situation(BEFORE, BEFORE, None, BEFORE),
    "no longer declared, and the store has moved": Situation(BEFORE, BEFORE, None, THEIRS),
    "never declared, and the store has moved": Situation(None, BEFORE, None, THEIRS),
}


class Stage:
    """Plays rows side by side, with one operator."""

    def __init__(self, world: World) -> None:
        self.world = world

    def play(self, lines: list[Row]) -> dict[Row, tuple[str, ...]]:
        """Give for each row what came of it."""
        for row in lines:
            self.world.load_store(MINIMAL, as_name=row.name)
            self.store(row, SITUATIONS[row.situation].stored)
        first = [row for row in lines if SITUATIONS[row.situation].applied]
        self.declare((row, SITUATIONS[row.situation].declared, {"direction": start(row)}) for row in first)
        self.wait(first)
        self.declare((row, SITUATIONS[row.situation].declared, None) for row in first)
        for row in first:
            self.store(row, SITUATIONS[row.situation].then_stored)
        self.declare((row, SITUATIONS[row.situation].then_declared, sync(row)) for row in lines)
        self.wait(lines)
        bodies = {body["metadata"]["name"]: body for body in self.objects()}
        return {row: self.result(row, bodies[row.name]) for row in lines}

    def declare(self, wanted: Iterable[tuple[Row, str | None, Body | None]]) -> None:
        """Apply manifests, all by one kubectl; without `sync` the object is suspended."""
        bodies = [manifest(self.world, row, channel, policies) for row, channel, policies in wanted]
        text = "\n---\n".join(map(json.dumps, bodies))
        if bodies:
            self.world.kubectl("apply", "--server-side", "-f", "-", stdin=text)

    def wait(self, lines: list[Row]) -> None:
        names = {row.name for row in lines}
        self.world.until(
            lambda: all(map(is_told, (each for each in self.objects() if each["metadata"]["name"] in names)))
        )

    def objects(self) -> list[Body]:
        items: list[Body] = json.loads(self.world.kubectl("get", "clusterstates", "-o", "json"))["items"]
        return items

    def store(self, row: Row, channel: str | None) -> None:
        def change(config: Body) -> None:
            config["spec"].pop("channel", None)
            if channel is not None:
                config["spec"]["channel"] = channel

        self.world.edit(f"{row.name}/config", change)

    def result(self, row: Row, body: Body) -> tuple[str, ...]:
        stored = yaml.safe_load(self.world.read(f"{row.name}/config"))["spec"].get("channel", "nothing")
        shown = body["spec"].get("cluster", {}).get("channel", "nothing")
        found = conditions(body)
        return (stored, shown, *(said(found[kind]) for kind in ("Ready", "InSync")))


def start(row: Row) -> str:
    """Give the direction of the first run: what is declared must be applied, by whichever way applies it."""
    return "Both" if row.policy["direction"] == "Both" else "Push"


def sync(row: Row) -> Body:
    return {**row.policy, "dryRun": row.policy["dryRun"] == "true"}


def manifest(world: World, row: Row, channel: str | None, policies: Body | None) -> Body:
    cluster = {} if channel is None else {"cluster": {"channel": channel}}
    return {
        "apiVersion": "clusterstate.dev/v1alpha1",
        "kind": "ClusterState",
        "metadata": {"name": row.name},
        "spec": {
            "store": {"url": world.url, "credentialsSecretRef": {"name": "store"}},
            "suspend": policies is None,
            "sync": policies or {"direction": start(row)},
            **cluster,
        },
    }


def is_told(body: Body) -> bool:
    """Whether the newest declaration is told of, with more than `Suspended`."""
    status = body.get("status", {})
    told = status.get("observedGeneration") == body["metadata"]["generation"]
    ready = conditions(body).get("Ready", {})
    return told and (body["spec"]["suspend"] or ready.get("reason") != "Suspended")


def said(condition: Body) -> str:
    truth = condition["status"]
    return truth if truth == "True" else f"{truth} {condition['reason']}"
