"""A canonical part of a spec as it can be declared again: without the None that `canonical` has for zero values."""

from typing import Final

from clusterstate.state.objects import Json, JsonObject
from clusterstate.state.schema import Kind, List, Map, Object, Struct, Type, load_schema

_ZEROS: Final[dict[str, Json]] = {"string": "", "bool": False}


def declarable(kind: Kind, spec: JsonObject) -> JsonObject:
    """Give a part of a spec whose canonical form is the given one. Parts may be shared."""
    schema = load_schema()
    result = _declarable(spec, Object(schema.specs[kind]), schema.types)
    assert isinstance(result, dict)
    return result


def _declarable(value: Json, kind: Type | None, types: dict[str, Struct]) -> Json:
    match kind:
        case Object(name) if isinstance(value, dict):
            kinds = {key: field.type for key, field in types[name].items()}
            return {key: _field(each, kinds.get(key), types) for key, each in value.items()}
        case List(inner) if isinstance(value, list):
            return [_declarable(each, inner, types) for each in value]
        case Map(inner) if isinstance(value, dict):
            return {key: _declarable(each, inner, types) for key, each in value.items()}
    return value


def _field(value: Json, kind: Type | None, types: dict[str, Struct]) -> Json:
    if value is not None:
        return _declarable(value, kind, types)
    if isinstance(kind, str):
        return _ZEROS.get(kind, 0)
    return [] if isinstance(kind, List) else {}
