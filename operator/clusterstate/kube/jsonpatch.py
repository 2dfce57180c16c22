"""How one JSON value becomes another, as a JSON Patch (RFC 6902): made by comparing, carried out on a copy. Pure.

Of the RFC's operations these are made and understood: add, remove, replace. A merge patch (RFC 7396) wouldn't do: it
can't say null.
"""

from typing import Any, TypeAlias

import msgspec

Json: TypeAlias = Any
Patch: TypeAlias = list[dict[str, Any]]


def make_patch(before: Json, after: Json) -> Patch:
    """Give what leads from one value to the other; never much longer than the other itself."""
    patch = list(_differences(before, after, ""))
    whole: Patch = [{"op": "replace", "path": "", "value": after}]
    return min(patch, whole, key=_size)


def apply_patch(value: Json, patch: Patch) -> Json:
    """Give the other value, the given one untouched; raise `ValueError` where the patch isn't one of it."""
    root = [msgspec.json.decode(msgspec.json.encode(value))]
    try:
        for operation in patch:
            _change(root, operation)
        return root[0]
    except (KeyError, IndexError, TypeError):
        raise ValueError("the patch doesn't fit") from None


def _size(patch: Patch) -> int:
    return len(msgspec.json.encode(patch))


def _differences(before: Json, after: Json, at: str) -> Patch:
    if isinstance(before, dict) and isinstance(after, dict):
        return _of_maps(before, after, at)
    if isinstance(before, list) and isinstance(after, list):
        return _of_lists(before, after, at)
    return [] if _same(before, after) else [{"op": "replace", "path": at, "value": after}]


def _of_maps(before: dict[str, Json], after: dict[str, Json], at: str) -> Patch:
    patch: Patch = [{"op": "remove", "path": _below(at, key)} for key in before if key not in after]
    for key, value in after.items():
        if key in before:
            patch += _differences(before[key], value, _below(at, key))
        else:
            patch.append({"op": "add", "path": _below(at, key), "value": value})
    return patch


def _of_lists(before: list[Json], after: list[Json], at: str) -> Patch:
    """Compare what lies between the items that both begin and end with, one by one."""
    start = _common(before, after)
    end = _common(before[start:][::-1], after[start:][::-1])
    old, new = before[start : len(before) - end], after[start : len(after) - end]
    patch: Patch = []
    for index, (one, other) in enumerate(zip(old, new, strict=False), start):
        patch += _differences(one, other, _below(at, str(index)))
    both = min(len(old), len(new))
    gone = reversed(range(start + both, start + len(old)))
    patch += [{"op": "remove", "path": _below(at, str(index))} for index in gone]
    added = enumerate(new[both:], start + both)
    return patch + [{"op": "add", "path": _below(at, str(index)), "value": value} for index, value in added]


def _common(one: list[Json], other: list[Json]) -> int:
    """Count the equal items that two lists begin with."""
    pairs = zip(one, other, strict=False)
    return next((count for count, pair in enumerate(pairs) if not _same(*pair)), min(len(one), len(other)))


def _same(one: Json, other: Json) -> bool:
    """Whether two values are written alike: to Python, 1 is 1.0 and True."""
    return msgspec.json.encode(one, order="sorted") == msgspec.json.encode(other, order="sorted")


def _below(at: str, token: str) -> str:
    return f"{at}/{token.replace('~', '~0').replace('/', '~1')}"


def _change(root: list[Json], operation: dict[str, Any]) -> None:
    """Carry out one operation on the value that is the root's only item."""
    path = f"/0{operation['path']}".split("/")[1:]
    *parents, last = (token.replace("~1", "/").replace("~0", "~") for token in path)
    inside: Json = root
    for token in parents:
        inside = inside[_place(inside, token)]
    place = _place(inside, last)
    match operation["op"]:
        case "add" if isinstance(inside, list):
            inside.insert(place, operation["value"])
        case "add":
            inside[place] = operation["value"]
        case "replace":
            _ = inside[place]
            inside[place] = operation["value"]
        case "remove":
            del inside[place]
        case _:
            raise KeyError(operation["op"])


def _place(inside: Json, token: str) -> Any:  # noqa: ANN401 - a key of a map, or an index
    if isinstance(inside, list):
        if not (token.isascii() and token.isdigit()) or int(token) > len(inside):
            raise IndexError(token)
        return int(token)
    if isinstance(inside, dict):
        return token
    raise TypeError(token)
