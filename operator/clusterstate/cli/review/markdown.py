"""A review as Markdown, for the comment on a pull request: a summary, and a block to open for each file.

Names and values in a store are anybody's. None of them ends the block that it stands in, becomes markup or a link, or
calls a person: values stand in fenced code, whose fence is longer than any within, and names in code, escaped.
"""

import html
import json
import re
from collections.abc import Iterable, Iterator
from typing import Final

from clusterstate.cli.review.results import Review, summarise
from clusterstate.cli.review.text import shortened
from clusterstate.cli.showing import veiled
from clusterstate.cli.texts import printable
from clusterstate.plan.changes import Action, FieldChange
from clusterstate.plan.comparison import FileDifference
from clusterstate.plan.naming import named
from clusterstate.state.objects import Json

LONGEST: Final = 60_000
"""Characters: GitHub takes 65,536, and whoever posts it may add some."""
LONGEST_FILE: Final = 12_000
"""Characters of one file's block, so that no file takes the place of all others."""
_ROOM: Final = 4_000
"""Characters that the note on what was left out takes at most."""
_LONGEST_NAME: Final = 200
_DONE: Final = {Action.CREATE: "added", Action.UPDATE: "changed", Action.DELETE: "removed"}
_TICKS: Final = re.compile("`+")


def as_markdown(review: Review) -> str:
    """Give the whole comment, of `LONGEST` characters at most."""
    head = [f"**{review.summary}**", f"{_code(review.old)} → {_code(review.new)}"]
    head += [f"⚠ {_code(warning)}" for warning in review.warnings[:5]]
    text, left_out = "\n\n".join(head) + "\n", list[str]()
    for place, block in _blocks(review):
        if len(text) + len(block) > LONGEST - _ROOM:
            left_out.append(place)
        else:
            text += f"\n{block}"
    return text + (_left_out(left_out) if left_out else "")


def _blocks(review: Review) -> Iterator[tuple[str, str]]:
    """Give each cluster's heading and each file's block, with its name."""
    alone = len(review.clusters) == 1
    for each in review.clusters:
        if not alone and each.comparison.files:
            yield each.name, f"{_code(each.name)}: {summarise([each.comparison])}\n"
        for difference in each.comparison.files:
            place = difference.key if alone else f"{each.name}/{difference.key}"
            yield place, _block(difference, place)


def _block(difference: FileDifference, place: str) -> str:
    lines = _bounded(printable(line.expandtabs(4)) for line in _lines(difference))
    fence = "`" * max(3, 1 + _longest_ticks("\n".join(lines)))
    title = f"{_DONE[difference.action]} <code>{html.escape(_name(place))}</code>"
    inner = "\n".join([f"{fence}diff", *lines, fence])
    return f"<details><summary>{title}</summary>\n\n{inner}\n\n</details>\n"


def _lines(difference: FileDifference) -> Iterator[str]:
    if difference.note:
        yield f"# {difference.note}"
    for change in map(shortened, difference.fields):
        yield from _field_lines(change)
    yield from difference.lines
    if difference.left_out:
        yield f"# {difference.left_out} more lines"


def _field_lines(change: FieldChange) -> Iterator[str]:
    if change.action is not Action.CREATE:
        yield f"- {change.pointer}: {_json(change.old)}"
    if change.action is not Action.DELETE:
        yield f"+ {change.pointer}: {_json(change.new)}"


def _json(value: Json) -> str:
    return json.dumps(veiled(value), ensure_ascii=False)


def _bounded(lines: Iterable[str]) -> list[str]:
    kept, size = list[str](), 0
    rest = iter(lines)
    for line in rest:
        size += len(line) + 1
        if size > LONGEST_FILE:
            return [*kept, f"# {1 + sum(1 for _ in rest)} more lines"]
        kept.append(line)
    return kept


def _left_out(places: list[str]) -> str:
    return f"\nLeft out for want of room: {named([_code(place) for place in places])}. `clusterstate diff` shows all.\n"


def _code(text: str) -> str:
    """Give a text as a code span: nothing within it is markup, a link or a person's name."""
    name = _name(text)
    ticks = "`" * (1 + _longest_ticks(name))
    return f"{ticks} {name} {ticks}" if "`" in name else f"`{name}`"


def _name(text: str) -> str:
    shown = printable(text) or "-"
    return shown if len(shown) <= _LONGEST_NAME else f"{shown[: _LONGEST_NAME - 1]}…"


def _longest_ticks(text: str) -> int:
    return max(map(len, _TICKS.findall(text)), default=0)
