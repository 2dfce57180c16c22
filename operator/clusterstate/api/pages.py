"""`docs/fields/`, a page for each field of spec and status, made from the schema of the CRD. Pure.

What a page says of a field is what the API server holds it to: description, type, default, bounds and rules. Fields of
a field are headings of its page.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, NamedTuple

from clusterstate.api.crd import Schema, make_schema
from clusterstate.api.rules import RULES

PARTS: Final = ("spec", "status")
_MADE: Final = "<!-- Made by `make pages` from operator/clusterstate/api. -->"
_CHAPTERS: Final = {
    "spec": "writing-a-clusterstate",
    "spec.store": "store",
    "spec.sync": "sync",
    "spec.cluster": "cluster",
    "spec.instanceGroups": "instance-groups",
    "spec.secrets": "secrets-keysets-ssh-keys-and-files",
    "spec.keysets": "generated-keysets",
    "spec.sshPublicKeys": "secrets-keysets-ssh-keys-and-files",
    "spec.files": "secrets-keysets-ssh-keys-and-files",
    "spec.absent": "absent",
    "spec.clusterMetadata": "metadata-of-the-cluster",
    "spec.afterPush": "after-a-push",
    "spec.mirror": "mirror",
    "status": "clusterstate-status",
    "status.conditions": "conditions",
    "status.certificates": "certificates-that-end",
}
"""Where docs/clusterstate.md tells more of a field; of others, where it tells of all."""
_BOUNDS: Final = {
    "Length": ("minLength", "maxLength", "characters"),
    "Value": ("minimum", "maximum", ""),
    "Items": ("minItems", "maxItems", ""),
    "Entries": ("minProperties", "maxProperties", ""),
}


class Field(NamedTuple):
    """One field, and where it stands: `spec.mirror.keysets[].parts`."""

    path: str
    schema: Schema
    required: bool

    @property
    def anchor(self) -> str:
        """The anchor of its heading."""
        return self.path.lower().replace(".", "").replace("[]", "")


def render_fields() -> dict[str, str]:
    """Give all pages by their names below docs/fields."""
    properties = make_schema()["properties"]
    fields = {part: [*_children(Field(part, properties[part], required=True))] for part in PARTS}
    pages = {_file(field): _page(field) for part in PARTS for field in fields[part]}
    return {"README.md": _index(fields), **pages}


def _file(field: Field) -> str:
    return f"{field.path.replace('.', '/')}.md"


def _children(field: Field) -> Iterator[Field]:
    """Give the fields directly below a field, or below its items."""
    schema, path = field.schema, field.path
    if "items" in schema:
        schema, path = schema["items"], f"{path}[]"
    for name, each in schema.get("properties", {}).items():
        yield Field(f"{path}.{name}", each, name in schema.get("required", ()))


def _below(field: Field) -> Iterator[Field]:
    """Give all fields below a field, each before its own."""
    for each in _children(field):
        yield each
        yield from _below(each)


def _index(fields: dict[str, list[Field]]) -> str:
    return _text(
        "# Fields",
        _MADE,
        "What the API server knows of each field: what `kubectl explain` shows, with bounds and rules. What each is for"
        " stands in [ClusterState](../clusterstate.md).",
        *(line for part in PARTS for line in (f"## {part}", _table(fields[part], _file))),
    )


def _page(field: Field) -> str:
    more = _CHAPTERS.get(field.path, _CHAPTERS[field.path.partition(".")[0]])
    below = [*_below(field)]
    return _text(
        f"# {field.path}",
        _MADE,
        *_told(field),
        f"More: [ClusterState](../../clusterstate.md#{more}), [all fields](../README.md).",
        *([_table(below, lambda each: f"#{each.anchor}")] if below else ()),
        *(line for each in below for line in (f"## {each.path}", *_told(each))),
    )


def _told(field: Field) -> Iterator[str]:
    """Give what is said of one field: in words, as a table, and its rules."""
    yield field.schema["description"]
    each = field.schema.get("items") or field.schema.get("additionalProperties") or {}
    of_each = {f"{name} of each": value for name, value in _facts(each).items()}
    facts = {"Type": _type(field), **_facts(field.schema), **of_each}
    yield "\n".join(("| | |", "| --- | --- |", *(f"| {name} | {_cell(value)} |" for name, value in facts.items())))
    yield from _rules(field)


def _type(field: Field) -> str:
    required = ", required" if field.required else ""
    return f"{_shape(field.schema)}{required}"


def _shape(schema: Schema) -> str:
    match schema:
        case {"items": items, **others}:
            (key,) = others.get("x-kubernetes-list-map-keys", [""])
            return f"list of {_shape(items)}" + (f", one for each `{key}`" if key else "")
        case {"additionalProperties": values}:
            return f"map of {_shape(values)}"
        case {"x-kubernetes-preserve-unknown-fields": True}:
            return "object with any fields"
        case {"format": "date-time"}:
            return "time (RFC 3339)"
        case _:
            return str(schema["type"])


def _facts(schema: Schema) -> dict[str, str]:
    """Give default, values, bounds and pattern, as far as there are some."""
    default, values, pattern = schema.get("default"), schema.get("enum", ()), schema.get("pattern", "")
    bounds = {name: _bounds(schema.get(low), schema.get(high), of) for name, (low, high, of) in _BOUNDS.items()}
    facts = {
        "Default": "" if default in (None, {}) else _code(_plain(default)),
        "Values": ", ".join(map(_code, values)),
        **bounds,
        "Pattern": _code(pattern) if pattern else "",
    }
    return {name: text for name, text in facts.items() if text}


def _bounds(low: int | None, high: int | None, of: str) -> str:
    match low, high:
        case None, None:
            return ""
        case None, int():
            text = f"at most {high:,}"
        case int(), None:
            text = f"at least {low:,}"
        case _:
            text = f"{low:,} to {high:,}" if low != high else f"{low:,}"
    return f"{text} {of}".rstrip()


def _rules(field: Field) -> Iterator[str]:
    """Give the rules that blame a field, in the API server's words and in its language."""
    for rule in RULES:
        if f"{rule.path}{rule.field_path}".removeprefix(".").removesuffix("[]") == field.path:
            yield f"Rule: {rule.message}"
            yield f"```\n{rule.cel}\n```"


def _plain(value: Any) -> str:  # noqa: ANN401 - a default is any JSON
    return str(value).lower() if isinstance(value, bool) else str(value)


def _code(text: str) -> str:
    return f"`{text}`"


def _table(fields: Iterable[Field], link: Callable[[Field], str]) -> str:
    rows = (f"| [`{each.path}`]({link(each)}) | {_cell(_type(each))} | {_summary(each)} |" for each in fields)
    return "\n".join(("| field | type | |", "| --- | --- | --- |", *rows))


def _summary(field: Field) -> str:
    """Give the first sentence."""
    first, dot, _ = field.schema["description"].partition(". ")
    return _cell(first + dot.rstrip())


def _cell(text: str) -> str:
    return text.replace("|", r"\|")


def _text(*paragraphs: str) -> str:
    return "\n\n".join(paragraphs) + "\n"
