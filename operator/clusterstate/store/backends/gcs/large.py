"""Uploads of files that memory shouldn't hold: one request, like those of small ones, whose body is read from disk.

The SDK would make of such a file a session of many requests, whose condition is judged at its beginning.
"""

from base64 import b64encode
from collections.abc import Iterator, Mapping
from secrets import token_hex
from typing import Any, Final
from urllib.parse import urlencode

import google_crc32c
import msgspec

from clusterstate.store.backends.gcs.grants import Upload
from clusterstate.store.body import Body
from clusterstate.store.sinks import PART

_JSON: Final = "application/json; charset=UTF-8"


def upload(blob: Upload, body: Body, content_type: str, expected: int | None) -> None:
    """Write a file, and let `blob` learn what the service says of it; `expected` is the generation that must be there.

    Raises the SDK's errors.
    """
    sdk: Any = blob  # has no annotations
    headers, metadata, kind = sdk._get_upload_arguments(blob.client, content_type)  # noqa: SLF001 (what the SDK sends too)
    related = _Related({**metadata, "crc32c": _crc32c(body)}, kind, body)
    query = {"uploadType": "multipart"} | ({} if expected is None else {"ifGenerationMatch": str(expected)})
    answer = blob.client._http.request(  # noqa: SLF001 (our session)
        "POST",
        f"{blob.client.api_endpoint}/upload/storage/v1{blob.bucket.path}/o?{urlencode(query)}",
        data=related,
        headers={**headers, "content-type": related.content_type},
    )
    sdk._set_properties(answer.json())  # noqa: SLF001 (as the SDK does)


class _Related:
    """Metadata and a file as one body, which is read anew each time that it is sent."""

    def __init__(self, metadata: Mapping[str, Any], content_type: str, body: Body) -> None:
        boundary = token_hex(16)
        described = msgspec.json.encode(metadata).decode()
        self._head = (
            f"--{boundary}\r\ncontent-type: {_JSON}\r\n\r\n{described}\r\n"
            f"--{boundary}\r\ncontent-type: {content_type}\r\n\r\n"
        ).encode()
        self._body = body
        self._tail = f"\r\n--{boundary}--".encode()
        self.content_type = f'multipart/related; boundary="{boundary}"'

    def __len__(self) -> int:
        return len(self._head) + self._body.size + len(self._tail)

    def __iter__(self) -> Iterator[bytes]:
        yield self._head
        yield from _parts(self._body)
        yield self._tail


def _parts(body: Body) -> Iterator[bytes]:
    with body.open() as source:
        while part := source.read(PART):
            yield part


def _crc32c(body: Body) -> str:
    crc = 0
    for part in _parts(body):
        crc = google_crc32c.extend(crc, part)
    return b64encode(crc.to_bytes(4, "big")).decode()
