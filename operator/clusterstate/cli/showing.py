"""How plans are shown to people, file by file and field by field, and to programs; private keys never are."""

import json
from collections.abc import Iterable, Iterator
from typing import Any, Final, TypeAlias

from clusterstate.cli.output import echo
from clusterstate.plan.changes import Action, Change, Difference, FieldChange, Plan
from clusterstate.plan.veil import PRIVATE_KEY, veil
from clusterstate.state.objects import Json

SIGNS: Final = {Action.CREATE: ("+", "green"), Action.UPDATE: ("~", "yellow"), Action.DELETE: ("-", "red")}

Line: TypeAlias = tuple[str, str | None]
"""A text, and its colour."""


def echo_lines(lines: Iterable[Line]) -> None:
    """Print lines, each in its colour where there may be any."""
    for text, colour in lines:
        echo(text, colour)


def change_lines(plan: Plan) -> Iterator[Line]:
    """Give what a plan changes, and what it found changed."""
    for change in plan.changes:
        sign, colour = SIGNS[change.action]
        yield f"{sign} {change.key}", colour
        for each in filter(lambda field: field.pointer, change.fields):
            yield f"    {_field(each)}", SIGNS[each.action][1]
    yield from (_difference("Conflict", each) for each in plan.conflicts)
    yield from (_difference("Drifted", each) for each in plan.drift)


def remark_lines(plan: Plan) -> Iterator[Line]:
    """Give what people should know beside the changes."""
    yield from ((f"Dropped by kops: {each.key}{each.pointer}", None) for each in plan.dropped)
    yield from ((f"No longer declared, and stays: {key}", None) for key in plan.unpruned)
    yield from ((f"Warning: {warning}", "yellow") for warning in plan.warnings)


def sentence(summary: str) -> str:
    """Give a summary as a sentence."""
    return f"{summary[:1].upper()}{summary[1:]}."


def change_json(change: Change) -> dict[str, Any]:
    """Give one file's change as JSON."""
    fields = [
        {"field": each.pointer, "action": each.action.value, "old": veiled(each.old), "new": veiled(each.new)}
        for each in change.fields
    ]
    return {"path": change.key, "action": change.action.value, "fields": fields}


def difference_json(each: Difference) -> dict[str, Any]:
    """Give one disagreement as JSON."""
    values = {"declared": veiled(each.declared), "observed": veiled(each.observed)}
    return {"path": each.key, "field": each.pointer, **values}


def veiled(value: Json) -> Json:
    """Give a value without private keys."""
    return veil(value, lambda text: "(a private key)" if PRIVATE_KEY in text else f"({len(text)} characters of PEM)")


def _field(change: FieldChange) -> str:
    """Tell of one field; of what no plan holds, such as a key pair, only where it is."""
    sign, _ = SIGNS[change.action]
    if change.action is Action.UPDATE:
        return f"{sign} {change.pointer}: {_shown(change.old)} -> {_shown(change.new)}"
    value = change.new if change.action is Action.CREATE else change.old
    return f"{sign} {change.pointer}" + ("" if value is None else f": {_shown(value)}")


def _difference(what: str, each: Difference) -> Line:
    place = f"{each.key}{each.pointer}"
    return f"{what}: {place}: declared {_shown(each.declared)}, in the store {_shown(each.observed)}", "red"


def _shown(value: Json) -> str:
    return "nothing" if value is None else json.dumps(veiled(value), ensure_ascii=False)
