"""What kops writes into a spec on its own: fields that it never leaves out, and the defaults of v1alpha2.

The defaults are those of `SetDefaults_ClusterSpec` in kops's `pkg/apis/kops/v1alpha2/defaults.go`, and what its
conversion leaves behind. A file that kops wrote has them all, so completing it changes nothing.
"""

from collections.abc import Sequence
from typing import Final

from clusterstate.state.objects import Json, JsonObject
from clusterstate.state.schema import Kind, List, Map, Object, Struct, Type, load_schema

DNS: Final = ("topology", "dns", "type")
FLANNEL: Final = ("networking", "flannel", "backend")
DEFAULTS: Final[dict[tuple[str, ...], Json]] = {DNS: "Public", FLANNEL: "udp"}
"""What kops puts at a path of a Cluster's spec where nothing is; at the second only where the map above it is."""
_ZEROS: Final[dict[str, Json]] = {"string": "", "bool": False}
_CLOUDS_WITH_CONFIG: Final = ("azure", "openstack")
_OIDC: Final = frozenset(
    f"oidc{name}"
    for name in (
        "ClientID", "GroupsClaim", "GroupsPrefix", "IssuerURL", "RequiredClaim", "UsernameClaim", "UsernamePrefix",
    )
)  # fmt: skip


def complete(kind: Kind, spec: JsonObject) -> JsonObject:
    """Give a whole canonical spec with everything that kops adds when it writes it. The given one stays as it is."""
    schema = load_schema()
    whole = _with_defaults(spec) if kind == "Cluster" else spec
    result = complete_value(whole, Object(schema.specs[kind]))
    assert isinstance(result, dict)
    return result


def complete_value(value: Json, kind: Type) -> Json:
    """Give a canonical value of a type with the fields that kops never leaves out."""
    return _complete(value, kind, load_schema().types)


def _complete(value: Json, kind: Type, types: dict[str, Struct]) -> Json:
    match kind:
        case Object(name) if isinstance(value, dict):
            fields = types[name]
            missing = {key: _zero(field.type) for key, field in fields.items() if field.required and key not in value}
            return {
                key: _complete(each, fields[key].type, types) if key in fields else each
                for key, each in (value | missing).items()
            }
        case List(inner) if isinstance(value, list):
            return [_complete(each, inner, types) for each in value]
        case Map(inner) if isinstance(value, dict):
            return {key: _complete(each, inner, types) for key, each in value.items()}
    return value


def _zero(kind: Type) -> Json:
    match kind:
        case str():
            return _ZEROS.get(kind, 0)
        case Object():
            return {}
        case List() | Map():
            return None


def _with_defaults(spec: JsonObject) -> JsonObject:
    spec = _ensure(spec, DNS, DEFAULTS[DNS])
    if not spec.get("authorization"):
        spec["authorization"] = {"alwaysAllow": {}}
    networking, api_server = spec.get("networking"), spec.get("kubeAPIServer")
    if isinstance(networking, dict) and "flannel" in networking:
        spec = _ensure(spec, FLANNEL, DEFAULTS[FLANNEL])
    if isinstance(api_server, dict) and _OIDC & api_server.keys():
        spec = {"authentication": {}} | spec
    cloud = spec.get("cloudProvider")
    if isinstance(cloud, str) and cloud in _CLOUDS_WITH_CONFIG:
        spec = _ensure(spec, ("cloudConfig", cloud), {})
    return spec


def _ensure(spec: JsonObject, path: Sequence[str], default: Json) -> JsonObject:
    """Give a copy that has the default at this path unless something is there; `""` is nothing."""
    key, *below = path
    value = spec.get(key)
    if below:
        return spec | {key: _ensure(value if isinstance(value, dict) else {}, below, default)}
    return spec | {key: value or default}
