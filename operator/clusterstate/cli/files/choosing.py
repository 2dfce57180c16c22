"""Which clusters of a store are meant, and which of them a message is about."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager

from clusterstate.errors import CommandInvalid, MalformedFile, StateError
from clusterstate.plan.naming import named


def choose_clusters(found: Collection[str], wanted: Collection[str], url: str) -> list[str]:
    """Give what is wanted, or all that was found; raise `CommandInvalid` for what isn't in the store, or for none."""
    strangers = sorted({*wanted} - {*found})
    if strangers or not found:
        what = f"no cluster {named(strangers)}" if strangers else "no cluster"
        raise CommandInvalid(f"{url} holds {what}. clusterstate get clusters shows what it holds.")
    return sorted({*wanted} or {*found})


@contextmanager
def speaking_of(cluster: str) -> Iterator[None]:
    """Put the cluster's name before that of a file that can't be used."""
    try:
        yield
    except StateError as error:
        raise MalformedFile(f"{cluster}/{error.message}") from None
