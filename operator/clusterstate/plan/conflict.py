"""What a person is told of the fields that declaration and store disagree on, and how to end that. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from clusterstate.plan.changes import Difference, Plan
from clusterstate.plan.merge_table import Keyed, Rules, rules_of
from clusterstate.plan.naming import named
from clusterstate.plan.pointers import SPEC, path_of
from clusterstate.plan.values import as_list, join, without
from clusterstate.state.layout import CONFIG


@dataclass(frozen=True, slots=True)
class Ways:
    """What ends a conflict beside equal sides, in the words of whoever declared."""

    fields: str
    lists: str


OF_DECLARATIONS: Final = Ways(
    "set spec.sync.conflict to PreferSpec or PreferStore",
    "with spec.sync.conflict PreferSpec removes what isn't declared, PreferStore leaves it",
)
OF_OBJECTS: Final = Ways(
    "have the whole object take the place of the store's by apply --replace",
    "apply --replace puts the whole object in the place of the store's",
)
"""For kops's own objects, which say nothing about who is right."""


def tell_conflicts(plan: Plan, ways: Ways = OF_DECLARATIONS) -> str:
    """Name the conflicts of a plan that has any, with what ends them."""
    lists: dict[str, list[str]] = {}
    for each in plan.conflicts:
        lists.setdefault(_missing_key(each), []).append(f"{each.key}{each.pointer}")
    fields = lists.pop("", [])
    texts = [_tell_lists(key, names, ways) for key, names in lists.items()]
    return " ".join([*([_tell_fields(fields, ways)] if fields else []), *texts])


def _tell_fields(fields: Sequence[str], ways: Ways) -> str:
    return (
        f"Declaration and store disagree on {named(fields)}, and nobody knows which is right. Make them equal, or "
        f"{ways.fields}."
    )


def _tell_lists(key: str, lists: Sequence[str], ways: Ways) -> str:
    return (
        f"The store has items in {named(lists)} that aren't declared; such a list is one value as long as an item has "
        f"no {key} or shares it with another. Give each item a {key} of its own, in the store and in the declaration, "
        f"or declare them all; {ways.lists}."
    )


def _missing_key(conflict: Difference) -> str:
    """Name what items lack in a list that should merge by item but was compared whole; empty for all else."""
    rules = _rules_at(conflict)
    declared, observed = as_list(conflict.declared), as_list(conflict.observed)
    if not isinstance(rules.items, Keyed) or not declared or not without(rules, observed, declared):
        return ""
    return " or ".join(" and ".join(fields) for fields in rules.items.alternatives)


def _rules_at(conflict: Difference) -> Rules:
    rules = rules_of("Cluster" if conflict.key == CONFIG else "InstanceGroup")
    if not conflict.pointer.startswith(join(SPEC, "")):
        return Rules()
    for step in path_of(conflict.pointer)[1:]:
        rules = rules.each if isinstance(rules.items, Keyed) else rules.below(step)
    return rules
