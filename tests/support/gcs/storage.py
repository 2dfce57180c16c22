"""The files' side of the double: permissions, preconditions, access control lists and digests before fake-gcs-server.

What that server does well is left to it: keeping bytes, generations, and listings. It ignores preconditions on
everything but uploads, and knows no lists and no uniform buckets.
"""

import asyncio
import base64
import hashlib
import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import aiohttp
import google_crc32c
from aiohttp import web
from yarl import URL

from tests.support.gcs.answers import (
    api_error,
    json_bytes,
    no_bucket,
    no_object,
    precondition,
    text_error,
)
from tests.support.gcs.identity import ANYBODY, Identities

UNIFORM = "legacy ACL for an object when uniform bucket-level access is enabled. Read more at https://cloud.google.com"
PASSED = ("content-type", "content-disposition", "etag", "last-modified", "x-goog-generation", "x-goog-hash")
Acl = list[dict[str, str]]


@dataclass
class Bucket:
    uniform: bool
    default: Acl = field(default_factory=list)
    """What a file gets that is written without a list, beside its owner's entry."""
    lists: dict[str, tuple[str, Acl]] = field(default_factory=dict)
    """By key: the generation, and its list."""


class Storage:
    """The JSON API of Cloud Storage, as far as files go."""

    def __init__(self, upstream: str, identities: Identities) -> None:
        self._upstream = upstream
        self._identities = identities
        self._session: aiohttp.ClientSession | None = None
        self._locks: defaultdict[tuple[str, str], asyncio.Lock] = defaultdict(asyncio.Lock)
        self.buckets: dict[str, Bucket] = {}

    async def add_bucket(self, name: str, *, uniform: bool, default: Acl) -> None:
        await self._ask("POST", "/storage/v1/b?project=p", json_bytes({"name": name}))
        self.buckets[name] = Bucket(uniform, default)

    def make_uniform(self, name: str, *, uniform: bool) -> None:
        self.buckets[name].uniform = uniform

    def set_list(self, bucket: str, key: str, entries: Acl) -> None:
        found = self.buckets[bucket].lists
        found[key] = (found[key][0], entries)

    def get_list(self, bucket: str, key: str) -> Acl:
        return self.buckets[bucket].lists[key][1]

    async def describe(self, request: web.Request) -> web.Response:
        bucket = self._enter(request, "storage.buckets.get", "bucket")
        name = request.match_info["bucket"]
        uniform = {"uniformBucketLevelAccess": {"enabled": bucket.uniform}}
        return web.json_response({"kind": "storage#bucket", "id": name, "name": name, "iamConfiguration": uniform})

    async def list_objects(self, request: web.Request) -> web.Response:
        self._enter(request, "storage.objects.list", "bucket")
        answer = await self._ask("GET", request.raw_path)
        listing = json.loads(answer.body)
        for item in listing.get("items", ()):
            item.pop("acl", None)
        return web.json_response(listing)

    async def get(self, request: web.Request) -> web.Response:
        media = request.query.get("alt") == "media"
        self._enter(request, "storage.objects.get", media=media)
        name, key = _names(request)
        answer = await self._ask("GET", request.raw_path)
        if answer.status == 404:
            raise no_object(name, key, media=media)
        generation = answer.headers.get("x-goog-generation") or json.loads(answer.body)["generation"]
        _expect(request, generation)
        if not media:
            found = json.loads(answer.body)
            found.pop("acl", None)
            return web.json_response(found)
        headers = {header: answer.headers[header] for header in PASSED if header in answer.headers}
        stored = {"x-goog-stored-content-length": str(len(answer.body)), "x-goog-stored-content-encoding": "identity"}
        return web.Response(body=answer.body, headers={**headers, **stored})

    async def read_list(self, request: web.Request) -> web.Response:
        bucket = self._enter(request, "storage.objects.getIamPolicy")
        name, key = _names(request)
        if bucket.uniform:
            raise api_error(400, "invalid", f"Cannot get {UNIFORM}")
        if key not in bucket.lists:
            raise no_object(name, key)
        generation, entries = bucket.lists[key]
        kind = {"kind": "storage#objectAccessControl", "bucket": name, "object": key, "generation": generation}
        return web.json_response({"kind": "storage#objectAccessControls", "items": [kind | e for e in entries]})

    async def insert(self, request: web.Request) -> web.Response:
        bucket = self._enter(request, "storage.objects.create", "bucket")
        metadata, content = _parts(request.headers["Content-Type"], await request.read())
        _check_digests(metadata, content)
        name, key = request.match_info["bucket"], metadata["name"]
        entries = metadata.pop("acl", None)
        if entries is not None:
            if bucket.uniform:
                raise api_error(400, "invalid", f"Cannot insert {UNIFORM}")
            self._demand(request, "storage.objects.setIamPolicy", "object")
        async with self._locks[name, key]:
            if await self._generation(name, key) != "0":
                self._demand(request, "storage.objects.delete", "object")
            kind = request.headers["Content-Type"]
            answer = await self._ask("POST", request.raw_path, await request.read(), {"Content-Type": kind})
            if answer.status == 412:
                raise precondition()
            found = json.loads(answer.body)
            bucket.lists[key] = (found["generation"], self._with_owner(request, bucket.default, entries))
        found.pop("acl", None)
        return web.json_response(found)

    async def delete(self, request: web.Request) -> web.Response:
        bucket = self._enter(request, "storage.objects.delete")
        name, key = _names(request)
        async with self._locks[name, key]:
            generation = await self._generation(name, key)
            if generation == "0":
                raise no_object(name, key)
            _expect(request, generation)
            await self._ask("DELETE", request.raw_path)
            bucket.lists.pop(key, None)
        return web.Response(status=204)

    async def start(self) -> None:
        self._session = aiohttp.ClientSession(auto_decompress=False)

    async def stop(self) -> None:
        if self._session is not None:
            await self._session.close()

    def _enter(self, request: web.Request, permission: str, what: str = "object", *, media: bool = False) -> Bucket:
        """Give the bucket, if it is there and the permission too."""
        principal = self._identities.who(request.headers.get("Authorization", ""))
        bucket = self.buckets.get(request.match_info["bucket"])
        if bucket is None and principal != ANYBODY:
            raise no_bucket(media=media)
        self._demand(request, permission, what, media=media)
        assert bucket is not None
        return bucket

    def _demand(self, request: web.Request, permission: str, what: str, *, media: bool = False) -> None:
        principal = self._identities.who(request.headers.get("Authorization", ""))
        if self._identities.may(principal, permission):
            return
        caller = principal if "@" in principal else "Anonymous caller" if principal == ANYBODY else "Caller"
        said = (
            f"{caller} does not have {permission} access to the Google Cloud Storage {what}. Permission '{permission}' "
            "denied on resource (or it may not exist)."
        )
        status, reason = (401, "required") if principal == ANYBODY else (403, "forbidden")
        raise text_error(status, said) if media else api_error(status, reason, said)

    def _with_owner(self, request: web.Request, default: Acl, entries: Acl | None) -> Acl:
        """Give a new file's list: whoever writes it owns it."""
        owner = f"user-{self._identities.who(request.headers.get('Authorization', ''))}"
        others = [entry for entry in (default if entries is None else entries) if entry["entity"] != owner]
        return [*others, {"entity": owner, "role": "OWNER"}]

    async def _generation(self, bucket: str, key: str) -> str:
        """Give a file's generation, 0 where there is none."""
        answer = await self._ask("GET", f"/storage/v1/b/{bucket}/o/{quote(key, safe='')}")
        return json.loads(answer.body)["generation"] if answer.status == 200 else "0"

    async def _ask(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> "_Answer":
        assert self._session is not None
        url = URL(self._upstream + path, encoded=True)
        async with self._session.request(method, url, data=body, headers=headers) as answer:
            return _Answer(answer.status, answer.headers, await answer.read())


@dataclass(frozen=True)
class _Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes


def _names(request: web.Request) -> tuple[str, str]:
    return request.match_info["bucket"], request.match_info["key"]


def _expect(request: web.Request, generation: str) -> None:
    expected = request.query.get("ifGenerationMatch")
    if expected is not None and expected != generation:
        raise precondition()


def _parts(content_type: str, body: bytes) -> tuple[dict[str, Any], bytes]:
    """Give the metadata and the content of an upload in two parts."""
    try:
        boundary = content_type.partition("boundary=")[2].strip("\"'").encode()
        _, first, second, _ = body.split(b"--" + boundary)
        metadata: dict[str, Any] = json.loads(first.partition(b"\r\n\r\n")[2])
        return metadata, second.partition(b"\r\n\r\n")[2].removesuffix(b"\r\n")
    except ValueError:
        raise api_error(400, "badRequest", "Bad Request: this is no upload in two parts.") from None


def _check_digests(metadata: Mapping[str, Any], content: bytes) -> None:
    crc32c = google_crc32c.value(content).to_bytes(4, "big")
    found = {
        "md5Hash": ("MD5 hash", base64.b64encode(hashlib.md5(content).digest()).decode()),
        "crc32c": ("CRC32C", base64.b64encode(crc32c).decode()),
    }
    for name, (label, actual) in found.items():
        given = metadata.get(name)
        if given is None:
            raise api_error(400, "required", f"These tests want {name} with every upload.")
        if given != actual:
            said = f'Provided {label} "{given}" doesn\'t match calculated {label} "{actual}".'
            raise api_error(400, "invalid", said)
