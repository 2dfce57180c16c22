"""Fields of a Cluster or an instance group as people name and set them: `spec.etcdClusters[0].version=3.5.21`. Pure.

What `kops edit cluster --set` and `--unset` take means the same here, and gives the same document:

    spec.kubelet.maxPods=60             a value is read as kops's types have it
    spec.sshAccess=10.0.0.0/8,::/0      a list gets more items at its end; one of name and value takes NAME=VALUE
    spec.cloudLabels=team=web           a map gets one entry
    spec.authorization.rbac=            nothing makes an empty map
    spec.etcdClusters[*].version=3.5.21 every item; [0] is the first, and the number of items is one more at the end

What kops's commands call otherwise than its files may have either name. Beyond kops, `[name=main]` is the item whose
field has that value, `spec.nodeLabels[a.b/c]` one entry of a map, and an item that is unset goes from its list.
"""

import difflib
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from clusterstate.errors import CommandInvalid
from clusterstate.plan.field_names import EACH, RENAMED
from clusterstate.plan.naming import named
from clusterstate.plan.values import MISSING, Value, as_list, as_map
from clusterstate.state.canonical import canonical
from clusterstate.state.objects import Json, JsonObject
from clusterstate.state.schema import Field, Kind, List, Map, Object, Type, load_schema

SPEC: Final = "spec"
_PREFIXES: Final[Mapping[Kind, str]] = {"Cluster": "cluster", "InstanceGroup": "instancegroup"}
"""What a path may begin with to kops, and needn't."""
_STEP: Final = re.compile(r"[./]?([A-Za-z_][\w-]*)|\[([^\[\]]+)\]")
_EQUALS: Final = re.compile(r"((?:[^=\[\]]|\[[^\[\]]*\])*)=(.*)", re.DOTALL)
_INTEGER: Final = re.compile(r"[-+]?[0-9]{1,20}", re.ASCII)
_BOOLS: Final = {
    **dict.fromkeys(("1", "t", "T", "TRUE", "true", "True"), True),
    **dict.fromkeys(("0", "f", "F", "FALSE", "false", "False"), False),
}
"""As Go's `strconv.ParseBool`."""
_TEXTS: Final = ("string", "duration", "quantity")


@dataclass(frozen=True, slots=True)
class Setting:
    """One field, and what becomes of it."""

    path: str
    value: str | None
    """None: it goes."""


class _Bracket(str):
    """A step that stands in brackets, without them."""

    __slots__ = ()


Step: TypeAlias = str


def parse_setting(text: str) -> Setting:
    """Read `PATH=VALUE`; an equals sign in brackets belongs to the path. Raises `CommandInvalid`."""
    found = _EQUALS.fullmatch(text)
    if found is None:
        raise CommandInvalid(f"{text} sets nothing. Say PATH=VALUE, such as spec.kubernetesVersion=1.33.1.")
    return Setting(found[1], found[2])


def set_fields(kind: Kind, spec: JsonObject, settings: Iterable[Setting]) -> JsonObject:
    """Give a canonical spec with its fields set, canonical again; the given one stays as it is.

    Raises `CommandInvalid` for a path that leads nowhere, and for a value that isn't of the field's type.
    """
    known = frozenset(canonical(kind, spec).problems)
    for setting in settings:
        after = canonical(kind, _Setter(kind, setting).set(spec))
        for problem in after.problems:
            if problem not in known:
                said = problem.message
                is_said = said.startswith(("is ", "has "))
                raise CommandInvalid(f"{setting.path} {said if is_said else f'is {said}'}. Correct the value.")
        spec = after.spec
    return spec


class _Setter:
    """Goes down a spec and its types along one path."""

    def __init__(self, kind: Kind, said: Setting) -> None:
        schema = load_schema()
        self._types = schema.types
        self._root = Object(schema.specs[kind])
        self._said = said
        self._steps, self._inverted = _renamed(kind, _parse(kind, said.path))

    def set(self, spec: JsonObject) -> JsonObject:
        return as_map(self._put(self._root, spec, self._steps, SPEC))

    def _put(self, kind: Type, value: Value, steps: Sequence[Step], at: str) -> Value:
        """Give what a value becomes; MISSING is a value that isn't there, or goes."""
        if not steps:
            return MISSING if self._said.value is None else self._new(kind, value, self._said.value, at)
        match kind:
            case Object(name):
                return self._put_field(name, value, steps, at)
            case List(inner):
                return self._put_items(inner, as_list(value), steps, at)
            case Map(inner):
                key, *rest = steps
                return _with(value, str(key), self._put(inner, as_map(value).get(key, MISSING), rest, f"{at}[{key}]"))
            case str():
                raise self._failure(f"{at} has no fields: it is a {kind}")

    def _put_field(self, name: str, value: Value, steps: Sequence[Step], at: str) -> Value:
        step, *rest = steps
        there = as_map(value)
        key = self._known_name(step, self._types[name], at)
        if key is None:
            if self._said.value is None and not rest and step in there:
                return _with(value, step, MISSING)
            raise self._failure(f"{at} has no field {step}{_nearest(step, self._types[name])}")
        field = self._types[name][key]
        if field.dropped and self._said.value is not None:
            raise self._failure(f"kops reads {at}.{key} and never writes it, so that it can't be set")
        return _with(value, key, self._put(field.type, there.get(key, MISSING), rest, f"{at}.{key}"))

    def _put_items(self, inner: Type, items: list[Json], steps: Sequence[Step], at: str) -> Value:
        step, *rest = steps
        chosen = self._chosen(items, step, at)
        news = [
            self._put(inner, item, rest, f"{at}[{place}]") if place in chosen else item
            for place, item in enumerate([*items, *([MISSING] if len(items) in chosen else [])])
        ]
        return [each for each in news if each is not MISSING]

    def _known_name(self, step: Step, fields: Mapping[str, Field], at: str) -> str | None:
        """Give how the field that is meant is spelled, None where there is none."""
        if isinstance(step, _Bracket):
            raise self._failure(f"{at} is no list, so that [{step}] is nothing in it")
        if step in fields:
            return step
        return next((name for name in fields if name.lower() == step.lower()), None)

    def _chosen(self, items: list[Json], step: Step, at: str) -> Collection[int]:
        """Give the places of the items that are meant."""
        if not isinstance(step, _Bracket):
            raise self._failure(f"{at} is a list: say which item, such as {at}[0] or {at}[*]")
        key, equals, wanted = step.partition("=")
        if equals:
            found = [place for place, item in enumerate(items) if str(as_map(item).get(key)) == wanted]
        elif step == "*":
            found = [*range(len(items))]
        else:
            last = len(items) - (self._said.value is None)
            found = [int(step)] if step.isdecimal() and int(step) <= last else []
        if not found:
            raise self._failure(f"{at} has no item [{step}]; it has {_count(items, key if equals else '')}")
        return found

    def _new(self, kind: Type, value: Value, text: str, at: str) -> Value:
        match kind:
            case str():
                return self._scalar(kind, text)
            case List(inner):
                return [*as_list(value), *(self._item(inner, each, at) for each in text.split(","))]
            case Map(inner) if text:
                key, _, new = text.partition("=")
                made = self._new(inner, MISSING, new, at) if isinstance(inner, List) else self._item(inner, new, at)
                return _with(value, key, made)
            case Object() if text:
                raise self._failure(f"{at} is a map: set a field of it")
            case Object():
                return {}
            case Map():
                return value

    def _item(self, kind: Type, text: str, at: str) -> Json:
        if isinstance(kind, str):
            return self._scalar(kind, text)
        if isinstance(kind, Object) and self._types[kind.name].keys() == {"name", "value"}:
            name, equals, value = text.partition("=")
            return {"name": name, **({"value": value} if equals else {})}
        raise self._failure(f"{at} is a list of maps: set a field of an item, such as {at}[0]")

    def _scalar(self, kind: str, text: str) -> Json:
        """Give the value that a text means; where it means none, the text, whose type is refused then."""
        if kind in _TEXTS:
            return text
        if kind == "bool":
            value = _BOOLS.get(text, text)
            return value is not self._inverted if isinstance(value, bool) else value
        return int(text) if _INTEGER.fullmatch(text) else text

    def _failure(self, problem: str) -> CommandInvalid:
        return CommandInvalid(f"{self._said.path}: {problem}. Correct the path.")


def _with(value: Value, key: str, new: Value) -> Value:
    """Give a map with another value of a key, or without it; what isn't there stays so where nothing comes into it."""
    there = as_map(value)
    if new is MISSING:
        return {name: each for name, each in there.items() if name != key} if value is not MISSING else value
    return {**there, key: new}


def _parse(kind: Kind, path: str) -> list[Step]:
    """Give the steps below `spec`."""
    if not path:
        raise CommandInvalid("The path of the field is empty. Say one such as spec.kubelet.maxPods.")
    steps, at = [], 0
    while found := _STEP.match(path, at):
        steps.append(found[1] or _Bracket(found[2]))
        at = found.end()
    if steps[:1] == [_PREFIXES[kind]]:
        del steps[0]
    if at != len(path) or steps[:1] != [SPEC] or len(steps) == 1:
        raise CommandInvalid(f"{path} is no path below spec. Say one such as spec.kubelet.maxPods.")
    return steps[1:]


def _renamed(kind: Kind, steps: list[Step]) -> tuple[list[Step], bool]:
    """Give the steps as files have them, and whether what is said must be turned into its opposite."""
    pattern = tuple(EACH if isinstance(step, _Bracket) else step for step in steps)
    for length in range(len(steps), 0, -1):
        known = RENAMED[kind].get(pattern[:length])
        if known is not None:
            brackets = iter(step for step in steps[:length] if isinstance(step, _Bracket))
            return [next(brackets) if step == EACH else step for step in known.path] + steps[length:], known.inverted
    return steps, False


def _nearest(step: str, fields: Mapping[str, Field]) -> str:
    lower = {name.lower(): name for name in fields}
    near = difflib.get_close_matches(step.lower(), lower, n=1)
    if near:
        return f"; the nearest is {lower[near[0]]}"
    return f"; it has {named(sorted(fields))}" if fields else "; it has none"


def _count(items: list[Json], key: str) -> str:
    if not items:
        return "none"
    names = [str(as_map(item).get(key, "")) for item in items] if key else []
    return f"{key} {named(names)}" if any(names) else f"{len(items)}, which begin at [0]"
