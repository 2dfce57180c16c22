"""From the JSON of the API server to a checked `ClusterState`; everything that makes it unusable is named."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import msgspec

from clusterstate.api.basics import tell_invalid
from clusterstate.api.rules import broken_rules
from clusterstate.api.types import ClusterState
from clusterstate.errors import SpecInvalid, SpecTooLarge

MAX_SPEC_BYTES: Final = 900 * 1024
"""JSON bytes of a whole spec. Kubernetes keeps the names of all fields once more in managedFields, and etcd takes
1.5 MiB for both: larger ones are refused there, with a message that helps nobody."""
MAX_STRUCTURE_BYTES: Final = 500 * 1024
"""JSON bytes of a spec without its long texts, which are the contents of files: those have no field names."""
LONG_TEXT: Final = 1024
"""Characters from which on a text counts as content."""


MAX_DEPTH: Final = 64
"""Levels of maps and lists in a spec; kops's own types have 14."""


def load(body: Mapping[str, Any]) -> ClusterState:
    """Read and check an object; raise `SpecInvalid` or `SpecTooLarge` with the field and what to do."""
    _check_depth(body.get("spec"))
    _check_size(body.get("spec"))
    state = _convert(body)
    for rule in broken_rules(state):
        raise SpecInvalid(rule.message if rule.message.startswith(rule.field) else f"{rule.field}: {rule.message}")
    _check_repeated(state)
    _check_nulls(state)
    return state


def _convert(body: Mapping[str, Any]) -> ClusterState:
    try:
        return msgspec.convert(body, ClusterState)
    except msgspec.ValidationError as error:
        found = tell_invalid(error, "the object")
        raise SpecInvalid(f"{found} Correct the field; kubectl explain clusterstate shows them all.") from None


def _check_depth(spec: object) -> None:
    level = [spec]
    for _ in range(MAX_DEPTH):
        level = [each for value in level for each in _children(value)]
        if not level:
            return
    raise SpecInvalid(f"spec is nested more than {MAX_DEPTH} levels deep, which nothing of kops is. Correct it.")


def _children(value: object) -> Iterable[object]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list | tuple) else ()


def _check_size(spec: object) -> None:
    size = len(msgspec.json.encode(spec))
    if size > MAX_SPEC_BYTES:
        raise SpecTooLarge(f"spec has {size} bytes, more than {MAX_SPEC_BYTES}. Declare less in one ClusterState.")
    structure = size - _content_bytes(spec) if size > MAX_STRUCTURE_BYTES else size
    if structure > MAX_STRUCTURE_BYTES:
        raise SpecTooLarge(
            f"spec has {structure} bytes of fields, more than {MAX_STRUCTURE_BYTES}. Declare less in one ClusterState."
        )


def _content_bytes(value: object) -> int:
    """Give the JSON bytes of all long texts below a value."""
    if isinstance(value, str):
        return len(msgspec.json.encode(value)) if len(value) >= LONG_TEXT else 0
    return sum(map(_content_bytes, _children(value)))


def _check_repeated(state: ClusterState) -> None:
    spec = state.spec
    lists = {
        "spec.instanceGroups": [each.name for each in spec.instance_groups],
        "spec.secrets": [each.name for each in spec.secrets],
        "spec.keysets": [each.name for each in spec.keysets],
        "spec.files": [each.path for each in spec.files],
    }
    for path, names in lists.items():
        for name in _repeated(iter(names)):
            raise SpecInvalid(f"{path} names {name} twice. Put everything about it into one item.")


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
