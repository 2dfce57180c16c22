"""Makes the CustomResourceDefinition from the typed model: types, bounds, defaults, descriptions, rules.

The schema is structural: nothing is referenced, every field has its type and its description. Descriptions are
the docstrings below the fields, so they are read from the source; only this module does that, and only when the
CRD is made.
"""

import ast
import inspect
import textwrap
from typing import Any, Final, TypeAlias

import msgspec
import yaml
from msgspec import inspect as shapes

from clusterstate.api.annotations import GROUP
from clusterstate.api.rule import Rule
from clusterstate.api.rules import RULES
from clusterstate.api.spec import Spec
from clusterstate.api.status import Status
from clusterstate.api.types import CATEGORY, KIND, PLURAL, SHORT_NAME, VERSION

Schema: TypeAlias = dict[str, Any]

LIST_KEYS: Final = {
    "spec.instanceGroups": "name",
    "spec.secrets": "name",
    "spec.keysets": "name",
    "spec.files": "path",
    "status.conditions": "type",
    "status.mirrors": "secret",
}
"""Lists that the API server merges item by item; all others are replaced whole."""

COLUMNS: Final = (
    ("Store", ".spec.store.url", "URL of the state store.", "string"),
    (
        "Ready",
        '.status.conditions[?(@.type=="Ready")].status',
        "Whether the last run did all that is declared.",
        "string",
    ),
    ("Status", '.status.conditions[?(@.type=="Ready")].message', "What happened, and what to do.", "string"),
    ("Drift", '.status.conditions[?(@.type=="InSync")].reason', "Whether the store is as declared.", "string"),
    ("Age", ".metadata.creationTimestamp", "Time since the object was created.", "date"),
)


def make_crd() -> Schema:
    """Give the whole CustomResourceDefinition as plain data."""
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{PLURAL}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "names": {
                "kind": KIND,
                "listKind": f"{KIND}List",
                "plural": PLURAL,
                "singular": KIND.lower(),
                "shortNames": [SHORT_NAME],
                "categories": [CATEGORY],
            },
            "scope": "Namespaced",
            "versions": [
                {
                    "name": VERSION,
                    "served": True,
                    "storage": True,
                    "subresources": {"status": {}},
                    "additionalPrinterColumns": [
                        {"name": name, "jsonPath": path, "description": description, "type": kind}
                        for name, path, description, kind in COLUMNS
                    ],
                    "schema": {"openAPIV3Schema": make_schema()},
                }
            ],
        },
    }


def make_schema() -> Schema:
    """Give the structural schema of the resource."""
    return {
        "description": "ClusterState puts the kops state of one cluster under the Kubernetes API.",
        "type": "object",
        "required": ["spec"],
        "properties": {
            "apiVersion": {"type": "string", "description": "Version of the schema of this object."},
            "kind": {"type": "string", "description": "The kind of this object."},
            "metadata": {"type": "object"},
            "spec": {**_schema(shapes.type_info(Spec), "spec"), "description": _summary(Spec)},
            # The default brings those of its fields: `status.UNSEEN`.
            "status": {**_schema(shapes.type_info(Status), "status"), "description": _summary(Status), "default": {}},
        },
        **_rules(""),
    }


def render_crd() -> str:
    """Give the CRD as YAML, the same bytes for the same model."""
    text = yaml.safe_dump(make_crd(), sort_keys=False, width=110, allow_unicode=True)
    return f"# Made by `python -m clusterstate.api` from operator/clusterstate/api. Do not edit.\n{text}"


def _schema(shape: shapes.Type, path: str) -> Schema:
    """Translate one type; `path` is its place in the resource, with `[]` for items."""
    match shape:
        case shapes.Metadata(type=inner, extra_json_schema=extra):
            return {**_schema(inner, path), **(extra or {})}
        case shapes.UnionType(types=types):
            return _schema(next(each for each in types if not isinstance(each, shapes.NoneType)), path)
        case shapes.StructType():
            return {**_struct(shape, path), **_rules(path)}
        case shapes.DictType() | shapes.VarTupleType():
            return {**_container(shape, path), **_rules(path)}
        case _:
            return {**_scalar(shape), **_rules(path)}


def _scalar(shape: shapes.Type) -> Schema:
    match shape:
        case shapes.BoolType():
            return {"type": "boolean"}
        case shapes.IntType(ge=low, le=high):
            return {"type": "integer", "format": "int64", **_given(minimum=low, maximum=high)}
        case shapes.StrType(min_length=low, max_length=high, pattern=pattern):
            return {"type": "string", **_given(minLength=low, maxLength=high, pattern=_pattern(pattern))}
        case shapes.EnumType(cls=cls):
            return {"type": "string", "enum": [member.value for member in cls]}
        case shapes.LiteralType(values=values):
            return {"type": "string", "enum": list(values)}
        case _:
            raise TypeError(f"The CRD has no form for {shape}.")


def _container(shape: shapes.DictType | shapes.VarTupleType, path: str) -> Schema:
    match shape:
        case shapes.DictType(value_type=shapes.AnyType()):
            return {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
        case shapes.DictType(value_type=value, max_length=high):
            return {"type": "object", **_given(maxProperties=high), "additionalProperties": _schema(value, f"{path}[]")}
        case shapes.VarTupleType(item_type=item, max_length=high):
            return {"type": "array", **_given(maxItems=high), "items": _schema(item, f"{path}[]"), **_merging(path)}


def _merging(path: str) -> Schema:
    if path in LIST_KEYS:
        return {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": [LIST_KEYS[path]]}
    return {"x-kubernetes-list-type": "atomic"}


def _struct(shape: shapes.StructType, path: str) -> Schema:
    texts = _field_docs(shape.cls)
    properties = {
        field.encode_name: {
            "description": texts[field.name],
            **_schema(field.type, f"{path}.{field.encode_name}"),
            **_default(field),
        }
        for field in shape.fields
    }
    required = sorted(field.encode_name for field in shape.fields if field.required)
    return {"type": "object", **_given(required=required or None), "properties": properties}


def _default(field: shapes.Field) -> Schema:
    """Give the default where it says something: an empty one means the same as an absent field."""
    if field.default is msgspec.NODEFAULT or field.default is None or field.default in ("", (), 0):
        return {"default": False} if field.default is False else {}
    if isinstance(field.default, msgspec.Struct):
        return {"default": {}}
    return {"default": msgspec.to_builtins(field.default)}


def _rules(path: str) -> Schema:
    rules = [_rule(rule) for rule in RULES if rule.path == path]
    return _given(**{"x-kubernetes-validations": rules or None})


def _rule(rule: Rule) -> Schema:
    return {"rule": rule.cel, "message": rule.message, **_given(fieldPath=rule.field_path or None)}


def _pattern(pattern: str | None) -> str | None:
    """Spell the end of the text as Go does."""
    return pattern and pattern.replace(r"\Z", "$")


def _given(**values: Any) -> Schema:  # noqa: ANN401 - JSON Schema's keywords take any JSON
    return {key: value for key, value in values.items() if value is not None}


def _summary(cls: type) -> str:
    return inspect.getdoc(cls) or ""


def _field_docs(cls: type) -> dict[str, str]:
    """Give the docstring below each field of a class and of its bases, as one line each."""
    texts: dict[str, str] = {}
    for base in reversed(cls.__mro__[: cls.__mro__.index(msgspec.Struct)]):
        (definition,) = ast.parse(textwrap.dedent(inspect.getsource(base))).body
        assert isinstance(definition, ast.ClassDef)
        for field, text in zip(definition.body, definition.body[1:], strict=False):
            match field, text:
                case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(doc))):
                    texts[name] = " ".join(doc.split())
                case _:
                    pass
    return texts
