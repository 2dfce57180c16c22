"""Lists that are one value each: their items have whatever kops never leaves out. Pure."""

from clusterstate.plan.merge_table import Keyed, Rules, rules_of
from clusterstate.plan.values import as_map, index
from clusterstate.state.complete import complete_value
from clusterstate.state.objects import Json, JsonObject
from clusterstate.state.schema import Kind, List, Map, Object, Type, load_schema


def with_whole_items(kind: Kind, spec: JsonObject) -> JsonObject:
    """Give a part of a canonical spec with the items of its atomic lists complete.

    Where a list merges by item, an item may be a part; elsewhere kops adds to what it reads, which is no difference.
    """
    return as_map(_walk(spec, Object(load_schema().specs[kind]), rules_of(kind)))


def _walk(value: Json, kind: Type, rules: Rules) -> Json:
    match kind:
        case Object(name) if isinstance(value, dict):
            fields = load_schema().types[name]
            return {
                key: _walk(each, fields[key].type, rules.below(key)) if key in fields else each
                for key, each in value.items()
            }
        case Map(inner) if isinstance(value, dict):
            return {key: _walk(each, inner, rules.below(key)) for key, each in value.items()}
        case List(inner) if isinstance(value, list):
            if isinstance(rules.items, Keyed) and index(rules.items, value) is not None:
                return [_walk(each, inner, rules.each) for each in value]
            return [complete_value(each, inner) for each in value]
    return value
