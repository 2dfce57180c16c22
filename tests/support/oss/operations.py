"""The operations of OSS that a state store needs, each on one bucket, for whoever has signed."""

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from hashlib import md5
from typing import TypeAlias

from tests.support.oss.accounts import ACCOUNT, Identity, demand
from tests.support.oss.answers import Answer, Refused, make_info, make_listing, make_location, object_headers
from tests.support.oss.signatures import Sent
from tests.support.oss.storage import MOST_ENTRIES, Bucket, StoredObject, is_name

OWNER = f"acs:oss:*:{ACCOUNT}"


@dataclass
class Asked:
    """One request and what it is about."""

    sent: Sent
    bucket: Bucket
    who: Identity
    body: bytes

    def demand(self, action: str, *, key: str = "") -> None:
        """Raise `Refused` where who asks may not do this."""
        resource = f"{OWNER}:{self.bucket.name}" + (f"/{key}" if key else "")
        demand(self.who, f"oss:{action}", resource)

    def find(self) -> StoredObject:
        stored = self.bucket.objects.get(self.sent.key)
        if stored is None:
            raise Refused(404, "NoSuchKey", "The specified key does not exist.", {"Key": "…"})
        return stored


Operation: TypeAlias = Callable[[Asked], Answer]


def operation_of(sent: Sent) -> Operation:
    """Give what does what a request asks for."""
    named = next((name for name in ("location", "bucketInfo") if name in sent.query), "bucket")
    return OPERATIONS.get((sent.method, "object" if sent.key else named), refuse_method)


def get_object(asked: Asked) -> Answer:
    asked.demand("GetObject", key=asked.sent.key)
    stored = asked.find()
    wanted = asked.sent.headers.get("if-match", "").strip('"')
    if wanted and wanted != stored.etag:
        raise Refused(412, "PreconditionFailed", "At least one of the preconditions you specified did not hold.")
    return Answer(body=stored.data, headers={"Content-Type": stored.content_type, **object_headers(stored)})


def put_object(asked: Asked) -> Answer:
    """Write an object; what stands between the look at the old one and the new one is no other request."""
    sent, bucket = asked.sent, asked.bucket
    asked.demand("PutObject", key=sent.key)
    if not is_name(sent.key):
        raise Refused(400, "InvalidObjectName", "The specified object is not valid.")
    if "if-match" in sent.headers or "if-none-match" in sent.headers:
        raise Refused(501, "NotImplemented", "A header you provided implies functionality that is not implemented.")
    digest = base64.b64encode(md5(asked.body).digest()).decode()
    if sent.headers.get("content-md5", digest) != digest:
        raise Refused(400, "InvalidDigest", "The Content-MD5 you specified was invalid.")
    forbidden = sent.headers.get("x-oss-forbid-overwrite", "false")
    if forbidden not in {"true", "false"}:
        raise Refused(400, "InvalidArgument", "The value of x-oss-forbid-overwrite is invalid.")
    if forbidden == "true" and not bucket.versioning and sent.key in bucket.objects:
        raise Refused(409, "FileAlreadyExists", "The object you specified already exists and can not be overwritten.")
    stored = bucket.put(sent.key, asked.body, content_type=sent.headers.get("content-type", ""))
    return Answer(headers=object_headers(stored))


def delete_object(asked: Asked) -> Answer:
    asked.demand("DeleteObject", key=asked.sent.key)
    asked.bucket.remove(asked.sent.key)
    return Answer(204)


def list_objects(asked: Asked) -> Answer:
    asked.demand("ListObjects")
    query = asked.sent.query
    most = int(query.get("max-keys") or 100)
    if not 0 < most <= MOST_ENTRIES:
        raise Refused(400, "InvalidArgument", f"Argument max-keys must be an integer between 1 and {MOST_ENTRIES}.")
    page = asked.bucket.page(query.get("prefix", ""), query.get("delimiter", ""), _start_of(query), most)
    if query.get("list-type") == "2":
        page = replace(page, follows=base64.b64encode(page.follows.encode()).decode())
    return make_listing(asked.bucket.name, page, query)


def _start_of(query: Mapping[str, str]) -> str:
    if query.get("list-type") != "2":
        return query.get("marker", "")
    token = query.get("continuation-token", "")
    return base64.b64decode(token).decode() if token else query.get("start-after", "")


def get_location(asked: Asked) -> Answer:
    asked.demand("GetBucketLocation")
    return make_location(asked.bucket)


def get_info(asked: Asked) -> Answer:
    asked.demand("GetBucketInfo")
    return make_info(asked.bucket)


def refuse_method(_: Asked) -> Answer:
    raise Refused(405, "MethodNotAllowed", "The specified method is not allowed against this resource.")


OPERATIONS: Mapping[tuple[str, str], Operation] = {
    ("GET", "object"): get_object,
    ("HEAD", "object"): get_object,
    ("PUT", "object"): put_object,
    ("DELETE", "object"): delete_object,
    ("GET", "bucket"): list_objects,
    ("GET", "location"): get_location,
    ("GET", "bucketInfo"): get_info,
}
