"""The bytes of what a plan writes beside documents: as declared, or a keyset with a key pair added or a step taken."""

from collections.abc import Mapping

from clusterstate.plan.changes import Plan
from clusterstate.state import codec
from clusterstate.state.keypair import KeyPair, newest_id, with_key_pair
from clusterstate.state.layout import FileKind, kind_of
from clusterstate.state.objects import State
from clusterstate.state.rotation import take_step


def make_bodies(
    plan: Plan, state: State, declared: Mapping[str, bytes], key_pairs: Mapping[str, KeyPair]
) -> dict[str, bytes]:
    """Give the final bytes of every file that the plan writes and that is no document, by its key.

    `declared` has secrets, SSH keys and files by key, `key_pairs` what belongs into keysets by their name. A keyset
    whose key pair is still to be made has no bytes yet.
    """
    bodies = {change.key: declared[change.key] for change in plan.changes if change.key in declared}
    for change in plan.changes:
        kind, name = kind_of(change.key)
        if kind is not FileKind.KEYSET:
            continue
        if change.step is not None:
            bodies[change.key] = codec.encode_keyset(take_step(state.keysets[name], change.step))
        elif name in key_pairs:
            before, pair = state.keysets.get(name), key_pairs[name]
            key_id = newest_id(pair.facts.serial, before) if change.generate else change.key_id
            bodies[change.key] = codec.encode_keyset(with_key_pair(before, name, pair, key_id))
    return bodies
