"""A spec as kops would spell it after reading and writing it, by kops's own types (`schema.json`).

    60s -> 1m0s          durations
    1024Mi -> 1Gi        quantities, as resource.Quantity spells them
    ControlPlane         -> Master, in roles; control-plane -> master, in the keys of policies
    null                 goes
    "" 0 false [] {}     go where kops omits them; behind a pointer of kops's types they mean something and stay
    topology.masters     and 70 more go: kops 1.35.2 reads them and never writes them

A field that the schema doesn't know stays as it is: a newer kops may know it. What kops adds on its own, such as
`authorization.alwaysAllow`, isn't added: a declaration is mostly a part of a spec, and a default that nobody declared
must not be compared. `complete` adds it to a whole spec.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from clusterstate.state.objects import Json, JsonObject
from clusterstate.state.quantities import canonical_duration, canonical_quantity
from clusterstate.state.schema import Field, Kind, List, Map, Object, Struct, Type, load_schema

_OLD_ROLE: Final = {"ControlPlane": "Master"}
"""What v1alpha2 still writes for the new name (kops's `pkg/apis/kops/v1alpha2/conversion.go`)."""
_OLD_POLICY: Final = {"control-plane": "master"}
_INTEGERS: Final = {
    "int16": (-(2**15), 2**15 - 1),
    "int32": (-(2**31), 2**31 - 1),
    "int64": (-(2**63), 2**63 - 1),
    "uint8": (0, 2**8 - 1),
    "uint32": (0, 2**32 - 1),
}


@dataclass(frozen=True, slots=True)
class Problem:
    """A value that kops would refuse to read."""

    pointer: str
    """JSON pointer below the document, e.g. `/spec/kubelet/maxPods`; items of lists by their place."""
    message: str
    """Says what kops reads there; never shows text that might be a secret."""


@dataclass(frozen=True, slots=True)
class Canonical:
    """A spec in canonical form, and what was odd about it. Parts may be shared with the spec that was given."""

    spec: JsonObject
    problems: tuple[Problem, ...] = ()
    """Their values, unless empty, stand in `spec` as they were given."""
    unknown: tuple[str, ...] = ()
    """Pointers of fields that the schema doesn't know; they stand in `spec` as they were given."""
    dropped: tuple[str, ...] = ()
    """Pointers of fields that kops reads and forgets; they aren't in `spec`."""


def canonical(kind: Kind, spec: JsonObject, *, partial: bool = False) -> Canonical:
    """Give the canonical form of a spec.

    `partial` is for a declaration, which is a part of a spec: a declared zero value that kops wouldn't write stands
    in the result as None. It means that the field must not be in the store: without it `false` could not be declared
    over a stored `true`. Making the merged spec canonical once more, without `partial`, removes the None.
    """
    schema = load_schema()
    walk = _Walk(schema.types, partial=partial)
    result = walk.object(spec, schema.specs[kind], "/spec")
    return Canonical(result, tuple(walk.problems), tuple(walk.unknown), tuple(walk.dropped))


class _Walk:
    """Goes down a spec and its types together, collecting what is odd."""

    def __init__(self, types: dict[str, Struct], *, partial: bool) -> None:
        self._types = types
        self._partial = partial
        self.problems: list[Problem] = []
        self.unknown: list[str] = []
        self.dropped: list[str] = []

    def object(self, value: JsonObject, name: str, at: str) -> JsonObject:
        fields = self._types[name]
        result: JsonObject = {}
        for key, each in value.items():
            field = fields.get(key)
            if field is None:
                self.unknown.append(_join(at, key))
                result[key] = each
            elif each is not None:
                read = self._value(each, field.type, _join(at, key))
                self._field(result, key, field, self._respell((name, key), read, _join(at, key)))
                if field.dropped:
                    self.dropped.append(_join(at, key))
        spell = _STRUCTS.get(name)
        return spell(result) if spell else result

    def _respell(self, field: tuple[str, str], value: Json, at: str) -> Json:
        try:
            return _FIELDS[field](value) if field in _FIELDS else value
        except ValueError as error:
            self._refuse(at, str(error))
            return value

    def _field(self, result: JsonObject, key: str, field: Field, value: Json) -> None:
        if field.dropped:
            return
        if value or not field.omits_zero:
            result[key] = value
        elif self._partial:
            result[key] = None

    def _value(self, value: Json, kind: Type, at: str) -> Json:
        match kind:
            case str():
                return self._scalar(value, kind, at)
            case Object(name) if isinstance(value, dict):
                return self.object(value, name, at)
            case List(inner) if isinstance(value, list):
                return [self._member(each, inner, f"{at}/{index}") for index, each in enumerate(value)]
            case Map(inner) if isinstance(value, dict):
                return {key: self._member(each, inner, _join(at, key)) for key, each in value.items()}
        self._refuse(at, f"{_describe(value)}, where kops reads a {'list' if isinstance(kind, List) else 'map'}")
        return value

    def _member(self, value: Json, kind: Type, at: str) -> Json:
        """Give an item of a list or a map; null is the type's zero value to kops, and stays only for lists."""
        if value is not None:
            return self._value(value, kind, at)
        if isinstance(kind, Object):
            return {}
        return _ZEROS.get(kind) if isinstance(kind, str) else None

    def _scalar(self, value: Json, kind: str, at: str) -> Json:
        try:
            return _SCALARS[kind](value)
        except ValueError as error:
            self._refuse(at, str(error))
            return value

    def _refuse(self, at: str, message: str) -> None:
        self.problems.append(Problem(at, message))


def _join(at: str, key: str) -> str:
    return f"{at}/{key.replace('~', '~0').replace('/', '~1')}" if "/" in key or "~" in key else f"{at}/{key}"


def _describe(value: Json) -> str:
    """Name the type of a value for a person, never the value."""
    names = {bool: "true or false", int: "a number", float: "a number", str: "text", list: "a list", dict: "a map"}
    return f"is {names.get(type(value), 'null')}"


def _text(value: Json) -> Json:
    if isinstance(value, str):
        return value
    raise ValueError(f"{_describe(value)}, where kops reads text. Put it in quotes")


def _bool(value: Json) -> Json:
    if isinstance(value, bool):
        return value
    raise ValueError(f"{_describe(value)}, where kops reads true or false")


def _integer(name: str) -> Callable[[Json], Json]:
    smallest, largest = _INTEGERS[name]

    def read(value: Json) -> Json:
        number = value if isinstance(value, int | float) and not isinstance(value, bool) else None
        if number is None or number % 1 or not smallest <= number <= largest:
            raise ValueError(f"{_describe(value)}, where kops reads a whole number from {smallest} to {largest}")
        return int(number)

    return read


def _number_or_text(value: Json) -> Json:
    return value if isinstance(value, str) else _SCALARS["int32"](value)


def _duration(value: Json) -> Json:
    if isinstance(value, str):
        return canonical_duration(value)
    raise ValueError(f"{_describe(value)}, where kops reads a duration such as 90s")


def _quantity(value: Json) -> Json:
    if isinstance(value, str | int | float) and not isinstance(value, bool):
        return canonical_quantity(value)
    raise ValueError(f"{_describe(value)}, where kops reads a quantity such as 100m or 1Gi")


_SCALARS: Final[dict[str, Callable[[Json], Json]]] = {
    "bool": _bool,
    "string": _text,
    "duration": _duration,
    "quantity": _quantity,
    "intOrString": _number_or_text,
    **{name: _integer(name) for name in _INTEGERS},
}
_ZEROS: Final[dict[str, Json]] = {"string": "", "bool": False, "intOrString": 0, **dict.fromkeys(_INTEGERS, 0)}


def _old_role(value: Json) -> Json:
    return _OLD_ROLE.get(value, value) if isinstance(value, str) else value


def _old_roles(value: Json) -> Json:
    return [_old_role(each) for each in value] if isinstance(value, list) else value


def _old_policies(value: Json) -> Json:
    """Rename keys; where a policy stands under both names, the old one's counts."""
    if not isinstance(value, dict):
        return value
    renamed = {_OLD_POLICY.get(role, role): policy for role, policy in value.items() if role in _OLD_POLICY}
    return renamed | {role: policy for role, policy in value.items() if role not in _OLD_POLICY}


def _sorted_claims(value: Json) -> Json:
    """Order `claim=value` by claim, the last of each: kops keeps them as a map, and crashes on an item without `=`."""
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        return value
    if not all("=" in str(each) for each in value):
        raise ValueError("has an item that is no claim=value, on which kops crashes for every cluster of the store")
    claims = dict(str(each).partition("=")[::2] for each in value)
    return [f"{claim}={claims[claim]}" for claim in sorted(claims)]


_FIELDS: Final[dict[tuple[str, str], Callable[[Json], Json]]] = {
    ("InstanceGroupSpec", "role"): _old_role,
    ("HookSpec", "roles"): _old_roles,
    ("ClusterSpec", "additionalPolicies"): _old_policies,
    ("ClusterSpec", "externalPolicies"): _old_policies,
    ("KubeAPIServerConfig", "oidcRequiredClaim"): _sorted_claims,
}


def _external_dns(spec: JsonObject) -> JsonObject:
    """Turn `provider: none` into `disable: true`, which makes any provider go, as kops does."""
    if spec.get("disable") is True or spec.get("provider") == "none":
        return {**{key: value for key, value in spec.items() if key != "provider"}, "disable": True}
    return spec


def _cluster(spec: JsonObject) -> JsonObject:
    """Leave out what kops leaves out because of other fields: empty parts, and what another cloud would read."""
    gone = {part for part in ("api", "networking") if spec.get(part) == {}}
    networking, config, cloud = spec.get("networking"), spec.get("cloudConfig"), spec.get("cloudProvider")
    if isinstance(networking, dict) and networking.keys() == {"canal"}:
        gone.add("networking")  # kops supports Canal no more, and takes this for empty
    if cloud not in (None, "gce"):
        gone.add("project")
    result = {key: value for key, value in spec.items() if key not in gone}
    if isinstance(config, dict) and cloud is not None:
        result["cloudConfig"] = {
            key: value for key, value in config.items() if key == cloud or key not in ("azure", "openstack")
        }
    return result


_STRUCTS: Final[dict[str, Callable[[JsonObject], JsonObject]]] = {
    "ClusterSpec": _cluster,
    "ExternalDNSConfig": _external_dns,
}
