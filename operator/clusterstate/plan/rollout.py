"""What is known of the nodes that a rotation waits for: what is published to them, and which roll people confirm. Pure.

`kops update cluster` publishes in `nodeupconfig.yaml`; a node reads that when it starts. So both are needed before a
step: every file that names the keyset tells of the last one, and all nodes have been replaced since.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Final

from clusterstate.plan.desired import Desired
from clusterstate.plan.naming import named
from clusterstate.plan.observed import Observed
from clusterstate.plan.rolled import PROMOTED, confirmations
from clusterstate.state.keyset import primary, trusted
from clusterstate.state.layout import kind_of, node_config_key
from clusterstate.state.node_config import NodeConfig, fingerprint
from clusterstate.state.objects import Document, Keyset, KeysetItem

MOST_PARTS: Final = 64
"""Confirmations of one keyset that status can remember not to count; where there are more, none counts."""
LONGEST_PART: Final = 128
"""Characters of one that it can remember."""
FILES: Final = "igconfig/*/*/nodeupconfig.yaml"
_CONTROL_PLANE: Final = "control-plane"
_FOLDERS: Final = {"Master": _CONTROL_PLANE, "ControlPlane": _CONTROL_PLANE}
"""Where kops has the files of a role, if not below its name in lower case."""


@dataclass(frozen=True, slots=True)
class Lack:
    """Why not all nodes are known to be told something; false where they are."""

    why: str = ""
    leftover: bool = False
    """Whether it is only files that `kops update cluster` doesn't write any more."""
    nowhere: bool = False
    """Whether kops tells nodes nothing of the keyset, so that nothing will ever be known."""

    def __bool__(self) -> bool:
        """Whether there is a reason."""
        return bool(self.why)

    @property
    def unpublished(self) -> bool:
        """Whether nodes of today aren't known to be told."""
        return bool(self.why) and not self.leftover


@dataclass(frozen=True, slots=True)
class Rollout:
    """What the store and people say of nodes."""

    configs: Mapping[str, NodeConfig] = field(default_factory=dict)
    """By their key in the state."""
    leftovers: frozenset[str] = frozenset()
    """Keys of those that `kops update cluster` doesn't write any more."""
    rolled: str = ""
    """The annotation `clusterstate.dev/rolled`."""
    ignored: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """What of it hasn't counted so far, by the keyset's name."""

    @property
    def confirmed(self) -> frozenset[str]:
        """Everything that people say."""
        return frozenset(confirmations(self.rolled))

    def find_ignored(self, keyset: Keyset, waited: str, *, published: bool) -> frozenset[str]:
        """Give what is confirmed of a keyset and doesn't count before it is taken back.

        That is all but what its next step waits for, where that was published before a person confirmed it.
        """
        said = self.confirmed
        before = self.ignored.get(keyset.name, frozenset()) & said
        ours = said & {item.id + end for item in keyset.items for end in ("", PROMOTED)}
        rememberable = len(before | ours) <= MOST_PARTS and len(waited) <= LONGEST_PART
        return before | (ours - {waited} if published and rememberable else ours)

    def find_distrusting(self, keyset: Keyset, item: KeysetItem) -> Lack:
        """Give why not all nodes are told to trust a key pair."""
        wanted = fingerprint(keyset.name, item)
        told = self._told_trust(keyset.name)
        lacking = [key for key, prints in told.items() if not wanted or wanted not in prints]
        return self._find_lack(keyset.name, told, lacking, f"without the certificate of {item.id}")

    def find_not_using(self, keyset: Keyset, item: KeysetItem) -> Lack:
        """Give why not all nodes are told to use a key pair."""
        told = self._told_primaries(keyset.name)
        others = [key for key, key_id in told.items() if key_id != item.id]
        return self._find_lack(keyset.name, told, others, f"with another KeypairIDs.{keyset.name} than {item.id}")

    def find_outdated(self, keyset: Keyset) -> Lack:
        """Give why nodes of today are told other than the keyset says now; none where they aren't told of it."""
        chosen, prints = primary(keyset), frozenset(fingerprint(keyset.name, item) for item in trusted(keyset)) - {""}
        trust, primaries = self._told_trust(keyset.name), self._told_primaries(keyset.name)
        outdated = {key for key, told in trust.items() if told != prints}
        outdated |= {key for key, told in primaries.items() if chosen is None or told != chosen.id}
        if outdated <= self.leftovers:
            return Lack()
        return self._find_lack(keyset.name, outdated, sorted(outdated), "not as the keyset is now")

    def _told_trust(self, name: str) -> dict[str, frozenset[str]]:
        return {key: each.trusted[name] for key, each in sorted(self.configs.items()) if name in each.trusted}

    def _told_primaries(self, name: str) -> dict[str, str]:
        return {key: each.primaries[name] for key, each in sorted(self.configs.items()) if name in each.primaries}

    def _find_lack(self, name: str, told: Collection[str], wrong: list[str], how: str) -> Lack:
        broken = [key for key, each in sorted(self.configs.items()) if each.problem]
        for key in broken:
            if key not in self.leftovers:
                return Lack(self.configs[key].problem.rstrip("."))
        if not self.leftovers.issuperset(wrong):
            wrong = [key for key in wrong if key not in self.leftovers]
            return Lack(f"{named(wrong)} {'is' if len(wrong) == 1 else 'are'} {how}")
        if self.leftovers.issuperset(told):
            nowhere = bool(self.configs) and not self._told_trust(name) and not self._told_primaries(name)
            return Lack(f"no {FILES} names the keyset", nowhere=nowhere)
        stale = sorted({*broken, *wrong})
        return (
            Lack(f"{named(stale)} {'is' if len(stale) == 1 else 'are'} left over", leftover=True) if stale else Lack()
        )


def rollout_of(desired: Desired, observed: Observed) -> Rollout:
    """Give what is known of nodes in a run."""
    configs, groups = observed.node_configs, observed.state.instance_groups
    leftovers = frozenset(key for key in configs if _is_leftover(key, configs, groups))
    return Rollout(configs, leftovers, desired.rolled, desired.ignored)


def _is_leftover(key: str, configs: Collection[str], groups: Mapping[str, Document]) -> bool:
    """Whether the file's group is gone, or kops has it in another folder by now and writes it there."""
    group = kind_of(key).name.split("/")[1]
    if group not in groups:
        return True
    role = str(groups[group].spec.get("role", ""))
    today = node_config_key(_FOLDERS.get(role, role.lower()), group)
    return key != today and today in configs
