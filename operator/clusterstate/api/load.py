"""From the JSON of the API server to a checked `ClusterState`; everything that makes it unusable is named."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from clusterstate.api.rules import broken_rules
from clusterstate.api.types import ClusterState
from clusterstate.errors import SpecInvalid, SpecTooLarge

MAX_SPEC_BYTES: Final = 500 * 1024
"""JSON bytes of a structured spec. Kubernetes keeps the names of all fields once more in managedFields, and
etcd takes 1.5 MiB for both: larger ones are refused there, with a message that helps nobody."""


def load(body: Mapping[str, Any]) -> ClusterState:
    """Read and check an object; raise `SpecInvalid` or `SpecTooLarge` with the field and what to do."""
    _check_size(body.get("spec"))
    state = _convert(body)
    for rule in broken_rules(state):
        raise SpecInvalid(rule.message if rule.message.startswith(rule.field) else f"{rule.field}: {rule.message}")
    for name in _repeated(group.name for group in state.spec.instance_groups):
        raise SpecInvalid(f"spec.instanceGroups names {name} twice. Put everything about it into one item.")
    _check_nulls(state)
    return state


def _convert(body: Mapping[str, Any]) -> ClusterState:
    try:
        return msgspec.convert(body, ClusterState)
    except msgspec.ValidationError as error:
        what, _, where = str(error).partition(" - at `$")
        path = where.removeprefix(".").rstrip("`") or "the object"
        raise SpecInvalid(f"{path}: {what}. Correct the field; kubectl explain clusterstate shows them all.") from None


def _check_size(spec: object) -> None:
    size = len(msgspec.json.encode(spec))
    if size > MAX_SPEC_BYTES:
        raise SpecTooLarge(f"spec has {size} bytes, more than {MAX_SPEC_BYTES}. Declare less in one ClusterState.")


def _repeated(names: Iterator[str]) -> Iterator[str]:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            yield name
        seen.add(name)


def _check_nulls(state: ClusterState) -> None:
    parts = {"spec.cluster": state.spec.cluster}
    parts |= {f"spec.instanceGroups[{group.name}].spec": group.spec for group in state.spec.instance_groups}
    for part, value in parts.items():
        for pointer in _nulls(value):
            raise SpecInvalid(
                f"{part}: {pointer} is null, which kops can't keep. Leave the field out: what you applied "
                "before is then removed, everything else stays."
            )


def _nulls(value: object, pointer: str = "") -> Iterator[str]:
    """Give JSON pointers of every null below a value."""
    if value is None:
        yield pointer
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _nulls(item, f"{pointer}/{str(key).replace('~', '~0').replace('/', '~1')}")
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from _nulls(item, f"{pointer}/{index}")
