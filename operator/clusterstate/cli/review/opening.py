"""What people name on the two sides of a review, told apart and opened.

s3://BUCKET, s3://BUCKET/CLUSTER    a store, or one state
DIR, file://DIR                     the same in a directory
git:REVISION:DIR                    the same in a revision of git
clusterstate/NAME, cst/NAME         a ClusterState of a cluster
FILE.yaml, -                        a manifest
"""

from pathlib import Path
from typing import Final

from clusterstate.cli.manifests import STDIN
from clusterstate.cli.opening import Shop
from clusterstate.cli.review.declarations import read_declared_object, read_manifest
from clusterstate.cli.review.declared import Declared
from clusterstate.cli.review.git import PREFIX, GitSource
from clusterstate.cli.review.sources import FILE, StateSource, StoreSource, directory_url
from clusterstate.cli.review.words import ReviewWords
from clusterstate.cli.words import Target
from clusterstate.errors import CommandInvalid
from clusterstate.state.digests import Digests

OBJECTS: Final = ("clusterstate/", "cst/")
"""How a ClusterState is named, as kubectl names it."""

Side = StateSource | Declared


async def open_side(word: str, words: ReviewWords, shop: Shop, digests: Digests) -> Side:
    """Open what a word names. Raises `CommandInvalid` where it names nothing."""
    if word.startswith(PREFIX):
        return await GitSource.open(word)
    if word.startswith(OBJECTS):
        target = Target(word.partition("/")[2], words.namespace, words.kubeconfig, words.context)
        return await read_declared_object(word, target, digests)
    if (url := _store_url(word)) is not None:
        return await StoreSource.open(shop, url, words.cluster)
    if _is_there(word):
        return await read_manifest(word, words.cluster, digests)
    raise CommandInvalid(
        f"{word or 'An empty word'} is nothing that can be compared. Name a store (s3://BUCKET), a directory, "
        "git:REVISION:DIR, clusterstate/NAME or a manifest."
    )


def _store_url(word: str) -> str | None:
    if word.startswith(FILE) or (word and Path(word).is_dir()):
        return directory_url(word)
    return word if "://" in word else None


def _is_there(word: str) -> bool:
    """Whether a word names a manifest, be it a pipe, as `<(…)` of a shell is one."""
    return word == STDIN or (bool(word) and Path(word).exists())
