"""One container, one request per method, blocking.

A file's version is its ETag, the MD5 of its bytes (OpenStack, Object Storage API): listing, read and write all have
it. Of a static large object it is the manifest's, which listings have too. Dynamic large objects are refused: their
listing doesn't tell when they change. Reads ask for the newest copy, so that a copy that lags behind is no version.
"""

from contextlib import suppress
from copy import copy
from datetime import UTC, datetime
from functools import partial
from typing import Final, Self

import msgspec
import requests

from clusterstate.errors import AccessDenied, IntegrityFailed, KeyNotFound, StoreRefused
from clusterstate.store.backends.swift.client import Call, Client
from clusterstate.store.backends.swift.errors import is_good, refuse, translating
from clusterstate.store.base import Blob, Entry, Page, Sink, Streamed, Version
from clusterstate.store.body import Content, md5_of
from clusterstate.store.failures import Request
from clusterstate.store.listing import PAGE_SIZE, ListPosition, is_folder_marker
from clusterstate.store.sinks import Whole, pour
from clusterstate.store.threads import Lane

_FOLDER_TYPE = "application/directory"
"""What old tools give to an empty object that stands for a folder."""
_NEWEST: Final = {"X-Newest": "true"}


class _Listed(msgspec.Struct):
    """A line of a listing: an object, or a folder of a shallow one."""

    name: str = ""
    subdir: str = ""
    hash: str = ""
    bytes: int = 0
    content_type: str = ""
    last_modified: str = ""


class Container:
    """A container, used by one client."""

    def __init__(self, name: str, client: Client) -> None:
        """Take the container's name, and who asks."""
        self._name = name
        self._client = client
        self._content_type = ""

    def typed(self, content_type: str) -> Self:
        """Give the same container, with this content type for whatever is written."""
        twin = copy(self)
        twin._content_type = content_type  # noqa: SLF001 - its own twin
        return twin

    @property
    def endpoint(self) -> str:
        """What is asked."""
        return f"swift://{self._name}"

    @property
    def identity(self) -> str | None:
        """The account's public URL, since each account has containers of its own; None until a token told."""
        place = self._client.place
        return place.identity if place else None

    @property
    def lane(self) -> Lane:
        """The threads to call it from."""
        return self._client.lane

    def get(self, key: str) -> Blob:
        """Give a whole file."""
        sink = Whole(f"{self.endpoint}/{key}")
        told = self.fetch(key, sink)
        return Blob(sink.data, told.version, told.content_type)

    def fetch(self, key: str, to: Sink) -> Streamed:
        """Give a whole file to a sink."""
        answer, request = self._find("GET", key, stream=True)
        with answer, translating(request):
            version = _version(answer, request)
            digest = pour(partial(answer.raw.read, decode_content=False), to)
        if "X-Static-Large-Object" not in answer.headers and digest != version.token:
            raise IntegrityFailed(f"The bytes of {request.place} don't fit their digest.")
        return Streamed(version, answer.headers.get("Content-Type", ""))

    def version(self, key: str) -> Version:
        """Give a file's version."""
        return _version(*self._find("HEAD", key))

    def put(self, key: str, data: Content, *, if_none: bool = False) -> Version:
        """Write a file; `if_none` wants nothing there. Raises `StoreNotFound` where the container isn't there."""
        digest = md5_of(data).hex()
        headers = {"ETag": digest} | ({"If-None-Match": "*"} if if_none else {})
        headers |= {"Content-Type": self._content_type} if self._content_type else {}
        answer, request = self._ask(Call("PUT", self._name, key, headers, data=data))
        if _version(answer, request).token != digest:
            raise IntegrityFailed(f"Other bytes than those sent arrived in {request.place}.")
        return Version(digest)

    def remove(self, key: str) -> None:
        """Delete a file; raises `KeyNotFound` where it isn't there."""
        self._ask(Call("DELETE", self._name, key))

    def make(self) -> None:
        """Create the container, there or not."""
        self._ask(Call("PUT", self._name))

    def page(self, prefix: str, position: ListPosition, *, shallow: bool) -> tuple[Page, ListPosition | None]:
        """Give one page of a listing and where the next starts; None when there is no more."""
        params = {"format": "json", "limit": str(PAGE_SIZE), "prefix": prefix, "marker": position.after}
        params |= {"delimiter": "/"} if shallow else {}
        answer, request = self._ask(Call("GET", self._name, headers=_NEWEST, params=params))
        listed, entries = _parse(answer.content, request)
        folders = tuple(each.subdir for each in listed if each.subdir)
        last = listed[-1] if len(listed) >= PAGE_SIZE else None
        return Page(entries, folders), ListPosition(last.subdir or last.name) if last else None

    def _find(self, method: str, key: str, *, stream: bool = False) -> tuple[requests.Response, Request]:
        """Ask for a file. Swift doesn't say whether the file is missing or the container, so that is asked."""
        try:
            return self._ask(Call(method, self._name, key, _NEWEST, stream=stream))
        except KeyNotFound as error:
            missing = error
        with suppress(AccessDenied):
            self._ask(Call("HEAD", self._name))
        raise missing

    def _ask(self, call: Call) -> tuple[requests.Response, Request]:
        """Give a good answer with what was asked; raise for any other."""
        answer, request = self._client.send(call)
        if is_good(answer, about_container=not call.key):
            return answer, request
        with answer:
            raise refuse(answer, request, call.method)


def _version(answer: requests.Response, request: Request) -> Version:
    """Give the ETag of what is stored: of a large object, of its manifest."""
    if "X-Object-Manifest" in answer.headers:
        raise StoreRefused(
            f"The file {request.place} is a dynamic large object, whose changes no listing shows. Have it replaced by "
            "a plain one; kops writes no other."
        )
    tag = (answer.headers.get("X-Manifest-Etag") or answer.headers.get("Etag") or "").strip('"')
    if not tag:
        raise IntegrityFailed(f"The answer for {request.place} has no ETag, so its version can't be told.")
    return Version(tag)


def _parse(body: bytes, request: Request) -> tuple[list[_Listed], tuple[Entry, ...]]:
    """Read a page of a listing: what is there, and the files of it."""
    try:
        listed = msgspec.json.decode(body, type=list[_Listed])
        return listed, tuple(_entry(each) for each in listed if not each.subdir and not _is_folder(each))
    except (msgspec.DecodeError, ValueError, RecursionError):
        raise IntegrityFailed(f"A listing of {request.store} arrived damaged or cut short.") from None


def _entry(listed: _Listed) -> Entry:
    modified = datetime.fromisoformat(listed.last_modified)
    return Entry(
        listed.name, Version(listed.hash), listed.bytes, modified if modified.tzinfo else modified.replace(tzinfo=UTC)
    )


def _is_folder(listed: _Listed) -> bool:
    return is_folder_marker(listed.name, listed.bytes) or (listed.bytes == 0 and listed.content_type == _FOLDER_TYPE)
