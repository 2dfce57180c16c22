"""One screen that tells everything about one ClusterState. Pure: lines, each with its colour."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Final, TypeAlias

from clusterstate.api.status import AfterPushStatus, DifferenceStatus, FieldPlan, MigrationStatus, StoreStatus
from clusterstate.cli.objects.view import View, since, span
from clusterstate.cli.output import table_lines
from clusterstate.cli.sizes import size_of

Line: TypeAlias = tuple[str, str | None]

COLOURS: Final = {"True": "green", "False": "red", "Unknown": "yellow"}
ACTIONS: Final = {"create": ("+", "green"), "update": ("~", "yellow"), "delete": ("-", "red")}
GOOD_WHEN_FALSE: Final = ("Reconciling", "Stalled")
"""Conditions that tell trouble when they are True."""
VALID: Final = "Valid"
FEW: Final = 5
"""Rows of a part that says so when there are more, unless all are asked for."""


def make_screen(view: View, now: datetime, *, wide: bool = False) -> Iterator[Line]:
    """Give the lines; `wide` leaves no row out."""
    status, most = view.status, None if wide else FEW
    yield from _head(view, now)
    yield from _conditions(view, now)
    yield from _part("Plan", _changes(status.plan.changes if status.plan else ()), most)
    yield from _part("Conflicts", _differences(status.conflicts), most)
    yield from _part("Drift", _differences(status.drift), most)
    blocked = [f"{each.path}{each.field} (declared by {each.manager})" for each in status.pull_blocked]
    yield from _part("Left out of the spec", _plain(blocked), most)
    yield from _part("Dropped by kops", _plain(f"{each.path}{each.field}" for each in status.dropped), most)
    yield from _migration(status.migration)
    yield from _after_push(status.after_push)
    yield from _rotations(view)
    yield from _part("Certificates that end", _plain(_aligned(_certificates(view, now))), most)
    yield from _part("Mirrors", _plain(_aligned(_mirrors(view, now))), most)
    yield from _part("History", _plain(_aligned(_history(view, now))), most)


def _head(view: View, now: datetime) -> Iterator[Line]:
    status, ready = view.status, view.ready
    text = "suspended" if view.suspended else {"True": "ready", "False": "not ready"}.get(ready.status, "not seen yet")
    yield (
        f"{view.metadata.namespace}/{view.metadata.name}: {text}",
        "yellow" if view.suspended else _colour(ready.status),
    )
    if status.summary:
        yield f"{status.summary[0].upper()}{status.summary[1:]}", None
    if view.behind:
        yield "The spec was changed since: the operator hasn't taken that in yet.", "yellow"
    yield "", None
    facts = [("Cluster", view.cluster), ("Store", (status.store and status.store.url) or view.url), ("Sync", view.way)]
    if status.store:
        facts.append(("Files", _files(status.store, now)))
    if status.shard:
        facts.append(("Shard", status.shard))
    facts.append(("Age", since(view.metadata.creation_timestamp, now)))
    yield from ((line, None) for line in _aligned(facts))


def _files(store: StoreStatus, now: datetime) -> str:
    changed = f", changed {since(store.last_change_time, now)} ago" if store.last_change_time else ""
    unproven = f"; conditional writes not proven: {', '.join(store.unproven)}" if store.unproven else ""
    return f"{store.files}, {size_of(store.bytes)} in all{changed}{unproven}"


def _conditions(view: View, now: datetime) -> Iterator[Line]:
    conditions = view.status.conditions or (view.ready,)
    rows = [(each.type, each.status, each.reason, since(each.last_transition_time, now)) for each in conditions]
    yield from _title("Conditions")
    for each, line in zip(conditions, _aligned(rows), strict=True):
        yield f"  {line}", "red" if each.type in GOOD_WHEN_FALSE else _colour(each.status)
        yield f"      {each.message}", None


def _part(title: str, lines: Iterable[Line], most: int | None) -> Iterator[Line]:
    """Give a part of the screen, nothing where it has no lines."""
    all_lines = [*lines]
    if not all_lines:
        return
    yield from _title(title)
    yield from ((f"  {text}", colour) for text, colour in all_lines[:most])
    left = len(all_lines[most:]) if most else 0
    if left:
        yield f"  and {left} more (-o wide)", None


def _title(text: str) -> Iterator[Line]:
    yield "", None
    yield text, None


def _plain(texts: Iterable[str]) -> Iterator[Line]:
    return ((text, None) for text in texts)


def _changes(changes: Sequence[FieldPlan]) -> Iterator[Line]:
    for each in changes:
        sign, colour = ACTIONS[each.action]
        values = " -> ".join(value for value in (each.old, each.new) if value)
        yield f"{sign} {each.path}{each.field}{values and f': {values}'}", colour


def _differences(differences: Iterable[DifferenceStatus]) -> Iterator[Line]:
    for each in differences:
        declared, observed = each.declared or "nothing", each.observed or "nothing"
        yield f"{each.path}{each.field}: declared {declared}, in the store {observed}", "red"


def _migration(migration: MigrationStatus | None) -> Iterator[Line]:
    if migration:
        way = f"{migration.from_} -> {migration.to}: {migration.phase}, {migration.copied} of {migration.files} files"
        yield from _part("Migration", _plain(text for text in (way, migration.message) if text), None)


def _after_push(hook: AfterPushStatus | None) -> Iterator[Line]:
    if hook:
        text = f"Job {hook.job} of revision {hook.revision}: {hook.state}{hook.message and f': {hook.message}'}"
        yield from _part("After the push", [(text, "red" if hook.state == "Failed" else None)], None)


def _rotations(view: View) -> Iterator[Line]:
    texts = (f"{each.name}: {each.phase}{each.message and f': {each.message}'}" for each in view.status.keysets)
    yield from _part("Rotation of keysets", _plain(texts), None)


def _certificates(view: View, now: datetime) -> Iterator[tuple[str, str, str]]:
    for each in view.status.certificates:
        if each.phase != VALID:
            yield each.keyset, each.not_after, _left(each.not_after_time, now)


def _left(end: datetime, now: datetime) -> str:
    return f"in {span(end - now)}" if end > now else f"{span(now - end)} ago"


def _mirrors(view: View, now: datetime) -> Iterator[tuple[str, str, str]]:
    for each in view.status.mirrors:
        ends = f"ends {_left(datetime.fromisoformat(each.not_after), now)}" if each.not_after else ""
        yield f"Secret {each.secret}", each.from_, ends


def _history(view: View, now: datetime) -> Iterator[tuple[str, ...]]:
    for each in view.status.history:
        by = f"by {each.by}" if each.by else ""
        yield str(each.revision), f"{since(each.time, now)} ago", by, each.what or "the declaration alone"


def _aligned(rows: Iterable[Sequence[str]]) -> list[str]:
    """Give a line for each row, whose columns stand below each other."""
    first, *rest = [*rows] or [()]
    return table_lines(first, rest) if first else []


def _colour(status: str) -> str:
    return COLOURS[status]
