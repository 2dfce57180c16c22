"""One bucket, one request per method, blocking; a write may ask first whose list the file gets, see `grants`.

A version is a generation: a number that Google gives to each write of a file, and that no write gets twice (Cloud
Storage, "Request preconditions"). Uploads carry CRC32C and MD5, which the service compares with what arrived, and
downloads are compared by the SDK with the digest that comes along.
"""

from base64 import b64encode
from copy import copy
from datetime import datetime
from typing import Final, Self

import msgspec
from google.cloud.storage import Blob as SdkBlob

from clusterstate.errors import IntegrityFailed
from clusterstate.store.backends.gcs import grants, large
from clusterstate.store.backends.gcs.clients import Client
from clusterstate.store.backends.gcs.config import Config, own_endpoint
from clusterstate.store.backends.gcs.errors import INSERT, PERMISSIONS, translating
from clusterstate.store.base import Blob, Entry, Page, Sink, Streamed, Version
from clusterstate.store.body import Body, Content, md5_of
from clusterstate.store.failures import Request
from clusterstate.store.listing import PAGE_SIZE, ListPosition, is_folder_marker
from clusterstate.store.sinks import Whole
from clusterstate.store.threads import Lane

_NOTHING: Final = 0
"""As a generation that must be there: there must be no file."""
_LONGEST_GENERATION: Final = 19
"""Digits of a 64-bit number."""
_CONTENT_TYPE: Final = "text/plain; charset=utf-8"
"""What kops's SDK makes of kops's files."""
_FIELDS: Final = "kind,items(name,generation,size,updated),prefixes,nextPageToken"
_KIND: Final = "storage#objects"


class _Item(msgspec.Struct, frozen=True):
    name: str
    generation: int
    size: int
    updated: datetime


class _Listing(msgspec.Struct, frozen=True):
    kind: str
    items: tuple[_Item, ...] = ()
    prefixes: tuple[str, ...] = ()
    nextPageToken: str = ""  # noqa: N815 (as Google has it)


class Bucket:
    """A bucket, used as one configuration says."""

    impossible: Final = "1"
    """A generation that no file has: they are microseconds of our days."""

    def __init__(self, url: str, config: Config, client: Client) -> None:
        """Take the bucket's URL, how it is used, and by which client."""
        self._url = url
        self._name = url.rpartition("/")[2]
        self._config = config
        self._client = client
        self._sdk = client.sdk.bucket(self._name)
        self._content_type = _CONTENT_TYPE

    def typed(self, content_type: str) -> Self:
        """Give the same bucket, with this content type for whatever is written."""
        twin = copy(self)
        twin._content_type = content_type  # noqa: SLF001 - its own twin
        return twin

    @property
    def endpoint(self) -> str:
        """The URL that requests go to."""
        return self._config.inputs.endpoint

    @property
    def way(self) -> str:
        """See `Wire.way`."""
        return self._config.inputs.wire.way

    @property
    def identity(self) -> str:
        """The custom endpoint; Google's own count as none, since names of buckets are unique there."""
        return own_endpoint(self.endpoint)

    @property
    def lane(self) -> Lane:
        """The threads to call it from."""
        return self._client.lane

    def get(self, key: str) -> Blob:
        """Give a whole file."""
        sink = Whole(f"{self._url}/{key}")
        told = self.fetch(key, sink)
        return Blob(sink.data, told.version, told.content_type)

    def fetch(self, key: str, to: Sink) -> Streamed:
        """Give a whole file to a sink."""
        blob = SdkBlob(key, self._sdk)
        with self._translating("objects.get", key):
            blob.download_to_file(to, checksum="auto", retry=None)
            return Streamed(_version(blob, key), blob.content_type or "")

    def version(self, key: str) -> Version:
        """Give a file's version."""
        blob = SdkBlob(key, self._sdk)
        with self._translating("objects.get", key):
            blob.reload(retry=None)
            return _version(blob, key)

    def put(self, key: str, data: Content, *, if_match: str = "", if_none: bool = False) -> Version:
        """Write a file; `if_match` is the version's token that must be there, `if_none` wants nothing there."""
        blob = grants.Upload(key, self._sdk, self._grants(key, new=if_none))
        blob.md5_hash = b64encode(md5_of(data)).decode()
        expected = _NOTHING if if_none else _generation(if_match)
        with self._translating(INSERT, key):
            if isinstance(data, Body):
                large.upload(blob, data, self._content_type, expected)
                return _version(blob, key)
            blob.upload_from_string(  # type: ignore[no-untyped-call] # the SDK has no annotations
                data, content_type=self._content_type, checksum="crc32c", retry=None, if_generation_match=expected
            )
            return _version(blob, key)

    def remove(self, key: str, *, if_match: str = "") -> None:
        """Delete a file, there or not."""
        with self._translating("objects.delete", key):
            self._sdk.delete_blob(key, retry=None, if_generation_match=_generation(if_match))

    def page(self, prefix: str, position: ListPosition, *, shallow: bool) -> tuple[Page, ListPosition | None]:
        """Give one page of a listing and where the next starts; None when there is no more."""
        with self._translating("objects.list"):
            found = self._client.sdk.list_blobs(
                self._sdk,
                prefix=prefix or None,
                delimiter="/" if shallow else None,
                start_offset=position.after or None,
                page_token=position.token or None,
                page_size=PAGE_SIZE,
                fields=_FIELDS,
                retry=None,
            )
            listing = msgspec.convert(next(found.pages).raw_page, _Listing, strict=False)
        if listing.kind != _KIND:  # an answer about something else would look like an empty bucket
            raise IntegrityFailed(f"What {self.endpoint} answered is no listing of {self._url}.")
        files = (item for item in listing.items if item.name != position.after)  # the offset itself counts for Google
        entries = tuple(_entry(item) for item in files if not is_folder_marker(item.name, item.size))
        follows = ListPosition(position.after, listing.nextPageToken) if listing.nextPageToken else None
        return Page(entries, listing.prefixes), follows

    def _grants(self, key: str, *, new: bool) -> grants.Grants:
        """Give the list that a write of this file has to carry."""
        if self._is_uniform(self._name):
            return grants.NONE
        own, source = (self._name, key), self._config.grants_from
        places = [] if new else [own]
        if source is not None and (source.bucket, source.prefix) != own:
            places.append((source.bucket, source.prefix))
        for bucket, name in places:
            found = self._read_grants(bucket, name)
            if found is not None:
                return found
        return grants.NONE

    def _is_uniform(self, bucket: str) -> bool:
        asking = self._translating(grants.ASK_BUCKET, bucket=bucket)
        return grants.is_uniform(self._client.sdk.bucket(bucket), self._client.facts(bucket), asking)

    def _read_grants(self, bucket: str, key: str) -> grants.Grants | None:
        """Give the list of a file, maybe in another bucket; None where there is no such file, or no list."""
        if bucket != self._name and self._is_uniform(bucket):
            return None
        asking = self._translating(grants.ASK_FILE, key, bucket)
        return grants.read_grants(key, self._client.sdk.bucket(bucket), self._client.facts(bucket), asking)

    def _translating(self, operation: str, key: str = "", bucket: str = "") -> grants.Translating:
        request = Request(
            operation,
            f"gs://{bucket}" if bucket else self._url,
            key,
            self.endpoint,
            permission=PERMISSIONS[operation],
            principal=lambda: self._client.principal,
        )
        return translating(request, lambda: self._client.tokens.secret)


def _generation(token: str) -> int | None:
    """Give the generation that a version's token stands for; None where none is expected."""
    if not token:
        return None
    known = token.isascii() and token.isdigit() and len(token) <= _LONGEST_GENERATION
    return int(token if known else Bucket.impossible)


def _version(blob: SdkBlob, key: str) -> Version:
    if not blob.generation:
        raise IntegrityFailed(f"The answer for {key} has no generation, so its version can't be told.")
    return Version(str(blob.generation))


def _entry(item: _Item) -> Entry:
    return Entry(item.name, Version(str(item.generation)), item.size, item.updated)
