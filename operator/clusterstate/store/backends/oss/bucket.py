"""One bucket, one request per method, blocking; and its region, where nobody has said it.

Region: GetBucketLocation at the default region's address; where OSS answers that the bucket is elsewhere, it names the
address. Asked once per bucket and client, and again where an answer says that the bucket has moved: it was deleted and
created elsewhere.

Integrity: a written file carries its MD5, which OSS compares. Of a file that is read OSS tells the MD5, or where it
was put together from parts the CRC-64 alone (API reference, "PutObject" and "GetObject"); one of them is compared.
"""

import base64
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final, Self, TypeVar

import oss2
from oss2.utils import Crc64

from clusterstate.errors import IntegrityFailed, StoreRefused
from clusterstate.store.backends.oss.addresses import address_of, region_of
from clusterstate.store.backends.oss.clients import Client, SdkBucket
from clusterstate.store.backends.oss.config import ClientInputs, Config
from clusterstate.store.backends.oss.errors import PERMISSIONS, endpoint_in, translating
from clusterstate.store.base import Blob, Entry, Page, Sink, Streamed, Version
from clusterstate.store.body import Content, md5_of, opened
from clusterstate.store.failures import Request
from clusterstate.store.listing import PAGE_SIZE, ListPosition, is_folder_marker
from clusterstate.store.sinks import Whole, pour
from clusterstate.store.threads import Lane

T = TypeVar("T")
ClientOf = Callable[[ClientInputs], Client]

_CONTENT_TYPE: Final = "application/octet-stream"
"""As kops has it, whatever the file's name."""
_VERSION_ID = "x-oss-version-id"


@dataclass(frozen=True, slots=True)
class Written:
    """What came of a write."""

    version: Version
    versioned: bool
    """Whether the bucket keeps versions, or did so once: there a create overwrites what is there."""


class Bucket:
    """A bucket, used as one configuration says."""

    def __init__(self, url: str, config: Config, client_of: ClientOf) -> None:
        """Take the bucket's URL, how it is used, and what gives clients; raise `StoreRefused` for what can't be."""
        self._url = url
        self._config = config
        self._client_of = client_of
        self._home = client_of(config.inputs)
        self._near: Client | None = None
        self._content_type = _CONTENT_TYPE
        with translating(lambda: self._request(self._home, "CreateClient")):
            self._home.check(self.name)

    def typed(self, content_type: str) -> Self:
        """Give the same bucket, with this content type for whatever is written."""
        twin = copy(self)
        twin._content_type = content_type  # noqa: SLF001 - its own twin
        return twin

    @property
    def name(self) -> str:
        """The bucket's name."""
        return self._url.rpartition("/")[2]

    @property
    def endpoint(self) -> str:
        """The URL that requests go to first."""
        return self._home.inputs.endpoint

    @property
    def way(self) -> str:
        """See `Wire.way`."""
        return self._config.inputs.wire.way

    @property
    def identity(self) -> str:
        """The custom endpoint; OSS's own count as none, since names of buckets are unique there."""
        return "" if self._config.own else self._config.inputs.endpoint

    @property
    def lane(self) -> Lane:
        """The threads to call it from."""
        return self._home.lane

    def get(self, key: str) -> Blob:
        """Give a whole file."""
        sink = Whole(f"{self._url}/{key}")
        told = self.fetch(key, sink)
        return Blob(sink.data, told.version, told.content_type)

    def fetch(self, key: str, to: Sink) -> Streamed:
        """Give a whole file to a sink."""

        def read(oss: SdkBucket) -> Streamed:
            with oss.get_object(key) as answer:
                version = _version(answer.etag, key)
                self._pour(answer.resp.response.raw, answer.headers, to, key)
            return Streamed(version, answer.headers.get("Content-Type", ""))

        return self._ask("GetObject", key, read)

    def _pour(self, raw: Any, headers: Mapping[str, str], to: Sink, key: str) -> None:  # noqa: ANN401 (the SDK's inside has no types)
        """Read the bytes as they were written: under the SDK, which would unpack what looks packed.

        Raise `IntegrityFailed` where they aren't those that the service tells of.
        """
        told, crc = headers.get("Content-MD5"), headers.get("x-oss-hash-crc64ecma")
        summing = Crc64() if crc and not told else None

        def read(size: int) -> bytes:
            part: bytes = raw.read(size, decode_content=False)
            if summing is not None:
                summing.update(part)
            return part

        digest = pour(read, to)
        whole = told == _base64(bytes.fromhex(digest)) if told else summing is None or int(summing.crc) == int(crc or 0)
        if not whole:
            raise IntegrityFailed(f"The bytes of {self._url}/{key} don't fit their digest.")

    def version(self, key: str) -> Version:
        """Give a file's version."""
        return self._ask("HeadObject", key, lambda oss: _version(oss.head_object(key).etag, key))

    def put(self, key: str, data: Content, *, if_none: bool = False) -> Written:
        """Write a file; `if_none` wants nothing there."""
        headers = {"Content-MD5": _base64(md5_of(data)), "Content-Type": self._content_type}
        if if_none:
            headers["x-oss-forbid-overwrite"] = "true"

        def send(oss: SdkBucket) -> Any:  # noqa: ANN401 (the SDK has no types)
            with opened(data) as body:
                return _read(oss.put_object(key, body, headers=headers))

        answer = self._ask("PutObject", key, send)
        return Written(_version(answer.etag, key), _VERSION_ID in answer.headers)

    def remove(self, key: str) -> None:
        """Delete a file, there or not."""
        self._ask("DeleteObject", key, lambda oss: _read(oss.delete_object(key)))

    def page(self, prefix: str, position: ListPosition, *, shallow: bool) -> tuple[Page, ListPosition | None]:
        """Give one page of a listing and where the next starts; None when there is no more."""

        def look(oss: SdkBucket) -> tuple[Any, list[Entry]]:
            answer = oss.list_objects_v2(
                prefix=prefix,
                delimiter="/" if shallow else "",
                continuation_token=position.token,
                start_after="" if position.token else position.after,
                max_keys=PAGE_SIZE,
            )
            return answer, [_entry(found) for found in answer.object_list]

        answer, files = self._ask("ListObjectsV2", "", look)
        entries = tuple(entry for entry in files if not is_folder_marker(entry.key, entry.size))
        token = answer.next_continuation_token if answer.is_truncated else ""
        if answer.is_truncated and not token:  # it would look like the end
            raise IntegrityFailed(f"A listing of {self._url} doesn't tell how it goes on.")
        return Page(entries, tuple(answer.prefix_list)), ListPosition(token=token) if token else None

    def _ask(self, operation: str, key: str, work: Callable[[SdkBucket], T]) -> T:
        """Do one request in the bucket's region, whose errors become ours; where the bucket has moved, once more."""
        client = self._at_home()
        with translating(partial(self._request, client, operation, key)), self._following(client):
            return client.call(self.name, work)
        moved = self._at_home()
        with translating(partial(self._request, moved, operation, key)):
            return moved.call(self.name, work)

    @contextmanager
    def _following(self, client: Client) -> Iterator[None]:
        """Keep silent where the bucket isn't any more where it was found, and have it asked for its region again."""
        try:
            yield
        except oss2.exceptions.ServerError as error:
            if not self._config.ask_region or not endpoint_in(error):
                raise
            facts = self._home.facts(self.name)
            with facts.lock:
                if facts.region == client.inputs.region:  # else somebody was quicker
                    facts.region = ""

    def _at_home(self) -> Client:
        if not self._config.ask_region:
            return self._home
        facts = self._home.facts(self.name)
        with facts.lock:
            facts.region = facts.region or self._ask_region()
            if self._near is None or self._near.inputs.region != facts.region:
                address = address_of(facts.region, internal=self._config.internal)
                self._near = self._client_of(replace(self._home.inputs, endpoint=address, region=facts.region))
            return self._near

    def _ask_region(self) -> str:
        with translating(self._location_request):
            try:
                told = self._home.call(self.name, lambda oss: oss.get_bucket_location().location)
                region = region_of(f"{told}.aliyuncs.com")
            except oss2.exceptions.ServerError as error:
                region = region_of(endpoint_in(error))
                if not region:
                    raise
        if not region:
            raise StoreRefused(f"{self.endpoint} doesn't tell the region of {self._url}. Set spec.store.region.")
        return region

    def _location_request(self) -> Request:
        hint = "It is asked since nobody says the bucket's region; spec.store.region or OSS_REGION can."
        return replace(self._request(self._home, "GetBucketLocation"), hint=lambda: hint)

    def _request(self, client: Client, operation: str, key: str = "") -> Request:
        return Request(
            operation,
            self._url,
            key,
            client.inputs.endpoint,
            permission=PERMISSIONS.get(operation, ""),
            principal=lambda: client.principal,
            secrets=client.secrets,
        )


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _read(answer: Any) -> Any:  # noqa: ANN401 (the SDK has no types)
    """Read an answer to its end: nobody can use the connection again before."""
    answer.resp.read()
    return answer


def _version(tag: str | None, key: str) -> Version:
    if not tag:
        raise IntegrityFailed(f"The answer for {key} has no ETag, so its version can't be told.")
    return Version(tag)


def _entry(found: Any) -> Entry:  # noqa: ANN401 (the SDK has no types)
    return Entry(
        found.key, _version(found.etag, found.key), found.size, datetime.fromtimestamp(found.last_modified, UTC)
    )
