"""Missing: mirrors whose source is no longer in the store, and that `onMissing: Retain` keeps. Pure."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace

from clusterstate.api.spec import MirrorSpec, MissingPolicy
from clusterstate.errors import Nature, Reason
from clusterstate.mirror.objects import MirrorProblem, Mirrors
from clusterstate.mirror.record import MirrorRecord
from clusterstate.mirror.rules import is_asked_for
from clusterstate.plan.naming import named


def keep_missing(mirrors: Mirrors, spec: MirrorSpec | None, records: Iterable[MirrorRecord]) -> Mirrors:
    """Give the mirrors with a problem for each Secret that is kept although its source is gone.

    All problems have one text, which names all sources. A source that no rule chooses is not missed.
    """
    if spec is None or spec.on_missing is not MissingPolicy.RETAIN:
        return mirrors
    there = {each.source for each in mirrors.wanted} | {each.source for each in mirrors.problems}
    missed = sorted(_missed(mirrors, spec, records, there), key=lambda record: (record.source, record.name))
    text = (
        f"No longer in the store: {named(sorted({each.source for each in missed}))}. Their Secrets keep the last "
        "content. Restore them in the store, exclude them in spec.mirror, or set spec.mirror.onMissing: Delete."
    )
    problems = (MirrorProblem(each.name, each.source, Reason.SOURCE_MISSING, Nature.STALLED, text) for each in missed)
    return replace(mirrors, problems=(*mirrors.problems, *problems))


def _missed(
    mirrors: Mirrors, spec: MirrorSpec, records: Iterable[MirrorRecord], there: Collection[str]
) -> Iterator[MirrorRecord]:
    for record in records:
        ours = record.owner_uid == mirrors.owner.uid and not record.deleting
        kind, _, name = record.source.partition("/")
        if ours and record.source not in there and is_asked_for(spec, kind, name):
            yield record
