"""The part of a run that brings into the spec what the store holds, and that gives way where somebody undoes it."""

from dataclasses import replace
from typing import Final

from clusterstate.api.types import ClusterState
from clusterstate.apply.pull import write_spec
from clusterstate.context import Body, Memory
from clusterstate.kube.client import Client
from clusterstate.plan.pull import Pull

MOST_UNDONE: Final = 3
"""How often the same content is written into the spec again although somebody removes it each time."""


async def carry_out(
    pull: Pull, client: Client, declared: ClusterState, memory: Memory, *, asked: bool
) -> tuple[Pull, Body | None]:
    """Write into the spec; give what came of it, and the object then, None where it stays as it was.

    `asked`: a person wants this run, so that writing begins anew where it was given up.
    """
    undone = memory.pulled == pull.digest and not asked
    memory.undone = memory.undone + 1 if undone else 0
    if memory.undone >= MOST_UNDONE:
        return pull.given_up(), None
    body = await write_spec(client, declared.metadata, pull)
    memory.pulled = pull.digest
    return replace(pull, written=True), body
