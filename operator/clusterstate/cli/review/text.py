"""A review for people at a terminal, or in a pipe: one line for each file, and below it what differs."""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from clusterstate.cli.review.results import ClusterReview, Review, summarise
from clusterstate.cli.showing import Line, change_lines
from clusterstate.plan.changes import Change, FieldChange, Plan
from clusterstate.plan.comparison import FileDifference
from clusterstate.plan.naming import cut
from clusterstate.state.objects import Json

LONGEST: Final = 400
"""Characters of a text in a value."""
_DIGEST: Final = re.compile(r"[0-9a-f]{16}:([0-9a-f]{12})[0-9a-f]{52}")
"""As `Digests` makes them; people compare the first few characters."""
_COLOURS: Final = {"+": "green", "-": "red", "@": "cyan"}


def review_lines(review: Review) -> Iterator[Line]:
    """Give the lines to print, each with its colour."""
    for each in review.clusters:
        yield from _cluster_lines(each, alone=len(review.clusters) == 1)
    yield from ((f"Warning: {warning}", "yellow") for warning in review.warnings)
    yield review.summary, None


def _cluster_lines(review: ClusterReview, *, alone: bool) -> Iterator[Line]:
    if review.comparison.files:
        yield f"--- {review.old}", None
        yield f"+++ {review.new}", None
    for difference in review.comparison.files:
        yield from _file_lines(difference)
    if not alone:
        yield f"{review.name}: {summarise([review.comparison])}", None


def _file_lines(difference: FileDifference) -> Iterator[Line]:
    fields = tuple(map(shortened, difference.fields))
    yield from change_lines(Plan((Change(difference.key, difference.action, fields),)))
    if difference.note:
        yield f"    {difference.note}", "yellow"
    for line in difference.lines:
        yield f"    {line.expandtabs(4)}", _COLOURS.get(line[:1])
    if difference.left_out:
        yield f"    … and {difference.left_out} more lines", None


def shortened(change: FieldChange) -> FieldChange:
    """Give the same with long texts cut and digests short, as people read them."""
    return replace(change, old=_shortened(change.old), new=_shortened(change.new))


def _shortened(value: Json) -> Json:
    match value:
        case dict():
            return {key: _shortened(each) for key, each in value.items()}
        case list():
            return [_shortened(each) for each in value]
        case str():
            return cut(_DIGEST.sub(r"hmac:\1", value), LONGEST)
        case _:
            return value
