"""Access control lists: an overwrite keeps the file's own, and a new file gets that of a file that kops wrote.

kops (util/pkg/vfs/acls/gce/storage.go) gives each file in a bucket without uniform bucket-level access the bucket's
default list and the nodes' service account as reader. A write without a list gets the default alone, so that nodes
couldn't read the file any more.

The bucket says every ten minutes whether it is uniform (buckets.get, as kops asks it). Where that is denied, the lists
themselves are asked for at each write: a uniform bucket refuses that in words, which is remembered as long. Where that
is denied too, nothing is remembered.
"""

from contextlib import AbstractContextManager
from typing import Any, Final

import msgspec
from google.cloud.storage import Blob
from google.cloud.storage import Bucket as SdkBucket

from clusterstate.errors import AccessDenied, KeyNotFound
from clusterstate.store.backends.gcs.clients import BucketFacts
from clusterstate.store.backends.gcs.errors import PERMISSIONS, Refused, says_uniform

ASK_BUCKET: Final = "buckets.get"
ASK_FILE: Final = "objectAccessControls.list"

Grants = tuple[dict[str, str], ...]
"""Entries of a list, each with `entity` and `role`, as the JSON API has them."""
NONE: Final[Grants] = ()
Translating = AbstractContextManager[None]
"""Lets no error of the SDK out of the one request that is made in it."""


class Upload(Blob):
    """A file as it is written: with its list, which the SDK leaves out of what it sends."""

    def __init__(self, key: str, bucket: SdkBucket, grants: Grants) -> None:
        super().__init__(key, bucket)  # type: ignore[no-untyped-call] # the SDK has no annotations
        self._grants = grants

    def _get_writable_metadata(self) -> dict[str, Any]:
        metadata: dict[str, Any] = super()._get_writable_metadata()  # type: ignore[no-untyped-call] # as above
        return {**metadata, "acl": list(self._grants)} if self._grants else metadata


class _Access(msgspec.Struct, frozen=True):
    enabled: bool = False


class _Configuration(msgspec.Struct, frozen=True):
    uniformBucketLevelAccess: _Access = _Access()  # noqa: N815 (as Google has it)


def is_uniform(bucket: SdkBucket, facts: BucketFacts, translating: Translating) -> bool:
    """Whether the bucket's files have no lists, as far as is known; asked when the answer is old."""
    with facts.lock:
        if not facts.fresh:
            try:
                with translating:
                    facts.learn(uniform=_ask(bucket))
            except AccessDenied:
                facts.learn(uniform=None)
        return bool(facts.uniform)


def _ask(bucket: SdkBucket) -> bool:
    bucket.reload(retry=None)
    return msgspec.convert(dict(bucket.iam_configuration), _Configuration).uniformBucketLevelAccess.enabled


def read_grants(key: str, bucket: SdkBucket, facts: BucketFacts, translating: Translating) -> Grants | None:
    """Give a file's list, empty where the bucket turns out to be uniform; None where there is no such file.

    Raise `AccessDenied` where nobody may tell: without the list, a write might shut the nodes out.
    """
    blob = Blob(key, bucket)
    try:
        with translating:
            try:
                blob.acl.reload(retry=None)
            except Refused as refused:
                if not says_uniform(refused):
                    raise
                facts.uniform = True
                return NONE
            return msgspec.convert(list(blob.acl), Grants)
    except KeyNotFound:
        return None
    except AccessDenied as denied:
        if not facts.denied:
            raise
        facts.doubt()
        raise AccessDenied(
            f"{denied.message} Or grant {PERMISSIONS[ASK_BUCKET]} on the bucket, if it has uniform bucket-level access."
        ) from None
