"""kops's types of `Cluster.spec` and `InstanceGroup.spec`, from `schema.json`: data, no rules."""

import json
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Final, Literal, TypeAlias

Kind: TypeAlias = Literal["Cluster", "InstanceGroup"]


@dataclass(frozen=True, slots=True)
class Object:
    """A struct of kops, by its name in `Schema.types`."""

    name: str


@dataclass(frozen=True, slots=True)
class List:
    """A list of one type."""

    items: "Type"


@dataclass(frozen=True, slots=True)
class Map:
    """A map from text to one type."""

    values: "Type"


Type: TypeAlias = str | Object | List | Map
"""A scalar by its name (bool int16 int32 int64 uint8 uint32 string duration quantity intOrString), or one of these."""


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a struct."""

    type: Type
    omits_zero: bool
    """kops doesn't write its zero value: `omitempty` without a pointer."""
    required: bool
    """kops always writes it, a zero value too."""
    dropped: bool
    """kops reads it and never writes it."""


Struct: TypeAlias = dict[str, Field]


@dataclass(frozen=True, slots=True)
class Schema:
    """Every struct by name, and which of them is the spec of which kind."""

    types: dict[str, Struct]
    specs: dict[Kind, str]


_FILE: Final = "schema.json"


@cache
def load_schema() -> Schema:
    """Read the schema that comes with the package; only once."""
    data = json.loads(resources.files(__package__).joinpath(_FILE).read_bytes())
    types = {name: {field: _field(about) for field, about in struct.items()} for name, struct in data["types"].items()}
    return Schema(types, {kind: data[f"{kind}.spec"]["object"] for kind in ("Cluster", "InstanceGroup")})


def _field(about: dict[str, object]) -> Field:
    kind = _type(about["type"])
    pointer = bool(about.get("nullable"))
    omits = bool(about.get("omitempty"))
    is_struct = isinstance(kind, Object)
    return Field(
        type=kind,
        omits_zero=omits and not pointer and not is_struct,
        required=not pointer and (not omits or is_struct),
        dropped=bool(about.get("dropped")),
    )


def _type(about: object) -> Type:
    if isinstance(about, str):
        return about
    assert isinstance(about, dict)
    if "object" in about:
        return Object(about["object"])
    return List(_type(about["list"])) if "list" in about else Map(_type(about["map"]))
