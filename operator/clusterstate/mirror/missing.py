"""Missing: Secrets that stay although nothing in the store makes them any more. Pure.

Under `onMissing: Retain` that are those of sources that a rule chooses, and those that don't tell their source any
more. Under `Delete` they are the same as long as `config` isn't in the store: a state that is gone as a whole says
nothing of its parts.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

from clusterstate.api.spec import MirrorSpec, MissingPolicy
from clusterstate.mirror.objects import Mirrors
from clusterstate.mirror.record import MirrorRecord
from clusterstate.mirror.rules import is_asked_for, is_source
from clusterstate.plan.naming import named

_RETAINED: Final = "Restore them in the store, exclude them in spec.mirror, or set spec.mirror.onMissing: Delete."
_WITHOUT_CONFIG: Final = (
    "Nothing is deleted while config isn't in the store either. Restore the state, exclude them in spec.mirror, or "
    "remove spec.mirror."
)
_ASTRAY: Final = "Delete what nobody needs."


def keep_missing(
    mirrors: Mirrors, spec: MirrorSpec | None, records: Iterable[MirrorRecord], *, config_there: bool
) -> Mirrors:
    """Give the mirrors with the Secrets that stay without a source, and a text that names them."""
    if spec is None or (spec.on_missing is MissingPolicy.DELETE and config_there):
        return mirrors
    left = _left(mirrors, records)
    astray = sorted(each.name for each in left if not is_source(each.source))
    missed = [each for each in left if is_source(each.source) and is_asked_for(spec, *_parts(each))]
    advice = _RETAINED if spec.on_missing is MissingPolicy.RETAIN else _WITHOUT_CONFIG
    texts = (*_tell_missed(missed, advice), *_tell_astray(astray))
    kept = frozenset({*astray, *(each.name for each in missed)})
    return replace(mirrors, kept=kept, missing=" ".join(texts))


def _left(mirrors: Mirrors, records: Iterable[MirrorRecord]) -> list[MirrorRecord]:
    """Give what is ours and has neither the name nor the source of what is mirrored or can't be."""
    names = {each.name for each in mirrors.wanted} | {each.secret for each in mirrors.problems}
    sources = {each.source for each in mirrors.wanted} | {each.source for each in mirrors.problems}
    ours = (each for each in records if each.owner_uid == mirrors.owner.uid and not each.deleting)
    return [each for each in ours if each.name not in names and each.source not in sources]


def _parts(record: MirrorRecord) -> tuple[str, str]:
    kind, _, name = record.source.partition("/")
    return kind, name


def _tell_missed(missed: Sequence[MirrorRecord], advice: str) -> Iterable[str]:
    if missed:
        sources = named(sorted({each.source for each in missed}))
        yield f"No longer in the store: {sources}. Their Secrets keep the last content. {advice}"


def _tell_astray(names: Sequence[str]) -> Iterable[str]:
    if names:
        yield f"Kept, since somebody changed what tells their source: Secrets {named(names)}. {_ASTRAY}"
