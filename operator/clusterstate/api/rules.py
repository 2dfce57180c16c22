"""What an object must keep to beyond the types of its fields: each rule once in CEL and once in Python.

The API server evaluates the CEL when an object is written, the operator the Python when it is read: an object
may be older than the CRD, or the CRD older than the operator. Messages name the field and what to do.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from typing import Final

from clusterstate.api.annotations import OUR_NAMES
from clusterstate.api.content_rules import CONTENT_RULES
from clusterstate.api.durations import parse_duration
from clusterstate.api.rule import Rule
from clusterstate.api.store_rules import STORE_RULES
from clusterstate.api.types import ClusterState

QUALIFIED_NAME: Final = (
    r"^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$"
)
"""Keys of labels and annotations, as Kubernetes has them; their length is a part of the rule."""
MAX_QUALIFIED_NAME: Final = 317
TEMPLATE: Final = r"^([a-z0-9.-]|\{clusterState\}|\{kind\}|\{name\})*$"
"""Names of mirrors: what a Secret's name may hold, and the three placeholders."""


def broken_rules(state: ClusterState) -> Iterator[Rule]:
    """Give the rules that the object breaks, in the order of `RULES`."""
    return (rule for rule in RULES if not rule.holds(state))


def _keeps_cluster_name(state: ClusterState) -> bool:
    return state.status.cluster_name in {"", state.cluster_name}


def _keys_are_valid(keys: Iterable[str]) -> bool:
    return all(len(key) <= MAX_QUALIFIED_NAME and re.fullmatch(QUALIFIED_NAME, key) for key in keys)


def _keys_are_free(keys: Iterable[str]) -> bool:
    return not any(key.startswith(OUR_NAMES) for key in keys)


def _metadata_rules(path: str, keys_of: Callable[[ClusterState], Iterable[str]]) -> tuple[Rule, Rule]:
    ours = " || ".join(f"key.startsWith({name!r})" for name in OUR_NAMES)
    valid = Rule(
        path=path,
        cel=f"self.all(key, key.size() <= {MAX_QUALIFIED_NAME} && key.matches(r'{QUALIFIED_NAME}'))",
        message=f"{path} has a key that Kubernetes doesn't allow. Use [prefix/]name with letters, digits, -, _ and .",
        holds=lambda state: _keys_are_valid(keys_of(state)),
    )
    free = Rule(
        path=path,
        cel=f"!self.exists(key, {ours})",
        message=f"{path} may not hold {' or '.join(OUR_NAMES)}: the operator finds its mirrors by them. Remove it.",
        holds=lambda state: _keys_are_free(keys_of(state)),
    )
    return valid, free


def _mirror_labels(state: ClusterState) -> Iterable[str]:
    return state.spec.mirror.labels if state.spec.mirror else ()


def _mirror_annotations(state: ClusterState) -> Iterable[str]:
    return state.spec.mirror.annotations if state.spec.mirror else ()


def _template_is_valid(state: ClusterState) -> bool:
    template = state.spec.mirror.name_template if state.spec.mirror else "{name}"
    return re.fullmatch(TEMPLATE, template) is not None and "{name}" in template


RULES: Final = (
    Rule(
        path="",
        cel=(
            "(has(self.spec.clusterName) ? self.spec.clusterName : self.metadata.name)"
            " == (has(oldSelf.spec.clusterName) ? oldSelf.spec.clusterName : self.metadata.name)"
        ),
        field_path=".spec.clusterName",
        message="spec.clusterName can't be changed. Create another ClusterState for another cluster.",
        holds=_keeps_cluster_name,
    ),
    *STORE_RULES,
    *CONTENT_RULES,
    Rule(
        path="spec.sync.interval",
        cel="duration(self) >= duration('10s')",
        message="spec.sync.interval must be at least 10s, such as 10m.",
        holds=lambda state: parse_duration(state.spec.sync.interval) >= timedelta(seconds=10),
    ),
    Rule(
        path="spec.sync.timeout",
        cel="duration(self) >= duration('1s') && duration(self) <= duration('30m')",
        message="spec.sync.timeout must be at least 1s and at most 30m, such as 2m.",
        holds=lambda state: timedelta(seconds=1) <= parse_duration(state.spec.sync.timeout) <= timedelta(minutes=30),
    ),
    Rule(
        path="spec.mirror.nameTemplate",
        cel=f"self.matches(r'{TEMPLATE}') && self.contains('{{name}}')",
        message="spec.mirror.nameTemplate must hold {name}, and else only {clusterState}, {kind}, a-z, 0-9, - and .",
        holds=_template_is_valid,
    ),
    *_metadata_rules("spec.clusterMetadata.labels", lambda state: state.spec.cluster_metadata.labels)[:1],
    *_metadata_rules("spec.clusterMetadata.annotations", lambda state: state.spec.cluster_metadata.annotations)[:1],
    *_metadata_rules("spec.mirror.labels", _mirror_labels),
    *_metadata_rules("spec.mirror.annotations", _mirror_annotations),
)
"""Every rule of the resource. What one value alone can violate stands beside its field, in `spec`."""
