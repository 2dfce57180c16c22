"""What is known of the nodes that a rotation waits for: what is published to them, and which roll people confirm. Pure.

`kops update cluster` publishes in `nodeupconfig.yaml`; a node reads that when it starts. So both are needed before a
step: every file that names the keyset tells of the last one, and all nodes have been replaced since.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Final

from clusterstate.plan.naming import named
from clusterstate.plan.rolled import is_confirmed
from clusterstate.state.keyset import primary, trusted
from clusterstate.state.node_config import NodeConfig, fingerprint
from clusterstate.state.objects import Keyset, KeysetItem

FILES: Final = "igconfig/*/*/nodeupconfig.yaml"


@dataclass(frozen=True, slots=True)
class Rollout:
    """What the store and people say of nodes."""

    configs: Mapping[str, NodeConfig] = field(default_factory=dict)
    """By their key in the state."""
    rolled: str = ""
    """The annotation `clusterstate.dev/rolled`."""

    def is_confirmed(self, what: str) -> bool:
        """Whether a person says that a rolling update has brought that to every node."""
        return is_confirmed(self.rolled, what)

    def find_distrusting(self, keyset: Keyset, item: KeysetItem) -> str:
        """Give why not all nodes are told to trust a key pair; empty where they are."""
        wanted = fingerprint(keyset.name, item)
        told = self._told_trust(keyset.name)
        lacking = [key for key, prints in told.items() if not wanted or wanted not in prints]
        return self._find_problem(told, lacking, f"without the certificate of {item.id}")

    def find_not_using(self, keyset: Keyset, item: KeysetItem) -> str:
        """Give why not all nodes are told to use a key pair; empty where they are."""
        told = self._told_primaries(keyset.name)
        others = [key for key, key_id in told.items() if key_id != item.id]
        return self._find_problem(told, others, f"with another KeypairIDs.{keyset.name} than {item.id}")

    def find_outdated(self, keyset: Keyset) -> str:
        """Give why nodes are told something else than the keyset says now; empty where they aren't told of it."""
        chosen, prints = primary(keyset), frozenset(fingerprint(keyset.name, item) for item in trusted(keyset)) - {""}
        trust, primaries = self._told_trust(keyset.name), self._told_primaries(keyset.name)
        outdated = {key for key, told in trust.items() if told != prints}
        outdated |= {key for key, told in primaries.items() if chosen is None or told != chosen.id}
        return (
            self._find_problem([*trust, *primaries], sorted(outdated), "not as the keyset is now") if outdated else ""
        )

    def _told_trust(self, name: str) -> dict[str, frozenset[str]]:
        return {key: each.trusted[name] for key, each in sorted(self.configs.items()) if name in each.trusted}

    def _told_primaries(self, name: str) -> dict[str, str]:
        return {key: each.primaries[name] for key, each in sorted(self.configs.items()) if name in each.primaries}

    def _find_problem(self, told: Collection[str], wrong: list[str], how: str) -> str:
        broken = [each.problem for _, each in sorted(self.configs.items()) if each.problem]
        if broken:
            return broken[0].rstrip(".")
        if not told:
            return f"no {FILES} names the keyset"
        return f"{named(wrong)} {'is' if len(wrong) == 1 else 'are'} {how}" if wrong else ""
