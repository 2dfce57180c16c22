"""`clusterstate set` and `unset`: single fields of a cluster or an instance group."""

from collections.abc import Mapping, Sequence

from clusterstate.cli.change.documents import Subject
from clusterstate.cli.change.writing import Prepared, Seen, change_states, open_job
from clusterstate.cli.opening import Shop
from clusterstate.cli.words import Consent, StoreWords
from clusterstate.plan.replacing import Content, kind_of_document, replace_content
from clusterstate.plan.setting import Setting, set_fields
from clusterstate.state.canonical import canonical


async def change_fields(
    words: StoreWords,
    environ: Mapping[str, str],
    named: tuple[str | None, str | None],
    settings: Sequence[Setting],
    consent: Consent,
) -> int:
    """Set fields of what is `named`, a cluster and maybe one of its groups, and give the exit code.

    Raises `CommandInvalid` for what isn't there, and what `replace_content` and `change_states` do.
    """
    subject = Subject.choose(*named, environ)

    async def make(seen: Seen) -> Prepared:
        document = subject.find_in(seen)
        kind = kind_of_document(document)
        spec = set_fields(kind, canonical(kind, document.spec).spec, settings)
        return Prepared(replace_content(seen.observed, subject.key, Content(spec, {})))

    async with Shop(words, environ) as shop:
        job = await open_job(shop, subject.cluster, make)
        return await change_states([job], consent, f"Write this to {subject.title}?")
